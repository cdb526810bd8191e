/**
 * What a cascading project deletion asks of the resources in it: a deletion task for each that has none
 * yet, as if somebody had asked for every single one. May be repeated at any time.
 */

import { type ServerStatus, serverActions } from '../compute/server.states.ts'
import { serverEvent } from '../compute/server.ts'
import { interrupt } from '../compute/server-interrupt.ts'
import { serverTasks } from '../compute/server-tasks.ts'
import type { Tx } from '../context.ts'
import { type Task, taskCreate } from '../core/task.ts'
import { newId } from '../id.ts'
import { imagesDrop } from '../image/image-drop.ts'
import { change } from '../transition.ts'

/** Resources asked for in one transaction. */
const BATCH = 50

type Asking = Pick<Task, 'userId' | 'requestId'>

interface Doomed {
  id: string
  projectId: string
  host: string | null
  status: ServerStatus
  taskState: string | null
  taskId: string | null
  shelvedImageId: string | null
}

/** Asks for the end of the servers in these projects; how many were asked for now. */
export async function serversEmpty(
  tx: Tx,
  projectIds: string[],
  asking: Asking,
  at: Date,
): Promise<number> {
  const servers = await tx.$queryRaw<Doomed[]>`
    select s.id, s.project_id as "projectId", s.status, s.task_state as "taskState",
           s.task_id as "taskId", s.shelved_image_id as "shelvedImageId", h.name as host
    from compute.server s left join compute.host h on h.id = s.host_id
    where s.project_id = any (${projectIds}::uuid[]) and s.task_state is distinct from 'delete'
    order by s.id limit ${BATCH}::int for update of s`
  for (const server of servers) {
    const { id, projectId, host, status } = server
    await interrupt(tx, server, 'delete', { asking, at })
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
        input: { host, before: status },
        ...serverTasks['server.delete'],
      },
      [serverEvent({ id, projectId, requestId: asking.requestId }, 'updated')],
    )
  }
  return servers.length
}

/** Asks for the end of the images in these projects; how many were asked for now. */
export const imagesEmpty = (
  tx: Tx,
  projectIds: string[],
  asking: Asking,
  at: Date,
): Promise<number> => imagesDrop(tx, { projectId: { in: projectIds } }, asking, at)
