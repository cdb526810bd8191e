/** Making servers. */

import { inProject } from '../access/allow.ts'
import { type Command, type CommandInput, command } from '../command.ts'
import { CloudError, notFound } from '../errors.ts'
import { newId } from '../id.ts'
import { quotasOf } from '../identity/quota.ts'
import { quotaClaim } from '../identity/quota-claim.ts'
import { hostViews } from './allocation.ts'
import { place } from './placement.ts'
import {
  amountsOf,
  type Plan,
  resourcesOf,
  type ServerResult,
  type ServerTaskInput,
  serverTask,
} from './server.ts'

const GIB = 1024 ** 3

/** What a host needs to know of an image to get its bytes; part of the input of tasks. */
export interface ImageForHost {
  id: string
  checksum: string
  format: 'qcow2' | 'raw'
  sizeBytes: number
  virtualSizeBytes: number
}

export interface ServerCreateTaskInput extends ServerTaskInput {
  image: ImageForHost
  resources: Record<string, number>
}

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
    const resources = resourcesOf({ ...flavor, diskGiB })
    await quotaClaim(c, { projectId, ownerId: id, amounts: amountsOf(flavor) })
    if (c.dryRun)
      return { serverId: null, taskId: null, plan: await planOf(c, projectId, resources) }
    const taskInput: ServerCreateTaskInput = {
      host: null,
      before: 'BUILD',
      image,
      resources,
    }
    const taskId = await serverTask(c, 'server.create', { id, projectId }, taskInput, 'created')
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

/** An image of the project, or a public one, that a disk of this size can be made of. */
export async function usableImage(
  c: Command,
  projectId: string,
  id: string,
  diskGiB: number,
): Promise<ImageForHost> {
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
    format: image.diskFormat === 'RAW' ? 'raw' : 'qcow2',
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
