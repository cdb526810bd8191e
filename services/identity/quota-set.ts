/** The limits of projects: set by operators, after Keystone's strict hierarchy (Q5 of quota.ts). */
import { type Command, type CommandInput, command } from '../command.ts'
import type { Context, Tx } from '../context.ts'
import { emit } from '../core/event.ts'
import { badInput, type CloudError, notFound } from '../errors.ts'
import { findProject } from './project.ts'
import {
  exceeds,
  type QuotaView,
  quotaComplete,
  quotaResources,
  quotasOf,
  registered,
} from './quota.ts'
import { lockRegistered } from './registered-limit.ts'

export interface QuotaSet extends CommandInput {
  projectId: string
  resource: string
  /** -1 is no limit; null: the registered limit shall hold. */
  limit: number | null
}

/** Below what is used is accepted, as in OpenStack: nothing more can be had until enough is gone. */
export const quotaSet: (ctx: Context, input: QuotaSet) => Promise<QuotaView> = command(
  'identity.quota.set',
  async (c, input): Promise<QuotaView> => {
    const { projectId, resource, limit } = input
    if (limit === undefined) throw wrong('limit', 'must be given: null resets it to the default')
    const { id, name, domainId } = await findProject(c, projectId)
    const known = await quotaResources(c.tx, c.region)
    if (!known.includes(resource)) {
      throw wrong('resource', `${resource} is not limited here: ${known.join(', ')} are`)
    }
    const before = await quotaLimit(c.tx, c.region, { projectId: id, resource, limit })
    const [quota] = (await quotasOf(c.tx, c.region, [id])).filter((q) => q.resource === resource)
    if (!quota) throw new Error('a quota that was just set is not there')
    await told(c, { id, name: `${resource} of ${name}`, domainId }, before, limit)
    return quota
  },
)

const wrong = (field: string, message: string): CloudError =>
  badInput(field, message, `${field}: ${message}`)

async function told(
  c: Command,
  { id, name, domainId }: { id: string; name: string; domainId: string },
  before: number | null,
  after: number | null,
): Promise<void> {
  await emit(c.tx, {
    type: 'quota.updated',
    resourceType: 'quota',
    resourceId: id,
    projectId: id,
    userId: c.actor.userId,
    requestId: c.requestId,
  })
  c.audit({
    resourceType: 'quota',
    resourceId: id,
    resourceName: name,
    projectId: id,
    domainId,
    before: { limit: before },
    after: { limit: after },
  })
}

/** Sets a limit where the tree allows it, and says what it was. */
export async function quotaLimit(
  tx: Tx,
  region: string,
  { projectId, resource, limit }: Pick<QuotaSet, 'projectId' | 'resource' | 'limit'>,
): Promise<number | null> {
  const [project] = await tx.$queryRaw<unknown[]>`
    select from identity.project where id = ${projectId}::uuid for key share`
  if (!project) throw notFound('project', projectId)
  // What the registered limit is for the parent must not change meanwhile either.
  await lockRegistered(tx, resource, 'share')
  await quotaComplete(tx, projectId, [resource])
  await tx.$executeRaw`
    select from identity.quota q join identity.project p on p.id = q.project_id
    where q.resource = ${resource}
      and (${projectId}::uuid in (p.id, p.parent_id)
           or p.id = (select parent_id from identity.project where id = ${projectId}::uuid))
    order by q.project_id for no key update of q`
  const { before, parent, fallback, child } = await around(tx, region, projectId, resource)
  if (limit !== null && parent !== null && exceeds(limit, parent)) {
    throw wrong('limit', `${limit} is more than the project above has, which is ${parent}`)
  }
  const effective = limit ?? fallback
  if (child !== null && exceeds(child, effective)) {
    throw wrong('limit', `${effective} is less than a project below has, which is ${child}`)
  }
  await tx.quota.update({
    where: { projectId_resource: { projectId, resource } },
    data: { limit },
  })
  return before
}

interface Around {
  before: number | null
  /** What holds for the project above; null when there is none. */
  parent: number | null
  /** What is registered. */
  fallback: number
  /** The highest limit that a project just below has of its own. */
  child: number | null
}

/** What others have, read anew: the rows are locked by now. */
async function around(
  tx: Tx,
  region: string,
  projectId: string,
  resource: string,
): Promise<Around> {
  const [row] = await tx.$queryRaw<Around[]>`
    with ${registered(region)},
    fallback as (
      select coalesce((select default_limit from registered where resource = ${resource}), 0) as value)
    select q."limit" as before, fallback.value as fallback,
      (select coalesce(above."limit", fallback.value) from identity.quota above
       where above.project_id = p.parent_id and above.resource = q.resource) as parent,
      (select below."limit" from identity.quota below
         join identity.project b on b.id = below.project_id
       where b.parent_id = p.id and below.resource = q.resource and below."limit" is not null
       order by below."limit" < 0 desc, below."limit" desc limit 1) as child
    from fallback, identity.project p join identity.quota q on q.project_id = p.id
    where p.id = ${projectId}::uuid and q.resource = ${resource}`
  if (!row) throw notFound('project', projectId)
  return row
}
