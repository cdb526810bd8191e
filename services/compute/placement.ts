/**
 * Placement as a pure function: hosts and a request in, a ranked list and its explanation out. It
 * decides on what it was shown; the claim (allocation.ts) verifies that it is still so.
 *
 * Filters (placement-filters.ts) refuse, in the order of their table; weighers
 * (placement-weighers.ts) rank what passed. When nobody passed, the nearest miss is the host that the
 * fewest filters refuse, and of those the one that lacks least.
 */
import { type Asked, type Filter, filters } from './placement-filters.ts'
import { type FilterName, filterNames, placementDefaults } from './placement-settings.ts'
import { type HostView, nobody, type PlacementRequest, type Shortfall } from './placement-view.ts'
import { type Weighed, weigh } from './placement-weighers.ts'

export type { HostView, PlacementRequest } from './placement-view.ts'
export { freeOf } from './placement-view.ts'

export interface Refusal {
  host: string
  filter: string
  reason: string
  /** What the host lacks, where that is a matter of amounts. */
  shortBy?: Shortfall[]
}

export interface NearestMiss {
  host: string
  /** All that the host lacks of resources. */
  shortBy: Shortfall[]
  /** What would make it fit, in words: all of these. */
  remedies: string[]
}

export interface Explanation {
  hostsTotal: number
  /** Hosts that were looked at; in a large cloud a choice needs no more than some that pass. */
  hostsExamined: number
  /** Of those that were looked at. */
  hostsPassed: number
  /** Per filter, of the hosts that reached it: how many passed and how many it refused. */
  filters: { name: string; passed: number; refused: number }[]
  /** The first hosts that were refused, with the reason. */
  refusals: Refusal[]
  /** The first that passed, best first. */
  candidates: { host: string; weight: number }[]
  /** Null when a host passed, or when there is none. */
  nearestMiss: NearestMiss | null
  /** The host was drawn from so many of the best; null when none was chosen. */
  drawnFrom: number | null
}

/** What the explanation names at most: hosts that were refused, and hosts that passed. */
const MAX_REFUSALS = 100
const MAX_CANDIDATES = 100
/** What its sentence names at most: as many as a creation tries. */
const MAX_EXAMPLES = 3

/** The filters that are on, in order, with whether they have to be asked at all. */
const askedFilters = (asked: Asked): { name: FilterName; filter: Filter; idle: boolean }[] =>
  filterNames
    .filter((name) => asked.settings.filters.includes(name))
    .map((name) => {
      const filter = filters[name]
      return { name, filter, idle: filter.concerns?.(asked) === false }
    })

/** Refuses and counts hosts one after the other; how many there will be need not be known. */
export class Sieve {
  private readonly rows: { name: FilterName; filter: Filter; idle: boolean; refused: number }[]
  private readonly refusals: Refusal[] = []
  private examined = 0
  readonly passed: HostView[] = []

  constructor(private readonly asked: Asked) {
    this.rows = askedFilters(asked).map((row) => ({ ...row, refused: 0 }))
  }

  /** Whether the host passes all filters. */
  take(host: HostView): boolean {
    this.examined++
    for (const row of this.rows) {
      if (row.idle || row.filter.passes(host, this.asked)) continue
      row.refused++
      if (this.refusals.length < MAX_REFUSALS) {
        this.refusals.push(refusalBy(row.name, host, this.asked))
      }
      return false
    }
    this.passed.push(host)
    return true
  }

  /** What came of it; `hosts` are all that there are, `ranked` those that passed, best first. */
  explain(hosts: readonly HostView[], ranked: readonly Weighed[]): Explanation {
    let left = this.examined
    const counts = this.rows.map(({ name, refused }) => {
      left -= refused
      return { name, passed: left, refused }
    })
    return {
      hostsTotal: hosts.length,
      hostsExamined: this.examined,
      hostsPassed: this.passed.length,
      filters: counts,
      refusals: this.refusals,
      candidates: ranked
        .slice(0, MAX_CANDIDATES)
        .map(({ host, weight }) => ({ host: host.name, weight: rounded(weight) })),
      nearestMiss: this.passed.length === 0 ? nearestMiss(hosts, this.asked) : null,
      drawnFrom: null,
    }
  }
}

const rounded = (weight: number): number => Math.round(weight * 1e6) / 1e6

function refusalBy(name: FilterName, host: HostView, asked: Asked): Refusal {
  const { reason, shortBy } = filters[name]
  return {
    host: host.name,
    filter: name,
    reason: reason(host, asked),
    ...(shortBy && { shortBy: shortBy(host, asked) }),
  }
}

/** What is not the same for every request; all of it has a default. */
export type PlaceOptions = Partial<Pick<Asked, 'peers' | 'settings'>>

export const askedOf = (request: PlacementRequest, options: PlaceOptions = {}): Asked => ({
  request,
  peers: options.peers ?? nobody,
  settings: options.settings ?? placementDefaults,
})

/** Looks at all hosts. */
export function place(
  hosts: readonly HostView[],
  request: PlacementRequest,
  options: PlaceOptions = {},
): { ranked: HostView[]; explanation: Explanation } {
  const asked = askedOf(request, options)
  const sieve = new Sieve(asked)
  for (const host of hosts) sieve.take(host)
  const ranked = weigh(sieve.passed, asked)
  return {
    ranked: ranked.map(({ host }) => host),
    explanation: sieve.explain(hosts, ranked),
  }
}

/** The host that lacks least, if there is one and it does not pass. */
function nearestMiss(hosts: readonly HostView[], asked: Asked): NearestMiss | null {
  const rows = askedFilters(asked).filter(({ idle }) => !idle)
  let [nearest, fewest, least] = [null as HostView | null, Number.POSITIVE_INFINITY, 0]
  for (const host of hosts) {
    let [refused, lack] = [0, 0]
    for (const { filter } of rows) {
      if (filter.passes(host, asked)) continue
      if (++refused > fewest) break
      for (const { resource, amount } of filter.shortBy?.(host, asked) ?? []) {
        lack += amount / Math.max(1, asked.request.resources[resource] ?? 1)
      }
    }
    if (refused > fewest || (refused === fewest && lack >= least)) continue
    ;[nearest, fewest, least] = [host, refused, lack]
  }
  if (!nearest || fewest === 0) return null
  const host = nearest
  const refusing = rows.map(({ filter }) => filter).filter((filter) => !filter.passes(host, asked))
  return {
    host: host.name,
    shortBy: refusing.flatMap((filter) => filter.shortBy?.(host, asked) ?? []),
    remedies: refusing.map((filter) => filter.remedy(host, asked)),
  }
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
