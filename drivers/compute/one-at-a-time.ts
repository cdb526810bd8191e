/**
 * Verbs on one machine run one after the other, in the order they were called; verbs on different
 * machines run side by side. A caller whose signal fires while it waits leaves the row.
 */
import { DriverError } from './driver.ts'

export class OneAtATime {
  /** The end of each row; a key without anybody in its row is not in the map. */
  private readonly tails = new Map<string, Promise<void>>()

  /** Somebody is in the row of this key. */
  busy(key: string): boolean {
    return this.tails.has(key)
  }

  async run<T>(key: string, signal: AbortSignal | null, task: () => Promise<T>): Promise<T> {
    const before = this.tails.get(key)
    let leave = () => {}
    const mine = new Promise<void>((resolve) => {
      leave = resolve
    })
    const tail = before ? before.then(() => mine) : mine
    this.tails.set(key, tail)
    void tail.then(() => {
      if (this.tails.get(key) === tail) this.tails.delete(key)
    })
    try {
      if (before) await untilAborted(before, signal)
      if (signal?.aborted) throw aborted()
      return await task()
    } finally {
      leave()
    }
  }
}

function untilAborted(before: Promise<void>, signal: AbortSignal | null): Promise<void> {
  if (!signal) return before
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(aborted())
    signal.addEventListener('abort', onAbort, { once: true })
    void before.then(() => {
      signal.removeEventListener('abort', onAbort)
      resolve()
    })
  })
}

function aborted(): DriverError {
  return new DriverError('ABORTED', 'aborted before its turn came', true)
}
