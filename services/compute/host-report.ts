/**
 * What the agents of hosts report of them becomes rows here, many reports in one statement: thousands
 * of hosts say every some seconds that nothing has changed.
 *
 * H1 A report older than the last one applied changes nothing.
 * H2 A host's generation goes up when a fact changes that placement decides on.
 * H3 A host that an operator says is dead is DOWN, whatever it reports.
 * H7 A statement over many hosts waits for none: whoever claims on one of them holds its row, and two
 *    that wait for each other's hosts would never end. Those that it passed over are asked for one by one.
 */
import type { Cloud } from '../context.ts'
import { emit } from '../core/event.ts'
import { newId } from '../id.ts'
import { hostEvent, hostsRemoved } from './host.ts'
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

type Head = Pick<HostReport, 'host' | 'agentStartedAt' | 'sequence'>

/** OpenStack's defaults; memory is not promised twice where guests are real. */
const allocationRatios: Record<string, number> = { VCPU: 16, MEMORY_MB: 1, DISK_GB: 1 }
/** Kept for the host itself: Nova's default for memory, in MiB. */
const reservedAmounts: Record<string, number> = { MEMORY_MB: 512 }

type Services = Pick<Cloud, 'db' | 'now'>

interface KnownHost {
  id: string
  name: string
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
  return (await hostsReport(cloud, [report])).get(report.host) ?? null
}

/**
 * The same for reports of different hosts: the ids by name, without those that are old news, and without
 * those whose facts could not be written, which go to `failed`: the others must not be told again, they
 * would be old news (H1).
 */
export async function hostsReport(
  cloud: Services,
  reports: HostReport[],
  failed: (name: string, err: unknown) => void = rethrow,
): Promise<Map<string, string>> {
  const byName = new Map(reports.map((report) => [report.host, report]))
  const known = await hostsHeard(cloud, [...byName.values()])
  const others = reports.filter(({ host }) => !known.has(host))
  const there = await hostsThere(
    cloud.db,
    others.map(({ host }) => host),
  )
  for (const report of others) {
    if (!there.has(report.host)) continue
    // H7, or old news.
    const one = await heard(cloud, report, report.bootId)
    if (one) known.set(report.host, one)
  }
  const ids = await hostsJoin(
    cloud,
    others.filter(({ host }) => !there.has(host)),
  )
  // One that reports for the first time is UP together with what it has.
  const silent = [...known.values()].filter(
    ({ status, forcedDown, totals }) => status !== 'UP' && !forcedDown && totals !== null,
  )
  const up = await hostsSpeakAgain(cloud, silent)
  for (const [name, host] of known) {
    const report = byName.get(name)
    const now = up.has(host.id) ? { ...host, status: 'UP' } : host
    try {
      if (report) await factsSettle(cloud, now, report)
      ids.set(name, host.id)
    } catch (err) {
      failed(name, err)
    }
  }
  return ids
}

function rethrow(_name: string, err: unknown): never {
  throw err
}

/** Hosts that were DOWN are UP; the ids of those that nobody held (H7), and of no other. */
async function hostsSpeakAgain({ db }: Services, hosts: KnownHost[]): Promise<Set<string>> {
  if (hosts.length === 0) return new Set()
  return db.$transaction(async (tx) => {
    const up = await tx.$queryRaw<{ id: string }[]>`
      with free as (
        select id from compute.host
        where id = any(${hosts.map(({ id }) => id)}::uuid[]) and not forced_down
        for no key update skip locked)
      update compute.host h set status = 'UP', generation = generation + 1, version = version + 1,
        updated_at = now()
      from free where h.id = free.id
      returning h.id`
    await emit(tx, ...up.map(({ id }) => hostEvent(id, 'updated')))
    return new Set(up.map(({ id }) => id))
  })
}

/** Writes what has changed since the last report. */
async function factsSettle(
  { db, now }: Services,
  known: KnownHost,
  report: HostReport,
): Promise<void> {
  const { driver } = report
  const capabilities = canonical(report.capabilities)
  const traits = [...new Set(report.traits)].sort()
  const status = known.forcedDown ? 'DOWN' : 'UP'
  const moved = Object.entries(totals(report)).filter(
    ([name, total]) => (known.totals?.[name] ?? -1) !== total,
  )
  const same =
    known.status === status &&
    known.driver === driver &&
    JSON.stringify(known.traits) === JSON.stringify(traits) &&
    moved.length === 0 &&
    JSON.stringify(known.capabilities) === JSON.stringify(capabilities)
  if (same) return
  await db.$transaction(async (tx) => {
    // H3 by the row itself: an operator may have said so since this report was heard.
    const there = await tx.$executeRaw`
      update compute.host
      set driver = ${driver}, status = case when forced_down then 'DOWN' else 'UP' end,
          capabilities = ${JSON.stringify(capabilities)}::jsonb, traits = ${traits}::text[],
          updated_at = ${now()}, generation = generation + 1, version = version + 1
      where id = ${known.id}::uuid`
    // Removed meanwhile.
    if (there === 0) return
    for (const [resource, total] of moved) {
      const hostId = known.id
      await tx.inventory.upsert({
        where: { hostId_resource: { hostId, resource } },
        // Of a host that joined with a token, and reports for the first time.
        create: { hostId, ...inventoryOf(resource, total) },
        update: { total },
      })
    }
    await emit(tx, hostEvent(known.id, 'updated'))
  })
}

/**
 * H1: notes that the host was heard of, if this report is newer than the last; null when it is not,
 * or when there is no such host yet. A clock that is far ahead can't shut out the reports to come.
 */
export async function heard(
  { db }: Pick<Services, 'db'>,
  report: Head,
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
    returning h.id, h.name, h.status, h.driver, h.capabilities, h.traits,
      h.forced_down as "forcedDown",
      (select jsonb_object_agg(i.resource, i.total) from compute.inventory i
       where i.host_id = h.id) as totals`
  return known ?? null
}

/** `heard` of many in one statement, by name; without those whose rows somebody holds (H7). */
async function hostsHeard(
  { db }: Pick<Services, 'db'>,
  reports: (Head & { bootId: string })[],
): Promise<Map<string, KnownHost>> {
  const started = reports.map(({ agentStartedAt }) => new Date(agentStartedAt).toISOString())
  const known = await db.$queryRaw<KnownHost[]>`
    with told as (
      select * from unnest(
        ${reports.map(({ host }) => host)}::text[], ${started}::timestamptz[],
        ${reports.map(({ sequence }) => sequence)}::bigint[],
        ${reports.map(({ bootId }) => bootId)}::text[]) t (name, started_at, sequence, boot_id)),
    free as (
      select h.id as host_id, t.* from compute.host h join told t on t.name = h.name
      where (coalesce(h.agent_started_at, 'epoch'), h.sequence) < (t.started_at, t.sequence)
      for no key update of h skip locked)
    update compute.host h
    set agent_started_at = least(f.started_at, now() + interval '5 minutes'),
        sequence = f.sequence, boot_id = f.boot_id, heartbeat_at = now()
    from free f where h.id = f.host_id
    returning h.id, h.name, h.status, h.driver, h.capabilities, h.traits,
      h.forced_down as "forcedDown",
      (select jsonb_object_agg(i.resource, i.total) from compute.inventory i
       where i.host_id = h.id) as totals`
  return new Map(known.map((host) => [host.name, host]))
}

async function hostsThere(db: Services['db'], names: string[]): Promise<Set<string>> {
  if (names.length === 0) return new Set()
  const rows = await db.$queryRaw<{ name: string }[]>`
    select name from compute.host where name = any(${names}::text[])`
  return new Set(rows.map(({ name }) => name))
}

/** The ids of those that were let in, by name. */
async function hostsJoin(cloud: Services, reports: HostReport[]): Promise<Map<string, string>> {
  const removed = await hostsRemoved(
    cloud.db,
    reports.map(({ host }) => host),
  )
  const hosts = reports.filter(({ host }) => !removed.has(host)).map(hostRow)
  if (hosts.length === 0) return new Map()
  const at = cloud.now()
  return cloud.db.$transaction(async (tx) => {
    const joined = await tx.$queryRaw<{ id: string; name: string }[]>`
      insert into compute.host (id, name, driver, boot_id, agent_started_at, sequence, capabilities,
                                traits, status, heartbeat_at, created_at, updated_at)
      select w.*, 'UP', ${at}::timestamptz, ${at}::timestamptz, ${at}::timestamptz
      from jsonb_to_recordset(${JSON.stringify(hosts)}::jsonb) w (
        id uuid, name text, driver text, boot_id text, agent_started_at timestamptz,
        sequence bigint, capabilities jsonb, traits text[])
      on conflict (name) do nothing
      returning id, name`
    const ids = new Map(joined.map(({ id, name }) => [name, id]))
    const inventory = hosts.flatMap(({ name, totals }) => {
      const id = ids.get(name)
      if (!id) return []
      return Object.entries(totals).map(([resource, total]) => ({
        host_id: id,
        resource,
        total,
        reserved: reservedAmounts[resource] ?? 0,
        allocation_ratio: allocationRatios[resource] ?? 1,
      }))
    })
    await tx.$executeRaw`
      insert into compute.inventory (host_id, resource, total, reserved, allocation_ratio)
      select * from jsonb_to_recordset(${JSON.stringify(inventory)}::jsonb) w (
        host_id uuid, resource text, total bigint, reserved bigint, allocation_ratio float)`
    await emit(tx, ...joined.map(({ id }) => hostEvent(id, 'created')))
    return ids
  })
}

const hostRow = (report: HostReport) => ({
  id: newId(),
  name: report.host,
  driver: report.driver,
  boot_id: report.bootId,
  agent_started_at: new Date(report.agentStartedAt).toISOString(),
  sequence: report.sequence,
  capabilities: canonical(report.capabilities),
  traits: [...new Set(report.traits)].sort(),
  totals: totals(report),
})

const inventoryOf = (resource: string, total: number) => ({
  resource,
  total,
  allocationRatio: allocationRatios[resource] ?? 1,
  reserved: reservedAmounts[resource] ?? 0,
})

const totals = ({ inventory }: HostReport): Record<string, number> => ({
  DISK_GB: Math.floor(inventory.diskGiB),
  MEMORY_MB: Math.floor(inventory.memoryMiB),
  VCPU: inventory.vcpus,
})

/** Sorted by name with keys in one order, as the column gives them back. */
const canonical = (capabilities: HostReport['capabilities']) =>
  capabilities
    .map(({ name, value }) => ({ name, value }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
