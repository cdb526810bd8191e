/** Confirms what was resized or migrated, once its time to be taken back is over. */
import type { Logger } from 'pino'
import { migrationsConfirm } from '../../services/compute/migration-confirm.ts'
import type { Cloud } from '../../services/context.ts'
import { type Periodic, startPeriodic } from '../periodic.ts'

const EVERY_MS = 2_000

export function startConfirm(cloud: Pick<Cloud, 'db' | 'now' | 'ring'>, log: Logger): Periodic {
  const settings = { everyMs: EVERY_MS, log, failed: 'could not confirm what is due' }
  return startPeriodic(settings, async () => {
    for (const taskId of await migrationsConfirm(cloud)) cloud.ring(taskId)
  })
}
