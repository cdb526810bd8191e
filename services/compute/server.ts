/** Servers: what their commands and their tasks share. The commands are in server-<verb>.ts. */
import type { Command } from '../command.ts'
import type { Db, ProjectActor, Tx } from '../context.ts'
import type { EventDraft } from '../core/event.ts'
import type { Task } from '../core/task.ts'
import { notFound } from '../errors.ts'
import type { QuotaAmounts, QuotaView } from '../identity/quota.ts'
import { change } from '../transition.ts'
import type { Explanation } from './placement.ts'
import type { ServerStatus } from './server.states.ts'
import { type ServerTaskKind, serverTasks } from './server-tasks.ts'

/** A mutation's answer: ids, which the resolver loads, or the plan of a dry run. */
export interface ServerResult {
  serverId: string | null
  taskId: string | null
  plan: Plan | null
}

export interface Plan {
  allowed: boolean
  quotas: QuotaView[]
  placement: Explanation | null
}

/** What the tasks of servers know from their beginning; what they act on they read from the row. */
export interface ServerTaskInput {
  /** The host's name; null before it is placed. */
  host: string | null
  /** The status before the action, to go back to when it fails. */
  before: ServerStatus
}

/** What a server takes of its project's quota. */
export const amountsOf = (size: { vcpus: number; memoryMiB: number }): QuotaAmounts => ({
  'compute.instances': 1,
  'compute.cores': size.vcpus,
  'compute.memoryMiB': size.memoryMiB,
})

/** What it takes of a host, in OpenStack's resource classes. */
export const resourcesOf = (size: { vcpus: number; memoryMiB: number; diskGiB: number }) => ({
  VCPU: size.vcpus,
  MEMORY_MB: size.memoryMiB,
  DISK_GB: size.diskGiB,
})

export interface LockedServer {
  id: string
  name: string
  userId: string
  projectId: string
  status: ServerStatus
  restStatus: ServerStatus | null
  taskState: string | null
  taskId: string | null
  hostId: string | null
  host: string | null
  imageId: string | null
  flavorId: string
  shelvedImageId: string | null
  vcpus: number
  memoryMiB: number
  diskGiB: number
  locked: boolean
  lockedReason: string | null
  lockedBy: string | null
  version: number
}

/** Reads a server of the project, or of any, and keeps others from changing it until the transaction ends. */
export async function lockServer(
  tx: Tx,
  actor: Pick<ProjectActor, 'projectId'> | { projectId: null },
  id: string,
): Promise<LockedServer> {
  const [server] = await tx.$queryRaw<LockedServer[]>`
    select s.id, s.name, s.user_id as "userId", s.project_id as "projectId", s.status,
           s.rest_status as "restStatus", s.task_state as "taskState", s.task_id as "taskId",
           s.host_id as "hostId", h.name as host, s.image_id as "imageId",
           s.flavor_id as "flavorId", s.shelved_image_id as "shelvedImageId", s.vcpus,
           s.memory_mib as "memoryMiB", s.disk_gib as "diskGiB", s.locked,
           s.locked_reason as "lockedReason", s.locked_by as "lockedBy", s.version
    from compute.server s left join compute.host h on h.id = s.host_id
    where s.id = ${id}::uuid
      and (${actor.projectId}::uuid is null or s.project_id = ${actor.projectId}::uuid)
    for update of s`
  if (!server) throw notFound('server', id)
  return server
}

/** Writes a task of a server, with the event of the change that asked for it. */
export const serverTask = (
  c: Command,
  kind: ServerTaskKind,
  server: { id: string; projectId: string },
  input: ServerTaskInput,
  what: 'created' | 'updated' = 'updated',
  taskId = c.taskId,
): Promise<string> =>
  c.task(
    {
      id: taskId,
      kind,
      projectId: server.projectId,
      resourceType: 'server',
      resourceId: server.id,
      input,
      ...serverTasks[kind],
    },
    [serverEvent({ ...server, requestId: c.requestId }, what)],
  )

export const serverEvent = (
  server: { id: string; projectId: string | null; requestId: string | null },
  what: 'created' | 'updated' | 'deleted',
): EventDraft => ({
  type: `server.${what}`,
  resourceType: 'server',
  resourceId: server.id,
  projectId: server.projectId,
  requestId: server.requestId,
})

/**
 * Ends what a task did to its server: the new status, the lock given back, and the fence under which
 * the host was called last. Not the task's own: a later owner may have ended the task without a call,
 * and the host, which never heard of it, would not be believed any more.
 * False when the server is no longer this task's.
 */
export const serverSettle = (
  tx: Tx,
  { id, resourceId, state }: Pick<Task, 'id' | 'resourceId' | 'state'>,
  set: { status: ServerStatus } & Record<string, unknown>,
  at: Date,
): Promise<boolean> =>
  change(tx, {
    resource: 'server',
    id: resourceId,
    where: { taskId: id },
    set: {
      ...set,
      taskState: null,
      ...(state.calledUnder !== undefined && { fence: BigInt(state.calledUnder) }),
    },
    at,
  })

/** What a driver is told of a machine; DESIGN: a plain description. */
export interface Machine {
  id: string
  name: string
  vcpus: number
  memoryMiB: number
  diskGiB: number
  configDrive?: { path: string; content: string }[]
}

/** The machine of a server as its row says now. */
export async function machineOf(db: Db | Tx, id: string): Promise<Machine> {
  return db.server.findUniqueOrThrow({ where: { id }, select: MACHINE })
}

/** The same, and whether it has a config drive. */
export async function machineAndDriveOf(
  db: Db | Tx,
  id: string,
): Promise<{ machine: Machine; hasDrive: boolean }> {
  const { configDrive, ...machine } = await db.server.findUniqueOrThrow({
    where: { id },
    select: { ...MACHINE, configDrive: true },
  })
  return { machine, hasDrive: configDrive }
}

const MACHINE = { id: true, name: true, vcpus: true, memoryMiB: true, diskGiB: true } as const
