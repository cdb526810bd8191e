/** What a machine's power state means in each status; and whose a machine is while servers move. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { machinesReport } from '../../services/compute/host-machines.ts'
import {
  correctionFor,
  correctionForMissing,
  type ReportedMachine,
  type ServerRow,
} from '../../services/compute/reconcile.ts'
import type { PowerState, ServerStatus } from '../../services/compute/server.states.ts'
import { newId } from '../../services/id.ts'
import { type Cluster, startCluster } from '../support/cluster.ts'

const row = (status: ServerStatus, powerState: PowerState): ServerRow => ({
  ...{ id: 'i', projectId: 'p', taskState: null, fence: 0n, faultMessage: null },
  ...{ status, powerState },
})
const machine = (powerState: PowerState, reason: string | null = 'killed'): ReportedMachine => ({
  ...{ id: 'i', fence: 0n, powerState },
  ...(reason && { reason }),
})

describe('a machine at rest', () => {
  it.each([
    ['PAUSED', 'RUNNING', 'ACTIVE'],
    ['PAUSED', 'SHUTDOWN', 'SHUTOFF'],
    ['PAUSED', 'SUSPENDED', 'SUSPENDED'],
    ['SUSPENDED', 'RUNNING', 'ACTIVE'],
    ['SUSPENDED', 'PAUSED', 'ACTIVE'],
    ['PAUSED', 'PAUSED', 'PAUSED'],
    ['SUSPENDED', 'SHUTDOWN', 'SHUTOFF'],
    ['ACTIVE', 'SUSPENDED', 'SUSPENDED'],
    ['ACTIVE', 'PAUSED', 'ACTIVE'],
    ['SHUTOFF', 'SUSPENDED', 'SUSPENDED'],
    ['RESCUE', 'SHUTDOWN', 'RESCUE'],
    ['VERIFY_RESIZE', 'SHUTDOWN', 'VERIFY_RESIZE'],
    ['SHELVED', 'RUNNING', 'SHELVED'],
    ['SOFT_DELETED', 'RUNNING', 'SOFT_DELETED'],
    ['ERROR', 'SHUTDOWN', 'ERROR'],
  ] as const)('of one that is %s and now %s makes it %s', (status, powerState, after) => {
    const reason = powerState === 'RUNNING' ? null : 'killed'
    const correction = correctionFor(row(status, 'CRASHED'), machine(powerState, reason))
    expect(correction).toMatchObject({ status: after, powerState })
    // What is held still is told why.
    if (powerState === 'PAUSED') expect(correction?.fault?.message).toContain('killed')
    else expect(correction?.fault).toBeUndefined()
  })

  it.each(['ACTIVE', 'SHUTOFF', 'SUSPENDED'] as const)(
    'of one that is %s and now PAUSED for no reason makes it PAUSED',
    (status) => {
      const correction = correctionFor(row(status, 'NOSTATE'), machine('PAUSED', null))
      expect(correction).toMatchObject({ status: 'PAUSED', powerState: 'PAUSED' })
    },
  )

  it.each([
    ['ACTIVE', 'SHUTOFF'],
    ['PAUSED', 'SHUTOFF'],
    ['RESCUE', 'RESCUE'],
    ['VERIFY_RESIZE', 'VERIFY_RESIZE'],
  ] as const)('that crashed is told of in %s', (status, after) => {
    expect(correctionFor(row(status, 'RUNNING'), machine('CRASHED'))).toEqual({
      ...{ status: after, powerState: 'CRASHED' },
      fault: { code: 'HYPERVISOR_FAILED', message: 'killed' },
    })
  })
})

it('a machine that is gone leaves the way back of what awaits its confirmation', () => {
  const gone = correctionForMissing(row('VERIFY_RESIZE', 'RUNNING'))
  expect(gone).toMatchObject({ status: 'VERIFY_RESIZE', powerState: 'NOSTATE' })
  expect(correctionForMissing(row('VERIFY_RESIZE', 'NOSTATE'))).toBeNull()
  expect(correctionForMissing(row('SOFT_DELETED', 'SHUTDOWN'))).toBeNull()
  expect(correctionForMissing(row('PAUSED', 'PAUSED'))).toMatchObject({ status: 'ERROR' })
})

describe('a machine of a server that is on another host', () => {
  let cloud: Cluster
  let here: string
  let there: string
  const at = new Date()
  const times = { createdAt: at, updatedAt: at }

  beforeAll(async () => {
    cloud = await startCluster({ hosts: 0, config: { roles: ['api'] } })
    ;[here, there] = (await Promise.all(['here', 'there'].map(host))) as [string, string]
  })
  afterAll(() => cloud?.stop())

  async function host(name: string): Promise<string> {
    const data = { id: newId(), name, driver: 'none', status: 'UP', ...times }
    return (await cloud.cloud.db.host.create({ data })).id
  }

  /** A server that is there; its machine is here. */
  async function server(taskState: string | null): Promise<string> {
    const { db } = cloud.cloud
    const { id: projectId } = await db.project.findFirstOrThrow()
    const { id: flavorId } = await db.flavor.findFirstOrThrow()
    const size = { vcpus: 1, memoryMiB: 1, diskGiB: 1, status: 'ACTIVE', powerState: 'RUNNING' }
    const id = newId()
    const of = { projectId, flavorId, userId: newId(), hostId: there, name: 's', taskState }
    await db.server.create({ data: { id, ...of, ...size, ...times } })
    return id
  }

  async function migration(serverId: string, kind: string, status: string): Promise<void> {
    const { projectId } = await cloud.cloud.db.server.findUniqueOrThrow({ where: { id: serverId } })
    const ends = {
      sourceHostId: here,
      destinationHostId: there,
      beforeStatus: 'ACTIVE',
      oldSize: {},
    }
    const data = { id: newId(), serverId, projectId, kind, status, ...ends, ...times }
    await cloud.cloud.db.migration.create({ data })
  }

  const isOrphan = async (id: string): Promise<boolean> => {
    const { db, now } = cloud.cloud
    const machines = [{ id, powerState: 'SHUTDOWN' as const, fence: 0n }]
    return (await machinesReport({ db, now }, here, machines, true)).orphans.includes(id)
  }

  it('is nobody’s', async () => {
    expect(await isOrphan(await server(null))).toBe(true)
  })

  it('is left alone while a task runs', async () => {
    expect(await isOrphan(await server('liveMigrate'))).toBe(false)
  })

  it.each([
    ['RESIZE', 'FINISHED', null, false],
    ['MIGRATION', 'RUNNING', 'migrate', false],
    ['LIVE_MIGRATION', 'FINISHED', 'liveMigrate', false],
    ['MIGRATION', 'CONFIRMED', null, true],
    ['LIVE_MIGRATION', 'COMPLETED', null, true],
    ['EVACUATION', 'RUNNING', 'evacuate', false],
    ['EVACUATION', 'COMPLETED', null, true],
  ] as const)('%s that is %s (task: %s): to be removed: %s', async (kind, status, task, orphan) => {
    const id = await server(task)
    await migration(id, kind, status)
    expect(await isOrphan(id)).toBe(orphan)
  })
})
