/**
 * What a cascading project deletion asks of the resources in it: a deletion task for each that has none
 * yet, as if somebody had asked for every single one. May be repeated at any time.
 */

import { type ServerStatus, serverActions } from '../compute/server.states.ts'
import { serverEvent } from '../compute/server.ts'
import { interrupt } from '../compute/server-interrupt.ts'
import { serverTasks } from '../compute/server-tasks.ts'
import type { Tx } from '../context.ts'
import { type AuditEntry, auditTask } from '../core/audit.ts'
import { type Task, taskCreate } from '../core/task.ts'
import { newId } from '../id.ts'
import { imagesDrop } from '../image/image-drop.ts'
import { change } from '../transition.ts'

/** Resources asked for in one transaction. */
const BATCH = 50
/** What the audit log says was done to them. */
const ACTION = 'identity.project.delete'

type Asking = Pick<Task, 'userId' | 'requestId'>

interface Doomed {
  id: string
  name: string
  projectId: string
  host: string | null
  status: ServerStatus
  taskState: string | null
  taskId: string | null
  shelvedImageId: string | null
}

/** Asks for the end of the first servers in these projects. */
export async function serversEmpty(
  tx: Tx,
  projectIds: string[],
  asking: Asking,
  at: Date,
): Promise<void> {
  const servers = await tx.$queryRaw<Doomed[]>`
    select s.id, s.name, s.project_id as "projectId", s.status, s.task_state as "taskState",
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
  const entries = servers.map((server) => endOf('server', server))
  await auditTask(tx, asking, ACTION, entries)
}

/** Asks for the end of the first images in these projects. */
export async function imagesEmpty(
  tx: Tx,
  projectIds: string[],
  asking: Asking,
  at: Date,
): Promise<void> {
  const images = await imagesDrop(tx, { projectId: { in: projectIds } }, asking, at)
  const entries = images
    // A shelved server's is nobody's to see.
    .filter(({ kind }) => kind !== 'SHELVED')
    .map((image) => endOf('image', image))
  await auditTask(tx, asking, ACTION, entries)
}

const endOf = (
  resourceType: 'server' | 'image',
  row: { id: string; name: string; projectId: string; status: string },
): AuditEntry => ({
  resourceType,
  resourceId: row.id,
  resourceName: row.name,
  projectId: row.projectId,
  before: { name: row.name, status: row.status },
})
