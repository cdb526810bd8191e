/** Services: what the catalog lists, by type. */
import type { Service } from '../../prisma/generated/client.ts'
import { type Command, type CommandInput, command } from '../command.ts'
import type { Context } from '../context.ts'
import { changed } from '../core/audit.ts'
import { tell, telling } from '../core/tell.ts'
import { CloudError } from '../errors.ts'
import { newId } from '../id.ts'
import { checkVersion, given, orTaken, updateRow } from '../versioned.ts'

const MAX_LISTED = 50

async function findService(c: Command, id: string): Promise<Service> {
  const service = await c.tx.service.findUnique({ where: { id } })
  if (!service) throw new CloudError('NOT_FOUND', `There is no service ${id}`)
  return service
}

const viewOf = ({ type, name, description, enabled }: Service) => ({
  type,
  name,
  description,
  enabled,
})

async function told(c: Command, before: Service | null, after: Service | null): Promise<void> {
  const { id, name } = (after ?? before) as Service
  const change = changed(before && viewOf(before), after && viewOf(after))
  const resource = { resourceType: 'service', resourceId: id, resourceName: name } as const
  await tell(c, telling(null, { ...resource, ...change }))
}

export interface ServiceCreate extends CommandInput {
  type: string
  name: string
  description?: string | null
  enabled?: boolean | null
}

export const serviceCreate: (ctx: Context, input: ServiceCreate) => Promise<{ id: string }> =
  command('identity.service.update', async (c, { type, name, description, enabled }) => {
    const service = await orTaken(
      c.tx.service.create({
        data: {
          id: newId(),
          type,
          name,
          ...given({ description, enabled }),
          createdAt: c.at,
          updatedAt: c.at,
        },
      }),
      `service of the type ${type} named`,
      name,
    )
    await told(c, null, service)
    return { id: service.id }
  })

export interface ServiceUpdate extends CommandInput {
  id: string
  ifVersion?: number | null
  type?: string | null
  name?: string | null
  description?: string | null
  enabled?: boolean | null
}

/** A disabled service is in no catalog; nothing else of it stops. */
export const serviceUpdate: (ctx: Context, input: ServiceUpdate) => Promise<{ id: string }> =
  command('identity.service.update', async (c, input) => {
    const { id, ifVersion, type, name, description, enabled } = input
    const before = await findService(c, id)
    checkVersion(before, ifVersion)
    const data = given({ type, name, description, enabled })
    await orTaken(
      updateRow(c.tx.service, before, data, c.at),
      `service of the type ${type ?? before.type} named`,
      name ?? before.name,
    )
    await told(c, before, await findService(c, id))
    return { id }
  })

/** With its endpoints. IN_USE while limits are registered for it. */
export const serviceDelete: (
  ctx: Context,
  input: CommandInput & { id: string; ifVersion?: number | null },
) => Promise<{ id: string }> = command('identity.service.update', async (c, { id, ifVersion }) => {
  await c.tx.$executeRaw`select from identity.service where id = ${id}::uuid for update`
  const service = await findService(c, id)
  checkVersion(service, ifVersion)
  const limits = await c.tx.registeredLimit.findMany({ where: { serviceId: id }, take: MAX_LISTED })
  if (limits.length > 0) {
    throw new CloudError('IN_USE', 'Limits are registered for the service: delete them first', {
      resources: limits.map((limit) => ({
        type: 'registered_limit',
        id: limit.id,
        name: limit.resource,
      })),
    })
  }
  const endpoints = await c.tx.endpoint.findMany({ where: { serviceId: id } })
  await c.tx.service.delete({ where: { id } })
  const gone = endpoints.map(({ id: resourceId, url }) => {
    const resource = { resourceType: 'endpoint', resourceId, resourceName: url } as const
    return telling(null, { ...resource, before: { serviceId: id, url } })
  })
  await tell(c, ...gone)
  await told(c, service, null)
  return { id }
})
