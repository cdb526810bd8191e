/**
 * The end of images that the cloud itself asks for: what a task made half, what was good for one task
 * only, backups that newer ones push out, all that is in a project. As if somebody had asked for each.
 */
import type { Image, Prisma } from '../../prisma/generated/client.ts'
import type { Tx } from '../context.ts'
import { type Task, taskCancel, taskCreate } from '../core/task.ts'
import { newId } from '../id.ts'
import { change } from '../transition.ts'
import { imageEvent, imageTasks } from './image.ts'

/** Images asked for in one transaction. */
const BATCH = 50

/** On whose behalf. */
export type DropAsking = Pick<Task, 'userId' | 'requestId'>

/** Not on its way out yet. */
const staying = {
  OR: [{ taskState: null }, { taskState: { not: 'delete' } }],
} satisfies Prisma.ImageWhereInput

/**
 * Asks for the end of the first images that fit and are not on their way out yet; gives those that were
 * asked for now.
 */
export async function imagesDrop(
  tx: Tx,
  where: Prisma.ImageWhereInput,
  asking: DropAsking,
  at: Date,
): Promise<Image[]> {
  const images = await tx.image.findMany({
    where: { AND: [where, staying] },
    orderBy: { id: 'asc' },
    take: BATCH,
  })
  const asked: Image[] = []
  for (const image of images) {
    const { id, projectId, kind, taskState, taskId: runs } = image
    const taskId = newId()
    const set = { taskState: 'delete', taskId }
    if (!(await change(tx, { resource: 'image', id, where: staying, set, at }))) continue
    asked.push(image)
    if (taskState && runs) await taskCancel(tx, runs)
    const event = imageEvent({ id, projectId, requestId: asking.requestId }, 'updated')
    await taskCreate(
      tx,
      {
        id: taskId,
        kind: 'image.delete',
        projectId,
        userId: asking.userId,
        requestId: asking.requestId,
        resourceType: 'image',
        resourceId: id,
        input: {},
        ...imageTasks['image.delete'],
      },
      kind === 'SHELVED' ? [] : [event],
    )
  }
  return asked
}

/**
 * What a server leaves in the image store when its task comes to no good end: images without all their
 * bytes, and disks of its own that nobody else sees, but for the one that it lies in (`keptId`).
 */
export const leftoversOf = (
  serverId: string,
  keptId: string | null = null,
): Prisma.ImageWhereInput => ({
  serverId,
  OR: [
    { status: { not: 'ACTIVE' } },
    { kind: 'SHELVED', ...(keptId !== null && { id: { not: keptId } }) },
  ],
})
