/**
 * How often each server may ask: a bucket of requests that fills again with time. A boot reads some 30
 * pages at once; a guest that asks in a loop must not cost others the database.
 */

/** Requests at once, and then in a second. */
const BURST = 100
const PER_SECOND = 20
/** Servers that are remembered: beyond that the one that asked first is forgotten. */
const MAX_SERVERS = 10_000

interface Bucket {
  left: number
  at: number
}

export class AskingRate {
  private readonly buckets = new Map<string, Bucket>()

  constructor(private readonly nowMs: () => number) {}

  admits(id: string): boolean {
    const at = this.nowMs()
    const bucket = this.buckets.get(id) ?? { left: BURST, at }
    bucket.left = Math.min(BURST, bucket.left + (Math.max(0, at - bucket.at) / 1000) * PER_SECOND)
    bucket.at = at
    this.buckets.delete(id)
    this.buckets.set(id, bucket)
    const [oldest] = this.buckets.keys()
    if (this.buckets.size > MAX_SERVERS && oldest !== undefined) this.buckets.delete(oldest)
    if (bucket.left < 1) return false
    bucket.left -= 1
    return true
  }
}
