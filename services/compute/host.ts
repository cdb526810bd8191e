/**
 * Hosts: what their agents report becomes rows here.
 *
 * H1 A report older than the last one applied changes nothing.
 * H2 A host's generation goes up when a fact changes that placement decides on.
 * H3 A server's row follows its machine only while no task runs on it (reconcile.ts).
 */
import { Prisma } from '../../prisma/generated/client.ts'
import type { Cloud } from '../context.ts'
import { type EventDraft, emit } from '../core/event.ts'
import { knownByTasks } from '../core/task.ts'
import { newId } from '../id.ts'
import { change } from '../transition.ts'
import {
  type Correction,
  correctionFor,
  correctionForMissing,
  type ReportedMachine,
  type ServerRow,
} from './reconcile.ts'
import { serverEvent } from './server.ts'

export interface HostReport {
  host: string
  driver: string
  bootId: string
  agentStartedAt: string
  sequence: number
  inventory: { vcpus: number; memoryMiB: number; diskGiB: number }
  capabilities: { name: string; value: string }[]
  /** All machines of the host; null when they could not be listed. */
  machines: ReportedMachine[] | null
}

/** OpenStack's defaults; memory is not promised twice where guests are real. */
const allocationRatios: Record<string, number> = { VCPU: 16, MEMORY_MB: 1, DISK_GB: 1 }
/** Kept for the host itself: Nova's default for memory, in MiB. */
const reservedAmounts: Record<string, bigint> = { MEMORY_MB: 512n }
/** How long a machine may be missing from reports before its row says so. */
const MISSING_AFTER_MS = 60_000

type Services = Pick<Cloud, 'db' | 'now'>

interface KnownHost {
  id: string
  status: string
  driver: string
  capabilities: unknown
  totals: Record<string, number>
}

/** Writes the host's facts; returns its id, or null when the report is old news. */
export async function hostReport(cloud: Services, report: HostReport): Promise<string | null> {
  const known = await heard(cloud, report, report.bootId)
  if (known === null) {
    const exists = await cloud.db.host.count({ where: { name: report.host } })
    return exists ? null : hostJoin(cloud, report)
  }
  const { driver } = report
  const capabilities = canonical(report.capabilities)
  const wanted = totals(report)
  const moved = Object.entries(wanted).filter(
    ([name, total]) => BigInt(known.totals[name] ?? -1) !== total,
  )
  const same =
    known.status === 'UP' &&
    known.driver === driver &&
    moved.length === 0 &&
    JSON.stringify(known.capabilities) === JSON.stringify(capabilities)
  if (same) return known.id
  await cloud.db.$transaction(async (tx) => {
    await tx.host.update({
      where: { id: known.id },
      data: {
        driver,
        status: 'UP',
        capabilities,
        updatedAt: cloud.now(),
        generation: { increment: 1 },
        version: { increment: 1 },
      },
    })
    for (const [resource, total] of moved) {
      await tx.inventory.updateMany({ where: { hostId: known.id, resource }, data: { total } })
    }
    await emit(tx, hostEvent(known.id, 'updated'))
  })
  return known.id
}

/**
 * H1: notes that the host was heard of, if this report is newer than the last; null when it is not,
 * or when there is no such host yet. A clock that is far ahead can't shut out the reports to come.
 */
export async function heard(
  { db }: Pick<Services, 'db'>,
  report: Pick<HostReport, 'host' | 'agentStartedAt' | 'sequence'>,
  bootId: string | null = null,
): Promise<KnownHost | null> {
  const startedAt = new Date(report.agentStartedAt)
  const [known] = await db.$queryRaw<KnownHost[]>`
    update compute.host h
    set agent_started_at = least(${startedAt}, now() + interval '5 minutes'),
        sequence = ${BigInt(report.sequence)}, boot_id = coalesce(${bootId}, boot_id),
        heartbeat_at = now()
    where name = ${report.host}
      and (coalesce(agent_started_at, 'epoch'), sequence) < (${startedAt}, ${BigInt(report.sequence)})
    returning h.id, h.status, h.driver, h.capabilities,
      (select jsonb_object_agg(i.resource, i.total) from compute.inventory i
       where i.host_id = h.id) as totals`
  return known ?? null
}

async function hostJoin(cloud: Services, report: HostReport): Promise<string> {
  const id = newId()
  const at = cloud.now()
  await cloud.db.$transaction(async (tx) => {
    await tx.host.create({
      data: {
        id,
        name: report.host,
        driver: report.driver,
        status: 'UP',
        heartbeatAt: at,
        bootId: report.bootId,
        agentStartedAt: new Date(report.agentStartedAt),
        sequence: BigInt(report.sequence),
        capabilities: canonical(report.capabilities),
        createdAt: at,
        updatedAt: at,
        inventory: {
          create: Object.entries(totals(report)).map(([resource, total]) => ({
            resource,
            total,
            allocationRatio: allocationRatios[resource] ?? 1,
            reserved: reservedAmounts[resource] ?? 0n,
          })),
        },
      },
    })
    await emit(tx, hostEvent(id, 'created'))
  })
  return id
}

const totals = ({ inventory }: HostReport): Record<string, bigint> => ({
  DISK_GB: BigInt(Math.floor(inventory.diskGiB)),
  MEMORY_MB: BigInt(Math.floor(inventory.memoryMiB)),
  VCPU: BigInt(inventory.vcpus),
})

/** Sorted by name with keys in one order, as the column gives them back. */
const canonical = (capabilities: HostReport['capabilities']) =>
  capabilities
    .map(({ name, value }) => ({ name, value }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))

const hostEvent = (id: string, what: 'created' | 'updated'): EventDraft => ({
  type: `host.${what}`,
  resourceType: 'host',
  resourceId: id,
  projectId: null,
})

/** Hosts that were silent for too long are DOWN; placement passes them over. */
export async function hostsFallSilent(cloud: Services, silentMs: number): Promise<string[]> {
  return cloud.db.$transaction(async (tx) => {
    const fallen = await tx.$queryRaw<{ id: string; name: string }[]>`
      update compute.host set status = 'DOWN', generation = generation + 1, version = version + 1,
        updated_at = now()
      where status = 'UP' and heartbeat_at < now() - ${silentMs}::int * interval '1 millisecond'
      returning id, name`
    await emit(tx, ...fallen.map(({ id }) => hostEvent(id, 'updated')))
    return fallen.map(({ name }) => name)
  })
}

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
  const elsewhere = rows.filter((row) => row.hostId !== hostId && !row.taskState)
  const { known, unknown } = await knownByTasks(
    cloud.db,
    ids.filter((id) => !byId.has(id)),
  )
  return { orphans: [...elsewhere.map((row) => row.id), ...known], strangers: unknown }
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
