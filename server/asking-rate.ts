/**
 * How often each asker may ask: a bucket of requests that fills again with time. One that asks in a loop
 * must not cost others the database.
 */

export interface AskingLimits {
  /** Requests at once. */
  burst: number
  /** And then in a second; may be a fraction. */
  perSecond: number
}

/** Askers that are remembered: beyond that the one that asked first is forgotten. */
const MAX_ASKERS = 10_000

interface Bucket {
  left: number
  at: number
}

export class AskingRate {
  private readonly buckets = new Map<string, Bucket>()

  constructor(
    private readonly limits: AskingLimits,
    private readonly nowMs: () => number,
  ) {}

  /** False when the asker has to wait. What was let in may be given back. */
  admits(id: string): boolean {
    const { burst, perSecond } = this.limits
    const at = this.nowMs()
    const bucket = this.buckets.get(id) ?? { left: burst, at }
    bucket.left = Math.min(burst, bucket.left + (Math.max(0, at - bucket.at) / 1000) * perSecond)
    bucket.at = at
    this.buckets.delete(id)
    this.buckets.set(id, bucket)
    const [oldest] = this.buckets.keys()
    if (this.buckets.size > MAX_ASKERS && oldest !== undefined) this.buckets.delete(oldest)
    if (bucket.left < 1) return false
    bucket.left -= 1
    return true
  }

  /** The request does not count after all. */
  giveBack(id: string): void {
    const bucket = this.buckets.get(id)
    if (bucket) bucket.left = Math.min(this.limits.burst, bucket.left + 1)
  }
}
