/** Making servers: one, or many in one request. */
import type { Flavor, Prisma } from '../../prisma/generated/client.ts'
import { inProject } from '../access/allow.ts'
import { inBestCell } from '../cells/choose.ts'
import { type Command, type CommandInput, command } from '../command.ts'
import type { Context } from '../context.ts'
import { newId } from '../id.ts'
import { quotasOf } from '../identity/quota.ts'
import { quotaClaim } from '../identity/quota-claim.ts'
import { usableFlavor } from './flavor.ts'
import type { ImageForHost } from './image-for-host.ts'
import { placementRequestOf } from './placement-request.ts'
import {
  amountsOf,
  type Plan,
  resourcesOf,
  type ServerResult,
  type ServerTaskInput,
  serverTask,
} from './server.ts'
import { bootImage } from './server-create-image.ts'
import { optionsOf, type ServerOptions } from './server-create-options.ts'

export interface ServerCreateTaskInput extends ServerTaskInput {
  image: ImageForHost
  resources: Record<string, number>
  /** An operator said where, by name. */
  onlyHost?: string
}

export interface ServerCreate extends CommandInput, ServerOptions {
  name: string
  flavorId: string
  imageId: string
}

export const serverCreate: (ctx: Context, input: ServerCreate) => Promise<ServerResult> =
  inBestCell(
    command('compute.server.create', async (c, input: ServerCreate): Promise<ServerResult> => {
      const draft = await draftOf(c, input)
      const id = await insert(c, draft, input.name, c.taskId)
      const { projectId } = draft
      const claim = { projectId, ownerId: id, amounts: amountsOf(draft.flavor) }
      if (c.dryRun) {
        await quotaClaim(c, claim)
        return { serverId: null, taskId: null, plan: await planOf(c, draft, id) }
      }
      c.atEnd(() => quotaClaim(c, claim))
      const taskId = await begin(c, draft, { id, name: input.name }, c.taskId)
      return { serverId: id, taskId, plan: null }
    }),
  )

/** What the servers of one request have in common. */
export interface Draft {
  projectId: string
  flavor: Flavor
  columns: Omit<Prisma.ServerUncheckedCreateInput, 'id' | 'name' | 'taskId'>
  task: ServerCreateTaskInput
}

/** Checks the whole request and makes the row and the task of it, but for id and name. */
export async function draftOf(
  c: Command,
  input: Omit<ServerCreate, 'name'>,
  count = 1,
): Promise<Draft> {
  const { projectId } = inProject(c)
  const flavor = await usableFlavor(c, projectId, input.flavorId)
  const { image, properties, leastDiskGiB } = await bootImage(c, projectId, input.imageId, flavor)
  const { columns, onlyHost } = await optionsOf(c, projectId, input, count)
  const { vcpus, memoryMiB } = flavor
  const size = { vcpus, memoryMiB, diskGiB: flavor.diskGiB || leastDiskGiB }
  return {
    projectId,
    flavor,
    columns: {
      ...columns,
      ...size,
      projectId,
      userId: c.actor.userId,
      status: 'BUILD',
      powerState: 'NOSTATE',
      taskState: 'create',
      flavorId: flavor.id,
      imageId: image.id,
      extraSpecs: flavor.extraSpecs ?? {},
      imageProperties: properties,
      createdAt: c.at,
      updatedAt: c.at,
    },
    task: {
      host: null,
      before: 'BUILD',
      image,
      resources: resourcesOf(size),
      ...(onlyHost && { onlyHost }),
    },
  }
}

/** Not createMany: Prisma keeps no plan of it and would compile it anew for each request. */
export async function insert(
  c: Command,
  draft: Draft,
  name: string,
  taskId: string,
): Promise<string> {
  const id = newId()
  await c.tx.server.create({ select: { id: true }, data: { ...draft.columns, id, name, taskId } })
  return id
}

/** Writes the task of a server that was inserted, and the words for the audit log. */
export async function begin(
  c: Command,
  draft: Draft,
  server: { id: string; name: string },
  taskId: string,
): Promise<string> {
  const { projectId, task } = draft
  await serverTask(c, 'server.create', { id: server.id, projectId }, task, 'created', taskId)
  audit(c, draft, server)
  return taskId
}

/** The audit entry of a server that is made. */
export function audit(
  c: Command,
  { projectId, task, flavor }: Draft,
  { id, name }: { id: string; name: string },
): void {
  c.audit({
    resourceType: 'server',
    resourceId: id,
    resourceName: name,
    projectId,
    after: { name, status: 'ACTIVE', flavor: flavor.name, imageId: task.image.id },
  })
}

/** What placement says now of a server that was inserted. */
export async function planOf(c: Command, { projectId, task }: Draft, id: string): Promise<Plan> {
  const { onlyHost } = task
  const quotas = await quotasOf(c.home?.db ?? c.tx, c.region, [projectId])
  const request = await placementRequestOf(c.tx, id, onlyHost ? { onlyHost } : {})
  const explanation = await c.placement.explain(request)
  return { allowed: explanation.hostsPassed > 0, quotas, placement: explanation }
}
