/** The ends of servers: for good, or for a while in which they can be restored. */
import { command } from '../command.ts'
import type { Cloud } from '../context.ts'
import { taskCreate } from '../core/task.ts'
import { newId } from '../id.ts'
import { change } from '../transition.ts'
import { serverActions } from './server.states.ts'
import { type LockedServer, type ServerResult, serverEvent } from './server.ts'
import { begin, type ServerActionRequest, serverAction, serverFor } from './server-action.ts'
import { serverTasks } from './server-tasks.ts'

/** Where deletion is soft, what has a disk somewhere only rests until its time is over. */
export const serverDelete = command(
  serverActions.delete.rule,
  async (c, input: ServerActionRequest): Promise<ServerResult> => {
    const server = await serverFor(c, input)
    const soft = c.compute.softDeleteSeconds > 0 && canRest(server)
    return soft
      ? begin(c, 'softDelete', 'server.soft-delete', server, async () => ({}))
      : begin(c, 'delete', 'server.delete', server, async () => ({}))
  },
  'compute.server.delete',
)

export const serverForceDelete = serverAction('forceDelete', 'server.delete')

const ends: readonly string[] = ['delete', 'forceDelete']

const canRest = ({ status, taskState, hostId, shelvedImageId }: LockedServer): boolean =>
  serverActions.softDelete.from.includes(status) &&
  (hostId ?? shelvedImageId) !== null &&
  !ends.includes(taskState ?? '')

/** Servers asked to go in one sweep. */
const BATCH = 100

interface Doomed {
  id: string
  projectId: string
  host: string | null
}

/** Asks for the end of those whose time is over; how many they are. */
export async function serversReclaim({
  db,
  now,
  compute,
}: Pick<Cloud, 'db' | 'now' | 'compute'>): Promise<number> {
  const at = now()
  const before = new Date(at.getTime() - compute.softDeleteSeconds * 1000)
  return db.$transaction(async (tx) => {
    const doomed = await tx.$queryRaw<Doomed[]>`
      select s.id, s.project_id as "projectId", h.name as host
      from compute.server s left join compute.host h on h.id = s.host_id
      where s.deleted_at <= ${before} and s.status = 'SOFT_DELETED' and s.task_state is null
      order by s.deleted_at limit ${BATCH}::int for update of s skip locked`
    for (const { id, projectId, host } of doomed) {
      const taskId = newId()
      const set = { taskState: 'delete', taskId }
      await change(tx, { resource: 'server', id, where: {}, set, at })
      await taskCreate(
        tx,
        {
          ...{ id: taskId, kind: 'server.delete', projectId, userId: null, requestId: null },
          ...{ resourceType: 'server', resourceId: id },
          input: { host, before: 'SOFT_DELETED' },
          ...serverTasks['server.delete'],
        },
        [serverEvent({ id, projectId, requestId: null }, 'updated')],
      )
    }
    return doomed.length
  })
}
