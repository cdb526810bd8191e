/**
 * Clones: a new server of the same size with a copy of another one's disk. One task for both: it is
 * the clone's, and locks the source until the copy is taken (see server-interrupt.ts for their ends).
 */
import { command } from '../command.ts'
import { emit } from '../core/event.ts'
import { newId } from '../id.ts'
import { quotasOf } from '../identity/quota.ts'
import { quotaClaim } from '../identity/quota-claim.ts'
import { change, requireState } from '../transition.ts'
import { usableFlavor } from './flavor.ts'
import { placementRequestOf } from './placement-request.ts'
import { serverActions } from './server.states.ts'
import {
  amountsOf,
  resourcesOf,
  type ServerResult,
  type ServerTaskInput,
  serverEvent,
  serverTask,
} from './server.ts'
import { passesLock, type ServerActionRequest, serverFor } from './server-action.ts'
import { imageFor } from './server-image.ts'

export interface ServerClone extends ServerActionRequest {
  name: string
}

export interface CloneTaskInput extends ServerTaskInput {
  sourceId: string
  imageId: string
  resources: Record<string, number>
}

export const serverClone = command(
  serverActions.clone.rule,
  async (c, input: ServerClone): Promise<ServerResult> => {
    const source = await serverFor(c, input)
    const { id: sourceId, projectId } = source
    requireState('clone', serverActions.clone, source, { passesLock: passesLock(c, source) })
    const [id, imageId] = [newId(), newId()]
    const row = await c.tx.server.findUniqueOrThrow({ where: { id: sourceId } })
    await usableFlavor(c, projectId, row.flavorId)
    const { flavorId, vcpus, memoryMiB, diskGiB, configDrive, publicKey, keypairName } = row
    await c.tx.server.create({
      select: { id: true },
      data: {
        ...{ id, projectId, userId: c.actor.userId, name: input.name },
        ...{ status: 'BUILD', powerState: 'NOSTATE', taskState: 'create', taskId: c.taskId },
        ...{ flavorId, imageId: row.imageId, vcpus, memoryMiB, diskGiB },
        ...{ configDrive, publicKey, keypairName, userData: row.userData, tags: row.tags },
        ...{ description: row.description, availabilityZone: row.availabilityZone },
        metadata: row.metadata ?? {},
        extraSpecs: row.extraSpecs ?? {},
        imageProperties: row.imageProperties ?? {},
        ...{ createdAt: c.at, updatedAt: c.at },
      },
    })
    await quotaClaim(c, { projectId, ownerId: id, amounts: amountsOf(source) })
    if (c.dryRun) {
      const quotas = await quotasOf(c.home?.db ?? c.tx, c.region, [projectId])
      const placement = await c.placement.explain(await placementRequestOf(c.tx, id))
      const plan = { allowed: placement.hostsPassed > 0, quotas, placement }
      return { serverId: null, taskId: null, plan }
    }
    await imageFor(c, source, { id: imageId, name: input.name, kind: 'SHELVED', serverId: id })
    const lock = { taskState: 'clone', taskId: c.taskId }
    await change(c.tx, { resource: 'server', id: sourceId, where: {}, set: lock, at: c.at })
    const event = serverEvent({ id: sourceId, projectId, requestId: c.requestId }, 'updated')
    await emit(c.tx, { ...event, userId: c.actor.userId })
    const task: CloneTaskInput = {
      ...{ host: null, before: 'BUILD', sourceId, imageId },
      resources: resourcesOf(source),
    }
    const taskId = await serverTask(c, 'server.clone', { id, projectId }, task, 'created')
    c.audit({
      resourceType: 'server',
      resourceId: id,
      resourceName: input.name,
      projectId,
      after: { name: input.name, status: 'ACTIVE', clonedFrom: sourceId },
    })
    return { serverId: id, taskId, plan: null }
  },
  'compute.server.clone',
)
