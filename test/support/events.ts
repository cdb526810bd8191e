import type { Db } from '../../services/context.ts'
import { until } from './until.ts'

/**
 * Waits until no open transaction hides what happened so far: a watch that begins then tells it in
 * its snapshot alone. One that begins earlier may tell it twice.
 */
export const allVisible = (db: Db): Promise<void> =>
  until('all events are visible', async () => {
    const [row] = await db.$queryRaw<{ hidden: boolean }[]>`
      select exists (select from core.event
                     where xid >= pg_snapshot_xmin(pg_current_snapshot())) as hidden`
    return row?.hidden === false
  })
