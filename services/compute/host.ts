/**
 * Hosts: what their agents report becomes rows here.
 *
 * H1 A report older than the last one applied changes nothing.
 * H2 A host's generation goes up when a fact changes that placement decides on.
 * H3 A host that an operator says is dead is DOWN, whatever it reports.
 * H4 A host that was removed does not come in again by itself: it needs a word (host-join.ts).
 */
import type { Cloud, Tx } from '../context.ts'
import { type EventDraft, emit } from '../core/event.ts'
import { newId } from '../id.ts'
import type { ReportedMachine } from './reconcile.ts'

export interface HostReport {
  host: string
  driver: string
  bootId: string
  agentStartedAt: string
  sequence: number
  inventory: { vcpus: number; memoryMiB: number; diskGiB: number }
  capabilities: { name: string; value: string }[]
  /** As probed; CUSTOM_ ones that operators gave it are beside them. */
  traits: string[]
  /** All machines of the host; null when they could not be listed. */
  machines: ReportedMachine[] | null
}

/** OpenStack's defaults; memory is not promised twice where guests are real. */
const allocationRatios: Record<string, number> = { VCPU: 16, MEMORY_MB: 1, DISK_GB: 1 }
/** Kept for the host itself: Nova's default for memory, in MiB. */
const reservedAmounts: Record<string, bigint> = { MEMORY_MB: 512n }

type Services = Pick<Cloud, 'db' | 'now'>

interface KnownHost {
  id: string
  status: string
  driver: string
  capabilities: unknown
  traits: string[]
  forcedDown: boolean
  /** Null: it never reported any. */
  totals: Record<string, number> | null
}

/** Writes the host's facts; returns its id, or null when the report is old news. */
export async function hostReport(cloud: Services, report: HostReport): Promise<string | null> {
  const known = await heard(cloud, report, report.bootId)
  if (known === null) {
    const exists = await cloud.db.host.count({ where: { name: report.host } })
    return exists || (await wasRemoved(cloud.db, report.host)) ? null : hostJoin(cloud, report)
  }
  const { driver } = report
  const capabilities = canonical(report.capabilities)
  const traits = [...new Set(report.traits)].sort()
  const status = known.forcedDown ? 'DOWN' : 'UP'
  const wanted = totals(report)
  const moved = Object.entries(wanted).filter(
    ([name, total]) => BigInt(known.totals?.[name] ?? -1) !== total,
  )
  const same =
    known.status === status &&
    known.driver === driver &&
    JSON.stringify(known.traits) === JSON.stringify(traits) &&
    moved.length === 0 &&
    JSON.stringify(known.capabilities) === JSON.stringify(capabilities)
  if (same) return known.id
  await cloud.db.$transaction(async (tx) => {
    await tx.host.update({
      where: { id: known.id },
      data: {
        driver,
        status,
        capabilities,
        traits,
        updatedAt: cloud.now(),
        generation: { increment: 1 },
        version: { increment: 1 },
      },
    })
    for (const [resource, total] of moved) {
      const hostId = known.id
      await tx.inventory.upsert({
        where: { hostId_resource: { hostId, resource } },
        // Of a host that joined with a word, and reports for the first time.
        create: { hostId, ...inventoryOf(resource, total) },
        update: { total },
      })
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
    returning h.id, h.status, h.driver, h.capabilities, h.traits,
      h.forced_down as "forcedDown",
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
        traits: [...new Set(report.traits)].sort(),
        createdAt: at,
        updatedAt: at,
        inventory: {
          create: Object.entries(totals(report)).map(([name, total]) => inventoryOf(name, total)),
        },
      },
    })
    await emit(tx, hostEvent(id, 'created'))
  })
  return id
}

const inventoryOf = (resource: string, total: bigint) => ({
  resource,
  total,
  allocationRatio: allocationRatios[resource] ?? 1,
  reserved: reservedAmounts[resource] ?? 0n,
})

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

export const hostEvent = (id: string, what: 'created' | 'updated' | 'deleted'): EventDraft => ({
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

/** Of a row that stands for a removed host: no word has such a hash. */
const removedHash = (name: string): string => `removed:${name}`
/** As long as there is a cloud. */
const FOR_EVER = new Date('9999-01-01T00:00:00Z')

/** H4: remembers that this name must not come in by itself. */
export async function hostRemember(tx: Tx, name: string, at: Date): Promise<void> {
  const hash = removedHash(name)
  const data = { hostName: name, expiresAt: FOR_EVER, usedAt: at }
  await tx.hostJoinToken.upsert({
    where: { hash },
    create: { id: newId(), hash, createdAt: at, ...data },
    update: data,
  })
}

const wasRemoved = async (db: Cloud['db'], name: string): Promise<boolean> =>
  (await db.hostJoinToken.count({ where: { hash: removedHash(name) } })) > 0
