/** Resizes and migrations that are confirmed by themselves, because nobody took them back in time. */
import type { Cloud } from '../context.ts'
import { newId } from '../id.ts'
import { lockServer } from './server.ts'
import { beginOnItsOwn, hindrance } from './server-by-itself.ts'

/** Confirmed in one look. */
const BATCH = 50
/** When its confirmation failed, it is asked for again after so long. */
const AGAIN_MS = 5 * 60_000

/** Asks for what is due; the ids of the tasks. */
export async function migrationsConfirm({ db, now }: Pick<Cloud, 'db' | 'now'>): Promise<string[]> {
  const at = now()
  const due = await db.migration.findMany({
    where: {
      ...{ status: 'FINISHED', confirmAt: { lte: at } },
      server: { status: 'VERIFY_RESIZE', taskState: null },
    },
    select: { id: true, serverId: true },
    orderBy: { confirmAt: 'asc' },
    take: BATCH,
  })
  const taskIds: string[] = []
  for (const { id: migrationId, serverId } of due) {
    const taskId = newId()
    const begun = await db.$transaction(async (tx) => {
      const server = await lockServer(tx, { projectId: null }, serverId)
      if (hindrance('resizeConfirm', server)) return false
      const confirmAt = new Date(at.getTime() + AGAIN_MS)
      await tx.migration.update({ where: { id: migrationId }, data: { confirmAt } })
      await beginOnItsOwn(tx, server, {
        ...{ action: 'resizeConfirm', kind: 'server.resize-confirm', taskId, at },
        ...{ asking: { userId: null, requestId: null }, task: { migrationId } },
      })
      return true
    })
    if (begun) taskIds.push(taskId)
  }
  return taskIds
}
