/** Images: the commands of the API. The bytes take the data plane (upload.ts). */
import { allow, allowInProject } from '../access/allow.ts'
import { type CommandInput, command } from '../command.ts'
import { type EventDraft, emit } from '../core/event.ts'
import { taskCancel } from '../core/task.ts'
import { CloudError, notFound } from '../errors.ts'
import { newId } from '../id.ts'
import { change, requireState } from '../transition.ts'
import { type DiskFormat, type ImageVisibility, imageActions } from './image.states.ts'

export const imageTasks = {
  'image.delete': { steps: ['bytes', 'release'], deadlineMs: 60 * 60_000 },
} as const

export interface ImageCreate extends CommandInput {
  name: string
  diskFormat: DiskFormat
  visibility?: ImageVisibility | null
}

export interface ImageResult {
  imageId: string | null
  taskId: string | null
}

export const imageCreate = command(
  'image.image.create',
  async (c, input: ImageCreate): Promise<ImageResult> => {
    const { projectId } = allowInProject(c, 'image.image.create')
    const visibility = input.visibility ?? 'PRIVATE'
    if (visibility === 'PUBLIC') allow(c, 'image.image.publish')
    const id = newId()
    await c.tx.image.createMany({
      data: [
        {
          id,
          projectId,
          name: input.name,
          status: 'QUEUED',
          diskFormat: input.diskFormat,
          visibility,
          createdAt: c.at,
          updatedAt: c.at,
        },
      ],
    })
    const event = imageEvent({ id, projectId, requestId: c.requestId }, 'created')
    await emit(c.tx, { ...event, userId: c.actor.userId })
    c.audit({
      resourceType: 'image',
      resourceId: id,
      resourceName: input.name,
      projectId,
      after: { name: input.name, diskFormat: input.diskFormat, visibility, status: 'QUEUED' },
    })
    return { imageId: id, taskId: null }
  },
)

export interface ImageActionRequest extends CommandInput {
  id: string
  ifVersion?: number | null
}

export const imageDelete = command(
  'image.image.delete',
  async (c, input: ImageActionRequest): Promise<ImageResult> => {
    const { projectId } = allowInProject(c, 'image.image.delete')
    const [image] = await c.tx.$queryRaw<
      {
        name: string
        status: string
        taskState: string | null
        taskId: string | null
        version: number
      }[]
    >`
      select name, status, task_state as "taskState", task_id as "taskId", version from image.image
      where id = ${input.id}::uuid and project_id = ${projectId}::uuid and kind <> 'SHELVED'
      for update`
    if (!image) throw notFound('image', input.id)
    if (input.ifVersion && input.ifVersion !== image.version) {
      throw new CloudError('CONFLICT', `The image is at version ${image.version}: look again`)
    }
    if (image.taskState === 'delete') return { imageId: input.id, taskId: image.taskId }
    requireState('delete', imageActions.delete, image)
    if (image.taskState && image.taskId) await taskCancel(c.tx, image.taskId)
    await change(c.tx, {
      resource: 'image',
      id: input.id,
      where: {},
      set: { taskState: 'delete', taskId: c.taskId },
      at: c.at,
    })
    const taskId = await c.task(
      {
        id: c.taskId,
        kind: 'image.delete',
        projectId,
        resourceType: 'image',
        resourceId: input.id,
        input: {},
        ...imageTasks['image.delete'],
      },
      [imageEvent({ id: input.id, projectId, requestId: c.requestId }, 'updated')],
    )
    const { name, status } = image
    c.audit({
      resourceType: 'image',
      resourceId: input.id,
      resourceName: name,
      projectId,
      before: { name, status },
    })
    return { imageId: input.id, taskId }
  },
)

export const imageEvent = (
  image: { id: string; projectId: string | null; requestId: string | null },
  what: 'created' | 'updated' | 'deleted',
): EventDraft => ({
  type: `image.${what}`,
  resourceType: 'image',
  resourceId: image.id,
  projectId: image.projectId,
  requestId: image.requestId,
})
