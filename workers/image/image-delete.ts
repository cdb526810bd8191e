/** image.delete: the bytes first, then the row, so that no bytes are left without a row. */
import { imageEvent } from '../../services/image/image.ts'
import { type SaveContext, type StepContext, step, taskKind } from '../conductor/task.ts'

export const IMAGE_QUEUE = 'agent.image'
const BYTES_TIMEOUT_MS = 60_000

export const imageDelete = taskKind(
  'image.delete',
  [
    step('bytes', { do: deleteBytes, tries: 20 }),
    step('release', { save: release, tries: Number.POSITIVE_INFINITY }),
  ],
  {
    failed: async (c) => {
      await c.tx.image.updateMany({
        where: { id: c.task.resourceId, taskId: c.task.id },
        data: { taskState: null, version: { increment: 1 }, updatedAt: c.at },
      })
      c.emit(imageEvent(changed(c), 'updated'))
    },
  },
)

async function deleteBytes(c: StepContext): Promise<void> {
  await c.call(IMAGE_QUEUE, 'delete', { id: c.task.resourceId }, BYTES_TIMEOUT_MS)
}

async function release(c: SaveContext): Promise<void> {
  const where = { id: c.task.resourceId }
  const image = await c.tx.image.findUnique({ where, select: { visibility: true, kind: true } })
  await c.tx.image.deleteMany({ where })
  // Of a disk that nobody saw nobody need hear that it is gone.
  if (!image || image.kind === 'SHELVED') return
  c.emit(imageEvent(changed(c), 'deleted'))
  if (image.visibility === 'PUBLIC') {
    c.emit(imageEvent({ ...changed(c), projectId: null }, 'deleted'))
  }
}

const changed = ({ task }: StepContext) => ({
  id: task.resourceId,
  projectId: task.projectId,
  requestId: task.requestId,
})
