/** Which projects may use a flavor that is not public. */
import { type Command, type CommandInput, command } from '../command.ts'
import type { Context } from '../context.ts'
import { CloudError, notFound } from '../errors.ts'
import { findFlavor, flavorEvents } from './flavor.ts'

export interface FlavorAccessChange extends CommandInput {
  flavorId: string
  projectId: string
}

type Change = (ctx: Context, input: FlavorAccessChange) => Promise<{ id: string }>

/** Adding who is there already changes nothing. */
export const flavorAccessAdd: Change = command(
  'compute.flavor.update',
  async (c, { flavorId, projectId }) => {
    const flavor = await findFlavor(c, flavorId)
    if (flavor.public) {
      throw new CloudError('INVALID_STATE', `The flavor ${flavor.name} is public: all may use it`, {
        allowedStatuses: ['not public'],
      })
    }
    const project = await c.tx.project.findUnique({ where: { id: projectId } })
    if (!project) throw notFound('project', projectId)
    const { count } = await c.tx.flavorAccess.createMany({
      data: [{ flavorId, projectId }],
      skipDuplicates: true,
    })
    if (count > 0) await told(c, flavor, projectId, true)
    return { id: flavorId }
  },
  'compute.flavor.access-add',
)

export const flavorAccessRemove: Change = command(
  'compute.flavor.update',
  async (c, { flavorId, projectId }) => {
    const flavor = await findFlavor(c, flavorId)
    const { count } = await c.tx.flavorAccess.deleteMany({ where: { flavorId, projectId } })
    if (count > 0) await told(c, flavor, projectId, false)
    return { id: flavorId }
  },
  'compute.flavor.access-remove',
)

async function told(
  c: Command,
  flavor: { id: string; name: string },
  projectId: string,
  isAllowed: boolean,
): Promise<void> {
  const { id, name } = flavor
  await c.tx.flavor.update({
    where: { id },
    data: { version: { increment: 1 }, updatedAt: c.at },
  })
  await flavorEvents(c, id, 'updated', [projectId])
  c.audit({
    resourceType: 'flavor',
    resourceId: id,
    resourceName: name,
    before: { access: { projectId, allowed: !isAllowed } },
    after: { access: { projectId, allowed: isAllowed } },
  })
}
