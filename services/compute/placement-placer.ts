/**
 * Decides where a server goes, over the hosts in memory.
 *
 * P1 In a small cloud each decision is made on a picture from after it was asked for, and looks at all
 *    hosts. In a large one the picture may be a little older, and the walk (placement-walk.ts) ends
 *    once `ENOUGH` hosts have passed: then the explanation counts those that were looked at, and says
 *    how many they were. With the memory weigher the hosts that were not looked at have less room.
 * P2 Nobody is refused on that: when the walk found none, and whenever an explanation is asked for, all
 *    hosts are looked at, in a new picture, and the counts are of all of them.
 * P3 The host is drawn from the best few, so that schedulers side by side seldom want the same one.
 * P4 Who asks again soon for the same server lost the claim: it gets a new picture.
 */
import type { Db } from '../context.ts'
import {
  type Explanation,
  type HostView,
  type PlacementRequest,
  place,
  Sieve,
} from './placement.ts'
import { HostTable } from './placement-hosts.ts'
import { namesPeers, peersOf } from './placement-request.ts'
import type { PlacementSettings } from './placement-settings.ts'
import { nobody, type Peers } from './placement-view.ts'
import { weigh } from './placement-weighers.ts'

/** Clouds with no more hosts are small. */
const SMALL = 300
/** Hosts that have passed when a walk ends. */
const ENOUGH = 100
/** Where nobody says otherwise, a host is drawn from one in so many of those that passed ... */
const SUBSET_SHARE = 20
/** ... and no more than so many. */
const MAX_SUBSET = 20
/** Candidates told: the first is taken, the rest are there to be seen. */
const MAX_TOLD = 5
/** Servers that were placed lately, to know who asks again. */
const MAX_RECENT = 1_000
const RECENT_MS = 10_000

export interface Decision {
  /** The chosen one first; empty when there is none. */
  hosts: Pick<HostView, 'id' | 'name' | 'generation' | 'failedBuilds'>[]
  explanation: Explanation
}

export interface Placer {
  readonly settings: PlacementSettings
  /** A host for a server that comes: in a large cloud its room counts as taken from now on. */
  decide(request: PlacementRequest): Promise<Decision>
  /** What would be decided, of all hosts. */
  explain(request: PlacementRequest): Promise<Explanation>
}

export function makePlacer(
  db: Db,
  settings: PlacementSettings,
  random: () => number = Math.random,
): Placer {
  const table = new HostTable(db, settings)
  const recent = new Map<string, number>()
  const peersFor = async (request: PlacementRequest): Promise<Peers> =>
    namesPeers(request) ? peersOf(db, request) : nobody

  function asksAgain({ serverId }: PlacementRequest): boolean {
    if (!serverId) return false
    const before = recent.get(serverId)
    recent.delete(serverId)
    recent.set(serverId, performance.now())
    for (const oldest of recent.keys()) {
      if (recent.size <= MAX_RECENT) break
      recent.delete(oldest)
    }
    return before !== undefined && performance.now() - before < RECENT_MS
  }

  async function look(again: boolean): Promise<void> {
    if (again || table.size <= SMALL) await table.refresh()
    else await table.recent()
  }

  function ofAll(request: PlacementRequest, peers: Peers): Decision {
    const { ranked, explanation } = place(table.all(), request, { peers, settings })
    return drawn(ranked, explanation, request)
  }

  /** P1, P3: null when the walk found none. */
  function ofSome(request: PlacementRequest, peers: Peers): Decision | null {
    const asked = { request, peers, settings }
    const sieve = new Sieve(asked)
    for (const host of table.walk(request, random)) {
      if (sieve.take(host) && sieve.passed.length >= ENOUGH) break
    }
    if (sieve.passed.length === 0) return null
    const ranked = weigh(sieve.passed, asked)
    const explanation = sieve.explain(table.all(), ranked)
    return drawn(
      ranked.map(({ host }) => host),
      explanation,
      request,
    )
  }

  function drawn(
    ranked: HostView[],
    explanation: Explanation,
    request: PlacementRequest,
  ): Decision {
    if (ranked.length === 0) return { hosts: [], explanation }
    const among = Math.min(ranked.length, subsetOf(settings, request, ranked.length))
    const [chosen] = ranked.splice(Math.floor(random() * among), 1)
    const hosts = [chosen as HostView, ...ranked]
      .slice(0, MAX_TOLD)
      .map(({ id, name, generation, failedBuilds }) => ({ id, name, generation, failedBuilds }))
    return { hosts, explanation: { ...explanation, drawnFrom: among } }
  }

  async function decide(request: PlacementRequest): Promise<Decision> {
    await look(asksAgain(request))
    const peers = await peersFor(request)
    if (table.size <= SMALL) return ofAll(request, peers)
    let decision = ofSome(request, peers)
    if (!decision) {
      table.forgetPromises()
      await table.refresh()
      decision = ofAll(request, peers)
    }
    const chosen = decision.hosts[0] && table.get(decision.hosts[0].id)
    if (chosen) table.promise(chosen, request.resources)
    return decision
  }

  async function explain(request: PlacementRequest): Promise<Explanation> {
    await table.refresh()
    const { explanation } = place(table.all(), request, {
      peers: await peersFor(request),
      settings,
    })
    const { hostsPassed } = explanation
    const drawnFrom = hostsPassed ? subsetOf(settings, request, hostsPassed) : null
    return { ...explanation, drawnFrom }
  }

  return { settings, decide, explain }
}

/** Of how many of the best a host is drawn. A soft group is worth more than variety. */
function subsetOf(
  { hostSubset }: PlacementSettings,
  { group }: PlacementRequest,
  passed: number,
): number {
  if (group?.policy.startsWith('SOFT')) return 1
  const share = Math.min(MAX_SUBSET, Math.floor(passed / SUBSET_SHARE))
  return Math.max(1, Math.min(passed, hostSubset || share))
}
