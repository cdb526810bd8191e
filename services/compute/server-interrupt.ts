/**
 * Ending a task of a server for another one that takes over: what the first one held beyond its own
 * server is let go, and what it made half is asked to go, in the same transaction.
 */
import type { Tx } from '../context.ts'
import { emit } from '../core/event.ts'
import { type Task, taskCancel } from '../core/task.ts'
import { CloudError } from '../errors.ts'
import { quotaCommit } from '../identity/quota-claim.ts'
import { imagesDrop, leftoversOf } from '../image/image-drop.ts'
import { change } from '../transition.ts'
import type { ServerAction } from './server.states.ts'
import { serverEvent } from './server.ts'

interface Interrupted {
  id: string
  projectId: string
  taskId: string | null
  taskState: string | null
  shelvedImageId: string | null
}

type Asking = Pick<Task, 'userId' | 'requestId'>

/** Cancels what runs on the server, if anything does. `by`: what is to be done instead. */
export async function interrupt(
  tx: Tx,
  server: Interrupted,
  by: ServerAction,
  { asking, at }: { asking: Asking; at: Date },
): Promise<void> {
  const { id, taskId, taskState, shelvedImageId } = server
  if (!taskState || !taskId) return
  if (by === 'evacuate' && shelvedImageId) {
    const message = `Its disk is in an image: ${taskState} comes to its end without the host`
    throw new CloudError('INVALID_STATE', message, { allowedStatuses: ['SHELVED_OFFLOADED'] })
  }
  await taskCancel(tx, taskId)
  if (taskState === 'changePassword') await passwordForget(tx, taskId)
  const task = await tx.task.findUnique({
    where: { id: taskId },
    select: { kind: true, resourceId: true, input: true },
  })
  if (task?.kind === 'server.clone') {
    const { sourceId } = task.input as { sourceId: string }
    if (id === sourceId) await cloneEnd(tx, { ...server, taskId }, task.resourceId, asking, at)
    else await sourceFree(tx, { ...server, taskId }, sourceId, asking, at)
  }
  await imagesDrop(tx, leftoversOf(id, shelvedImageId), asking, at)
}

/** The source goes while it is copied: the clone can't come any more. */
async function cloneEnd(
  tx: Tx,
  { taskId, projectId }: { taskId: string; projectId: string },
  id: string,
  asking: Asking,
  at: Date,
): Promise<void> {
  const message = 'The server that it was to be a copy of was changed or deleted meanwhile'
  const fault = { code: 'CONFLICT', message, at: at.toISOString() }
  const set = { status: 'ERROR', taskState: null, fault }
  if (!(await change(tx, { resource: 'server', id, where: { taskId }, set, at }))) return
  await quotaCommit(tx, id)
  await imagesDrop(tx, leftoversOf(id), asking, at)
  await emit(tx, serverEvent({ id, projectId, requestId: asking.requestId }, 'updated'))
}

/** The clone goes: its source is nobody's business but its owner's again. */
async function sourceFree(
  tx: Tx,
  { taskId, projectId }: { taskId: string; projectId: string },
  id: string,
  { requestId }: Asking,
  at: Date,
): Promise<void> {
  const where = { taskId, taskState: 'clone' }
  if (await change(tx, { resource: 'server', id, where, set: { taskState: null }, at })) {
    await emit(tx, serverEvent({ id, projectId, requestId }, 'updated'))
  }
}

/** Takes the password out of a task that has come to its end. */
export async function passwordForget(tx: Tx, taskId: string): Promise<void> {
  await tx.$executeRaw`
    update core.task set input = input - 'password'
    where id = ${taskId}::uuid and kind = 'server.change-password'`
}
