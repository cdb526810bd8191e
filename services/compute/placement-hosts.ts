/**
 * The hosts in memory, kept as the database has them: read once, then what changed.
 *
 * T1 A refresh reads the rows that transactions wrote since the last one: `xmin` not before the oldest
 *    transaction that the last refresh may not have seen. Whoever writes, by whatever way, is seen; a
 *    row that is read twice changes nothing. Rows that are gone can't be read: hosts are counted, and
 *    an inventory goes with its host only.
 * T2 Refreshing takes at most a share of the time: in a large cloud a picture may be older than the
 *    question by `MAX_SHARE` times what it takes to look. The claim is the judge (allocation.ts): a stale picture
 *    costs another try.
 * T3 What was promised here counts as used until the row says something new of that host, or for
 *    `PROMISE_MS`: the claim may never have come.
 */
import type { Db, Tx } from '../context.ts'
import { countsServers, type PlacementSettings } from './placement-settings.ts'
import type { AggregateView, HostView, InventoryView } from './placement-view.ts'
import { HostIndex } from './placement-walk.ts'

/** The part of the time that goes into looking, at most: one in so many. */
const MAX_SHARE = 20
const PROMISE_MS = 5_000
/** Actions during which a server's disk is made, copied or moved: their names in `task_state`. */
const BUSY_ACTIONS = [
  ...['create', 'rebuild', 'resize', 'migrate', 'liveMigrate', 'evacuate', 'rescue', 'clone'],
  ...['snapshot', 'backup', 'shelve', 'shelveOffload', 'unshelve'],
]

type HostTuple = [
  id: string,
  name: string,
  status: string,
  enabled: boolean,
  forcedDown: boolean,
  maintenance: boolean,
  generation: number,
  capabilities: { name: string; value: string }[],
  traits: string[],
  failedBuilds: number,
]
type InventoryTuple = [
  hostId: string,
  resource: string,
  total: number,
  reserved: number,
  used: number,
  allocationRatio: number,
]

interface Changes {
  horizon: string
  hostCount: number
  /** Different whenever an aggregate changed. */
  aggregates: string
  hosts: HostTuple[]
  inventories: InventoryTuple[]
}

interface Promised {
  host: HostView
  resources: Record<string, number>
  until: number
}

export class HostTable {
  private readonly byId = new Map<string, HostView>()
  private index: HostIndex
  private sorted: HostView[] | null = null
  private horizon: string | null = null
  private aggregates = ''
  private byHost = new Map<string, AggregateView[]>()
  private promises: Promised[] = []
  private lookedAt = Number.NEGATIVE_INFINITY
  private tookMs = 0
  private countedAt = Number.NEGATIVE_INFINITY
  private countTookMs = 0
  private running: Promise<void> = Promise.resolve()
  private next: Promise<void> | null = null

  constructor(
    private readonly db: Db,
    private readonly settings: PlacementSettings,
  ) {
    this.index = new HostIndex(settings)
  }

  get size(): number {
    return this.byId.size
  }

  /** All of them, by name. */
  all(): readonly HostView[] {
    this.sorted ??= [...this.byId.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
    return this.sorted
  }

  get(id: string): HostView | undefined {
    return this.byId.get(id)
  }

  /** Those that may do, the most promising first. */
  walk(...args: Parameters<HostIndex['walk']>): Iterable<HostView> {
    return this.index.walk(...args)
  }

  /** Resolves when the picture is new enough to decide on; see T2. */
  async recent(): Promise<void> {
    if (performance.now() - this.lookedAt > MAX_SHARE * this.tookMs) await this.refresh()
  }

  /** Resolves when the picture is from after this call. Those who ask meanwhile share one look. */
  refresh(): Promise<void> {
    this.next ??= this.running
      .catch(() => {})
      .then(() => {
        this.next = null
        this.running = this.look()
        return this.running
      })
    return this.next
  }

  /** T3. */
  promise(host: HostView, resources: Record<string, number>): void {
    add(host, resources, 1)
    host.servers++
    this.index.put(host)
    this.promises.push({ host, resources, until: performance.now() + PROMISE_MS })
  }

  /** Takes back what was promised and may have gone elsewhere. */
  forgetPromises(): void {
    this.drop(() => true)
  }

  private async look(): Promise<void> {
    const began = performance.now()
    let changes = await changesSince(this.db, this.horizon)
    if (changes.aggregates !== this.aggregates) {
      this.byHost = await aggregatesByHost(this.db)
      this.aggregates = changes.aggregates
      for (const host of this.byId.values()) this.settle(host)
    }
    this.drop(({ until }) => until < began)
    this.apply(changes)
    if (this.byId.size !== changes.hostCount) {
      // A host is gone: what is gone has no row to be read.
      this.clear()
      changes = await changesSince(this.db, null)
      this.apply(changes)
    }
    this.horizon = changes.horizon
    this.tookMs = performance.now() - began
    this.lookedAt = began
    if (countsServers(this.settings)) await this.count()
  }

  private apply({ hosts, inventories }: Changes): void {
    const touched = new Set<HostView>()
    for (const tuple of hosts) touched.add(this.adopt(tuple))
    const changed = new Set(inventories.map(([hostId]) => hostId))
    this.drop(({ host }) => changed.has(host.id))
    for (const [hostId, resource, total, reserved, used, allocationRatio] of inventories) {
      const host = this.byId.get(hostId)
      if (!host) continue
      replace(host.inventory, { resource, total, reserved, used, allocationRatio })
      touched.add(host)
    }
    for (const host of touched) this.settle(host)
  }

  private adopt(tuple: HostTuple): HostView {
    const [id, name, status, enabled, forcedDown, maintenance, generation, ...rest] = tuple
    const [capabilities, traits, failedBuilds] = rest
    const known = this.byId.get(id)
    const now = {
      ...{ id, name, status, enabled, forcedDown, maintenance, generation },
      capabilities: Object.fromEntries(capabilities.map((c) => [c.name, c.value])),
      traits: new Set(traits),
      failedBuilds,
    }
    if (known) return Object.assign(known, now)
    const none = { inventory: [], servers: 0, busy: 0, aggregates: [], availabilityZone: '' }
    const host: HostView = { ...now, ...none }
    this.byId.set(id, host)
    this.sorted = null
    return host
  }

  /** Gives a host its aggregates and its place in the index. */
  private settle(host: HostView): void {
    host.aggregates = this.byHost.get(host.id) ?? []
    host.availabilityZone =
      host.aggregates.find((a) => a.availabilityZone)?.availabilityZone ?? this.settings.defaultZone
    this.index.put(host)
  }

  private drop(which: (promise: Promised) => boolean): void {
    if (this.promises.length === 0) return
    const kept: Promised[] = []
    for (const promise of this.promises) {
      if (!which(promise)) {
        kept.push(promise)
        continue
      }
      add(promise.host, promise.resources, -1)
      promise.host.servers--
      this.index.put(promise.host)
    }
    this.promises = kept
  }

  private clear(): void {
    this.byId.clear()
    this.promises = []
    this.sorted = null
    this.index = new HostIndex(this.settings)
    this.countedAt = Number.NEGATIVE_INFINITY
  }

  /** Counted anew, at its own pace: it costs with the servers, not with the hosts. */
  private async count(): Promise<void> {
    const began = performance.now()
    if (began - this.countedAt < MAX_SHARE * this.countTookMs) return
    const rows = await this.db.$queryRaw<{ id: string; servers: number; busy: number }[]>`
      select host_id as id, count(*)::int as servers,
             (count(*) filter (where task_state = any (${BUSY_ACTIONS}::text[])))::int as busy
      from compute.server where host_id is not null group by host_id`
    const counts = new Map(rows.map((row) => [row.id, row]))
    for (const host of this.byId.values()) {
      host.servers = counts.get(host.id)?.servers ?? 0
      host.busy = counts.get(host.id)?.busy ?? 0
    }
    for (const { host } of this.promises) host.servers++
    this.countedAt = began
    this.countTookMs = performance.now() - began
  }
}

function add(host: HostView, resources: Record<string, number>, sign: 1 | -1): void {
  for (const inventory of host.inventory) {
    inventory.used += sign * (resources[inventory.resource] ?? 0)
  }
}

function replace(inventory: InventoryView[], now: InventoryView): void {
  const at = inventory.findIndex(({ resource }) => resource === now.resource)
  if (at < 0) inventory.push(now)
  else inventory[at] = now
}

/** T1: one statement, so one picture. Tuples, for there may be many. */
async function changesSince(db: Db | Tx, horizon: string | null): Promise<Changes> {
  const [row] = await db.$queryRaw<[Changes]>`
    select pg_snapshot_xmin(pg_current_snapshot())::text as horizon,
      (select count(*)::int from compute.host) as "hostCount",
      (select concat_ws(' ', count(*), max(updated_at), sum(version)) from compute.aggregate)
        as aggregates,
      (select coalesce(json_agg(json_build_array(h.id, h.name, h.status, h.enabled,
                h.forced_down, h.maintenance, h.generation, h.capabilities,
                h.traits || h.custom_traits, h.failed_builds)), '[]')
       from compute.host h
       where ${horizon}::text is null or age(h.xmin) <= age(${horizon}::text::xid8::xid)) as hosts,
      (select coalesce(json_agg(json_build_array(i.host_id, i.resource, i.total, i.reserved, i.used,
                i.allocation_ratio)), '[]')
       from compute.inventory i
       where ${horizon}::text is null or age(i.xmin) <= age(${horizon}::text::xid8::xid))
        as inventories`
  return row
}

async function aggregatesByHost(db: Db): Promise<Map<string, AggregateView[]>> {
  const rows = await db.aggregate.findMany({
    select: {
      id: true,
      name: true,
      availabilityZone: true,
      metadata: true,
      hosts: { select: { hostId: true } },
    },
    orderBy: { id: 'asc' },
  })
  const byHost = new Map<string, AggregateView[]>()
  for (const { hosts, metadata, ...aggregate } of rows) {
    const view = { ...aggregate, metadata: metadata as Record<string, string> }
    for (const { hostId } of hosts) byHost.set(hostId, [...(byHost.get(hostId) ?? []), view])
  }
  return byHost
}
