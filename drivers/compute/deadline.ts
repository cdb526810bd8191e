/**
 * Waiting with an end. Every wait of a driver names what it waits for, ends at a time limit and
 * gives way to the caller's signal; so no verb can hang, whatever the hypervisor does.
 */
import { DriverError } from './driver.ts'

export interface Deadline {
  timeoutMs: number
  signal?: AbortSignal
  /** Completes 'gave up waiting for ...'. */
  what: string
}

/**
 * Settles as `promise` does. Throws TIMEOUT or ABORTED if that comes first; the promise goes on.
 */
export function within<T>(promise: Promise<T>, deadline: Deadline): Promise<T> {
  const { timeoutMs, signal, what } = deadline
  return new Promise<T>((resolve, reject) => {
    const finish = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
    }
    const onAbort = () => {
      finish()
      reject(aborted(what))
    }
    const timer = setTimeout(() => {
      finish()
      reject(new DriverError('TIMEOUT', `gave up waiting for ${what} after ${timeoutMs} ms`, true))
    }, timeoutMs)
    promise.then(
      (value) => {
        finish()
        resolve(value)
      },
      (error) => {
        finish()
        reject(error)
      },
    )
    if (signal?.aborted) onAbort()
    else signal?.addEventListener('abort', onAbort, { once: true })
  })
}

/** Waits `delayMs`; throws ABORTED at once when the signal fires. */
export function pause(delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(aborted('a pause'))
    const onAbort = () => {
      clearTimeout(timer)
      reject(aborted('a pause'))
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    }, delayMs)
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}

/** Asks `probe` every `everyMs` until it gives something; null when `timeoutMs` went by. */
export async function poll<T>(
  probe: () => Promise<T | null> | T | null,
  options: { everyMs: number; timeoutMs: number; signal?: AbortSignal },
): Promise<T | null> {
  const end = Date.now() + options.timeoutMs
  for (;;) {
    const found = await probe()
    if (found !== null) return found
    if (Date.now() >= end) return null
    await pause(options.everyMs, options.signal)
  }
}

export function throwIfAborted(signal: AbortSignal, what: string): void {
  if (signal.aborted) throw aborted(what)
}

function aborted(what: string): DriverError {
  return new DriverError('ABORTED', `aborted while waiting for ${what}`, true)
}
