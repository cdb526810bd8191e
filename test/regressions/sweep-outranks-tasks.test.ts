/**
 * The removal of a machine that nobody owns took its fence after the rows were read: it outranked a task
 * that was claimed in between, and the disk that this task had just made on that host was destroyed.
 */
import { pino } from 'pino'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { makeInProcessBus } from '../../server/bus/in-process.ts'
import { newFence } from '../../services/core/task.ts'
import { newId } from '../../services/id.ts'
import { REPORT_QUEUE } from '../../workers/agent/reports.ts'
import { CallError, type CallRequest } from '../../workers/call.ts'
import { FENCES_PER_CLAIM } from '../../workers/conductor/call-fence.ts'
import { startReports } from '../../workers/conductor/reports.ts'
import { type Cluster, startCluster } from '../support/cluster.ts'
import { until } from '../support/until.ts'

const lines: string[] = []
const log = pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) })
const bus = makeInProcessBus({ log })
let cloud: Cluster
beforeAll(async () => {
  cloud = await startCluster({ hosts: 0, config: { roles: ['api'] } })
})
afterAll(async () => {
  await cloud?.stop()
  await bus.close()
})

const report = (sequence: number, machines: object[]) => ({
  ...{ kind: 'host', host: 'here', driver: 'simulated', bootId: 'boot', sequence, machines },
  ...{ agentStartedAt: '2026-01-01T00:00:00.000Z', at: new Date().toISOString(), problem: null },
  inventory: { vcpus: 4, memoryMiB: 8192, diskGiB: 100 },
  ...{ capabilities: [], traits: [] },
})

async function serverElsewhere(): Promise<string> {
  const { db } = cloud.cloud
  const times = { createdAt: new Date(), updatedAt: new Date() }
  const there = { id: newId(), name: 'there', driver: 'none', status: 'UP', ...times }
  await db.host.create({ data: there })
  const { id: projectId } = await db.project.findFirstOrThrow()
  const { id: flavorId } = await db.flavor.findFirstOrThrow()
  const size = { vcpus: 1, memoryMiB: 1, diskGiB: 1, status: 'ACTIVE', powerState: 'RUNNING' }
  const of = { projectId, flavorId, userId: newId(), hostId: there.id, name: 's' }
  return (await db.server.create({ data: { id: newId(), ...of, ...size, ...times } })).id
}

it('a task that is claimed after the rows were read outranks the removal', async () => {
  const { db, now } = cloud.cloud
  let claimed: bigint | null = null
  /** Claims in the moment in which the rows have been read. */
  const watched = new Proxy(db, {
    get(target, key) {
      if (key !== '$queryRaw') return Reflect.get(target, key)
      return async (text: TemplateStringsArray, ...values: unknown[]) => {
        const rows = await target.$queryRaw<unknown[]>(text, ...values)
        const isRead = text.join('?').includes('from compute.server') && rows.length > 0
        if (isRead) claimed ??= await newFence(db)
        return rows
      }
    },
  })
  const calls: CallRequest[] = []
  const caller = {
    call: async (_: string, request: CallRequest) => {
      calls.push(request)
      throw new CallError('STALE', 'a later owner has it', false)
    },
    close: async () => {},
  }
  const settings = { bus, caller, log, heartbeatMs: 600_000, strangersJoin: true }
  const reports = await startReports({ ...settings, cloud: { db: watched, now } })
  try {
    await bus.publish(REPORT_QUEUE, report(1, []))
    const joined = async () => (await db.host.count({ where: { name: 'here' } })) === 1
    await until('the host is there', joined)
    const id = await serverElsewhere()
    const machine = { id, powerState: 'SHUTDOWN', fence: null, busy: false }
    await bus.publish(REPORT_QUEUE, report(2, [machine]))
    await until('it is removed', () => calls.length > 0)
    expect(calls[0]).toMatchObject({ verb: 'destroy', input: { id } })
    expect(calls[0]?.fence).toBeLessThan(Number(claimed) * FENCES_PER_CLAIM)
  } finally {
    await reports.stop()
  }
  // The host knows better: nothing went wrong, and the next report tells.
  expect(lines.filter((line) => line.includes('could not remove'))).toEqual([])
})
