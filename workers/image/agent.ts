/**
 * The agent of the image store: deletes bytes when told to, and sweeps bytes that no row stands for.
 * Bytes of images that this cloud never had are left alone: a database that was restored or swapped
 * must not cost anybody an image.
 */
import type { Logger } from 'pino'
import type { ImageStore } from '../../drivers/image/driver.ts'
import type { Db } from '../../services/context.ts'
import { knownByTasks } from '../../services/core/task.ts'
import type { Bus } from '../bus.ts'
import { serveCalls } from '../call.ts'
import { startPeriodic } from '../periodic.ts'
import { IMAGE_QUEUE } from './image-delete.ts'

const SWEEP_MS = 30 * 60_000
/** Younger bytes may be about to get their row's new status. */
const SETTLED_MS = 10 * 60_000

export async function startImageAgent(bus: Bus, store: ImageStore, db: Db, log: Logger) {
  const consumer = await serveCalls(
    bus,
    IMAGE_QUEUE,
    {
      delete: async ({ input }) => {
        const { id } = input as { id: string }
        await store.discard(id)
        await store.delete(id)
      },
    },
    { concurrency: 4, log },
  )
  const failed = 'the image store could not be swept'
  const sweeping = startPeriodic({ everyMs: SWEEP_MS, log, failed, atOnce: true }, () =>
    sweepImages(store, db, log, new Date(Date.now() - SETTLED_MS)),
  )
  return {
    async stop() {
      await Promise.all([sweeping.stop(), consumer.stop()])
    },
  }
}

/**
 * Removes staged bytes of images that are not SAVING, and all bytes of images that were deleted. What
 * has no row here may be the image of another cell, whose agent sweeps the same store.
 */
export async function sweepImages(
  store: ImageStore,
  db: Db,
  log: Logger,
  settledBefore: Date,
): Promise<void> {
  const kept = (await store.list()).filter((item) => item.changedAt < settledBefore)
  const ids = [...new Set(kept.map((item) => item.id))]
  const rows = await db.image.findMany({
    where: { id: { in: ids } },
    select: { id: true, status: true },
  })
  const statuses = new Map(rows.map((row) => [row.id, row.status]))
  for (const { id, state } of kept) {
    const status = statuses.get(id)
    if (state === 'staged' && status !== undefined && status !== 'SAVING') await store.discard(id)
  }
  const { known, unknown } = await knownByTasks(
    db,
    ids.filter((id) => !statuses.has(id)),
  )
  for (const id of known) {
    await store.discard(id)
    await store.delete(id)
  }
  if (unknown.length) log.warn({ unknown }, 'images that this cloud never had: left alone')
}
