/** How the tasks of servers end, and where their machines are. */
import {
  powerStateOf,
  type ServerAction,
  serverActions,
  statusAfter,
} from '../../services/compute/server.states.ts'
import { type ServerTaskInput, serverEvent, serverSettle } from '../../services/compute/server.ts'
import type { TaskFailure } from '../../services/core/task.ts'
import { type SaveContext, type StepContext, StepFailure } from '../conductor/task.ts'
import { faultFrom } from './fault.ts'

/** The task's server, as its events name it. */
export const serverOf = ({ task }: StepContext) => ({
  id: task.resourceId,
  projectId: task.projectId,
  requestId: task.requestId,
})

/** The host that the server is on now. */
export async function hostOf(c: StepContext): Promise<string> {
  const server = await c.db.server.findUnique({
    where: { id: c.task.resourceId },
    select: { host: { select: { name: true } } },
  })
  if (server?.host) return server.host.name
  throw new StepFailure('INVALID_STATE', 'The server was never placed', { final: true })
}

/** After the action the server is as its state table says. */
export function settleAs(action: ServerAction, set: Record<string, unknown> = {}) {
  return async (c: SaveContext): Promise<void> => {
    const { before } = c.task.input as ServerTaskInput
    const status = statusAfter(action, before)
    if (!status) throw new Error(`${action} leaves no server`)
    await settle(c, { status, powerState: powerStateOf(status), ...set })
  }
}

/** As `settleAs`, of an action that does not touch the machine: what it does is known already. */
export function settleKept(action: ServerAction) {
  return (c: SaveContext): Promise<void> => {
    const { before } = c.task.input as ServerTaskInput
    return settle(c, { status: statusAfter(action, before) ?? before, fault: null })
  }
}

/** Ends the task's hold on its server; nothing is done when the server is another task's by now. */
export async function settle(
  c: SaveContext,
  set: Parameters<typeof serverSettle>[2],
): Promise<void> {
  if (await serverSettle(c.tx, c.task, set, c.at)) c.emit(serverEvent(serverOf(c), 'updated'))
}

/** A failed action: the status before it, or what the table says; the host's reports say what is true. */
export const settleFailed =
  (action: ServerAction) =>
  (c: SaveContext, error: TaskFailure): Promise<void> => {
    const { before } = c.task.input as ServerTaskInput
    const status = serverActions[action].onFailure ?? before
    return settle(c, { status, fault: faultFrom(error, c.at) })
  }
