/**
 * Hosts: what their agents report becomes rows here. An agent is believed about its own host only.
 *
 * H1 A report older than the last one applied changes nothing.
 * H2 A host's generation goes up when a fact changes that placement decides on.
 * H3 A server's row follows its machine only while no task runs on it (reconcile.ts).
 */
import type { Cloud, Tx } from '../context.ts'
import { type EventDraft, emit } from '../core/event.ts'
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
/** How long a machine may be missing from reports before its row says so. */
const MISSING_AFTER_MS = 60_000

type Services = Pick<Cloud, 'db' | 'now'>

/** Writes the host's facts; returns its id, or null when the report is old news. */
export async function hostReport(cloud: Services, report: HostReport): Promise<string | null> {
  const known = await cloud.db.host.findUnique({
    where: { name: report.host },
    include: { inventory: { orderBy: { resource: 'asc' } } },
  })
  if (!known) return hostJoin(cloud, report)
  if (isOld(report, known)) return null
  const startedAt = new Date(report.agentStartedAt)
  const { driver, bootId, capabilities } = report
  const now = { agentStartedAt: startedAt, sequence: BigInt(report.sequence), bootId }
  const wanted = totals(report)
  const inventoryChanged = known.inventory.some((i) => i.total !== wanted[i.resource])
  const same =
    known.status === 'UP' &&
    known.driver === driver &&
    !inventoryChanged &&
    JSON.stringify(known.capabilities) === JSON.stringify(canonical(capabilities))
  if (same) {
    await cloud.db.$executeRaw`
      update compute.host set heartbeat_at = now(), sequence = ${now.sequence},
        agent_started_at = ${startedAt}, boot_id = ${bootId} where id = ${known.id}::uuid`
    return known.id
  }
  await cloud.db.$transaction(async (tx) => {
    await tx.host.update({
      where: { id: known.id },
      data: {
        ...now,
        driver,
        status: 'UP',
        capabilities: canonical(capabilities),
        heartbeatAt: cloud.now(),
        updatedAt: cloud.now(),
        generation: { increment: 1 },
        version: { increment: 1 },
      },
    })
    if (inventoryChanged) await setTotals(tx, known.id, wanted)
    await emit(tx, hostEvent(known.id, 'updated'))
  })
  return known.id
}

/** H1: whether a report was made before the one that the host's row stands for. */
export function isOld(
  report: Pick<HostReport, 'agentStartedAt' | 'sequence'>,
  host: { agentStartedAt: Date | null; sequence: bigint },
): boolean {
  const startedAt = Date.parse(report.agentStartedAt)
  const seen = host.agentStartedAt?.getTime() ?? 0
  return startedAt < seen || (startedAt === seen && BigInt(report.sequence) <= host.sequence)
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

async function setTotals(tx: Tx, hostId: string, wanted: Record<string, bigint>): Promise<void> {
  for (const [resource, total] of Object.entries(wanted)) {
    await tx.inventory.updateMany({ where: { hostId, resource }, data: { total } })
  }
}

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

/** Brings rows in line with the machines of a host; returns the machines that nobody owns. */
export async function machinesReport(
  cloud: Services,
  hostId: string,
  machines: ReportedMachine[],
  complete: boolean,
): Promise<string[]> {
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
  return ids.filter((id) => {
    const row = byId.get(id)
    return !row || (row.hostId !== hostId && !row.taskState)
  })
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
      set: { status, powerState, ...(fault && { fault: { ...fault, at: at.toISOString() } }) },
      at,
    })
    if (changed) await emit(tx, serverEvent({ ...row, requestId: null }, 'updated'))
  })
}
