/** Actions on servers that no request asks for at that moment: of sweeps, and of tasks for many servers. */
import type { Tx } from '../context.ts'
import { type Task, taskCreate } from '../core/task.ts'
import { change, stateRefusal } from '../transition.ts'
import { type ServerAction, serverActions } from './server.states.ts'
import { type LockedServer, serverEvent } from './server.ts'
import { type ServerTaskKind, serverTasks } from './server-tasks.ts'

export interface OnItsOwn {
  action: ServerAction
  kind: ServerTaskKind
  taskId: string
  at: Date
  /** Whom it follows from, if anybody. */
  asking: Pick<Task, 'userId' | 'requestId'>
  /** More of the task's input. */
  task: object
}

/** Why it may not begin now, or null. A lock is for people. */
export const hindrance = (action: ServerAction, server: LockedServer): string | null =>
  stateRefusal(action, serverActions[action], server, { passesLock: true })

/** Begins the action on a server that is locked in the database, and that nothing hinders. */
export async function beginOnItsOwn(
  tx: Tx,
  server: LockedServer,
  { action, kind, taskId, at, asking, task }: OnItsOwn,
): Promise<void> {
  const { id, projectId, status, host } = server
  const during = serverActions[action].during ?? status
  const set = { status: during, taskState: action, taskId }
  await change(tx, { resource: 'server', id, where: {}, set, at })
  await taskCreate(
    tx,
    {
      ...{ id: taskId, kind, projectId, ...asking },
      ...{ resourceType: 'server', resourceId: id },
      input: { host, before: status, ...task },
      ...serverTasks[kind],
    },
    [serverEvent({ id, projectId, requestId: asking.requestId }, 'updated')],
  )
}
