/** The agent that guests have in earnest: Debian's qemu-guest-agent, in a guest that runs. */
import { randomUUID } from 'node:crypto'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { ComputeAbilities } from '../../drivers/compute/abilities.ts'
import { askGuestAgent } from '../../drivers/compute/qemu/guest-agent.ts'
import type { QemuComputeDriver } from '../../drivers/compute/qemu.ts'
import { describeNeeds } from '../support/host.ts'
import { codeOf, eventually, machineSpec, never } from './compute.contract.ts'
import { guestAgentDisk, guestAgentProblem } from './guest-agent-disk.ts'
import { booted, GUEST_SIZES, GuestShell, realGuestImage, realGuestProblem } from './guest-shell.ts'
import { QemuHarness } from './qemu-harness.ts'

const WAIT_MS = 120_000
const TEST_MS = 300_000
const PASSWORD = 'pass "word" \\ é'
const DEADLINE = { timeoutMs: 10_000, signal: never }

const problem = (await realGuestProblem()) ?? guestAgentProblem()

describeNeeds(problem, 'a guest with the real qemu-guest-agent', () => {
  const harness = new QemuHarness()
  const spec = { ...machineSpec(), ...GUEST_SIZES }
  const copy = { ...machineSpec(), ...GUEST_SIZES }
  let driver: QemuComputeDriver
  let shell: GuestShell
  let folder = ''

  function able<Name extends keyof ComputeAbilities>(name: Name) {
    const ability = driver.abilities[name]
    if (!ability) throw new Error(`the driver has no ${name}`)
    return ability as NonNullable<ComputeAbilities[Name]>
  }
  const ask = (command: string, args = {}) =>
    askGuestAgent(join(harness.dir, 'machines', spec.id, 'run'), command, args, DEADLINE)

  beforeAll(async () => {
    await harness.setUp()
    folder = await mkdtemp(join(tmpdir(), 'nephograph-guest-agent-'))
    await chmod(folder, 0o711)
    driver = harness.open()
    await driver.create(spec, await realGuestImage(), never)
    await driver.start(spec, never)
    await booted(driver, spec.id)
    shell = await GuestShell.open(driver, spec.id)
    const path = await guestAgentDisk(folder)
    await chmod(path, 0o644)
    const disk = { id: randomUUID(), kind: 'file', path, format: 'raw', readOnly: true } as const
    await able('hotplug').attachDisk(spec.id, disk, never)
    const sees = async () => /vdb/.test(await shell.run('ls /sys/block'))
    await eventually('the guest sees the disk', sees, WAIT_MS)
    await shell.run('sudo tar -xf /dev/vdb -C /')
    await able('hotplug').detachDisk(spec.id, disk.id, never)
    await shell.run('sudo modprobe virtio_console')
    const hasPort = async () => /vport/.test(await shell.run('ls /dev'))
    await eventually('the port of the agent', hasPort, WAIT_MS)
    const said = await shell.run('sudo /ga/start')
    const answers = () =>
      ask('guest-ping').then(
        () => true,
        () => false,
      )
    await eventually(`the agent answers, which said ${said}`, answers, WAIT_MS)
  }, TEST_MS)
  afterAll(async () => {
    shell?.close()
    for (const { id } of [spec, copy]) await driver?.destroy(id, never).catch(() => {})
    await driver?.close()
    await harness.tearDown()
    if (folder) await rm(folder, { recursive: true, force: true })
  })

  it('answers in its language, also after a talk that was broken off', async () => {
    expect(await ask('guest-ping')).toEqual({})
    expect(await ask('guest-info')).toMatchObject({ version: expect.stringMatching(/^\d/) })
    expect(await codeOf(ask('guest-of-no-such-command'))).toBe('REFUSED')
    // Its answer lies there when the next one asks.
    const short = { timeoutMs: 1, signal: never }
    const run = join(harness.dir, 'machines', spec.id, 'run')
    const brokenOff = () =>
      askGuestAgent(run, 'guest-get-users', {}, short).then(
        () => false,
        (error: { code?: string }) => error.code === 'GUEST_SILENT',
      )
    // It may be quicker than that.
    await eventually('a talk is broken off', brokenOff, WAIT_MS)
    expect(await ask('guest-fsfreeze-status')).toBe('thawed')
  })

  it('sets the password of a user, and refuses that of nobody', { timeout: TEST_MS }, async () => {
    await able('guest').setPassword(spec.id, 'nepho', PASSWORD, never)
    const entry = await shell.run('sudo grep ^nepho: /etc/shadow')
    const [, salt, hash] = /^nepho:\$6\$([^$]+)\$([^:]+):/m.exec(entry) ?? []
    expect(salt, entry).toBeDefined()
    const secret = Buffer.from(PASSWORD).toString('base64')
    const made = await shell.run(`echo ${secret} | base64 -d | mkpasswd -m sha512 -P 0 -S ${salt}`)
    expect(made).toContain(`$6$${salt}$${hash}`)
    const nobody = able('guest').setPassword(spec.id, 'nobody-of-this-name', PASSWORD, never)
    expect(await codeOf(nobody)).toBe('REFUSED')
  })

  it('holds its file systems still for a copy: what it wrote last is whole', {
    timeout: TEST_MS,
  }, async () => {
    // Nothing is synced: it lies in the guest's memory for half a minute.
    await shell.run('dd if=/dev/urandom of=$HOME/noise bs=64k count=32 2>/dev/null')
    const digest = async (of: GuestShell) =>
      /[0-9a-f]{64}/.exec(await of.run('sha256sum $HOME/noise'))?.[0]
    const sum = await digest(shell)
    expect(sum).toBeDefined()
    const parts: Buffer[] = []
    await able('disks').exportDisk(
      spec.id,
      async (bytes) => {
        for await (const part of bytes as AsyncIterable<Buffer>) parts.push(part)
      },
      never,
    )
    expect(await ask('guest-fsfreeze-status')).toBe('thawed')
    const log = await shell.run('sudo grep -E "read data|unfreeze" /tmp/agent.log')
    // While they are held still it writes no log: not that it was asked to let them go.
    expect(log).toMatch(/"guest-fsfreeze-freeze"[^]*re-enabled due to filesystem unfreeze/)
    // It goes on writing.
    expect(await shell.run('echo written >$HOME/after && sync && cat $HOME/after')).toMatch(
      /written/,
    )

    const bytes = async () => Readable.from(parts, { objectMode: false })
    await able('disks').importDisk(copy, bytes, never)
    await driver.start(copy, never)
    await booted(driver, copy.id)
    const other = await GuestShell.open(driver, copy.id)
    expect(await digest(other)).toBe(sum)
    const kernel = await other.run('sudo dmesg | grep EXT4-fs')
    expect(kernel).toMatch(/mounted filesystem/)
    // A file system that was cut off has to be repaired by its journal.
    expect(kernel).not.toMatch(/recover/i)
    other.close()
  })
})
