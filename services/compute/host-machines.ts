/**
 * The machines that hosts report, and the rows of servers: which row follows which machine, and which
 * machines are nobody's.
 *
 * H5 A server's row follows its machine only while no task runs on it (reconcile.ts).
 * H6 A machine is its server's on the server's host, and on both ends of an open migration; while a task
 *    runs nobody else judges. What was evacuated is nobody's on the host that it was evacuated from.
 * H8 The fence of a removal is drawn before the rows are read: of a task that was claimed before it the
 *    row tells, and one that is claimed later outranks it, so that what it made meanwhile stays.
 */
import { Prisma } from '../../prisma/generated/client.ts'
import type { Cloud } from '../context.ts'
import { emit } from '../core/event.ts'
import { knownByTasks, newFence } from '../core/task.ts'
import { change } from '../transition.ts'
import { openMigrations } from './migration-status.ts'
import {
  type Correction,
  correctionFor,
  correctionForMissing,
  type ReportedMachine,
  type ServerRow,
} from './reconcile.ts'
import { serverEvent } from './server.ts'

/** How long a machine may be missing from reports before its row says so. */
const MISSING_AFTER_MS = 60_000

type Services = Pick<Cloud, 'db' | 'now'>

export interface Unowned {
  /** This cloud had them and let them go: what is left of them may be removed. */
  orphans: string[]
  /** Nothing is known of them: a database that was restored or swapped must not cost anybody a disk. */
  strangers: string[]
  /** H8: what a removal of them goes under. */
  fence: bigint
}

/** A host and what it says of its machines. */
export interface HostMachines {
  hostId: string
  machines: ReportedMachine[]
  /** When it looked, by its own clock: a report that waited says nothing of what was made since. */
  seenAt?: Date
}

interface Row extends ServerRow {
  hostId: string | null
  updatedAt: Date
}

/** Brings rows in line with the machines of a host; returns the machines that no row owns. */
export async function machinesReport(
  cloud: Services,
  hostId: string,
  machines: ReportedMachine[],
  complete: boolean,
): Promise<Unowned> {
  const host = { hostId, machines }
  const rows = await rowsFor(cloud, [host], complete)
  return bringInLine(cloud, host, rows, complete)
}

/**
 * The same for many hosts that told of all their machines; what comes of each goes to `told`, and what
 * went wrong with one to `failed`: it costs the others nothing.
 */
export async function machinesReports(
  cloud: Services,
  hosts: HostMachines[],
  told: (hostId: string, unowned: Unowned) => void,
  failed: (hostId: string, err: unknown) => void,
): Promise<void> {
  if (hosts.length === 0) return
  const rows = await rowsFor(cloud, hosts, true)
  for (const host of hosts) {
    try {
      told(host.hostId, await bringInLine(cloud, host, rows, true))
    } catch (err) {
      failed(host.hostId, err)
    }
  }
}

interface Rows {
  /** H8. */
  fence: bigint
  byId: Map<string, Row>
  byHost: Map<string, Row[]>
}

/** The rows of these machines, and with `complete` all rows of these hosts, in one statement. */
async function rowsFor({ db }: Services, hosts: HostMachines[], complete: boolean): Promise<Rows> {
  const ids = hosts.flatMap(({ machines }) => machines.map(({ id }) => id))
  const hostIds = complete ? hosts.map(({ hostId }) => hostId) : []
  // A statement of its own: one that also reads would read as of before it draws.
  const fence = await newFence(db)
  const rows = await db.$queryRaw<Row[]>`
    select id, project_id as "projectId", status, power_state as "powerState",
           task_state as "taskState", fence, fault ->> 'message' as "faultMessage",
           host_id as "hostId", updated_at as "updatedAt"
    from compute.server
    where host_id = any(${hostIds}::uuid[]) or id = any(${ids}::uuid[])`
  const byHost = new Map<string, Row[]>()
  for (const row of rows) {
    if (row.hostId === null) continue
    const there = byHost.get(row.hostId)
    if (there) there.push(row)
    else byHost.set(row.hostId, [row])
  }
  return { fence, byId: new Map(rows.map((row) => [row.id, row])), byHost }
}

/** Those of its machines, and those that should be on it. */
function rowsOf({ hostId, machines }: HostMachines, { byId, byHost }: Rows): Map<string, Row> {
  const rows = new Map((byHost.get(hostId) ?? []).map((row) => [row.id, row]))
  for (const { id } of machines) {
    const row = byId.get(id)
    if (row) rows.set(id, row)
  }
  return rows
}

async function bringInLine(
  cloud: Services,
  host: HostMachines,
  read: Rows,
  complete: boolean,
): Promise<Unowned> {
  const { hostId, machines, seenAt } = host
  const rows = rowsOf(host, read)
  const ids = machines.map((m) => m.id)
  const now = cloud.now().getTime()
  const missingSince = new Date(Math.min(now, seenAt?.getTime() ?? now) - MISSING_AFTER_MS)
  for (const machine of machines) {
    const row = rows.get(machine.id)
    if (row?.hostId !== hostId) continue
    await correct(cloud, row, correctionFor(row, machine))
  }
  if (complete) {
    const reported = new Set(ids)
    for (const row of rows.values()) {
      if (row.hostId !== hostId || reported.has(row.id) || row.updatedAt > missingSince) continue
      await correct(cloud, row, correctionForMissing(row))
    }
  }
  const elsewhere = [...rows.values()].filter((row) => row.hostId !== hostId)
  const unwanted = await notWanted(cloud, hostId, elsewhere)
  const { known, unknown } = await knownByTasks(
    cloud.db,
    ids.filter((id) => !rows.has(id)),
  )
  return { orphans: [...unwanted, ...known], strangers: unknown, fence: read.fence }
}

/** H6: of servers that are on other hosts, those that need nothing here. */
async function notWanted(
  { db }: Services,
  hostId: string,
  rows: { id: string; taskState: string | null }[],
): Promise<string[]> {
  if (rows.length === 0) return []
  const moves = await db.migration.findMany({
    where: {
      serverId: { in: rows.map(({ id }) => id) },
      status: { in: [...openMigrations] },
      OR: [{ sourceHostId: hostId }, { destinationHostId: hostId }],
    },
    select: { serverId: true, kind: true, sourceHostId: true },
  })
  const moveOf = new Map(moves.map((move) => [move.serverId, move]))
  return rows
    .filter(({ id, taskState }) => {
      if (taskState) return false
      const move = moveOf.get(id)
      return !move || (move.kind === 'EVACUATION' && move.sourceHostId === hostId)
    })
    .map(({ id }) => id)
}

async function correct(
  cloud: Services,
  row: ServerRow,
  correction: Correction | null,
): Promise<void> {
  if (!correction) return
  const at = cloud.now()
  const { status, powerState, fault } = correction
  await cloud.db.$transaction(async (tx) => {
    const changed = await change(tx, {
      resource: 'server',
      id: row.id,
      where: { status: row.status, taskState: null, fence: row.fence },
      set: {
        status,
        powerState,
        ...(fault && { fault: { ...fault, at: at.toISOString() } }),
        ...(fault === null && { fault: Prisma.DbNull }),
      },
      at,
    })
    if (changed) await emit(tx, serverEvent({ ...row, requestId: null }, 'updated'))
  })
}
