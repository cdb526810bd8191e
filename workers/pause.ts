/** Waiting with a bound: a pause that can be cut short, and a wait that gives up. */

/** Resolves after `ms`, or at once when the signal aborts. It never rejects. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve()
    const timer = setTimeout(done, ms)
    signal?.addEventListener('abort', done, { once: true })
    function done(): void {
      clearTimeout(timer)
      signal?.removeEventListener('abort', done)
      resolve()
    }
  })
}

/** The promise's outcome; rejects with `late()` when it hasn't settled after `ms`. */
export async function within<T>(ms: number, promise: Promise<T>, late: () => Error): Promise<T> {
  const settled = new AbortController()
  try {
    return await Promise.race([
      promise,
      pause(ms, settled.signal).then(() => {
        throw late()
      }),
    ])
  } finally {
    settled.abort()
  }
}

/** True when the promise settled, well or badly, within `ms`. */
export async function settledWithin(ms: number, promise: Promise<unknown>): Promise<boolean> {
  const settled = new AbortController()
  const outcome = await Promise.race([
    promise.then(
      () => true,
      () => true,
    ),
    pause(ms, settled.signal).then(() => false),
  ])
  settled.abort()
  return outcome
}
