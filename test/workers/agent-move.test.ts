/**
 * Agents of two hosts that carry machines and disks between them, through streams and uploads of a
 * real API: moved, aborted, broken off, killed in the middle, and looked at through consoles.
 */
import { randomUUID } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { DiskCopying } from '../../drivers/compute/abilities.ts'
import type { MachineSpec } from '../../drivers/compute/driver.ts'
import { SimulatedComputeDriver } from '../../drivers/compute/simulated.ts'
import { makeInProcessBus } from '../../server/bus/in-process.ts'
import { streamObject, streamPath } from '../../server/data-plane/streams.ts'
import { type ProgressReport, REPORT_QUEUE, type Report } from '../../workers/agent/reports.ts'
import { openStream } from '../../workers/agent/stream.ts'
import type { Bus } from '../../workers/bus.ts'
import { type Caller, makeCaller } from '../../workers/call.ts'
import { RfbClient } from '../drivers/rfb-client.ts'
import { MortalAgents } from '../support/agent.ts'
import { type Cluster, startCluster } from '../support/cluster.ts'
import { makeTestLog } from '../support/log.ts'
import { newProject, tokenFor } from '../support/people.ts'
import { until } from '../support/until.ts'

const IMAGE = 'ab'.repeat(64)
const never = new AbortController().signal

let cluster: Cluster
let bus: Bus
let caller: Caller
let folder: string
let log: ReturnType<typeof makeTestLog>
let reports: Report[]
let here: { driver: SimulatedComputeDriver; agents: MortalAgents; name: string }
let there: typeof here

beforeAll(async () => {
  cluster = await startCluster({ hosts: 0 })
})
afterAll(() => cluster?.stop())

beforeEach(async () => {
  log = makeTestLog()
  bus = makeInProcessBus({ log: log.log, pauseMs: () => 1 })
  caller = await makeCaller(bus, { name: 'test', log: log.log })
  folder = await mkdtemp(join(tmpdir(), 'nephograph-agents-'))
  reports = []
  await bus.consume(REPORT_QUEUE, async (body) => void reports.push(body as Report))
  here = await startHost('here')
  there = await startHost('there')
})

afterEach(async () => {
  await here.agents.stop('leave')
  await there.agents.stop('leave')
  await caller.close()
  await bus.close()
  await rm(folder, { recursive: true, force: true })
})

async function startHost(name: string, transferMs = 20): Promise<typeof here> {
  const driver = new SimulatedComputeDriver({ delayMs: { transfer: transferMs } })
  const agents = new MortalAgents(() => ({
    ...{ bus, driver, hostName: name, stateDir: join(folder, name) },
    ...{ apiUrl: cluster.url, log: log.log },
  }))
  await agents.start()
  return { driver, agents, name }
}

interface Options {
  fence?: number | null
  callId?: string
  timeoutMs?: number
}

const call = (host: typeof here, verb: string, input: unknown, options: Options = {}) =>
  caller.call(`agent.compute.${host.name}`, {
    ...{ callId: randomUUID(), fence: 1, timeoutMs: 30_000, requestId: 'r1', verb, input },
    ...options,
  })

async function launch(): Promise<MachineSpec> {
  const machine = { id: randomUUID(), name: 'vm', vcpus: 1, memoryMiB: 256, diskGiB: 1 }
  const image = {
    ...{ id: randomUUID(), checksum: IMAGE, format: 'qcow2', sizeBytes: 1_000 },
    ...{ virtualSizeBytes: 1_000, path: '/v1/images/x/file', ticket: 't' },
  }
  await call(here, 'create', { machine, image })
  await call(here, 'start', { machine })
  return machine
}

const ticketFor = (object: string) => cluster.cloud.tokens.issueTicket(object, new Date())
const endOf = (id: string, end: 'a' | 'b') => ({
  url: streamPath(id, end),
  ticket: ticketFor(streamObject(id, end)),
})
/** A new stream: its two ends. */
function newStream() {
  const id = randomUUID()
  return { a: endOf(id, 'a'), b: endOf(id, 'b') }
}
function newStreams() {
  const [memory, disk] = [newStream(), newStream()]
  return { a: { memory: memory.a, disk: disk.a }, b: { memory: memory.b, disk: disk.b } }
}

const powerAt = async (host: typeof here, { id }: MachineSpec): Promise<string | undefined> =>
  (await host.driver.recover()).find((machine) => machine.id === id)?.powerState

const recordAt = async (host: typeof here, { id }: MachineSpec) =>
  JSON.parse(await readFile(join(folder, host.name, 'machines', `${id}.json`), 'utf8'))

const progressOf = (callId: string) =>
  reports.filter(
    (report): report is ProgressReport => report.kind === 'progress' && report.callId === callId,
  )

const code = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => 'OK',
    (error: unknown) => (error as { code?: unknown }).code,
  )

describe('a live migration', () => {
  const move = (machine: MachineSpec, options: Options = {}) => {
    const { a, b } = newStreams()
    return Promise.allSettled([
      call(here, 'send', { id: machine.id, streams: a }, options),
      call(there, 'receive', { machine, streams: b }),
    ])
  }

  it('moves a machine, tells how far it is, and keeps the journals right', async () => {
    const machine = await launch()
    const began = Date.now()
    const [sent, received] = await move(machine, { callId: 'task/0/send' })
    expect(sent).toMatchObject({ status: 'fulfilled', value: { pausedMs: expect.any(Number) } })
    expect(received).toEqual({ status: 'fulfilled', value: null })
    expect(await powerAt(here, machine)).toBe('SHUTDOWN')
    expect(await powerAt(there, machine)).toBe('RUNNING')
    expect(await recordAt(here, machine)).toMatchObject({ running: false })
    expect(await recordAt(there, machine)).toMatchObject({ running: true, spec: machine })
    const told = await until('progress is told', () => progressOf('task/0/send')[0])
    const memoryBytes = 256 * 1024 ** 2
    expect(told).toMatchObject({ host: 'here', totalBytes: memoryBytes })
    // Once in a second, and at its end.
    const seconds = (Date.now() - began) / 1_000
    expect(progressOf('task/0/send').length).toBeLessThanOrEqual(2 + Math.floor(seconds))
    // After a reboot of both hosts it is back where it ran last, and nowhere else.
    here.agents.kill()
    there.agents.kill()
    await there.driver.crash(machine.id)
    await here.agents.start('boot-2')
    await there.agents.start('boot-2')
    expect(await powerAt(here, machine)).toBe('SHUTDOWN')
    expect(await powerAt(there, machine)).toBe('RUNNING')
  })

  /** A migration that has begun, with seconds to go. */
  async function begun() {
    await here.agents.stop('leave')
    here = await startHost('here', 500)
    const machine = await launch()
    const callId = randomUUID()
    const moving = move(machine, { callId })
    await until('it is under way', () => progressOf(callId).length > 0)
    return { machine, moving }
  }

  it('is aborted by a later owner, and goes on here', async () => {
    const { machine, moving } = await begun()
    // The cancelling call itself: what it wants is done already.
    await call(here, 'start', { machine }, { fence: 2 })
    const [sent, received] = await moving
    expect(sent).toMatchObject({ status: 'rejected', reason: { code: 'STALE' } })
    expect(received).toMatchObject({ status: 'rejected', reason: { code: 'HYPERVISOR_FAILED' } })
    expect(await powerAt(here, machine)).toBe('RUNNING')
    expect(await powerAt(there, machine)).toBeUndefined()
    expect(await recordAt(here, machine)).toMatchObject({ running: true })
    const [again] = await move(machine, { fence: 3 })
    expect(again.status).toBe('fulfilled')
  })

  it('is over when the agent of the destination is stopped, and goes on here', async () => {
    const { machine, moving } = await begun()
    await there.agents.stop('leave')
    const [sent, received] = await moving
    expect([sent.status, received.status]).toEqual(['rejected', 'rejected'])
    expect(await powerAt(here, machine)).toBe('RUNNING')
    expect(await powerAt(there, machine)).toBeUndefined()
    // What was marked before the sending is put right by what is seen.
    await until('it is known to run', async () => (await recordAt(here, machine)).running === true)
  })

  it('fails when the other side never comes, and when a ticket is used up', async () => {
    const machine = await launch()
    const { a } = newStreams()
    const alone = call(here, 'send', { id: machine.id, streams: a }, { timeoutMs: 1_000 })
    expect(await code(alone)).toBe('TIMEOUT')
    const again = call(here, 'send', { id: machine.id, streams: a })
    expect(await code(again)).not.toBe('OK')
    expect(await powerAt(here, machine)).toBe('RUNNING')
  })
})

describe('a cold migration', () => {
  const stopped = { mode: 'forced', timeoutMs: 0 }
  const sizes = { virtualSizeBytes: 1024 ** 3, sizeBytes: expect.any(Number) }

  it('carries the disk, and answers when it has arrived', async () => {
    const machine = await launch()
    await call(here, 'stop', { id: machine.id, ...stopped })
    const { a, b } = newStream()
    const [sent] = await Promise.all([
      call(here, 'sendDisk', { id: machine.id, stream: a }, { callId: 'task/0/disk' }),
      call(there, 'receiveDisk', { machine, stream: b }),
    ])
    expect(sent).toMatchObject({ ...sizes, quiesced: false })
    expect(await powerAt(there, machine)).toBe('SHUTDOWN')
    expect((await there.driver.inside(machine.id)).disk.image).toBe(IMAGE)
    expect(await recordAt(there, machine)).toMatchObject({ running: false, spec: machine })
    await until('progress is told', () => progressOf('task/0/disk')[0])
    await call(there, 'start', { machine })
    // Nobody's tickets are told.
    for (const { ticket } of [a, b]) expect(log.lines.join('')).not.toContain(ticket)
  })

  it('is done again after the agents of both sides were killed', async () => {
    const machine = await launch()
    await call(here, 'stop', { id: machine.id, ...stopped })
    there.driver.hangNext('importDisk')
    const begun = [
      vi.spyOn(there.driver.abilities.disks as DiskCopying, 'importDisk'),
      vi.spyOn(here.driver.abilities.disks as DiskCopying, 'exportDisk'),
    ]
    const carry = (timeoutMs: number) => {
      const { a, b } = newStream()
      return Promise.allSettled([
        call(here, 'sendDisk', { id: machine.id, stream: a }, { callId: 's', timeoutMs }),
        call(there, 'receiveDisk', { machine, stream: b }, { callId: 'r', timeoutMs }),
      ])
    }
    const broken = carry(5_000)
    await until('both have begun', () => begun.every((spy) => spy.mock.calls.length > 0))
    here.agents.kill()
    there.agents.kill()
    await here.agents.start()
    await there.agents.start()
    await broken
    const [sent, received] = await carry(30_000)
    expect([sent, received]).toMatchObject([{ value: sizes }, { value: null }])
    expect(await powerAt(there, machine)).toBe('SHUTDOWN')
  })

  it('is answered when the machine had arrived before', async () => {
    const machine = await launch()
    await call(here, 'stop', { id: machine.id, ...stopped })
    for (const _ of ['first', 'as if nobody had heard of it']) {
      const { a, b } = newStream()
      const [sent] = await Promise.all([
        call(here, 'sendDisk', { id: machine.id, stream: a }),
        call(there, 'receiveDisk', { machine, stream: b }),
      ])
      expect(sent).toMatchObject(sizes)
    }
  })

  it('leaves nothing when it breaks off or is aborted, and can be done again', async () => {
    const machine = await launch()
    await call(here, 'stop', { id: machine.id, ...stopped })
    const { a, b } = newStream()
    const receiving = code(call(there, 'receiveDisk', { machine, stream: b }))
    const source = await openStream(a, cluster.url, never)
    source.on('error', () => {})
    source.write('{"sizeBytes":100000}\nhalf of')
    source.end(' it')
    expect(await receiving).toBe('IMAGE_UNAVAILABLE')
    for (const lie of [
      'no header',
      '{"sizeBytes":-1}\n',
      '{"sizeBytes":2}\nlonger',
      'x'.repeat(5_000),
    ]) {
      const next = newStream()
      const refusing = code(call(there, 'receiveDisk', { machine, stream: next.b }))
      const hostile = await openStream(next.a, cluster.url, never)
      hostile.on('error', () => {})
      hostile.end(lie)
      expect(await refusing, lie.slice(0, 20)).toMatch(/^IMAGE_/)
    }
    const last = newStream()
    const stale = code(call(there, 'receiveDisk', { machine, stream: last.b }, { fence: 2 }))
    const slow = await openStream(last.a, cluster.url, never)
    slow.write('{"sizeBytes":100000}\nhalf of it')
    slow.on('error', () => {})
    await call(there, 'destroy', { id: machine.id }, { fence: 3 })
    expect(await stale).toBe('STALE')
    slow.destroy()
    expect(await powerAt(there, machine)).toBeUndefined()
  })
})

describe('a snapshot', () => {
  it('becomes an image, and is not made twice for one call', async () => {
    const projectId = await newProject(cluster.cloud, randomUUID())
    const token = tokenFor(cluster.cloud, { projectId, role: 'member' })
    const { imageCreate } = await cluster.must(
      'mutation ($input: ImageCreateInput!) { imageCreate(input: $input) { image { id } } }',
      { input: { name: 'snapshot', diskFormat: 'QCOW2', visibility: 'PRIVATE' } },
      token,
    )
    const { id } = imageCreate.image
    const machine = await launch()
    const image = { path: `/v1/images/${id}/file`, ticket: ticketFor(`image-upload/${id}`) }
    const first = await call(here, 'snapshot', { id: machine.id, image }, { callId: 'once' })
    expect(first).toMatchObject({ virtualSizeBytes: 1024 ** 3, quiesced: true })
    const row = await cluster.cloud.db.image.findUniqueOrThrow({ where: { id } })
    expect(row).toMatchObject({ status: 'ACTIVE', virtualSizeBytes: BigInt(1024 ** 3) })
    expect(await call(here, 'snapshot', { id: machine.id, image }, { callId: 'once' })).toEqual(
      first,
    )
    const used = call(here, 'snapshot', { id: machine.id, image })
    await expect(used).rejects.toMatchObject({ code: 'UNAVAILABLE', retryable: true })
    expect(await powerAt(here, machine)).toBe('RUNNING')
    expect(log.lines.join('')).not.toContain(image.ticket)
  })
})

describe('a console', () => {
  async function openConsole(machine: MachineSpec, kind: 'vnc' | 'serial') {
    const { a, b } = newStream()
    const stream = await openStream(a, cluster.url, never)
    stream.on('error', () => {})
    expect(
      await call(here, 'openConsole', { id: machine.id, kind, stream: b }, { fence: null }),
    ).toBeNull()
    return stream
  }

  it('shows the screen', async () => {
    const stream = await openConsole(await launch(), 'vnc')
    const screen = new RfbClient(stream)
    const { width, height, name } = await screen.connect()
    expect(name).toBe('vm')
    expect(await screen.update()).toBe(width * height * 4)
    stream.destroy()
  })

  it('takes what is typed, knows passwords, and ends with the machine', async () => {
    const machine = await launch()
    const password = 'new secret'
    await call(here, 'setPassword', { id: machine.id, user: 'root', password })
    const stream = await openConsole(machine, 'serial')
    let seen = ''
    stream.on('data', (bytes: Buffer) => {
      seen += String(bytes)
    })
    const type = async (typed: string, shown: string) => {
      stream.write(`${typed}\r`)
      await until(`it says ${shown}`, () => seen.includes(shown))
    }
    await type('', 'vm login: ')
    await type('root', 'Password: ')
    await type('wrong', 'Login incorrect')
    await type('root', 'root\r\nPassword: ')
    await type(password, 'root@vm:~# ')
    await type('echo hello', '\r\nhello\r\n')
    expect(seen).not.toContain(password)
    const over = new Promise((resolve) => stream.once('close', resolve))
    await call(here, 'stop', { id: machine.id, mode: 'forced', timeoutMs: 0 })
    await over
    expect(seen).toContain('Power down')
  })

  it('ends with the agent, and is refused of what is off', async () => {
    const machine = await launch()
    const stream = await openConsole(machine, 'serial')
    stream.resume()
    const over = new Promise((resolve) => stream.once('close', resolve))
    await here.agents.stop('leave')
    await over
    await here.agents.start()
    await call(here, 'stop', { id: machine.id, mode: 'forced', timeoutMs: 0 })
    const { b } = newStream()
    const input = { id: machine.id, kind: 'vnc', stream: b }
    expect(await code(call(here, 'openConsole', input, { fence: null }))).toBe('REFUSED')
  })
})
