/** Locking: what is locked is changed by nobody but those whom no lock stops. */
import { may } from '../access/allow.ts'
import { type Command, command } from '../command.ts'
import { emit } from '../core/event.ts'
import { CloudError } from '../errors.ts'
import { change, requireState } from '../transition.ts'
import { serverActions } from './server.states.ts'
import { type ServerResult, serverEvent } from './server.ts'
import {
  auditAction,
  LOCK_OVERRIDE,
  type ServerActionRequest,
  serverFor,
  targetOf,
} from './server-action.ts'

export interface ServerLock extends ServerActionRequest {
  reason?: string | null
}

export const serverLock = command(
  serverActions.lock.rule,
  (c, input: ServerLock) => setLock(c, input, true),
  'compute.server.lock',
)

export const serverUnlock = command(
  serverActions.unlock.rule,
  (c, input: ServerActionRequest) => setLock(c, input, false),
  'compute.server.unlock',
)

/** Done at once: a lock waits for no task, and what runs goes on. */
async function setLock(c: Command, input: ServerLock, locked: boolean): Promise<ServerResult> {
  const server = await serverFor(c, input)
  const { id, status, projectId, lockedBy } = server
  const name = locked ? 'lock' : 'unlock'
  requireState(name, serverActions[name], server)
  if (server.locked && lockedBy !== c.actor.userId && !may(c, LOCK_OVERRIDE, targetOf(server))) {
    const message = 'Somebody else locked it: only they or a manager of the project may change that'
    throw new CloudError('FORBIDDEN', message, { rule: LOCK_OVERRIDE })
  }
  const lockedReason = locked ? (input.reason ?? null) : null
  const set = { locked, lockedReason, lockedBy: locked ? c.actor.userId : null }
  await change(c.tx, { resource: 'server', id, where: {}, set, at: c.at })
  const event = serverEvent({ id, projectId, requestId: c.requestId }, 'updated')
  await emit(c.tx, { ...event, userId: c.actor.userId })
  auditAction(c, server, status, { locked, lockedReason })
  return { serverId: id, taskId: null, plan: null }
}
