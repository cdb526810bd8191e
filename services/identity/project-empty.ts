/**
 * What a cascading project deletion asks of the resources in it: a deletion task for each that has none
 * yet, as if somebody had asked for every single one. May be repeated at any time.
 */

import { type ServerStatus, serverActions } from '../compute/server.states.ts'
import { serverTasks } from '../compute/server.tasks.ts'
import { serverEvent } from '../compute/server.ts'
import type { Tx } from '../context.ts'
import { type Task, taskCancel, taskCreate } from '../core/task.ts'
import { newId } from '../id.ts'
import { imageEvent, imageTasks } from '../image/image.ts'
import { change } from '../transition.ts'

/** Resources asked for in one transaction. */
const BATCH = 50

type Asking = Pick<Task, 'userId' | 'requestId'>

interface Doomed {
  id: string
  projectId: string
  name: string
  status: ServerStatus
  taskState: string | null
  taskId: string | null
}

/** Asks for the end of the servers in these projects; how many were asked for now. */
export async function serversEmpty(
  tx: Tx,
  projectIds: string[],
  asking: Asking,
  at: Date,
): Promise<number> {
  const servers = await tx.$queryRaw<
    (Doomed & { host: string | null; vcpus: number; memoryMiB: number; diskGiB: number })[]
  >`
    select s.id, s.project_id as "projectId", s.name, s.status, s.task_state as "taskState",
           s.task_id as "taskId", h.name as host, s.vcpus, s.memory_mib as "memoryMiB",
           s.disk_gib as "diskGiB"
    from compute.server s left join compute.host h on h.id = s.host_id
    where s.project_id = any (${projectIds}::uuid[]) and s.task_state is distinct from 'delete'
    order by s.id limit ${BATCH}::int for update of s`
  for (const server of servers) {
    const { id, projectId, name, host, status, vcpus, memoryMiB, diskGiB } = server
    if (server.taskState && server.taskId) await taskCancel(tx, server.taskId)
    const taskId = newId()
    const set = { status: serverActions.delete.during ?? status, taskState: 'delete', taskId }
    await change(tx, { resource: 'server', id, where: {}, set, at })
    await taskCreate(
      tx,
      {
        id: taskId,
        kind: 'server.delete',
        projectId,
        userId: asking.userId,
        requestId: asking.requestId,
        resourceType: 'server',
        resourceId: id,
        input: { machine: { id, name, vcpus, memoryMiB, diskGiB }, host, before: status },
        ...serverTasks['server.delete'],
      },
      [serverEvent({ id, projectId, requestId: asking.requestId }, 'updated')],
    )
  }
  return servers.length
}

/** Asks for the end of the images in these projects; how many were asked for now. */
export async function imagesEmpty(
  tx: Tx,
  projectIds: string[],
  asking: Asking,
  at: Date,
): Promise<number> {
  const images = await tx.$queryRaw<Doomed[]>`
    select id, project_id as "projectId", name, status, task_state as "taskState", task_id as "taskId"
    from image.image
    where project_id = any (${projectIds}::uuid[]) and task_state is distinct from 'delete'
    order by id limit ${BATCH}::int for update`
  for (const { id, projectId, taskState, taskId: runs } of images) {
    if (taskState && runs) await taskCancel(tx, runs)
    const taskId = newId()
    await change(tx, {
      resource: 'image',
      id,
      where: {},
      set: { taskState: 'delete', taskId },
      at,
    })
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
      [imageEvent({ id, projectId, requestId: asking.requestId }, 'updated')],
    )
  }
  return images.length
}
