/**
 * Claims: what one resource holds of its project's quota and of every project's above (Q1 to Q4 of
 * quota.ts). A claim is `reserved` while its owner is being made and `used` from then on, until it is
 * released with its owner. Each of the three is one statement in the caller's transaction.
 */
import { may } from '../access/allow.ts'
import type { Context, Tx } from '../context.ts'
import { CloudError } from '../errors.ts'
import { projectsOf } from './effective-roles.ts'
import { chainOf, exceeds, type QuotaAmounts, quotaComplete, registered } from './quota.ts'

type Claiming = Pick<Context, 'actor' | 'policy' | 'region'> & { tx: Tx }

export interface Claim {
  projectId: string
  ownerId: string
  amounts: QuotaAmounts
}

/** Takes all the amounts for an owner, or throws QUOTA_EXCEEDED and the transaction rolls back. */
export async function quotaClaim(c: Claiming, claim: Claim): Promise<void> {
  if (await take(c, claim)) return
  const made = await quotaComplete(c.tx, claim.projectId, Object.keys(claim.amounts))
  // Somebody else may have made them meanwhile: then none was missing here, and yet it was refused.
  if (await take(c, claim)) return
  await refuse(c, claim, made)
}

/** False when a limit is in the way, or a row is not there yet: then nothing is locked. */
async function take({ tx, region }: Claiming, { projectId, ownerId, amounts }: Claim) {
  const resources = Object.keys(amounts)
  const counts = Object.values(amounts)
  const claimed = await tx.$executeRaw`
    with recursive ${chainOf(projectId)}, ${registered(region)},
    wanted as (select * from unnest(${resources}::text[], ${counts}::int[]) w (resource, amount)),
    complete as (
      select count(*) = (select count(*) from chain) * (select count(*) from wanted) as yes
      from identity.quota q join chain on chain.id = q.project_id join wanted using (resource)),
    held as (
      select q.project_id, q.resource, q.tree_used, w.amount,
             coalesce(q."limit", r.default_limit, 0) as "limit"
      from identity.quota q join chain on chain.id = q.project_id
        join wanted w on w.resource = q.resource left join registered r on r.resource = q.resource
      where (select yes from complete)
      order by q.project_id, q.resource for no key update of q),
    taken as (
      update identity.quota q
      set tree_used = q.tree_used + h.amount,
          reserved = q.reserved + case when q.project_id = ${projectId}::uuid then h.amount else 0 end
      from held h
      where q.project_id = h.project_id and q.resource = h.resource
        and not exists (select from held where "limit" >= 0 and tree_used + amount::bigint > "limit")
      returning q.project_id, q.resource, h.amount)
    insert into identity.quota_claim (owner_id, resource, project_id, amount)
    select ${ownerId}::uuid, resource, project_id, amount from taken
    where project_id = ${projectId}::uuid`
  return claimed === resources.length
}

/** The owner is made: what was reserved for it is used. Nothing when it was so already. */
export async function quotaCommit(tx: Tx, ownerId: string): Promise<void> {
  await tx.$executeRaw`
    with made as (
      update identity.quota_claim set reserved = false
      where owner_id = ${ownerId}::uuid and reserved
      returning project_id, resource, amount),
    held as (
      select q.project_id, q.resource, made.amount from identity.quota q
        join made on made.project_id = q.project_id and made.resource = q.resource
      order by q.project_id, q.resource for no key update of q)
    update identity.quota q set used = q.used + held.amount, reserved = q.reserved - held.amount
    from held where q.project_id = held.project_id and q.resource = held.resource`
}

/** Gives back all that an owner holds; nothing when it holds nothing. */
export async function quotaRelease(tx: Tx, ownerId: string): Promise<void> {
  await tx.$executeRaw`
    with recursive given as (
      delete from identity.quota_claim where owner_id = ${ownerId}::uuid
      returning project_id, resource, amount, reserved),
    chain (origin, id, parent_id) as (
      select id, id, parent_id from identity.project where id in (select project_id from given)
      union all
      select chain.origin, p.id, p.parent_id
      from identity.project p join chain on p.id = chain.parent_id),
    held as (
      select q.project_id, q.resource, given.amount, given.reserved, chain.id = chain.origin as own
      from identity.quota q join chain on chain.id = q.project_id
        join given on given.project_id = chain.origin and given.resource = q.resource
      order by q.project_id, q.resource for no key update of q)
    update identity.quota q
    set tree_used = q.tree_used - held.amount,
        used = q.used - case when own and not held.reserved then held.amount else 0 end,
        reserved = q.reserved - case when own and held.reserved then held.amount else 0 end
    from held where q.project_id = held.project_id and q.resource = held.resource`
}

interface Asked {
  id: string
  name: string
  domainId: string
  depth: number
  resource: string
  limit: number
  treeUsed: number
}

/** Says which limit is in the way: the nearest project's first. */
async function refuse(c: Claiming, claim: Claim, made: number): Promise<never> {
  const rows = await c.tx.$queryRaw<Asked[]>`
    with recursive ${chainOf(claim.projectId)}, ${registered(c.region)}
    select p.id, p.name, p.domain_id as "domainId", chain.depth, q.resource,
           coalesce(q."limit", r.default_limit, 0) as "limit", q.tree_used as "treeUsed"
    from chain join identity.project p using (id) join identity.quota q on q.project_id = p.id
      left join registered r on r.resource = q.resource
    order by chain.depth`
  const wanted = Object.entries(claim.amounts)
  const depths = [...new Set(rows.map((row) => row.depth))]
  for (const [resource, requested] of depths.flatMap(() => wanted)) {
    const row = rows.find(
      (row) => row.resource === resource && exceeds(row.treeUsed + requested, row.limit),
    )
    if (row) throw exceeded(await nameOf(c, row), row, requested)
  }
  throw new CloudError('CONFLICT', `The quota changed meanwhile (${made}): try again`)
}

function exceeded(whose: string, { resource, limit, treeUsed }: Asked, requested: number) {
  return new CloudError(
    'QUOTA_EXCEEDED',
    `The quota of ${resource}${whose} is ${limit}, ${treeUsed} are used, ${requested} more were asked for`,
    { resource, limit, used: treeUsed, requested },
  )
}

/** A project above is named to those who may see it only. */
async function nameOf(c: Claiming, { id, name, domainId, depth }: Asked): Promise<string> {
  if (depth === 0) return ''
  const target = { project_id: id, domain_id: domainId }
  const seen =
    may(c, 'identity.project.list', target) ||
    (c.actor && (await projectsOf(c.tx, c.actor.userId)).includes(id))
  return seen ? ` in ${name}, the project above,` : ' in a project above'
}
