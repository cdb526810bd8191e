/** Work that is done again and again for as long as a process runs. */
import type { Logger } from 'pino'
import { pause } from './pause.ts'

export interface Periodic {
  /** Resolves when the work that is under way is done; there is none afterwards. */
  stop(): Promise<void>
}

interface PeriodicSettings {
  /** Between the end of one time and the next. */
  everyMs: number
  log: Logger
  /** What the log says when it fails; the next time it is tried again. */
  failed: string
  /** Not only after the first wait. */
  atOnce?: boolean
}

export function startPeriodic(
  { everyMs, log, failed, atOnce = false }: PeriodicSettings,
  work: () => Promise<void>,
): Periodic {
  const stopping = new AbortController()
  const working = (async () => {
    if (!atOnce) await pause(everyMs, stopping.signal)
    while (!stopping.signal.aborted) {
      await work().catch((err) => log.warn({ err }, failed))
      await pause(everyMs, stopping.signal)
    }
  })()
  return {
    async stop() {
      stopping.abort()
      await working
    },
  }
}
