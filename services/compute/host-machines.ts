/**
 * The machines that hosts report, and the rows of servers: which row follows which machine, and which
 * machines are nobody's.
 *
 * H5 A server's row follows its machine only while no task runs on it (reconcile.ts).
 * H6 A machine is its server's on the server's host, and on both ends of an open migration; while a task
 *    runs nobody else judges. What was evacuated is nobody's on the host that it was evacuated from.
 */
import { Prisma } from '../../prisma/generated/client.ts'
import type { Cloud } from '../context.ts'
import { emit } from '../core/event.ts'
import { knownByTasks } from '../core/task.ts'
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
}

/** Brings rows in line with the machines of a host; returns the machines that no row owns. */
export async function machinesReport(
  cloud: Services,
  hostId: string,
  machines: ReportedMachine[],
  complete: boolean,
): Promise<Unowned> {
  const ids = machines.map((m) => m.id)
  const rows = await cloud.db.server.findMany({
    where: complete ? { OR: [{ hostId }, { id: { in: ids } }] } : { id: { in: ids } },
    select: {
      id: true,
      projectId: true,
      status: true,
      powerState: true,
      taskState: true,
      fence: true,
      hostId: true,
      updatedAt: true,
    },
  })
  const byId = new Map(rows.map((row) => [row.id, row]))
  const missingSince = new Date(cloud.now().getTime() - MISSING_AFTER_MS)
  for (const machine of machines) {
    const row = byId.get(machine.id)
    if (row?.hostId !== hostId) continue
    await correct(cloud, row as ServerRow, correctionFor(row as ServerRow, machine))
  }
  if (complete) {
    const reported = new Set(ids)
    for (const row of rows) {
      if (row.hostId !== hostId || reported.has(row.id) || row.updatedAt > missingSince) continue
      await correct(cloud, row as ServerRow, correctionForMissing(row as ServerRow))
    }
  }
  const elsewhere = await notWanted(
    cloud,
    hostId,
    rows.filter((row) => row.hostId !== hostId),
  )
  const { known, unknown } = await knownByTasks(
    cloud.db,
    ids.filter((id) => !byId.has(id)),
  )
  return { orphans: [...elsewhere, ...known], strangers: unknown }
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
