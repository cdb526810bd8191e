/** Confirms what was resized or migrated, once its time to be taken back is over. */
import type { Logger } from 'pino'
import { migrationsConfirm } from '../../services/compute/migration-confirm.ts'
import type { Cloud } from '../../services/context.ts'
import { pause } from '../pause.ts'

const EVERY_MS = 2_000

export function startConfirm(
  cloud: Pick<Cloud, 'db' | 'now' | 'ring'>,
  log: Logger,
): { stop(): Promise<void> } {
  const stopping = new AbortController()
  const working = (async () => {
    while (!stopping.signal.aborted) {
      await pause(EVERY_MS, stopping.signal)
      if (stopping.signal.aborted) return
      try {
        for (const taskId of await migrationsConfirm(cloud)) cloud.ring(taskId)
      } catch (err) {
        log.warn({ err }, 'could not confirm what is due')
      }
    }
  })()
  return {
    async stop() {
      stopping.abort()
      await working
    },
  }
}
