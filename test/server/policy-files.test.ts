/** The operator's policy files while the process runs: changed, replaced, wrong, half written, gone. */
import {
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Policies, startPolicies } from '../../server/policy-files.ts'
import { type Policy, PolicyError, type RuleDefaults } from '../../services/access/policy.ts'
import { makeTestLog } from '../support/log.ts'
import { until } from '../support/until.ts'

const rules: RuleDefaults = {
  bases: { operator: 'role:admin' },
  defaults: {
    'compute.server.create': { check: 'role:member', description: '' },
    'compute.host.list': { check: 'rule:operator', description: '' },
    'identity.role.list': { check: '@', description: '' },
  },
}
/** So long that only a notice can have been what told of a change. */
const NEVER_MS = 3_600_000
const POLL_MS = 20

let parent: string
let folder: string
let running: Policies | null
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'nephograph-policy-'))
  folder = join(parent, 'policy')
  running = null
})
afterEach(async () => {
  await running?.stop()
  rmSync(parent, { recursive: true, force: true })
})

const write = (name: string, text: string) => {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, name), text)
}

async function start(pollMs = NEVER_MS) {
  const { log, lines } = makeTestLog()
  const changes: Policy[] = []
  const onChange = (policy: Policy) => void changes.push(policy)
  const policies = await startPolicies({ folder, rules, log, onChange, pollMs })
  running = policies
  const check = (name: string) =>
    policies
      .current()
      .rules()
      .find((rule) => rule.name === name)?.check
  const becomes = (name: string, expected: string) =>
    until(`${name} is ${expected}`, () => check(name) === expected)
  return { policies, lines, changes, check, becomes }
}

async function problems(): Promise<readonly string[]> {
  try {
    await start()
  } catch (error) {
    if (error instanceof PolicyError) return error.problems
    throw error
  }
  throw new Error('it should have been refused')
}

describe('a start', () => {
  it('takes the defaults when there is no folder, or nothing in it', async () => {
    expect((await start()).check('compute.server.create')).toBe('role:member')
    await running?.stop()
    mkdirSync(folder)
    const { policies, changes } = await start()
    expect(
      policies
        .current()
        .rules()
        .every((rule) => !rule.overridden),
    ).toBe(true)
    expect(policies.problem()).toBeNull()
    expect(changes).toEqual([])
  })

  it('takes every file, and passes over what editors leave behind', async () => {
    write('compute.yaml', 'compute.server.create: "!"\n')
    write('bases.yaml', 'operator: role:boss\n')
    for (const name of ['.compute.yaml.swp', 'compute.yaml~', '.#compute.yaml', 'README.md']) {
      write(name, 'not: [a policy')
    }
    const { check, policies } = await start()
    expect(check('compute.server.create')).toBe('!')
    expect(policies.problem()).toBeNull()
  })

  it('fails when a file is wrong, with its path and line', async () => {
    write('compute.yaml', '# ours\ncompute.server.creat: "!"\n')
    expect(await problems()).toEqual([
      `${join(folder, 'compute.yaml')}:2: there is no rule "compute.server.creat"; did you mean compute.server.create?`,
    ])
  })

  it('fails when a file can not be what was meant', async () => {
    write('compute.yml', '')
    write('policy.json', '{}')
    mkdirSync(join(folder, 'identity.yaml'))
    writeFileSync(join(folder, 'bases.yaml'), Buffer.from([0x61, 0xff, 0xfe]))
    symlinkSync(join(parent, 'nothing'), join(folder, 'compute.yaml'))
    const found = (await problems()).join('\n')
    expect(found).toContain('compute.yml:1: policy files are called <service>.yaml')
    expect(found).toContain('policy.json:1: policy files are called <service>.yaml')
    expect(found).toContain('identity.yaml:1: EISDIR')
    expect(found).toContain('bases.yaml:1: The encoded data was not valid')
    expect(found).toContain('compute.yaml:1: ENOENT')
  })

  it('fails when there are too many files, too large ones, or the folder is none', async () => {
    write('compute.yaml', 'x'.repeat(1024 * 1024 + 1))
    expect((await problems()).join()).toContain('longer than 1048576 bytes')
    for (let i = 0; i < 65; i++) write(`s${i}.yaml`, '')
    expect((await problems()).join()).toContain('66 policy files; at most 64')
    rmSync(folder, { recursive: true })
    writeFileSync(folder, '')
    expect((await problems()).join()).toContain(`${folder}:1: ENOTDIR`)
  })
})

describe.each([
  ['told by the file system', NEVER_MS],
  ['found by looking', POLL_MS],
])('a change %s', (_, pollMs) => {
  it('is in force soon, also when the file is replaced by another', async () => {
    write('compute.yaml', 'compute.server.create: "!"\n')
    const { becomes, changes, policies } = await start(pollMs)
    const before = policies.current()
    writeFileSync(join(parent, 'new'), 'compute.server.create: role:a\n')
    renameSync(join(parent, 'new'), join(folder, 'compute.yaml'))
    await becomes('compute.server.create', 'role:a')
    write('compute.yaml', 'compute.server.create: role:b\n')
    await becomes('compute.server.create', 'role:b')
    write('bases.yaml', 'operator: role:boss\n')
    await until('the third change', () => changes.length === 3)
    unlinkSync(join(folder, 'compute.yaml'))
    await becomes('compute.server.create', 'role:member')
    expect(changes).toHaveLength(4)
    expect(changes.at(-1)).toBe(policies.current())
    expect(before.rules()[0]?.check).toBe('!')
  })

  it('that is wrong is told, and changes nothing until it is put right', async () => {
    write('compute.yaml', 'compute.server.create: role:a\n')
    write('identity.yaml', 'identity.role.list: role:a\n')
    const { policies, changes, lines, check, becomes } = await start(pollMs)
    write('identity.yaml', 'identity.role.list: role:b\n')
    await becomes('identity.role.list', 'role:b')
    write('compute.yaml', 'compute.server.create: role:c\ncompute.host.list: role:x or\n')
    await until('the problem', () => policies.problem())
    const words = `${join(folder, 'compute.yaml')}:2: compute.host.list: at letter 10: "or" is followed by nothing`
    expect(policies.problem()).toBe(words)
    expect(check('compute.server.create')).toBe('role:a')
    const told = lines.map((line) => JSON.parse(line)).filter(({ level }) => level >= 50)
    expect(told).toHaveLength(1)
    expect(told[0]).toMatchObject({ problems: [words] })
    expect(changes).toHaveLength(1)

    write('compute.yaml', 'compute.server.create: role:c\n')
    await becomes('compute.server.create', 'role:c')
    expect(policies.problem()).toBeNull()
    expect(changes).toHaveLength(2)
  })
})

describe('a file that is being written', () => {
  it('does not count until it is quiet, however good what is there already looks', async () => {
    write('compute.yaml', 'compute.server.create: role:a\n')
    const { becomes, changes, check } = await start(NEVER_MS)
    let writes = 0
    await until('many writes', () => {
      write('compute.yaml', `# ${writes++}\n`)
      return writes > 80
    })
    expect(changes).toEqual([])
    expect(check('compute.server.create')).toBe('role:a')
    write('compute.yaml', '# 81\ncompute.server.create: role:b\n')
    await becomes('compute.server.create', 'role:b')
    expect(changes).toHaveLength(1)
  })
})

describe('the folder', () => {
  it('may come, go, and be replaced by another', async () => {
    const { becomes, changes } = await start(POLL_MS)
    write('compute.yaml', 'compute.server.create: role:a\n')
    await becomes('compute.server.create', 'role:a')
    rmSync(folder, { recursive: true })
    await becomes('compute.server.create', 'role:member')
    mkdirSync(join(parent, 'other'))
    writeFileSync(join(parent, 'other', 'compute.yaml'), 'compute.server.create: role:b\n')
    renameSync(join(parent, 'other'), folder)
    await becomes('compute.server.create', 'role:b')
    expect(changes).toHaveLength(3)
  })
})

describe('a wrong set', () => {
  it('that is taken back leaves what was in force, without a change', async () => {
    write('compute.yaml', 'compute.server.create: role:a\n')
    const { policies, changes } = await start(POLL_MS)
    const before = policies.current()
    write('compute.yaml', 'compute.server.create: 1\n')
    await until('the problem', () => policies.problem())
    write('compute.yaml', 'compute.server.create: role:a\n')
    await until('no problem', () => policies.problem() === null)
    expect(policies.current()).toBe(before)
    expect(changes).toEqual([])
  })
})

describe('a stop', () => {
  it('ends the watching', async () => {
    write('compute.yaml', 'compute.server.create: role:a\n')
    const stopped = await start(POLL_MS)
    await stopped.policies.stop()
    const other = await start(POLL_MS)
    write('compute.yaml', 'compute.server.create: role:b\n')
    await other.becomes('compute.server.create', 'role:b')
    expect(stopped.check('compute.server.create')).toBe('role:a')
    expect(stopped.changes).toEqual([])
  })
})
