/**
 * Placement as a pure function: hosts and a request in, a ranked list and its explanation out. It
 * decides on what it was shown; the claim (allocation.ts) verifies that it is still so.
 *
 * Filters refuse, in the order of their table, each with a reason; weighers rank what passed.
 */
export interface HostView {
  id: string
  name: string
  status: string
  enabled: boolean
  disabledReason: string | null
  generation: number
  inventory: InventoryView[]
}

/** Amounts in the unit of the resource class: VCPU, MEMORY_MB (MiB), DISK_GB (GiB). */
export interface InventoryView {
  resource: string
  total: number
  reserved: number
  used: number
  allocationRatio: number
}

export interface PlacementRequest {
  resources: Record<string, number>
  /** Hosts, by name, on which this request failed already. */
  tried: { host: string; reason: string }[]
}

export interface Explanation {
  hostsTotal: number
  hostsPassed: number
  /** Per filter, of the hosts that reached it: how many passed and how many it refused. */
  filters: { name: string; passed: number; refused: number }[]
  /** The first hosts that were refused, with the reason. */
  refusals: { host: string; filter: string; reason: string }[]
}

interface Filter {
  name: string
  refuses(host: HostView, request: PlacementRequest): string | null
}

/** What the explanation names at most. */
const MAX_REFUSALS = 100
/** What its sentence names at most: as many as a creation tries. */
const MAX_EXAMPLES = 3

const roomFilter = (name: string, resource: string): Filter => ({
  name,
  refuses: (host, { resources }) => {
    const wanted = resources[resource] ?? 0
    const free = freeOf(host, resource)
    return wanted > free ? `${wanted} of ${resource} wanted, ${Math.max(0, free)} free` : null
  },
})

/** OpenStack's filters, by OpenStack's names. */
const filters: Filter[] = [
  {
    name: 'RetryFilter',
    refuses: ({ name }, { tried }) => {
      const failure = tried.find(({ host }) => host === name)
      return failure ? `tried already: ${failure.reason}` : null
    },
  },
  {
    name: 'EnabledFilter',
    refuses: (host) =>
      host.enabled ? null : `disabled${host.disabledReason ? `: ${host.disabledReason}` : ''}`,
  },
  {
    name: 'ComputeFilter',
    refuses: (host) => (host.status === 'UP' ? null : 'its agent does not answer'),
  },
  roomFilter('CoreFilter', 'VCPU'),
  roomFilter('RamFilter', 'MEMORY_MB'),
  roomFilter('DiskFilter', 'DISK_GB'),
]

/** Highest first: the share of memory that stays free, so that load spreads. */
const weighers: { name: string; multiplier: number; weigh(host: HostView): number }[] = [
  { name: 'RAMWeigher', multiplier: 1, weigh: (host) => freeOf(host, 'MEMORY_MB') },
]

/** What can still be allocated, overcommit included. */
export function freeOf(host: HostView, resource: string): number {
  const inventory = host.inventory.find((i) => i.resource === resource)
  if (!inventory) return 0
  const { total, reserved, allocationRatio, used } = inventory
  return Math.floor((total - reserved) * allocationRatio) - used
}

export function place(
  hosts: readonly HostView[],
  request: PlacementRequest,
): { ranked: HostView[]; explanation: Explanation } {
  const refusals: Explanation['refusals'] = []
  const counts: Explanation['filters'] = []
  let left = [...hosts]
  for (const filter of filters) {
    const passed: HostView[] = []
    for (const host of left) {
      const reason = filter.refuses(host, request)
      if (reason === null) passed.push(host)
      else if (refusals.length < MAX_REFUSALS) {
        refusals.push({ host: host.name, filter: filter.name, reason })
      }
    }
    counts.push({ name: filter.name, passed: passed.length, refused: left.length - passed.length })
    left = passed
  }
  return {
    ranked: rank(left),
    explanation: {
      hostsTotal: hosts.length,
      hostsPassed: left.length,
      filters: counts,
      refusals,
    },
  }
}

/** Sum of the normalised weights (0 to 1) times their multipliers; ties fall by name. */
function rank(hosts: HostView[]): HostView[] {
  const scores = new Map(hosts.map((host) => [host, 0]))
  for (const { multiplier, weigh } of weighers) {
    const weights = hosts.map(weigh)
    const least = Math.min(...weights)
    const span = Math.max(...weights) - least || 1
    hosts.forEach((host, i) => {
      const normal = ((weights[i] ?? least) - least) / span
      scores.set(host, (scores.get(host) ?? 0) + multiplier * normal)
    })
  }
  const score = (host: HostView): number => scores.get(host) ?? 0
  return [...hosts].sort((a, b) => score(b) - score(a) || (a.name < b.name ? -1 : 1))
}

/**
 * The refusal in a sentence: which filter let nobody through, and what it said of the first hosts.
 * Hosts are not named: its reader may be a tenant.
 */
export function explainInWords({ hostsTotal, filters, refusals }: Explanation): string {
  if (hostsTotal === 0) return 'No host has joined the cloud yet'
  const last = filters.find((f) => f.passed === 0)
  const examples = refusals
    .filter((r) => r.filter === last?.name)
    .slice(0, MAX_EXAMPLES)
    .map((r) => r.reason)
  const because = examples.length ? ` (${[...new Set(examples)].join('; ')})` : ''
  return `None of ${hostsTotal} hosts can take the server: ${last?.name ?? 'nobody'} let none through${because}`
}
