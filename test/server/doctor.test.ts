/** nepho doctor: each check, seen to hold and seen to fail with its name and its cure. */
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { keyFiles, keyFolder } from '../../server/key-files.ts'
import { loadKeys } from '../../server/keys.ts'
import type { Outcome } from '../../server/nepho/doctor/check.ts'
import { checks, type DoctorOptions, examine, hasFailed, tell } from '../../server/nepho/doctor.ts'
import { seal } from '../../services/identity/sealed.ts'
import { type CloudRows, inDatabase, writeCloudRows } from '../support/cloud-rows.ts'
import { emptyDatabase, freshDatabase } from '../support/database.ts'

const undo: (() => unknown)[] = []
afterEach(async () => {
  for (const one of undo.splice(0).reverse()) await one()
})

function folder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'nephograph-doctor-test-'))
  undo.push(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

interface Ward {
  dataDir: string
  url: string
  rows: CloudRows
  sql(text: string): Promise<unknown>
}

/** A healthy cloud: rows, keys, and a secret sealed with them. */
async function ward(): Promise<Ward> {
  const database = await freshDatabase()
  undo.push(() => database.drop())
  const { url } = database
  const dataDir = folder()
  const rows = await writeCloudRows(url)
  const sealed = seal(loadKeys(dataDir).seal, 'JBSWY3DPEHPK3PXP')
  const sql = (text: string, values?: string[]) =>
    inDatabase(url, (client) => client.query(text, values))
  await sql(
    'insert into identity.totp (user_id, sealed_secret, created_at) values ($1, $2, now())',
    [rows.userId, sealed],
  )
  return { dataDir, url, rows, sql }
}

const look = (
  env: Record<string, string>,
  options: Partial<DoctorOptions> = {},
): Promise<Outcome[]> =>
  examine({
    sources: { env: { NEPHO_DRIVERS: 'simulated', ...env }, argv: [], cwd: tmpdir() },
    ...options,
  })

const lookAt = (
  { dataDir, url }: Pick<Ward, 'dataDir' | 'url'>,
  options?: Partial<DoctorOptions>,
) => look({ NEPHO_DATA_DIR: dataDir, DATABASE_URL: url }, options)

const outcome = (outcomes: Outcome[], name: string): Outcome => {
  const found = outcomes.find((one) => one.name === name)
  if (!found) throw new Error(`no check ${name}`)
  return found
}

const failed = (outcomes: Outcome[]): string[] =>
  outcomes.filter(({ status }) => status === 'fail').map(({ name }) => name)

const isPromise: DoctorOptions['only'] = ({ kind }) => kind === 'promise'
const only = (name: string): Partial<DoctorOptions> => ({ only: (check) => check.name === name })

/** How each promise is broken, what is then found, and the words of the cure. */
const BREAKS: Record<string, { sql: (rows: CloudRows) => string; found: RegExp; cure: RegExp }> = {
  'unfinished tasks have a next look': {
    sql: () => 'update core.task set due_at = null where finished_at is null',
    found: /^task [0-9a-f-]{36} server\.reboot$/,
    cure: /set due_at = now\(\)/,
  },
  'due tasks are taken up': {
    sql: () =>
      `update core.task set due_at = now() - interval '5 minutes' where finished_at is null`,
    found: /server\.reboot due since 20/,
    cure: /role conductor/,
  },
  'tasks end by their deadline': {
    sql: () => `update core.task set deadline_at = now() - interval '1 hour', waiting_for = 'host host-1'
                where finished_at is null`,
    found: /server\.reboot waits for host host-1 past its deadline since 20/,
    cure: /waitingFor/,
  },
  'nothing is locked without a task that runs': {
    sql: () => `update core.task set finished_at = now(), due_at = null where finished_at is null`,
    found: /^server [0-9a-f-]{36} in reboot$/,
    cure: /set task_state to null/,
  },
  'quota counters are the sums of their claims': {
    sql: () => `update identity.quota set used = used - 1, tree_used = tree_used - 1
                where used > 0 and resource = 'compute.cores';
                update identity.quota set tree_used = tree_used - 1
                where used = 0 and resource = 'compute.cores'`,
    found: /compute\.cores: used 1, reserved 0, claimed 2 and 0$/,
    cure: /set it to the sum/,
  },
  'quota counters of a project include those below it': {
    sql: () => `update identity.quota set tree_used = tree_used + 1
                where used = 0 and resource = 'compute.instances'`,
    found: /compute\.instances: 2 instead of 1$/,
    cure: /set it to the sum/,
  },
  'quota claims are those of the servers': {
    sql: ({ projectId }) => `
      insert into identity.quota_claim (owner_id, resource, project_id, amount, reserved)
      values (gen_random_uuid(), 'compute.instances', '${projectId}', 3, false);
      update identity.quota set tree_used = tree_used + 3 where resource = 'compute.instances';
      update identity.quota set used = used + 3 where project_id = '${projectId}' and resource = 'compute.instances'`,
    found: /^a claim of 3 compute\.instances of [0-9a-f-]{36}, which is no server$/,
    cure: /delete the claims of what is gone/,
  },
  'what a host has given is the sum of its allocations': {
    sql: () => `update compute.inventory set used = used + 1 where resource = 'VCPU'`,
    found: /^host host-1 VCPU: used 3, allocated 2$/,
    cure: /set it to the sum/,
  },
  'allocations are those of the servers': {
    sql: () => `update compute.allocation set amount = amount + 1 where resource = 'DISK_GB';
                update compute.inventory set used = used + 1 where resource = 'DISK_GB';
                update core.task set finished_at = now(), due_at = null where finished_at is null;
                update compute.server set task_state = null`,
    found: /holds 2 DISK_GB and is 1$/,
    cure: /correct the allocation and the inventory together/,
  },
}
/** These take more than SQL. */
const BROKEN_OTHERWISE = [
  'events become readable',
  'sealed secrets can be opened',
  'cells follow home',
]

describe('promises', () => {
  it('all hold for a healthy cloud', async () => {
    const outcomes = await lookAt(await ward(), { only: isPromise })
    expect(outcomes.filter(({ status }) => status !== 'ok')).toEqual([])
    expect(outcomes.map(({ name }) => name).sort()).toEqual(
      [...Object.keys(BREAKS), ...BROKEN_OTHERWISE].sort(),
    )
  })

  it.each(Object.entries(BREAKS))('%s', async (name, { sql, found, cure }) => {
    const patient = await ward()
    await patient.sql(sql(patient.rows))
    const outcomes = await lookAt(patient, { only: isPromise })
    expect(failed(outcomes)).toEqual([name])
    expect(outcome(outcomes, name)).toMatchObject({
      found: expect.stringMatching(found),
      cure: expect.stringMatching(cure),
    })
  })

  it('a server without a claim breaks the books as a claim without a server does', async () => {
    const patient = await ward()
    await patient.sql(`delete from identity.quota_claim where resource = 'compute.memoryMiB';
      update identity.quota set used = 0, tree_used = 0 where resource = 'compute.memoryMiB'`)
    const outcomes = await lookAt(patient, { only: isPromise })
    expect(failed(outcomes)).toEqual(['quota claims are those of the servers'])
    expect(outcome(outcomes, 'quota claims are those of the servers').found).toMatch(
      /^server [0-9a-f-]{36} claims 0 compute\.memoryMiB and is 512$/,
    )
  })

  it('an upload may hold an image for some minutes, and no longer', async () => {
    const name = 'nothing is locked without a task that runs'
    const patient = await ward()
    await patient.sql(`update image.image set task_state = 'upload', task_id = gen_random_uuid()`)
    expect(failed(await lookAt(patient, only(name)))).toEqual([])
    await patient.sql(`update image.image set updated_at = now() - interval '10 minutes'`)
    expect(outcome(await lookAt(patient, only(name)), name)).toMatchObject({
      status: 'fail',
      found: `image ${patient.rows.imageId} in upload`,
    })
  })

  it('events become readable', async () => {
    const patient = await ward()
    const forgotten = new pg.Client({ connectionString: patient.url })
    await forgotten.connect()
    undo.push(() => forgotten.end())
    await forgotten.query('begin; select pg_current_xact_id()')
    await patient.sql(`insert into core.event (type, resource_type, resource_id, at)
      values ('server.updated', 'server', '${patient.rows.serverId}', now() - interval '5 minutes')`)
    const outcomes = await lookAt(patient, { only: isPromise })
    expect(failed(outcomes)).toEqual(['events become readable'])
    expect(outcome(outcomes, 'events become readable')).toMatchObject({
      found: expect.stringMatching(/^1 events are held back, the oldest from 20/),
      cure: expect.stringContaining('idle in a transaction'),
    })
  })

  it('sealed secrets can be opened', async () => {
    const patient = await ward()
    rmSync(keyFolder(patient.dataDir, 'seal'), { recursive: true })
    loadKeys(patient.dataDir)
    const outcomes = await lookAt(patient, { only: isPromise })
    expect(failed(outcomes)).toEqual(['sealed secrets can be opened'])
    expect(outcome(outcomes, 'sealed secrets can be opened')).toMatchObject({
      found: `the TOTP secret of user ${patient.rows.userId}: none of the keys opens it; 1 of 1`,
      cure: expect.stringContaining('keys/seal'),
    })
  })

  it('names some of many, and counts the rest', async () => {
    const patient = await ward()
    await patient.sql(`update compute.inventory set used = used + 1;
      insert into core.task (id, kind, status, resource_type, resource_id, input, steps, due_at, deadline_at, created_at)
      select gen_random_uuid(), 'server.stop', 'QUEUED', 'server', gen_random_uuid(), '{}', '[]',
             now() - interval '1 hour', now() + interval '1 hour', now() from generate_series(1, 9)`)
    const outcomes = await lookAt(patient, { only: isPromise })
    const { found } = outcome(outcomes, 'due tasks are taken up')
    expect(found.match(/server\.stop/g)).toHaveLength(3)
    expect(found).toMatch(/; 9 in all$/)
  })
})

describe('prerequisites', () => {
  it('hold here, and nothing was changed by looking', async () => {
    const patient = await ward()
    const files = () => readdirSync(patient.dataDir, { recursive: true })
    const before = files()
    const outcomes = await lookAt(patient)
    expect(files()).toEqual(before)
    expect(failed(outcomes)).toEqual([])
    expect(outcomes.map(({ name }) => name)).toEqual(checks.map(({ name }) => name))
    expect(new Set(checks.map(({ name }) => name)).size).toBe(checks.length)
    const good = ['node', 'configuration', 'data directory', 'keys', 'policy files', 'message bus']
    const database = ['database', 'database version', 'database migrations', 'database clock']
    for (const name of [...good, ...database]) {
      expect(outcome(outcomes, name)).toMatchObject({ name, status: 'ok' })
    }
  })

  it('a wrong setting is named, and what needs the settings is skipped', async () => {
    const outcomes = await look({ NEPHO_PORT: 'eighty', DATABASE_URL: 'mysql://u:hidden@h/d' })
    const { found } = outcome(outcomes, 'configuration')
    expect(found).toContain('NEPHO_PORT is "eighty"')
    expect(JSON.stringify(outcomes)).not.toContain('hidden')
    expect(failed(outcomes)).toEqual(['configuration'])
    expect(outcome(outcomes, 'database').status).toBe('skipped')
  })

  it('a database that does not answer is one failure, not many', async () => {
    const url = 'postgresql://u:hidden@127.0.0.1:1/nephograph'
    const outcomes = await lookAt({ dataDir: folder(), url })
    expect(failed(outcomes)).toEqual(['database'])
    expect(outcome(outcomes, 'database')).toMatchObject({
      found: expect.stringContaining('ECONNREFUSED'),
      cure: expect.stringContaining('DATABASE_URL'),
    })
    expect(outcome(outcomes, 'due tasks are taken up')).toMatchObject({
      status: 'skipped',
      found: 'there is no session with the database',
    })
    expect(JSON.stringify(outcomes)).not.toContain('hidden')
  })

  it('an embedded database that does not run is no failure, and is not started', async () => {
    const dataDir = folder()
    const outcomes = await look({ NEPHO_DATA_DIR: dataDir })
    expect(failed(outcomes)).toEqual([])
    expect(outcome(outcomes, 'database')).toMatchObject({
      status: 'skipped',
      found: expect.stringContaining('does not run'),
    })
  })

  it('migrations that are missing, unknown or changed', async () => {
    const name = 'database migrations'
    const empty = await emptyDatabase()
    undo.push(() => empty.drop())
    const bare = await lookAt({ dataDir: folder(), url: empty.url }, only(name))
    expect(outcome(bare, name)).toMatchObject({ status: 'fail', found: 'none was applied yet' })
    // One failure, not one for each promise.
    const all = await lookAt({ dataDir: folder(), url: empty.url })
    expect(failed(all)).toEqual([name])
    expect(outcome(all, 'events become readable').found).toBe('the migrations come first')

    const patient = await ward()
    const migrationsDir = folder()
    const here = () => lookAt(patient, { ...only(name), migrationsDir })
    expect(outcome(await here(), name).found).toContain('this version does not know 2026')
    await patient.sql('delete from public._prisma_migrations')
    mkdirSync(join(migrationsDir, '20990101_later'))
    writeFileSync(join(migrationsDir, '20990101_later', 'migration.sql'), 'select 1')
    expect(outcome(await here(), name).found).toBe('not applied: 20990101_later')
    await patient.sql(`insert into public._prisma_migrations (id, checksum, migration_name, finished_at)
      values ('x', 'other', '20990101_later', now())`)
    expect(outcome(await here(), name).found).toBe('20990101_later: changed or broken off')
  })

  it('clocks that differ', async () => {
    const patient = await ward()
    const real = Date.now
    const ahead = async (ms: number) => {
      const spy = vi.spyOn(Date, 'now').mockImplementation(() => real() + ms)
      try {
        return outcome(await lookAt(patient, only('database clock')), 'database clock').status
      } finally {
        spy.mockRestore()
      }
    }
    expect([await ahead(0), await ahead(10_000), await ahead(-60_000)]).toEqual([
      'ok',
      'warn',
      'fail',
    ])
  })

  it('a data directory and keys that others may touch', async () => {
    const dataDir = folder()
    loadKeys(dataDir)
    chmodSync(dataDir, 0o777)
    chmodSync(keyFiles(dataDir, 'seal')[0]?.file ?? '', 0o644)
    const outcomes = await look({ NEPHO_DATA_DIR: dataDir })
    expect(failed(outcomes)).toEqual(['data directory', 'keys'])
    expect(outcome(outcomes, 'data directory').cure).toBe(`chmod go-w ${dataDir}`)
    expect(outcome(outcomes, 'keys').cure).toContain('nepho keys rotate')
    rmSync(keyFiles(dataDir, 'seal')[0]?.file ?? '')
    const emptied = await look({ NEPHO_DATA_DIR: dataDir }, only('keys'))
    expect(outcome(emptied, 'keys').found).toBe('1 token, 1 fernet, 0 seal: a kind has none')
    expect(keyFiles(dataDir, 'seal')).toEqual([])
  })

  it('a key that a wrong clock made', async () => {
    const dataDir = folder()
    loadKeys(dataDir, { now: () => Date.now() + 3_600_000 })
    const outcomes = await look({ NEPHO_DATA_DIR: dataDir }, only('keys'))
    expect(outcome(outcomes, 'keys')).toMatchObject({
      status: 'warn',
      found: expect.stringContaining('made in the future'),
    })
    const agent = await look({ NEPHO_DATA_DIR: folder(), NEPHO_ROLES: 'agent' }, only('keys'))
    expect(outcome(agent, 'keys').status).toBe('skipped')
  })

  it('a broker that does not answer, without its password', async () => {
    const name = 'message bus'
    const env = { NEPHO_DATA_DIR: folder(), AMQP_URL: 'amqp://u:hidden@127.0.0.1:1' }
    const outcomes = await look(env, only(name))
    expect(outcome(outcomes, name)).toMatchObject({
      status: 'fail',
      found: expect.stringContaining('127.0.0.1:1'),
      cure: expect.stringContaining('AMQP_URL'),
    })
    expect(JSON.stringify(outcomes)).not.toContain('hidden')
  })

  it('a host without QEMU: a failure only where real drivers are asked for', async () => {
    vi.stubEnv('PATH', folder())
    undo.push(() => vi.unstubAllEnvs())
    const status = async (drivers: string) => {
      const env = { NEPHO_DATA_DIR: folder(), NEPHO_DRIVERS: drivers }
      const outcomes = await look(env, {
        only: ({ name }) => ['QEMU', 'accelerator'].includes(name),
      })
      return outcomes.map((one) => one.status)
    }
    expect(await status('linux')).toEqual(['fail', 'skipped'])
    expect(await status('auto')).toEqual(['warn', 'skipped'])
    expect(await status('simulated')).toEqual(['skipped', 'skipped'])
  })

  it('policy files that are wrong, with their lines', async () => {
    const name = 'policy files'
    const dataDir = folder()
    const found = async (env: Record<string, string> = {}) =>
      outcome(await look({ NEPHO_DATA_DIR: dataDir, ...env }, only(name)), name)
    expect(await found()).toMatchObject({ status: 'ok', found: 'none: the default rules hold' })
    const file = join(dataDir, 'policy', 'compute.yaml')
    mkdirSync(join(dataDir, 'policy'))
    writeFileSync(file, 'compute.server.create: role:member\n')
    expect(await found()).toMatchObject({ status: 'ok' })
    writeFileSync(
      file,
      'compute.server.create: role:member\ncompute.server.delete: "(role:member"\n',
    )
    expect(await found()).toMatchObject({
      status: 'fail',
      found: expect.stringContaining(`${file}:2`),
      cure: expect.stringContaining('correct the line'),
    })
    const elsewhere = { NEPHO_POLICY_DIR: join(dataDir, 'nowhere') }
    expect(await found(elsewhere)).toMatchObject({ status: 'warn' })
  })

  it('the running instance: well, unwell, gone, silent', async () => {
    const name = 'running instance'
    const dataDir = folder()
    let status = 200
    const server = createServer((_request, response) => response.writeHead(status).end())
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    undo.push(() => server.close())
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const withReady = async (ready: { url: string | null; pid: number }) => {
      writeFileSync(join(dataDir, 'ready.json'), JSON.stringify(ready))
      return outcome(await look({ NEPHO_DATA_DIR: dataDir }, only(name)), name).status
    }
    const { pid } = process
    expect(await withReady({ url, pid })).toBe('ok')
    expect(await withReady({ url: null, pid })).toBe('ok')
    status = 503
    expect(await withReady({ url, pid })).toBe('fail')
    expect(await withReady({ url: 'http://127.0.0.1:1', pid })).toBe('fail')
    expect(await withReady({ url, pid: 2 ** 22 + 1 })).toBe('warn')
  })
})

describe('the report', () => {
  it('lines up, and has the cure below what failed', () => {
    const lines: string[] = []
    const about = { kind: 'prerequisite', ms: 1 } as const
    const outcomes: Outcome[] = [
      { ...about, name: 'node', status: 'ok', found: 'v20' },
      { ...about, name: 'free space', status: 'fail', found: 'none', cure: 'make room' },
      { ...about, name: 'events', kind: 'promise', status: 'skipped', found: 'no database' },
    ]
    tell(outcomes, (line = '') => void lines.push(line))
    expect(lines).toEqual([
      'Prerequisites',
      '  ok    node        v20',
      '  FAIL  free space  none',
      '                    cure: make room',
      '',
      'Promises',
      '  skipped  events  no database',
      '',
      '3 checks: 1 ok, 0 warn, 1 fail, 1 skipped',
    ])
    expect(hasFailed(outcomes)).toBe(true)
  })
})
