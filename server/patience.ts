import { pause } from '../workers/pause.ts'
import { isUnavailable } from './graphql/unavailable.ts'

const PATIENCE_MS = 20_000
const PAUSE_MS = 200

/**
 * Tries again while the database can't be reached: at a start it may be on its way up again. Only
 * for what may be done twice.
 */
export async function patiently<T>(attempt: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  const deadline = Date.now() + PATIENCE_MS
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      if (signal?.aborted || Date.now() > deadline || !isUnavailable(error)) throw error
      await pause(PAUSE_MS, signal)
    }
  }
}
