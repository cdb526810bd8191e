/**
 * Registered limits: what a project may have of a resource when it has no limit of its own. One of a
 * region goes before the one of none. Which resources can be limited is said by these rows.
 */
import type { RegisteredLimit } from '../../prisma/generated/client.ts'
import { type Command, type CommandInput, command } from '../command.ts'
import type { Cloud, Context, Tx } from '../context.ts'
import { changed } from '../core/audit.ts'
import { tell, telling } from '../core/tell.ts'
import { badInput, CloudError, type ErrorDetails, notFound } from '../errors.ts'
import { newId } from '../id.ts'
import { checkVersion, given, orTaken, updateRow } from '../versioned.ts'
import { quotaDefaults, registered, userLimitDefaults } from './quota.ts'

/** The service whose resources are counted. */
const COUNTED = 'compute'
const MAX_LISTED = 50
const firstLimits = { ...quotaDefaults, ...userLimitDefaults }

/** The first limits, and the service that they are of when the catalog has none. May be repeated. */
export async function registeredLimitBootstrap({
  db,
  now,
}: Pick<Cloud, 'db' | 'now'>): Promise<void> {
  const at = now()
  const names = Object.keys(firstLimits)
  await db.$executeRaw`
    insert into identity.service (id, type, name, description, created_at, updated_at)
    select ${newId()}::uuid, ${COUNTED}, ${COUNTED}, 'Servers, flavors and hosts.', ${at}, ${at}
    where not exists (select from identity.service where type = ${COUNTED}) on conflict do nothing`
  await db.$executeRaw`
    insert into identity.registered_limit
      (id, service_id, resource, default_limit, created_at, updated_at)
    select w.id, s.id, w.resource, w.amount, ${at}, ${at}
    from unnest(${names.map(newId)}::uuid[], ${names}::text[],
                ${Object.values(firstLimits)}::int[]) w (id, resource, amount),
      (select id from identity.service where type = ${COUNTED} order by id limit 1) s
    on conflict do nothing`
}

/** Keeps the registered limits of a resource as they are, or for this transaction to change. */
export async function lockRegistered(
  tx: Tx,
  resource: string,
  how: 'share' | 'change',
): Promise<void> {
  if (how === 'share') {
    await tx.$executeRaw`
      select from identity.registered_limit where resource = ${resource} order by id for share`
  } else {
    await tx.$executeRaw`
      select from identity.registered_limit where resource = ${resource}
      order by id for no key update`
  }
}

const viewOf = ({ resource, regionId, defaultLimit, description }: RegisteredLimit) => ({
  resource,
  regionId,
  defaultLimit,
  description,
})

/** Writes the event and the audit entry of a change; `after` is null when it is gone. */
async function told(
  c: Command,
  before: RegisteredLimit | null,
  after: RegisteredLimit | null,
): Promise<void> {
  const { id, resource } = (after ?? before) as RegisteredLimit
  const change = changed(before && viewOf(before), after && viewOf(after))
  const about = {
    resourceType: 'registered_limit',
    resourceId: id,
    resourceName: resource,
  } as const
  await tell(c, telling(null, { ...about, ...change }))
}

/** Found, and kept from changing until the transaction ends. */
async function find(c: Command, id: string): Promise<RegisteredLimit> {
  const seen = await c.tx.registeredLimit.findUnique({ where: { id } })
  if (seen) await lockRegistered(c.tx, seen.resource, 'change')
  const row = seen && (await c.tx.registeredLimit.findUnique({ where: { id } }))
  if (!row) throw notFound('registered limit', id)
  return row
}

export interface RegisteredLimitCreate extends CommandInput {
  serviceId: string
  regionId?: string | null
  resource: string
  defaultLimit: number
  description?: string | null
}

const wrong = (field: string, message: string): CloudError =>
  badInput(field, message, `${field}: ${message}`)

export const registeredLimitCreate: (
  ctx: Context,
  input: RegisteredLimitCreate,
) => Promise<{ id: string }> = command('identity.registered-limit.update', async (c, input) => {
  const { serviceId, regionId, resource, defaultLimit, description } = input
  const service = await c.tx.service.findUnique({ where: { id: serviceId } })
  if (!service) throw notFound('service', serviceId)
  if (!resource.startsWith(`${service.type}.`)) {
    throw wrong('resource', `must begin with the type of its service: ${service.type}.`)
  }
  const region = regionId && (await c.tx.region.findUnique({ where: { id: regionId } }))
  if (regionId && !region) throw notFound('region', regionId)
  await lockRegistered(c.tx, resource, 'change')
  const row = await orTaken(
    c.tx.registeredLimit.create({
      data: {
        id: newId(),
        serviceId,
        regionId: regionId ?? null,
        resource,
        defaultLimit,
        ...given({ description }),
        createdAt: c.at,
        updatedAt: c.at,
      },
    }),
    'registered limit of',
    regionId ? `${resource} in ${regionId}` : resource,
  )
  await refuseBelowChildren(c, resource)
  await told(c, null, row)
  return { id: row.id }
})

export interface RegisteredLimitUpdate extends CommandInput {
  id: string
  ifVersion?: number | null
  defaultLimit?: number | null
  description?: string | null
}

export const registeredLimitUpdate: (
  ctx: Context,
  input: RegisteredLimitUpdate,
) => Promise<{ id: string }> = command('identity.registered-limit.update', async (c, input) => {
  const { id, ifVersion, defaultLimit, description } = input
  const before = await find(c, id)
  checkVersion(before, ifVersion)
  await updateRow(c.tx.registeredLimit, before, given({ defaultLimit, description }), c.at)
  await refuseBelowChildren(c, before.resource)
  await told(c, before, await c.tx.registeredLimit.findUniqueOrThrow({ where: { id } }))
  return { id }
})

/** Not the one that what is counted falls back on, nor the last one of what somebody has. */
export const registeredLimitDelete: (
  ctx: Context,
  input: CommandInput & { id: string; ifVersion?: number | null },
) => Promise<{ id: string }> = command(
  'identity.registered-limit.update',
  async (c, { id, ifVersion }) => {
    const row = await find(c, id)
    checkVersion(row, ifVersion)
    const { resource, regionId, serviceId } = row
    if (regionId === null && resource in firstLimits) {
      const { type, name } = await c.tx.service.findUniqueOrThrow({ where: { id: serviceId } })
      throw inUse(`${resource} is counted and needs a limit: change it instead, -1 is none`, [
        { type: 'service', id: serviceId, name: name || type },
      ])
    }
    await c.tx.registeredLimit.delete({ where: { id } })
    if ((await c.tx.registeredLimit.count({ where: { resource } })) === 0) await forget(c, resource)
    else await refuseBelowChildren(c, resource)
    await told(c, row, null)
    return { id }
  },
)

/** Closes the books of a resource; IN_USE when somebody has some, or a limit of it. */
async function forget({ tx }: Command, resource: string): Promise<void> {
  const inTheWay = await tx.quota.findMany({
    where: { resource, OR: [{ limit: { not: null } }, { treeUsed: { not: 0 } }] },
    take: MAX_LISTED,
    select: { project: { select: { id: true, name: true } } },
  })
  if (inTheWay.length > 0) {
    throw inUse(
      `There are projects that have ${resource}, or a limit of it`,
      inTheWay.map(({ project }) => ({ type: 'project', ...project })),
    )
  }
  await tx.quota.deleteMany({ where: { resource } })
}

const inUse = (message: string, resources: ErrorDetails['resources'] = []): CloudError =>
  new CloudError('IN_USE', message, { resources })

/** A project has no more of its own than holds for the project above, whoever changes which. */
async function refuseBelowChildren(c: Command, resource: string): Promise<void> {
  const above = await c.tx.$queryRaw<{ id: string; name: string; holds: number }[]>`
    with ${registered(c.region)}
    select p.id, p.name, coalesce(r.default_limit, 0) as holds
    from identity.quota q join identity.project p on p.id = q.project_id
      left join identity.quota a on a.project_id = p.parent_id and a.resource = q.resource
      left join registered r on r.resource = q.resource
    where q.resource = ${resource} and p.parent_id is not null and a."limit" is null
      and coalesce(r.default_limit, 0) >= 0
      and (q."limit" < 0 or q."limit" > coalesce(r.default_limit, 0))
    order by p.id limit ${MAX_LISTED}::int`
  if (above.length === 0) return
  throw inUse(
    `Projects whose parent has no limit of its own have more than ${above[0]?.holds} ${resource}`,
    above.map(({ id, name }) => ({ type: 'project', id, name })),
  )
}
