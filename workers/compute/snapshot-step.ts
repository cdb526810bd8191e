/**
 * The step that fills an image with the disk of a server: its host uploads through the data plane, and
 * the upload makes the image ACTIVE. So the row tells whether it is done, not the host's answer, which
 * may be lost.
 */
import type { SnapshotTaskInput } from '../../services/compute/server-image.ts'
import type { TaskFailure } from '../../services/core/task.ts'
import { imagesDrop } from '../../services/image/image-drop.ts'
import { type SaveContext, type StepContext, StepFailure } from '../conductor/task.ts'
import { COPY_TIMEOUT_MS, callHost } from './agent-calls.ts'
import { hostOf, settleFailed } from './server-settle.ts'

export const imageIdOf = (c: StepContext): string => (c.task.input as SnapshotTaskInput).imageId

/** The disk of the task's own server. */
export async function snapshot(c: StepContext): Promise<void> {
  await snapshotOf(c, c.task.resourceId, await hostOf(c))
}

/** The disk of a server on that host. */
export async function snapshotOf(c: StepContext, serverId: string, host: string): Promise<void> {
  const imageId = imageIdOf(c)
  if (await isDone(c, imageId)) return
  const image = {
    path: `/v1/images/${imageId}/file`,
    ticket: c.ticket(`image-upload/${imageId}`),
  }
  try {
    await callHost(c, host, 'snapshot', { id: serverId, image }, COPY_TIMEOUT_MS)
  } catch (error) {
    // Also tells of an image that was deleted meanwhile: then the upload was refused.
    if (await isDone(c, imageId)) return
    throw error
  }
  if (await isDone(c, imageId)) return
  throw new StepFailure('UNAVAILABLE', 'The bytes did not arrive', { retryable: true })
}

/** Throws when there is nothing to fill any more. */
async function isDone({ db }: StepContext, id: string): Promise<boolean> {
  const image = await db.image.findUnique({ where: { id } })
  if (image && image.taskState !== 'delete') return image.status === 'ACTIVE'
  throw new StepFailure('NOT_FOUND', 'The image was deleted meanwhile', { final: true })
}

/** The image of a task that failed goes too: nobody asked for a half one. */
export async function dropImage(c: SaveContext): Promise<void> {
  await imagesDrop(c.tx, { id: imageIdOf(c) }, c.task, c.at)
}

/** A failed task that made an image of its server. */
export const snapshotFailed =
  (action: Parameters<typeof settleFailed>[0]) =>
  async (c: SaveContext, error: TaskFailure): Promise<void> => {
    await dropImage(c)
    await settleFailed(action)(c, error)
  }
