/**
 * The verbs of an agent beyond turning machines on and off: what they do, what they refuse, what the
 * journal keeps of them, and what becomes of machines when the agent or its host begins anew.
 */
import { randomUUID } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { ComputeAbilities } from '../../drivers/compute/abilities.ts'
import type { MachineSpec } from '../../drivers/compute/driver.ts'
import { SimulatedComputeDriver, type SimulatedOptions } from '../../drivers/compute/simulated.ts'
import { makeInProcessBus } from '../../server/bus/in-process.ts'
import { type HostReport, REPORT_QUEUE, type Report } from '../../workers/agent/reports.ts'
import type { Bus } from '../../workers/bus.ts'
import { type Caller, makeCaller } from '../../workers/call.ts'
import { MortalAgents } from '../support/agent.ts'
import { makeTestLog } from '../support/log.ts'
import { until } from '../support/until.ts'

const HOST = 'host-1'
const PASSWORD = 'correct horse battery staple'

let bus: Bus
let caller: Caller
let driver: SimulatedComputeDriver
let stateDir: string
let agents: MortalAgents
let reports: Report[]
let log: ReturnType<typeof makeTestLog>

beforeEach(async () => {
  log = makeTestLog()
  bus = makeInProcessBus({ log: log.log, pauseMs: () => 1 })
  caller = await makeCaller(bus, { name: 'test', log: log.log })
  driver = new SimulatedComputeDriver()
  stateDir = await mkdtemp(join(tmpdir(), 'nephograph-agent-'))
  reports = []
  agents = new MortalAgents(() => ({
    ...{ bus, driver, hostName: HOST, stateDir, apiUrl: 'http://127.0.0.1:1', log: log.log },
  }))
  await bus.consume(REPORT_QUEUE, async (body) => void reports.push(body as Report))
})

afterEach(async () => {
  await agents.stop('leave')
  await caller.close()
  await bus.close()
  await rm(stateDir, { recursive: true, force: true })
})

const start = async (options?: SimulatedOptions) => {
  if (options) driver = new SimulatedComputeDriver(options)
  await agents.start()
}

interface Options {
  fence?: number | null
  callId?: string
  timeoutMs?: number
}

const call = (verb: string, input: unknown, options: Options = {}): Promise<unknown> =>
  caller.call(`agent.compute.${HOST}`, {
    ...{ callId: randomUUID(), fence: 1, timeoutMs: 10_000, requestId: 'r1', verb, input },
    ...options,
  })

const newMachine = (more: Partial<MachineSpec> = {}): MachineSpec => ({
  ...{ id: randomUUID(), name: 'vm', vcpus: 1, memoryMiB: 256, diskGiB: 1 },
  ...more,
})

const newImage = (checksum = 'ab'.repeat(64)) => ({
  ...{ id: randomUUID(), checksum, format: 'qcow2', sizeBytes: 1_000 },
  ...{ virtualSizeBytes: 1_000, path: '/v1/images/x/file', ticket: 'secret-ticket' },
})

async function launch(machine = newMachine()): Promise<MachineSpec> {
  await call('create', { machine, image: newImage() })
  await call('start', { machine })
  return machine
}

function able<Name extends keyof ComputeAbilities>(
  name: Name,
): NonNullable<ComputeAbilities[Name]> {
  const ability = driver.abilities[name]
  if (!ability) throw new Error(`the driver has no ability ${name}`)
  return ability
}

const powerOf = async (id: string): Promise<string | undefined> =>
  (await driver.recover()).find((machine) => machine.id === id)?.powerState

/** What the journal says on the disk. */
const recordOf = async ({ id }: MachineSpec): Promise<Record<string, unknown>> =>
  JSON.parse(await readFile(join(stateDir, 'machines', `${id}.json`), 'utf8'))

async function nextBeat(): Promise<HostReport> {
  const from = reports.length + 1
  return await until('a heartbeat', () =>
    reports.slice(from).find((report): report is HostReport => report.kind === 'host'),
  )
}

const stopped = { mode: 'forced', timeoutMs: 0 }

describe('verbs', () => {
  it('hold a machine still and let it go on', async () => {
    await start()
    const machine = await launch()
    const { id } = machine
    await call('pause', { id })
    expect(await powerOf(id)).toBe('PAUSED')
    expect(await recordOf(machine)).toMatchObject({ running: true, paused: true })
    await call('unpause', { id })
    expect(await powerOf(id)).toBe('RUNNING')
    expect(await recordOf(machine)).toMatchObject({ running: true, paused: false })
    await call('suspend', { id })
    expect(await powerOf(id)).toBe('SUSPENDED')
    expect(await recordOf(machine)).toMatchObject({ running: false })
    await call('resume', { machine })
    expect(await powerOf(id)).toBe('RUNNING')
    expect(await recordOf(machine)).toMatchObject({ running: true, spec: machine })
    expect((await driver.inside(id)).boots).toBe(1)
  })

  it('rescue, rebuild and resize it', async () => {
    await start()
    const machine = await launch()
    const { id } = machine
    const [rescue, other] = [newImage('cd'.repeat(64)), newImage('ef'.repeat(64))]
    await call('rescue', { machine, image: rescue })
    expect(await driver.inside(id)).toMatchObject({
      ...{ powerState: 'RUNNING', rescueDisk: { image: rescue.checksum } },
    })
    await call('unrescue', { machine })
    expect((await driver.inside(id)).rescueDisk).toBeUndefined()
    await call('rebuild', { machine, image: other })
    expect(await driver.inside(id)).toMatchObject({
      ...{ powerState: 'SHUTDOWN', disk: { image: other.checksum } },
    })
    expect(await recordOf(machine)).toMatchObject({ running: false, spec: machine })
    const larger = { ...machine, vcpus: 2, diskGiB: 5 }
    await call('resize', { machine: larger })
    expect(await recordOf(machine)).toMatchObject({ spec: larger, running: false })
    expect((await driver.inside(id)).disk.sizeBytes).toBe(5 * 1024 ** 3)
    await call('revertResize', { id })
    expect((await driver.inside(id)).disk.sizeBytes).toBe(1024 ** 3)
    await call('resize', { machine: larger })
    await call('confirmResize', { id })
    expect((await driver.inside(id)).keptAside).toBeUndefined()
    const smaller = call('resize', { machine })
    await expect(smaller).rejects.toMatchObject({ code: 'REFUSED', retryable: false })
  })

  it('attach and detach disks and ports', async () => {
    await start()
    const { id } = await launch()
    const disk = {
      id: randomUUID(),
      kind: 'file',
      path: '/disks/a.raw',
      format: 'raw',
      readOnly: true,
    }
    const card = { id: randomUUID(), macAddress: '52:54:00:00:00:01', kind: 'user' }
    const bridged = { ...card, id: randomUUID(), kind: 'bridge', bridge: 'br-int' }
    await call('attachDisk', { id, disk })
    for (const port of [card, bridged]) await call('attachPort', { id, port })
    expect(await driver.inside(id)).toMatchObject({ disks: [disk], ports: [card, bridged] })
    await call('detachDisk', { id, diskId: disk.id })
    await call('detachPort', { id, portId: card.id })
    const { disks = [], ports = [] } = await driver.inside(id)
    expect([...disks, ...ports]).toEqual([bridged])
  })

  it('take a picture', async () => {
    await start()
    const { id } = await launch()
    const png = Buffer.from(String(await call('screenshot', { id }, { fence: null })), 'base64')
    expect(png.toString('latin1', 1, 4)).toBe('PNG')
    vi.spyOn(able('consoles'), 'screenshot').mockResolvedValue(Buffer.alloc(2 ** 21))
    const large = call('screenshot', { id }, { fence: null })
    await expect(large).rejects.toMatchObject({ code: 'TOO_LARGE', retryable: false })
  })

  it('of one step may share a call id, and are repeated by verb', async () => {
    await start()
    const machine = await launch()
    await call('stop', { id: machine.id, ...stopped }, { callId: 'task/0/step' })
    await call('resize', { machine: { ...machine, diskGiB: 2 } }, { callId: 'task/0/step' })
    expect((await driver.inside(machine.id)).disk.sizeBytes).toBe(2 * 1024 ** 3)
    const resizing = vi.spyOn(able('resizing'), 'resize')
    await call('resize', { machine: { ...machine, diskGiB: 2 } }, { callId: 'task/0/step' })
    expect(resizing).not.toHaveBeenCalled()
  })
})

describe('what a host can not do', () => {
  it('is unsupported, and not among its traits', async () => {
    await start({ without: ['pausing', 'liveMigration', 'consoles', 'guest'] })
    const machine = await launch()
    const { id } = machine
    const stream = { url: '/v1/streams/x/a', ticket: 't' }
    const unsupported: [string, object][] = [
      ['pause', { id }],
      ['unpause', { id }],
      ['send', { id, streams: { memory: stream, disk: stream } }],
      ['receive', { machine, streams: { memory: stream, disk: stream } }],
      ['openConsole', { id, kind: 'vnc', stream }],
      ['screenshot', { id }],
      ['setPassword', { id, user: 'root', password: PASSWORD }],
    ]
    for (const [verb, input] of unsupported) {
      const refused = call(verb, input)
      await expect(refused, verb).rejects.toMatchObject({ code: 'UNSUPPORTED', retryable: false })
    }
    await call('suspend', { id })
    const { traits } = await nextBeat()
    expect(traits).toContain('CUSTOM_COMPUTE_SUSPEND')
    expect(traits).toContain('COMPUTE_ARCH_X86_64')
    expect(traits).not.toContain('CUSTOM_COMPUTE_PAUSE')
    expect(traits).not.toContain('CUSTOM_COMPUTE_MIGRATE_LIVE')
  })
})

describe('hostile input', () => {
  it('reaches no driver', async () => {
    await start()
    const machine = newMachine()
    const { id } = machine
    const image = newImage()
    const drive = (path: string, content = '') => ({
      ...{ image, machine: { ...machine, configDrive: [{ path, content }] } },
    })
    const disk = { id, kind: 'file', path: '/a', format: 'raw', readOnly: false }
    const port = { id, macAddress: '52:54:00:00:00:01', kind: 'bridge', bridge: 'br0' }
    const stream = { url: '/v1/streams/x/a', ticket: 't' }
    const bad: [string, unknown][] = [
      ['pause', {}],
      ['pause', { id: '../../etc' }],
      ['resume', { machine: { ...machine, vcpus: 1.5 } }],
      ['rebuild', { machine, image: { ...image, path: '//elsewhere/file' } }],
      ['create', drive('../etc/passwd')],
      ['create', drive('/etc/passwd')],
      ['create', drive('openstack/.ssh')],
      ['create', drive('openstack//x')],
      ['create', drive('a', 'not base64!')],
      ['create', drive('a', 'A'.repeat(3 * 1024 * 1024))],
      ['create', { machine: { ...machine, configDrive: 'all' }, image }],
      ['attachDisk', { id, disk: { ...disk, path: 'relative' } }],
      ['attachDisk', { id, disk: { ...disk, path: '/a/../b' } }],
      ['attachDisk', { id, disk: { ...disk, kind: 'host_device' } }],
      ['attachDisk', { id, disk: { ...disk, readOnly: 'no' } }],
      ['attachPort', { id, port: { ...port, macAddress: '52:54:00:00:00:01,script=/x' } }],
      ['attachPort', { id, port: { ...port, bridge: 'br0,script=/x' } }],
      ['attachPort', { id, port: { ...port, bridge: undefined } }],
      ['setPassword', { id, user: 'root', password: '' }],
      ['setPassword', { id, user: 'root', password: 'a\nb' }],
      ['setPassword', { id, user: 'root:x\n', password: PASSWORD }],
      ['snapshot', { id, image: { path: 'http://elsewhere/', ticket: 't' } }],
      ['sendDisk', { id, stream: { url: 'file:///etc/passwd', ticket: 't' } }],
      ['sendDisk', { id, stream: { ...stream, ticket: '' } }],
      ['receiveDisk', { machine, stream: { url: '//elsewhere/x', ticket: 't' } }],
      ['send', { id, streams: { memory: stream } }],
      ['receive', { machine, streams: [stream, stream] }],
      ['openConsole', { id, kind: 'ssh', stream }],
    ]
    for (const [verb, input] of bad) {
      const refused = call(verb, input)
      await expect(refused, `${verb} ${JSON.stringify(input).slice(0, 200)}`).rejects.toMatchObject(
        {
          ...{ code: 'BAD_INPUT', retryable: false },
        },
      )
    }
    expect(await driver.recover()).toEqual([])
  })

  it('needs a fence where something is changed', async () => {
    await start()
    const { id } = await launch()
    const unowned = call('pause', { id }, { fence: null })
    await expect(unowned).rejects.toMatchObject({ code: 'BAD_INPUT' })
    await call('pause', { id }, { fence: 7 })
    const stale = call('unpause', { id }, { fence: 6 })
    await expect(stale).rejects.toMatchObject({ code: 'STALE', retryable: false })
    expect(await powerOf(id)).toBe('PAUSED')
  })
})

describe('secrets', () => {
  it('of a config drive are with the driver, and not in the journal', async () => {
    await start()
    const secret = Buffer.from('#cloud-config password').toString('base64')
    const configDrive = [{ path: 'openstack/latest/user_data', content: secret }]
    const { configDrive: _, ...bare } = newMachine()
    const machine = await launch({ ...bare, configDrive })
    expect((await driver.inside(machine.id)).configDrive?.paths).toEqual([configDrive[0]?.path])
    expect(await recordOf(machine)).toMatchObject({ spec: bare })
    expect(JSON.stringify(await recordOf(machine))).not.toContain(secret)
    expect(log.lines.join('')).not.toContain(secret)
  })

  it('a password is in no journal, no log and no answer', async () => {
    await start()
    const machine = await launch()
    const { id } = machine
    const input = { id, user: 'root', password: PASSWORD }
    expect(await call('setPassword', input)).toBeNull()
    const spy = vi.spyOn(able('guest'), 'setPassword')
    spy.mockRejectedValueOnce(new Error(`chpasswd: ${PASSWORD} is bad`))
    const failing = call('setPassword', input)
    const error: unknown = await failing.catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ message: 'the password could not be set' })
    await driver.setSilent(id, true)
    const silent = call('setPassword', input)
    await expect(silent).rejects.toMatchObject({ code: 'GUEST_SILENT', retryable: true })
    const nobody = call('setPassword', { ...input, user: 'nobody-here' })
    await expect(nobody).rejects.toMatchObject({ code: expect.stringMatching(/REFUSED|SILENT/) })
    expect(log.lines.join('')).not.toContain(PASSWORD)
    expect(JSON.stringify(await recordOf(machine))).not.toContain(PASSWORD)
    expect(JSON.stringify(await driver.inside(id))).not.toContain(PASSWORD)
  })
})

describe('a host that begins anew', () => {
  it('brings back what ran, pauses what was paused, and leaves what is suspended', async () => {
    await start()
    const [ran, paused, suspended, rescued] = [
      ...[await launch(), await launch(), await launch(), await launch()],
    ] as [MachineSpec, MachineSpec, MachineSpec, MachineSpec]
    await call('pause', { id: paused.id })
    await call('suspend', { id: suspended.id })
    await call('rescue', { machine: rescued, image: newImage('cd'.repeat(64)) })
    agents.kill()
    for (const { id } of [ran, paused, rescued]) await driver.crash(id)
    await agents.start('boot-2')
    expect(await powerOf(ran.id)).toBe('RUNNING')
    expect(await powerOf(paused.id)).toBe('PAUSED')
    expect(await powerOf(suspended.id)).toBe('SUSPENDED')
    expect(await driver.inside(rescued.id)).toMatchObject({
      ...{ powerState: 'RUNNING', rescueDisk: { image: 'cd'.repeat(64) } },
    })
    await call('resume', { machine: suspended })
    expect((await driver.inside(suspended.id)).boots).toBe(1)
  })

  it('never drops the memory of what was suspended, wherever the agent was killed', async () => {
    await start()
    const machine = await launch()
    // The driver has done it; the agent dies before it can write that down.
    await able('suspending').suspend(machine.id, new AbortController().signal)
    expect(await recordOf(machine)).toMatchObject({ running: true })
    agents.kill()
    await agents.start('boot-2')
    expect(await powerOf(machine.id)).toBe('SUSPENDED')
  })

  it('goes on with what a failed suspend left running', async () => {
    await start()
    const machine = await launch()
    driver.failNext('suspend', { code: 'NO_SPACE', retryable: true })
    const failing = call('suspend', { id: machine.id })
    await expect(failing).rejects.toMatchObject({ code: 'NO_SPACE', retryable: true })
    expect(await powerOf(machine.id)).toBe('RUNNING')
    agents.kill()
    await driver.crash(machine.id)
    await agents.start('boot-2')
    expect(await powerOf(machine.id)).toBe('RUNNING')
  })

  it('repeats a verb that was under way when the agent was killed', async () => {
    await start({ delayMs: { rebuild: 100 } })
    const machine = await launch()
    const doing = vi.spyOn(able('rebuilding'), 'rebuild')
    const image = newImage('ef'.repeat(64))
    const asked = call('rebuild', { machine, image }, { callId: 'c' })
    await until('it runs', () => doing.mock.calls.length === 1)
    agents.kill()
    // Marked before it began: nobody starts the machine in the middle of its rebuilding.
    expect(await recordOf(machine)).toMatchObject({ running: false })
    await agents.start()
    // Who asked first is answered too: it is the same call.
    await Promise.all([asked, call('rebuild', { machine, image }, { callId: 'c' })])
    expect(doing).toHaveBeenCalledTimes(2)
    expect((await driver.inside(machine.id)).disk.image).toBe(image.checksum)
  })
})
