/**
 * The command of an action on one server: check against the state table, lock, write the task. Every
 * action is a row of the table and, where it needs more than an id, a `prepare` of its own.
 */
import { allow, inProject, may } from '../access/allow.ts'
import { type Command, type CommandInput, command } from '../command.ts'
import { CloudError } from '../errors.ts'
import { quotasOf } from '../identity/quota.ts'
import { change, requireState } from '../transition.ts'
import {
  type ServerAction,
  type ServerStatus,
  serverActions,
  statusAfter,
} from './server.states.ts'
import {
  type LockedServer,
  lockServer,
  type Plan,
  type ServerResult,
  type ServerTaskInput,
  serverTask,
} from './server.ts'
import { interrupt } from './server-interrupt.ts'
import type { ServerTaskKind } from './server-tasks.ts'

export interface ServerActionRequest extends CommandInput {
  id: string
  ifVersion?: number | null
}

/** What an action adds of its own, found out in its transaction. */
export interface Prepared {
  /** More of the task's input. */
  task?: object
  /** More of the row. */
  set?: Record<string, unknown>
  /** More of a dry run's plan. */
  plan?: Partial<Plan>
  /** More of what the audit log tells. */
  audit?: object
}

export type Prepare<I> = (c: Command, server: LockedServer, input: I) => Promise<Prepared>

export const LOCK_OVERRIDE = 'compute.server.lock-override'

/** Whose server it is, for rules that ask: `user_id:%(user_id)s`. */
export const targetOf = (server: { projectId: string; userId: string }) => ({
  project_id: server.projectId,
  user_id: server.userId,
})

/** A server of the project, locked in the database, that the caller may act on as `rule` says. */
export async function serverFor(
  c: Command,
  input: Pick<ServerActionRequest, 'id' | 'ifVersion'>,
): Promise<LockedServer> {
  const server = await lockServer(c.tx, inProject(c), input.id)
  allowOn(c, server, input)
  return server
}

/** Whether the caller may act on this server, at this version of it. */
export function allowOn(
  c: Command,
  server: LockedServer,
  { ifVersion }: Pick<ServerActionRequest, 'ifVersion'>,
): void {
  allow(c, c.rule, targetOf(server))
  if (ifVersion && ifVersion !== server.version) {
    throw new CloudError('CONFLICT', `The server is at version ${server.version}: look again`)
  }
}

/** Whether a lock of the server stops the caller. */
export const passesLock = (c: Command, server: LockedServer): boolean =>
  server.locked && may(c, LOCK_OVERRIDE, targetOf(server))

/**
 * The command of one action: what its row of the state table says, and what `prepare` adds. Throws
 * INVALID_STATE when the table or a lock forbids it, CONFLICT at another version than `ifVersion`.
 */
export function serverAction<I extends ServerActionRequest>(
  name: ServerAction,
  kind: ServerTaskKind,
  prepare: Prepare<I> = async () => ({}),
) {
  return command(
    serverActions[name].rule,
    async (c, input: I): Promise<ServerResult> => {
      const server = await serverFor(c, input)
      return begin(c, name, kind, server, () => prepare(c, server, input))
    },
    `compute.server.${name}`,
  )
}

/** Begins an action on a server that is locked in the database. */
export async function begin(
  c: Command,
  name: ServerAction,
  kind: ServerTaskKind,
  server: LockedServer,
  prepare: () => Promise<Prepared>,
): Promise<ServerResult> {
  const row = serverActions[name]
  const { id, projectId, status, host } = server
  // Asking again for what runs already is no reason to begin it anew.
  if (row.interrupts && server.taskState === name) {
    return { serverId: id, taskId: server.taskId, plan: null }
  }
  requireState(name, row, server, { passesLock: passesLock(c, server) })
  const prepared = await prepare()
  if (c.dryRun) {
    const quotas = await quotasOf(c.home?.db ?? c.tx, c.region, [projectId])
    const plan = { allowed: true, quotas, placement: null, ...prepared.plan }
    return { serverId: id, taskId: null, plan }
  }
  const asking = { userId: c.actor.userId, requestId: c.requestId }
  await interrupt(c.tx, server, name, { asking, at: c.at })
  const input: ServerTaskInput = { host, before: status, ...prepared.task }
  await change(c.tx, {
    resource: 'server',
    id,
    where: {},
    set: { ...prepared.set, status: row.during ?? status, taskState: name, taskId: c.taskId },
    at: c.at,
  })
  const taskId = await serverTask(c, kind, server, input)
  auditAction(c, server, statusAfter(name, status), prepared.audit)
  return { serverId: id, taskId, plan: null }
}

/**
 * The audit entry of an action: the status before and, unless `after` is null, the one that it
 * leads to.
 */
export function auditAction(
  c: Command,
  server: LockedServer,
  after: ServerStatus | null,
  more: object = {},
): void {
  c.audit({
    resourceType: 'server',
    resourceId: server.id,
    resourceName: server.name,
    projectId: server.projectId,
    before: { status: server.status },
    ...(after && { after: { status: after, ...more } }),
  })
}
