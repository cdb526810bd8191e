/** Ends servers that were deleted so long ago that nobody can want them back. */
import type { Logger } from 'pino'
import { serversReclaim } from '../../services/compute/server-delete.ts'
import type { Cloud } from '../../services/context.ts'
import { type Periodic, startPeriodic } from '../periodic.ts'

/** Between looks; the time of who is due sooner is kept to the second. */
const EVERY_MS = 60_000
const SOONEST_MS = 1_000

type Reclaiming = Pick<Cloud, 'db' | 'now' | 'compute'>

export function startReclaim(cloud: Reclaiming, log: Logger): Periodic {
  const keptMs = cloud.compute.softDeleteSeconds * 1000
  // Where nothing is kept any more there may be some from before.
  const everyMs = keptMs === 0 ? EVERY_MS : Math.min(EVERY_MS, Math.max(SOONEST_MS, keptMs / 2))
  return startPeriodic({ everyMs, log, failed: 'could not reclaim servers' }, async () => {
    const count = await serversReclaim(cloud)
    if (count > 0) log.info({ count }, 'servers that were deleted long ago go for good')
  })
}
