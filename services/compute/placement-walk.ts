/**
 * The hosts of a large cloud by their free memory, so that a decision begins where room is and ends
 * once enough hosts have passed, however many more there are.
 *
 * X1 A host that can take nobody (disabled, down, in maintenance) is in no bucket, while the filters
 *    that would refuse it are on.
 * X2 A bucket holds hosts whose free memory differs by less than a fifth; inside of one the walk begins
 *    anywhere, so that schedulers side by side look at different hosts first.
 * X3 The hosts of a zone, and those with a trait, have buckets of their own once somebody asked.
 */
import type { PlacementSettings } from './placement-settings.ts'
import { freeOf, type HostView, type PlacementRequest } from './placement-view.ts'

/** Buckets for each doubling of free memory. */
const STEPS = 4
/** Zones and traits with buckets of their own; of more, all hosts are walked. */
const MAX_KEYS = 64

const bucketOf = (memoryMiB: number): number =>
  Math.floor(STEPS * Math.log2(1 + Math.max(0, memoryMiB)))

class Buckets {
  private readonly buckets: HostView[][] = []
  private readonly places = new Map<HostView, { bucket: number; at: number }>()

  constructor(readonly belongs: (host: HostView) => boolean) {}

  get size(): number {
    return this.places.size
  }

  put(host: HostView, bucket: number | null): void {
    const wanted = bucket !== null && this.belongs(host) ? bucket : null
    const place = this.places.get(host)
    if (place?.bucket === wanted) return
    if (place) {
      const row = this.buckets[place.bucket] as HostView[]
      const last = row.pop() as HostView
      if (last !== host) {
        row[place.at] = last
        ;(this.places.get(last) as { at: number }).at = place.at
      }
      this.places.delete(host)
    }
    if (wanted === null) return
    const row = (this.buckets[wanted] ??= [])
    this.places.set(host, { bucket: wanted, at: row.length })
    row.push(host)
  }

  /** Those that may have the memory: most first, or (`packing`) least first. */
  *walk(memoryMiB: number, packing: boolean, random: () => number): Generator<HostView> {
    const [first, last] = [bucketOf(memoryMiB), this.buckets.length - 1]
    for (let i = 0; i <= last - first; i++) {
      const row = this.buckets[packing ? first + i : last - i]
      if (!row?.length) continue
      const start = Math.floor(random() * row.length)
      for (let j = 0; j < row.length; j++) yield row[(start + j) % row.length] as HostView
    }
  }
}

export class HostIndex {
  private readonly all = new Buckets(() => true)
  private readonly keyed = new Map<string, Buckets>()
  private readonly hosts = new Set<HostView>()
  private readonly skipsDown: boolean
  private readonly skipsDisabled: boolean
  private readonly packing: boolean

  constructor({ filters, weights }: PlacementSettings) {
    this.skipsDown = filters.includes('ComputeFilter')
    this.skipsDisabled = filters.includes('EnabledFilter')
    this.packing = weights.RAMWeigher < 0
  }

  /** After any change of the host. */
  put(host: HostView): void {
    this.hosts.add(host)
    const bucket = this.canTake(host) ? bucketOf(freeOf(host, 'MEMORY_MB')) : null
    this.all.put(host, bucket)
    for (const buckets of this.keyed.values()) buckets.put(host, bucket)
  }

  remove(host: HostView): void {
    this.hosts.delete(host)
    this.all.put(host, null)
    for (const buckets of this.keyed.values()) buckets.put(host, null)
  }

  /** Hosts that may do, the most promising first: by the zone or trait that the fewest have. */
  walk(request: PlacementRequest, random: () => number): Iterable<HostView> {
    let fewest = this.all
    const zone = request.availabilityZone
    const keys: [key: string, belongs: (host: HostView) => boolean][] = [
      ...(zone != null ? [[`zone ${zone}`, zoneIs(zone)] as const] : []),
      ...(request.requiredTraits ?? []).map((t) => [`trait ${t}`, traitIs(t)] as const),
    ].map(([key, belongs]) => [key, belongs])
    for (const [key, belongs] of keys) {
      const buckets = this.bucketsFor(key, belongs)
      if (buckets && buckets.size < fewest.size) fewest = buckets
    }
    return fewest.walk(request.resources.MEMORY_MB ?? 0, this.packing, random)
  }

  private bucketsFor(key: string, belongs: (host: HostView) => boolean): Buckets | null {
    const known = this.keyed.get(key)
    if (known) return known
    if (this.keyed.size >= MAX_KEYS) return null
    const buckets = new Buckets(belongs)
    for (const host of this.hosts) {
      buckets.put(host, this.canTake(host) ? bucketOf(freeOf(host, 'MEMORY_MB')) : null)
    }
    this.keyed.set(key, buckets)
    return buckets
  }

  private canTake({ status, forcedDown, enabled, maintenance }: HostView): boolean {
    if (this.skipsDown && (status !== 'UP' || forcedDown)) return false
    return !this.skipsDisabled || (enabled && !maintenance)
  }
}

const zoneIs = (zone: string) => (host: HostView) => host.availabilityZone === zone
const traitIs = (trait: string) => (host: HostView) => host.traits.has(trait)
