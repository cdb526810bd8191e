import { setTimeout as pause } from 'node:timers/promises'

const POLL_MS = 10

/** Asks again and again until the answer is true. */
export async function until(
  what: string,
  ask: () => Promise<boolean> | boolean,
  timeoutMs?: number,
): Promise<void>
/** Asks again and again until the answer is neither null nor undefined; then resolves to it. */
export async function until<T extends object | string | number>(
  what: string,
  ask: () => Promise<T | null | undefined> | T | null | undefined,
  timeoutMs?: number,
): Promise<T>
export async function until(
  what: string,
  ask: () => unknown,
  timeoutMs = 60_000,
): Promise<unknown> {
  const deadline = Date.now() + timeoutMs
  for (let isLast = false; ; ) {
    const answer = await ask()
    if (answer !== false && answer !== null && answer !== undefined) return answer
    if (isLast) throw new Error(`not within ${timeoutMs} ms: ${what}`)
    // A process that was held up is behind the clock: what came meanwhile is heard in the next turn.
    isLast = Date.now() > deadline
    await pause(POLL_MS)
  }
}
