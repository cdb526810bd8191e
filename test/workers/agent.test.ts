/**
 * The compute agent over the in-process bus and the simulated driver: told through calls as a
 * conductor tells it, watched through its reports. A kill is an agent that is cut off from its bus
 * and its driver in the middle of whatever it does, while another starts on the same folder.
 */
import { randomUUID } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { MachineSpec } from '../../drivers/compute/driver.ts'
import { SimulatedComputeDriver } from '../../drivers/compute/simulated.ts'
import { makeInProcessBus } from '../../server/bus/in-process.ts'
import type { HostReport, MachineReport, Report } from '../../workers/agent/reports.ts'
import { MAX_TEXT_LETTERS, REPORT_QUEUE } from '../../workers/agent/reports.ts'
import type { Bus } from '../../workers/bus.ts'
import { type Caller, makeCaller } from '../../workers/call.ts'
import { MortalAgents } from '../support/agent.ts'
import { makeTestLog } from '../support/log.ts'
import { until } from '../support/until.ts'

const HOST = 'host-1'
const QUEUE = `agent.compute.${HOST}`

let bus: Bus
let caller: Caller
let driver: SimulatedComputeDriver
let stateDir: string
let reports: Report[]
let agents: MortalAgents
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
  await rm(stateDir, { recursive: true, force: true, maxRetries: 5 })
})

const start = (bootId?: string, signal?: AbortSignal) => agents.start(bootId, signal)
const kill = () => agents.kill()
const stop = (guests: 'stop' | 'leave') => agents.stop(guests)

const newMachine = (): MachineSpec => ({
  ...{ id: randomUUID(), name: 'vm', vcpus: 1, memoryMiB: 256, diskGiB: 1 },
})

const newImage = () => ({
  ...{ id: randomUUID(), checksum: 'ab'.repeat(64), format: 'qcow2', sizeBytes: 1_000 },
  ...{ virtualSizeBytes: 1_000, path: '/v1/images/x/file', ticket: 'secret-ticket' },
})

interface Options {
  fence?: number | null
  callId?: string
  timeoutMs?: number
}

const call = (verb: string, input: unknown, options: Options = {}): Promise<unknown> =>
  caller.call(QUEUE, {
    ...{ callId: randomUUID(), fence: 1, timeoutMs: 10_000, requestId: 'r1', verb, input },
    ...options,
  })

const create = (machine: MachineSpec, options?: Options) =>
  call('create', { machine, image: newImage() }, options)

async function launch(fence = 1): Promise<MachineSpec> {
  const machine = newMachine()
  await create(machine, { fence })
  await call('start', { machine }, { fence })
  return machine
}

const powerOf = async (id: string): Promise<string | undefined> =>
  (await driver.recover()).find((machine) => machine.id === id)?.powerState

/** The first host report that is made from now on. */
async function nextBeat(): Promise<HostReport> {
  const from = reports.length + 1
  return await until('a heartbeat', () =>
    reports.slice(from).find((report): report is HostReport => report.kind === 'host'),
  )
}

const reportOf = (report: HostReport, { id }: MachineSpec) =>
  report.machines?.find((machine) => machine.id === id)

describe('verbs', () => {
  it('are done on the host', async () => {
    await start()
    const machine = newMachine()
    expect(await create(machine)).toBeNull()
    expect(await powerOf(machine.id)).toBe('SHUTDOWN')
    await call('start', { machine })
    expect(await powerOf(machine.id)).toBe('RUNNING')
    expect(await call('consoleLog', { id: machine.id, lines: 5 }, { fence: null })).toMatch(/\w/)
    await call('reboot', { machine, mode: 'soft', timeoutMs: 1_000 })
    expect(await powerOf(machine.id)).toBe('RUNNING')
    await call('stop', { id: machine.id, mode: 'graceful', timeoutMs: 1_000 })
    expect(await powerOf(machine.id)).toBe('SHUTDOWN')
    await call('destroy', { id: machine.id })
    expect(await powerOf(machine.id)).toBeUndefined()
    expect(log.lines.join('')).not.toContain('secret-ticket')
  })

  it('refuse what they can not take', async () => {
    await start()
    const machine = newMachine()
    const image = newImage()
    const bad: [string, unknown][] = [
      ['create', null],
      ['create', { machine }],
      ['create', { machine: { ...machine, id: '../../etc/passwd' }, image }],
      ['create', { machine: { ...machine, memoryMiB: -1 }, image }],
      ['create', { machine, image: { ...image, path: '//elsewhere/file' } }],
      ['create', { machine, image: { ...image, checksum: 'x' } }],
      ['stop', { id: machine.id, mode: 'gently', timeoutMs: 1 }],
      ['destroy', {}],
      ['consoleLog', { id: machine.id, lines: 'all' }],
    ]
    for (const [verb, input] of bad) {
      const refused = call(verb, input)
      await expect(refused).rejects.toMatchObject({ code: 'BAD_INPUT', retryable: false })
    }
    const unowned = call('destroy', { id: machine.id }, { fence: null })
    await expect(unowned).rejects.toMatchObject({ code: 'BAD_INPUT' })
    await expect(call('constructor', {})).rejects.toMatchObject({ code: 'UNKNOWN_VERB' })
    expect(await driver.recover()).toEqual([])
  })

  it('on one machine follow each other, those on others do not wait', async () => {
    await start()
    const [machine, other] = [await launch(), await launch()]
    driver.hangNext('reboot')
    const reboot = { mode: 'hard', timeoutMs: 0 }
    const hanging = call('reboot', { machine, ...reboot }, { timeoutMs: 3_000 })
    const late = expect(hanging).rejects.toMatchObject({ code: 'TIMEOUT' })
    const order: string[] = []
    const waiting = call('stop', { id: machine.id, mode: 'forced', timeoutMs: 0 }).then(() =>
      order.push('same machine'),
    )
    await call('stop', { id: other.id, mode: 'forced', timeoutMs: 0 })
    order.push('other machine')
    const reading = await call('consoleLog', { id: machine.id, lines: 1 }, { fence: null })
    order.push('console')
    expect(reading).toBeTypeOf('string')
    // The hanging verb is aborted at its deadline; the one behind it goes on.
    await late
    await waiting
    expect(order).toEqual(['other machine', 'console', 'same machine'])
    expect(await powerOf(machine.id)).toBe('SHUTDOWN')
  })
})

describe('a verb that does not heed its abort', () => {
  it('is waited for all the same', async () => {
    await start()
    const machine = await launch()
    let end = (): void => {}
    const held = new Promise<void>((resolve) => {
      end = resolve
    })
    const reboot = vi.spyOn(driver, 'reboot').mockImplementationOnce(() => held)
    const destroy = vi.spyOn(driver, 'destroy')
    const rebooting = call('reboot', { machine, mode: 'hard', timeoutMs: 0 }, { fence: 1 })
    await until('it runs', () => reboot.mock.calls.length === 1)
    const destroying = call('destroy', { id: machine.id }, { fence: 2 })
    await until('it is told to end', () => reboot.mock.calls[0]?.[2]?.aborted === true)
    await nextBeat()
    expect(destroy).not.toHaveBeenCalled()
    end()
    await Promise.all([rebooting, destroying])
    expect(await driver.recover()).toEqual([])
  })
})

describe('a repeated call', () => {
  it('is answered from the journal, also with its failure', async () => {
    await start()
    const machine = await launch()
    const destroy = vi.spyOn(driver, 'destroy')
    await call('destroy', { id: machine.id }, { callId: 'once' })
    await call('destroy', { id: machine.id }, { callId: 'once' })
    expect(destroy).toHaveBeenCalledTimes(1)

    driver.failNext('start', { code: 'HYPERVISOR_FAILED' })
    for (const _ of ['first', 'again']) {
      const failing = call('start', { machine }, { callId: 'fails' })
      await expect(failing).rejects.toMatchObject({ code: 'HYPERVISOR_FAILED', retryable: false })
    }
  })

  it('is a new try when the failure could pass', async () => {
    await start()
    const machine = newMachine()
    driver.failNext('create', { code: 'IMAGE_UNAVAILABLE', retryable: true })
    const failing = create(machine, { callId: 'again' })
    await expect(failing).rejects.toMatchObject({ code: 'IMAGE_UNAVAILABLE', retryable: true })
    await create(machine, { callId: 'again' })
    expect(await powerOf(machine.id)).toBe('SHUTDOWN')
  })

  it('joins the first while that runs, also for a later owner', async () => {
    driver = new SimulatedComputeDriver({ delayMs: { create: 100 } })
    await start()
    const doing = vi.spyOn(driver, 'create')
    const machine = newMachine()
    const first = create(machine, { callId: 'same', fence: 1 })
    await until('it runs', () => doing.mock.calls.length === 1)
    const second = create(machine, { callId: 'same', fence: 2 })
    await Promise.all([first, second])
    expect(doing).toHaveBeenCalledTimes(1)
    await expect(create(machine, { fence: 1 })).rejects.toMatchObject({ code: 'STALE' })
  })
})

describe('the fence', () => {
  it('refuses an earlier owner, for this machine only', async () => {
    await start()
    const machine = await launch(5)
    const stale = call('destroy', { id: machine.id }, { fence: 4 })
    await expect(stale).rejects.toMatchObject({ code: 'STALE', retryable: false })
    expect(await powerOf(machine.id)).toBe('RUNNING')
    await launch(1)
  })

  it('lets a later owner abort what still runs and waits', async () => {
    await start()
    const machine = newMachine()
    driver.hangNext('create')
    const doing = vi.spyOn(driver, 'create')
    const stale = { code: 'STALE', retryable: false }
    const hanging = expect(create(machine, { fence: 1 })).rejects.toMatchObject(stale)
    await until('it hangs', () => doing.mock.calls.length === 1)
    const waiting = expect(call('start', { machine }, { fence: 1 })).rejects.toMatchObject(stale)
    await call('destroy', { id: machine.id }, { fence: 2 })
    await hanging
    await waiting
    expect(await driver.recover()).toEqual([])
  })
})

describe('a killed agent', () => {
  it('remembers results and fences, and finds its machines', async () => {
    await start()
    const machine = newMachine()
    await create(machine, { fence: 3, callId: 'created' })
    await call('start', { machine }, { fence: 3, callId: 'started' })
    kill()
    const [doCreate, doStart] = [vi.spyOn(driver, 'create'), vi.spyOn(driver, 'start')]
    await start()
    const report = await nextBeat()
    expect(reportOf(report, machine)).toEqual({
      ...{ id: machine.id, powerState: 'RUNNING', fence: 3, busy: false },
    })
    await create(machine, { fence: 3, callId: 'created' })
    await call('start', { machine }, { fence: 3, callId: 'started' })
    expect(doCreate).not.toHaveBeenCalled()
    expect(doStart).not.toHaveBeenCalled()
    const stale = call('destroy', { id: machine.id }, { fence: 2 })
    await expect(stale).rejects.toMatchObject({ code: 'STALE' })
  })

  it('is followed by one that takes on the verb which was under way', async () => {
    await start()
    const machine = newMachine()
    driver.hangNext('create')
    const doing = vi.spyOn(driver, 'create')
    const lost = create(machine, { fence: 3, callId: 'created', timeoutMs: 3_000 })
    const late = expect(lost).rejects.toMatchObject({ code: 'TIMEOUT' })
    await until('it hangs', () => doing.mock.calls.length === 1)
    kill()
    await start()
    // The fence was on the disk before the verb began.
    const stale = call('destroy', { id: machine.id }, { fence: 2 })
    await expect(stale).rejects.toMatchObject({ code: 'STALE' })
    await late
    await create(machine, { fence: 4, callId: 'created' })
    expect(await powerOf(machine.id)).toBe('SHUTDOWN')
  })

  it('leaves what died meanwhile as it is', async () => {
    await start()
    const machine = await launch()
    kill()
    await driver.crash(machine.id)
    await start()
    expect(reportOf(await nextBeat(), machine)).toMatchObject({
      ...{ powerState: 'CRASHED', reason: 'killed by signal 9' },
    })
    expect(await powerOf(machine.id)).toBe('CRASHED')
  })

  it('is not stopped by a record that cannot be read', async () => {
    await start()
    const machine = await launch()
    kill()
    const machines = join(stateDir, 'machines')
    await writeFile(join(machines, `${machine.id}.json`), '{"id":')
    await writeFile(join(machines, `${randomUUID()}.json.new`), 'half')
    await start()
    expect(reportOf(await nextBeat(), machine)).toMatchObject({
      powerState: 'RUNNING',
      fence: null,
    })
    expect(await readdir(machines)).toEqual([`${machine.id}.json.unreadable`])
  })
})

describe('guests', () => {
  it('go on when the agent is told to leave them', async () => {
    await start()
    const machine = await launch()
    await stop('leave')
    expect(await powerOf(machine.id)).toBe('RUNNING')
  })

  it('are stopped with the agent without a word, and back before the first report', async () => {
    await start()
    const [machine, deaf, off] = [await launch(), await launch(), await launch()]
    await driver.setDeaf(deaf.id, true)
    await call('stop', { id: off.id, mode: 'forced', timeoutMs: 0 })
    await nextBeat()
    await stop('stop')
    for (const { id } of [machine, deaf, off]) expect(await powerOf(id)).toBe('SHUTDOWN')
    const told = reports.filter((report) => report.kind === 'machine')
    expect(told).toEqual([])

    reports.length = 0
    await start()
    await until('the first report', () => reports.length > 0)
    const first = reports[0] as HostReport
    expect(reportOf(first, machine)).toMatchObject({ powerState: 'RUNNING', fence: 1 })
    expect(reportOf(first, deaf)).toMatchObject({ powerState: 'RUNNING' })
    expect(reportOf(first, off)).toMatchObject({ powerState: 'SHUTDOWN' })
  })

  it('are brought back once: what fails is reported with its reason', async () => {
    await start()
    const machine = await launch()
    await stop('stop')
    driver.failNext('start', { code: 'NO_SPACE' })
    await start()
    const failed = { powerState: 'SHUTDOWN', reason: expect.stringMatching(/could not be brought/) }
    expect(reportOf(await nextBeat(), machine)).toMatchObject(failed)
    kill()
    await start()
    expect(await powerOf(machine.id)).toBe('SHUTDOWN')
    await call('start', { machine }, { fence: 2 })
    expect(reportOf(await nextBeat(), machine)).toEqual({
      ...{ id: machine.id, powerState: 'RUNNING', fence: 2, busy: false },
    })
  })

  it('are brought back although the agent was killed while it stopped them', async () => {
    await start()
    const [machine, deaf] = [await launch(), await launch()]
    await driver.setDeaf(deaf.id, true)
    const { agent, cutOff } = agents.take()
    void agent.stop({ guests: 'stop' })
    await until('the first is down', async () => (await powerOf(machine.id)) === 'SHUTDOWN')
    cutOff()
    await start()
    expect(await powerOf(machine.id)).toBe('RUNNING')
    // Neither is marked any more: a stop stays a stop.
    await call('stop', { id: machine.id, mode: 'forced', timeoutMs: 0 })
    kill()
    await start()
    expect(await powerOf(machine.id)).toBe('SHUTDOWN')
  })

  it('are left to the next start by an agent that is told to stop while it starts', async () => {
    await start('boot-1')
    const machine = await launch()
    kill()
    await driver.crash(machine.id)
    driver.hangNext('start')
    const doing = vi.spyOn(driver, 'start')
    const stopping = new AbortController()
    const starting = start('boot-2', stopping.signal)
    await until('it hangs', () => doing.mock.calls.length === 1)
    stopping.abort()
    await starting
    expect(await powerOf(machine.id)).toBe('CRASHED')
    await stop('stop')
    await start('boot-2')
    expect(await powerOf(machine.id)).toBe('RUNNING')
  })

  it('that ran are brought back after a reboot of the host, and no others', async () => {
    await start('boot-1')
    const [ran, stopped, died, destroyed] = [
      ...[await launch(), await launch(), await launch(), await launch()],
    ] as [MachineSpec, MachineSpec, MachineSpec, MachineSpec]
    await call('stop', { id: stopped.id, mode: 'forced', timeoutMs: 0 })
    await call('destroy', { id: destroyed.id })
    await driver.powerOff(died.id)
    await until('it is told', () => reports.some((report) => report.kind === 'machine'))
    const record = join(stateDir, 'machines', `${died.id}.json`)
    await until('it is kept that it is off', async () => {
      return JSON.parse(await readFile(record, 'utf8')).running === false
    })
    kill()
    await driver.crash(ran.id)
    await start('boot-2')
    expect(await powerOf(ran.id)).toBe('RUNNING')
    expect(await powerOf(stopped.id)).toBe('SHUTDOWN')
    expect(await powerOf(died.id)).toBe('SHUTDOWN')
    expect(await powerOf(destroyed.id)).toBeUndefined()
  })
})

describe('reports', () => {
  it('describe the host at a steady beat', async () => {
    await start()
    const machine = await launch(9)
    const report = await nextBeat()
    expect(report).toMatchObject({
      ...{ kind: 'host', host: HOST, driver: 'simulated', bootId: 'boot-1', problem: null },
      inventory: { vcpus: 16, memoryMiB: 65_536, diskGiB: 1_000 },
      machines: [{ id: machine.id, powerState: 'RUNNING', fence: 9, busy: false }],
    })
    expect(report.capabilities).toContainEqual({ name: 'hypervisor', value: 'simulated' })
    const next = await nextBeat()
    expect(next.sequence).toBeGreaterThan(report.sequence)
    expect(next.agentStartedAt).toBe(report.agentStartedAt)
    kill()
    await start()
    const { agentStartedAt } = await nextBeat()
    expect(Date.parse(agentStartedAt)).toBeGreaterThan(Date.parse(report.agentStartedAt))
  })

  it('tell at once of a machine that changes by itself', async () => {
    await start()
    const machine = await launch(4)
    await driver.crash(machine.id)
    const change = await until('the change is told', () =>
      reports.find((report): report is MachineReport => report.kind === 'machine'),
    )
    expect(change).toMatchObject({
      ...{ host: HOST, sequence: expect.any(Number), at: expect.any(String) },
      machine: { id: machine.id, powerState: 'CRASHED', reason: 'killed by signal 9', fence: 4 },
    })
  })

  it('hold only text that a database takes, whatever a program printed', async () => {
    await start()
    const machine = await launch()
    await driver.crash(machine.id, `\0half \ud800 ${'x'.repeat(MAX_TEXT_LETTERS)}`)
    const reason = reportOf(await nextBeat(), machine)?.reason
    expect(reason).toHaveLength(MAX_TEXT_LETTERS)
    expect(reason?.slice(0, 9)).toBe('\ufffdhalf \ufffd x')
  })

  it('call a machine busy while a verb is on it', async () => {
    await start()
    const machine = await launch()
    driver.hangNext('stop')
    const stopping = call(
      'stop',
      { id: machine.id, mode: 'forced', timeoutMs: 0 },
      { timeoutMs: 300 },
    )
    const late = expect(stopping).rejects.toMatchObject({ code: 'TIMEOUT' })
    await until('a busy machine', () =>
      reports.some((report) => report.kind === 'host' && reportOf(report, machine)?.busy),
    )
    await late
    await until('it is at rest', async () => reportOf(await nextBeat(), machine)?.busy === false)
  })

  it('do not tell as true what a verb has changed meanwhile', async () => {
    await start()
    const machine = await launch()
    const seen = await driver.recover()
    let end = (): void => {}
    const listing = new Promise<typeof seen>((resolve) => {
      end = () => resolve(seen)
    })
    const recover = vi.spyOn(driver, 'recover').mockImplementationOnce(() => listing)
    const from = reports.length
    await until('a listing has begun', () => recover.mock.results[0]?.value === listing)
    await call('stop', { id: machine.id, mode: 'forced', timeoutMs: 0 }, { fence: 2 })
    end()
    const old = await until('the old listing is told', () =>
      reports
        .slice(from)
        .filter((report) => report.kind === 'host')
        .map((report) => reportOf(report, machine))
        .find((told) => told?.fence === 2),
    )
    expect(old).toMatchObject({ powerState: 'RUNNING', busy: true })
    expect(reportOf(await nextBeat(), machine)).toMatchObject({
      powerState: 'SHUTDOWN',
      busy: false,
    })
  })

  it('go on, with the problem, when the machines cannot be listed', async () => {
    await start()
    await launch()
    driver.failNext('recover', { code: 'HYPERVISOR_FAILED' })
    const troubled = await until('the problem is told', () =>
      reports.find((report): report is HostReport => report.kind === 'host' && !!report.problem),
    )
    expect(troubled.machines).toBeNull()
    expect(troubled.problem).toMatch(/could not be listed: simulated failure/)
    expect((await nextBeat()).machines).toHaveLength(1)
  })
})
