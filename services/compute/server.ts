/** Servers: the commands of the API, and how a server's row ends up after its tasks. */

import { allow, inProject } from '../access/allow.ts'
import { type Command, type CommandInput, command } from '../command.ts'
import type { ProjectActor, Tx } from '../context.ts'
import type { EventDraft } from '../core/event.ts'
import { type Task, taskCancel } from '../core/task.ts'
import { CloudError, notFound } from '../errors.ts'
import { newId } from '../id.ts'
import { type QuotaAmounts, type QuotaView, quotasOf } from '../identity/quota.ts'
import { quotaClaim } from '../identity/quota-claim.ts'
import { change, requireState } from '../transition.ts'
import { hostViews } from './allocation.ts'
import { type Explanation, place } from './placement.ts'
import { type ServerAction, type ServerStatus, serverActions } from './server.states.ts'

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

/** What a driver needs to know of a server; part of the input of every task. */
export interface Machine {
  id: string
  name: string
  vcpus: number
  memoryMiB: number
  diskGiB: number
}

export interface ServerTaskInput {
  machine: Machine
  /** The host's name; null before it is placed. */
  host: string | null
  /** The status before the action, to go back to when it fails. */
  before: ServerStatus
}

export interface ServerCreateTaskInput extends ServerTaskInput {
  image: {
    id: string
    checksum: string
    format: 'qcow2' | 'raw'
    sizeBytes: number
    virtualSizeBytes: number
  }
  resources: Record<string, number>
}

/** The steps of each task and how long it may take in all; workers/ fills them with deeds. */
export const serverTasks = {
  'server.create': { steps: ['place', 'disk', 'boot'], deadlineMs: 15 * 60_000 },
  'server.start': { steps: ['boot'], deadlineMs: 5 * 60_000 },
  'server.stop': { steps: ['shutdown'], deadlineMs: 5 * 60_000 },
  'server.reboot': { steps: ['reboot'], deadlineMs: 5 * 60_000 },
  'server.delete': { steps: ['destroy', 'release'], deadlineMs: 60 * 60_000 },
} as const
export type ServerTaskKind = keyof typeof serverTasks

export const GIB = 1024 ** 3

export interface ServerCreate extends CommandInput {
  name: string
  flavorId: string
  imageId: string
}

export const serverCreate = command(
  'compute.server.create',
  async (c, input: ServerCreate): Promise<ServerResult> => {
    const { projectId } = inProject(c)
    const flavor = await c.tx.flavor.findUnique({ where: { id: input.flavorId } })
    if (!flavor) throw notFound('flavor', input.flavorId)
    const image = await usableImage(c, projectId, input.imageId, flavor.diskGiB)
    const id = newId()
    const diskGiB = flavor.diskGiB || Math.ceil(image.virtualSizeBytes / GIB)
    // Not createMany: Prisma keeps no plan of it and would compile it anew for each server.
    await c.tx.server.create({
      select: { id: true },
      data: {
        id,
        projectId,
        userId: c.actor.userId,
        name: input.name,
        status: 'BUILD',
        powerState: 'NOSTATE',
        taskState: 'create',
        flavorId: flavor.id,
        imageId: image.id,
        vcpus: flavor.vcpus,
        memoryMiB: flavor.memoryMiB,
        diskGiB,
        createdAt: c.at,
        updatedAt: c.at,
        taskId: c.taskId,
      },
    })
    const resources = { VCPU: flavor.vcpus, MEMORY_MB: flavor.memoryMiB, DISK_GB: diskGiB }
    await quotaClaim(c, { projectId, ownerId: id, amounts: amountsOf(flavor) })
    if (c.dryRun)
      return { serverId: null, taskId: null, plan: await planOf(c, projectId, resources) }
    const taskInput: ServerCreateTaskInput = {
      machine: { id, name: input.name, vcpus: flavor.vcpus, memoryMiB: flavor.memoryMiB, diskGiB },
      host: null,
      before: 'BUILD',
      image,
      resources,
    }
    const taskId = await serverTask(c, 'server.create', projectId, id, taskInput, 'created')
    c.audit({
      resourceType: 'server',
      resourceId: id,
      resourceName: input.name,
      projectId,
      after: { name: input.name, status: 'ACTIVE', flavor: flavor.name, imageId: image.id },
    })
    return { serverId: id, taskId, plan: null }
  },
)

const amountsOf = (size: { vcpus: number; memoryMiB: number }): QuotaAmounts => ({
  'compute.instances': 1,
  'compute.cores': size.vcpus,
  'compute.memoryMiB': size.memoryMiB,
})

async function usableImage(c: Command, projectId: string, id: string, diskGiB: number) {
  const image = await c.tx.image.findFirst({
    where: { id, OR: [{ projectId }, { visibility: 'PUBLIC' }] },
  })
  if (!image) throw notFound('image', id)
  if (image.taskState === 'delete') throw notFound('image', id)
  if (image.status !== 'ACTIVE' || !image.checksum) {
    throw new CloudError(
      'INVALID_STATE',
      `The image is ${image.status}: it has no bytes to boot yet`,
      {
        allowedStatuses: ['ACTIVE'],
      },
    )
  }
  const virtualSizeBytes = Number(image.virtualSizeBytes)
  if (diskGiB > 0 && virtualSizeBytes > diskGiB * GIB) {
    const needs = Math.ceil(virtualSizeBytes / GIB)
    throw new CloudError(
      'BAD_INPUT',
      `The image needs a disk of ${needs} GiB, the flavor has ${diskGiB}`,
      {
        fields: [{ path: 'input.flavorId', message: `needs at least ${needs} GiB of disk` }],
      },
    )
  }
  return {
    id: image.id,
    checksum: image.checksum,
    format: image.diskFormat === 'RAW' ? ('raw' as const) : ('qcow2' as const),
    sizeBytes: Number(image.sizeBytes),
    virtualSizeBytes,
  }
}

async function planOf(
  c: Command,
  projectId: string,
  resources: Record<string, number>,
): Promise<Plan> {
  const quotas = await quotasOf(c.tx, c.region, [projectId])
  const { explanation } = place(await hostViews(c.tx), { resources, tried: [] })
  return { allowed: explanation.hostsPassed > 0, quotas, placement: explanation }
}

export interface ServerActionRequest extends CommandInput {
  id: string
  ifVersion?: number | null
}

export const serverStart = action('start', 'server.start')
export const serverStop = action('stop', 'server.stop')
export const serverDelete = action('delete', 'server.delete')

const rebootSoft = action('reboot', 'server.reboot')
const rebootHard = action('rebootHard', 'server.reboot')
export const serverReboot: (
  ctx: Parameters<typeof rebootSoft>[0],
  input: ServerActionRequest & { mode: 'SOFT' | 'HARD' },
) => Promise<ServerResult> = (ctx, input) =>
  (input.mode === 'HARD' ? rebootHard : rebootSoft)(ctx, input)

/** The command of an action on one server: check against the state table, lock, write the task. */
function action(name: ServerAction, kind: ServerTaskKind) {
  const row = serverActions[name]
  return command(row.rule, async (c, input: ServerActionRequest): Promise<ServerResult> => {
    const actor = inProject(c)
    const server = await lockServer(c.tx, actor, input.id)
    // An operator's rule may ask whose server it is: `user_id:%(user_id)s`.
    allow(c, row.rule, { project_id: actor.projectId, user_id: server.userId })
    if (input.ifVersion && input.ifVersion !== server.version) {
      throw new CloudError('CONFLICT', `The server is at version ${server.version}: look again`)
    }
    // Asking again for what runs already is no reason to begin it anew.
    if (row.interrupts && server.taskState === name) {
      return { serverId: server.id, taskId: server.taskId, plan: null }
    }
    requireState(name, row, server)
    if (c.dryRun) {
      const quotas = await quotasOf(c.tx, c.region, [actor.projectId])
      return { serverId: server.id, taskId: null, plan: { allowed: true, quotas, placement: null } }
    }
    if (server.taskState && server.taskId) await taskCancel(c.tx, server.taskId)
    const { host, status, id } = server
    const { name: serverName, vcpus, memoryMiB, diskGiB } = server
    const machine: Machine = { id, name: serverName, vcpus, memoryMiB, diskGiB }
    const taskInput: ServerTaskInput & { mode: 'soft' | 'hard' } = {
      machine,
      host,
      before: status,
      mode: name === 'rebootHard' ? 'hard' : 'soft',
    }
    await change(c.tx, {
      resource: 'server',
      id,
      where: {},
      set: { status: row.during ?? status, taskState: name, taskId: c.taskId },
      at: c.at,
    })
    const taskId = await serverTask(c, kind, actor.projectId, id, taskInput, 'updated')
    c.audit({
      resourceType: 'server',
      resourceId: id,
      resourceName: serverName,
      projectId: actor.projectId,
      before: { status },
      ...(row.to && { after: { status: row.to } }),
    })
    return { serverId: id, taskId, plan: null }
  })
}

interface LockedServer extends Machine {
  userId: string
  status: ServerStatus
  taskState: string | null
  taskId: string | null
  hostId: string | null
  host: string | null
  version: number
}

/** Reads a server of the project and keeps others from changing it until the transaction ends. */
async function lockServer(tx: Tx, actor: ProjectActor, id: string): Promise<LockedServer> {
  const [server] = await tx.$queryRaw<LockedServer[]>`
    select s.id, s.name, s.user_id as "userId", s.status, s.task_state as "taskState",
           s.task_id as "taskId", s.host_id as "hostId", h.name as host, s.version, s.vcpus, s.memory_mib as "memoryMiB",
           s.disk_gib as "diskGiB"
    from compute.server s left join compute.host h on h.id = s.host_id
    where s.id = ${id}::uuid and s.project_id = ${actor.projectId}::uuid for update of s`
  if (!server) throw notFound('server', id)
  return server
}

const serverTask = (
  c: Command,
  kind: ServerTaskKind,
  projectId: string,
  id: string,
  input: ServerTaskInput,
  what: 'created' | 'updated',
): Promise<string> =>
  c.task(
    {
      id: c.taskId,
      kind,
      projectId,
      resourceType: 'server',
      resourceId: id,
      input,
      ...serverTasks[kind],
    },
    [serverEvent({ id, projectId, requestId: c.requestId }, what)],
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
