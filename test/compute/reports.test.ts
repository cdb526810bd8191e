/** What hosts report becomes true in the rows, and what nobody owns goes from the hosts. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { SimulatedComputeDriver } from '../../drivers/compute/simulated.ts'
import { machinesReport } from '../../services/compute/host-machines.ts'
import { type HostReport, heard, hostReport } from '../../services/compute/host-report.ts'
import {
  correctionFor,
  correctionForMissing,
  type ReportedMachine,
  type ServerRow,
} from '../../services/compute/reconcile.ts'
import {
  type PowerState,
  powerStates,
  serverStatuses,
} from '../../services/compute/server.states.ts'
import { newId } from '../../services/id.ts'
import { type Cluster, startCluster } from '../support/cluster.ts'
import {
  ACT,
  atRest,
  expectCleanWorld,
  getServer,
  newServer,
  putImage,
} from '../support/stories.ts'
import { until } from '../support/until.ts'

const HEARTBEAT_MS = 100

describe('the table', () => {
  const row = (status: string, powerState: PowerState, more: Partial<ServerRow> = {}): ServerRow =>
    ({
      id: 'i',
      projectId: 'p',
      status,
      powerState,
      taskState: null,
      fence: 5n,
      ...more,
    }) as ServerRow
  const machine = (powerState: PowerState, more: Partial<ReportedMachine> = {}) => ({
    id: 'i',
    powerState,
    fence: 5n,
    ...more,
  })

  it.each([
    ['ACTIVE', 'RUNNING', 'RUNNING', null],
    ['ACTIVE', 'RUNNING', 'SHUTDOWN', { status: 'SHUTOFF', powerState: 'SHUTDOWN' }],
    [
      'ACTIVE',
      'RUNNING',
      'PAUSED',
      {
        status: 'ACTIVE',
        powerState: 'PAUSED',
        fault: { code: 'HYPERVISOR_FAILED', message: 'It is held still: killed' },
      },
    ],
    ['ACTIVE', 'PAUSED', 'RUNNING', { status: 'ACTIVE', powerState: 'RUNNING', fault: null }],
    ['ACTIVE', 'NOSTATE', 'RUNNING', { status: 'ACTIVE', powerState: 'RUNNING', fault: null }],
    [
      'ACTIVE',
      'RUNNING',
      'CRASHED',
      {
        status: 'SHUTOFF',
        powerState: 'CRASHED',
        fault: { code: 'HYPERVISOR_FAILED', message: 'killed' },
      },
    ],
    ['SHUTOFF', 'SHUTDOWN', 'SHUTDOWN', null],
    ['SHUTOFF', 'SHUTDOWN', 'RUNNING', { status: 'ACTIVE', powerState: 'RUNNING', fault: null }],
    ['SHUTOFF', 'CRASHED', 'SHUTDOWN', { status: 'SHUTOFF', powerState: 'SHUTDOWN' }],
    ['ERROR', 'NOSTATE', 'RUNNING', { status: 'ERROR', powerState: 'RUNNING' }],
    ['ERROR', 'RUNNING', 'RUNNING', null],
  ] as const)('%s %s, its machine is %s', (status, powerState, reported, correction) => {
    const seen = machine(reported, reported === 'RUNNING' ? {} : { reason: 'killed' })
    expect(correctionFor(row(status, powerState), seen)).toEqual(correction)
  })

  it('says that nobody knows, of one whose hypervisor does not answer', () => {
    const seen = machine('RUNNING', { reason: 'QEMU does not answer' })
    const fault = { code: 'HYPERVISOR_FAILED', message: 'QEMU does not answer' }
    for (const status of ['ACTIVE', 'PAUSED', 'RESCUE', 'VERIFY_RESIZE']) {
      const correction = { status, powerState: 'NOSTATE', fault }
      expect(correctionFor(row(status, 'RUNNING'), seen)).toEqual(correction)
      // An action that failed meanwhile has put its own words there.
      const failed = { ...row(status, 'NOSTATE'), faultMessage: 'It was not answered in time' }
      expect(correctionFor(failed, seen)).toEqual(correction)
      const told = { ...row(status, 'NOSTATE'), faultMessage: fault.message }
      expect(correctionFor(told, seen)).toBeNull()
    }
    expect(correctionFor(row('ERROR', 'RUNNING'), seen)).toBeNull()
  })

  it('is quiet while a task runs, a verb runs, or the news is old', () => {
    for (const status of serverStatuses) {
      for (const powerState of powerStates) {
        const [at, seen] = [row(status, 'NOSTATE'), machine(powerState)]
        expect(correctionFor({ ...at, taskState: 'stop' }, seen)).toBeNull()
        expect(correctionFor(at, { ...seen, busy: true })).toBeNull()
        expect(correctionFor(at, { ...seen, fence: 4n })).toBeNull()
      }
    }
  })

  it('believes a host that has forgotten what it was told', () => {
    const forgetful = machine('SHUTDOWN', { fence: null })
    expect(correctionFor(row('ACTIVE', 'RUNNING'), forgetful)).toMatchObject({ status: 'SHUTOFF' })
  })

  it('comes to rest: what it says is then so', () => {
    for (const status of serverStatuses) {
      for (const powerState of powerStates) {
        const seen = machine(powerState)
        const correction = correctionFor(row(status, 'NOSTATE'), seen)
        const after = row(correction?.status ?? status, correction?.powerState ?? 'NOSTATE')
        expect(correctionFor(after, seen)).toBeNull()
      }
    }
  })

  it('of the missing knows no way back but ERROR', () => {
    expect(correctionForMissing(row('ACTIVE', 'RUNNING'))).toMatchObject({ status: 'ERROR' })
    expect(correctionForMissing(row('ACTIVE', 'RUNNING', { taskState: 'stop' }))).toBeNull()
    expect(correctionForMissing(row('ERROR', 'NOSTATE'))).toBeNull()
  })
})

describe('in the cloud', () => {
  let cloud: Cluster
  let token: string
  let imageId: string
  let id: string

  beforeAll(async () => {
    cloud = await startCluster({ heartbeatMs: HEARTBEAT_MS })
    token = await cloud.signIn()
    imageId = (await putImage(cloud, token)).id
    id = await newServer(cloud, token, 'reported', imageId)
    await atRest(cloud, token, id, 'ACTIVE')
  })
  afterAll(() => cloud?.stop())

  /** The index of the host that the server is on. */
  async function where(): Promise<number> {
    const server = await getServer(cloud, token, id)
    return Number(server?.host?.name.slice('sim-'.length)) - 1
  }
  const driver = async () => {
    const one = cloud.drivers[await where()]
    if (!one) throw new Error('the server is on no host')
    return one
  }

  async function remove(which: string): Promise<void> {
    await cloud.must(ACT('serverDelete'), { input: { id: which } }, token)
    await until('it is gone', async () => (await getServer(cloud, token, which)) === null)
  }

  async function start(): Promise<void> {
    await cloud.must(ACT('serverStart'), { input: { id } }, token)
    await atRest(cloud, token, id, 'ACTIVE')
  }

  it('a guest that shuts itself down is SHUTOFF', async () => {
    await (await driver()).powerOff(id)
    const server = await atRest(cloud, token, id, 'SHUTOFF')
    expect(server).toMatchObject({ powerState: 'SHUTDOWN', fault: null })
    await start()
  })

  it('a machine that was killed is SHUTOFF, with its fault, until it is started again', async () => {
    await (await driver()).crash(id, 'killed by signal 9')
    const server = await atRest(cloud, token, id, 'SHUTOFF')
    expect(server).toMatchObject({
      powerState: 'CRASHED',
      fault: { code: 'HYPERVISOR_FAILED', message: 'killed by signal 9' },
    })
    await start()
    expect((await getServer(cloud, token, id))?.fault).toBeNull()
  })

  it('a watch is told', async () => {
    const watch = cloud.watch<{ kind: string; server: { status: string } }>(
      'subscription ($id: ID) { serverChanged(id: $id) { kind server { status } } }',
      { id },
      token,
    )
    await watch.next(({ kind }) => kind === 'SNAPSHOT')
    await (await driver()).powerOff(id)
    await watch.next(({ kind, server }) => kind === 'UPDATED' && server.status === 'SHUTOFF')
    watch.close()
    await start()
  })

  const makeMachine = (host: SimulatedComputeDriver | undefined, machineId: string) => {
    const spec = { id: machineId, name: 'odd', vcpus: 1, memoryMiB: 128, diskGiB: 1 }
    return host?.create(spec, {} as never, new AbortController().signal)
  }

  it('what is left of a deleted server is removed; what this cloud never had is not', async () => {
    const [host] = cloud.drivers
    const stranger = newId()
    const orphan = await newServer(cloud, token, 'short', imageId)
    await atRest(cloud, token, orphan, 'ACTIVE')
    await remove(orphan)
    await makeMachine(host, stranger)
    await makeMachine(host, orphan)
    await until(
      'the orphan is gone',
      async () => !(await host?.recover())?.some((m) => m.id === orphan),
    )
    expect((await host?.recover())?.some((m) => m.id === stranger)).toBe(true)
    await host?.destroy(stranger, new AbortController().signal)
  })

  it('a copy on a host that is not its own is removed, and its own machine is not', async () => {
    const at = await where()
    const other = cloud.drivers[1 - at]
    await makeMachine(other, id)
    await until('it is gone', async () => (await other?.recover())?.length === 0)
    expect(await cloud.drivers[at]?.recover()).toEqual([{ id, powerState: 'RUNNING' }])
  })

  it('a machine that is missing for long makes its server ERROR', async () => {
    const doomed = await newServer(cloud, token, 'doomed', imageId)
    const server = await atRest(cloud, token, doomed, 'ACTIVE')
    const host = cloud.drivers[Number(server.host?.name.slice(4)) - 1]
    const { db } = cloud.cloud
    await host?.destroy(doomed, new AbortController().signal)
    const beats = async () => (await db.host.findFirstOrThrow()).sequence
    const before = await beats()
    await until('it was reported missing', async () => (await beats()) > before + 2n)
    expect(await getServer(cloud, token, doomed)).toMatchObject({ status: 'ACTIVE' })
    await db.$executeRaw`
      update compute.server set updated_at = now() - interval '2 minutes' where id = ${doomed}::uuid`
    expect(await atRest(cloud, token, doomed, 'ERROR')).toMatchObject({
      powerState: 'NOSTATE',
      fault: { code: 'HYPERVISOR_FAILED', message: 'Its host no longer has the machine' },
    })
    await remove(doomed)
  })

  it('an old report changes nothing', async () => {
    const { db } = cloud.cloud
    const services = { db, now: () => new Date() }
    const host = await db.host.findFirstOrThrow({ where: { servers: { some: { id } } } })
    const report: HostReport = {
      host: host.name,
      driver: 'another',
      bootId: 'another',
      agentStartedAt: host.agentStartedAt?.toISOString() ?? '',
      sequence: 0,
      inventory: { vcpus: 1, memoryMiB: 1, diskGiB: 1 },
      capabilities: [],
      traits: [],
      machines: null,
    }
    expect(await hostReport(services, report)).toBeNull()
    const older = new Date((host.agentStartedAt?.getTime() ?? 0) - 1)
    const newest = { ...report, agentStartedAt: older.toISOString(), sequence: 1_000_000 }
    expect(await hostReport(services, newest)).toBeNull()
    expect(await heard(services, newest)).toBeNull()
    expect(await db.host.findUnique({ where: { id: host.id } })).toMatchObject({
      driver: host.driver,
      generation: host.generation,
    })
    const seen = { id, powerState: 'SHUTDOWN' as const, fence: 0n }
    await machinesReport(services, host.id, [seen], false)
    expect(await getServer(cloud, token, id)).toMatchObject({ status: 'ACTIVE' })
  })

  it('facts that changed go to the inventory and raise the generation', async () => {
    const { db } = cloud.cloud
    const services = { db, now: () => new Date() }
    const base: HostReport = {
      host: 'other-1',
      driver: 'simulated',
      bootId: 'boot',
      agentStartedAt: new Date().toISOString(),
      sequence: 1,
      inventory: { vcpus: 2, memoryMiB: 512, diskGiB: 10 },
      capabilities: [
        { name: 'b', value: '1' },
        { name: 'a', value: '2' },
      ],
      traits: [],
      machines: null,
    }
    const hostId = (await hostReport(services, base)) ?? ''
    const find = () =>
      db.host.findUniqueOrThrow({ where: { id: hostId }, include: { inventory: true } })
    const joined = await find()
    await hostReport(services, {
      ...base,
      sequence: 2,
      capabilities: base.capabilities.toReversed(),
    })
    expect(await find()).toMatchObject({ generation: joined.generation, version: joined.version })
    await hostReport(services, { ...base, sequence: 3, inventory: { ...base.inventory, vcpus: 8 } })
    const grown = await find()
    expect(grown.generation).toBe(joined.generation + 1)
    expect(grown.inventory.find(({ resource }) => resource === 'VCPU')?.total).toBe(8n)
    await db.host.delete({ where: { id: hostId } })
  })

  it('a silent host is DOWN, takes no servers, and is UP again when it speaks', async () => {
    const { db } = cloud.cloud
    const statusOf = async (name: string) => (await db.host.findUnique({ where: { name } }))?.status
    // Its reports are lost: as if the network were cut.
    await db.$executeRaw`
      create function compute.lose() returns trigger language plpgsql as 'begin return null; end'`
    await db.$executeRaw`
      create trigger lose before update on compute.host for each row
      when (new.name = 'sim-1' and new.sequence <> old.sequence) execute function compute.lose()`
    await until('it is DOWN', async () => (await statusOf('sim-1')) === 'DOWN')
    expect(await statusOf('sim-2')).toBe('UP')
    const placed = await newServer(cloud, token, 'elsewhere', imageId)
    expect((await atRest(cloud, token, placed, 'ACTIVE')).host?.name).toBe('sim-2')
    await db.$executeRaw`drop function compute.lose() cascade`
    await until('it is UP', async () => (await statusOf('sim-1')) === 'UP')
    await remove(placed)
    await remove(id)
    await expectCleanWorld(cloud)
  })
})
