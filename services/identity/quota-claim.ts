/**
 * Claims: what one resource holds of its project's quota and of every project's above (Q1 to Q4 of
 * quota.ts). A claim is `reserved` while its owner is being made and `used` from then on, until it is
 * released with its owner. Each of the three is one statement in the caller's transaction.
 *
 * All three counters are written, from the rows as they were locked (`held`) and not from `q`: of that
 * PostgreSQL tries the statement's own, older view first, which the check constraint may refuse.
 */
import { may } from '../access/allow.ts'
import type { Context, Tx } from '../context.ts'
import { CloudError } from '../errors.ts'
import { projectsOf } from './effective-roles.ts'
import {
  chainOf,
  exceeds,
  type QuotaAmounts,
  type QuotaResource,
  quotaComplete,
  registered,
} from './quota.ts'

type Claiming = Pick<Context, 'actor' | 'policy' | 'region'> & { tx: Tx; home?: Context['home'] }

export interface Claim {
  projectId: string
  ownerId: string
  amounts: QuotaAmounts
}

/** Takes all the amounts for an owner, or throws QUOTA_EXCEEDED and the transaction rolls back. */
export const quotaClaim = (c: Claiming, { ownerId, ...claim }: Claim): Promise<void> =>
  quotaClaimMany(c, { ...claim, ownerIds: [ownerId] })

export interface Claims extends Omit<Claim, 'ownerId'> {
  /** Each takes the amounts. */
  ownerIds: readonly string[]
}

/** The same for several owners, all or none, in one statement. */
export async function quotaClaimMany(c: Claiming, claim: Claims): Promise<void> {
  await c.home?.claim(c, claim)
  if (await take(c, claim)) return
  // A resource that came after the project, or a limit: rows first, because a refusal tells their counts.
  await quotaComplete(c.tx, claim.projectId, Object.keys(claim.amounts))
  if (await take(c, claim)) return
  await refuse(c, claim)
}

/** Takes what is taken elsewhere already, whatever the limits say. */
export async function quotaTake(tx: Tx, claim: Claims): Promise<void> {
  await quotaComplete(tx, claim.projectId, Object.keys(claim.amounts))
  await take({ tx, region: '' }, claim, true)
}

/** False when a limit is in the way, or a row is not there yet: then nothing is locked. */
async function take(
  { tx, region }: Pick<Claiming, 'tx' | 'region'>,
  { projectId, ownerIds, amounts }: Claims,
  anyway = false,
): Promise<boolean> {
  const resources = Object.keys(amounts)
  const counts = Object.values(amounts).map((amount) => amount * ownerIds.length)
  const claimed = await tx.$executeRaw`
    with recursive ${chainOf(projectId)}, ${registered(region)},
    wanted as (select * from unnest(${resources}::text[], ${counts}::bigint[]) w (resource, amount)),
    complete as (
      select count(*) = (select count(*) from chain) * (select count(*) from wanted) as yes
      from identity.quota q join chain on chain.id = q.project_id join wanted using (resource)),
    held as (
      select q.project_id, q.resource, q.used, q.reserved, q.tree_used, w.amount,
             coalesce(q."limit", r.default_limit, 0) as "limit"
      from identity.quota q join chain on chain.id = q.project_id
        join wanted w on w.resource = q.resource left join registered r on r.resource = q.resource
      where (select yes from complete)
      order by q.project_id, q.resource for no key update of q),
    taken as (
      update identity.quota q
      set used = h.used, tree_used = h.tree_used + h.amount,
          reserved = h.reserved + case when h.project_id = ${projectId}::uuid then h.amount else 0 end
      from held h
      where q.project_id = h.project_id and q.resource = h.resource
        and (${anyway} or not exists (
          select from held where "limit" >= 0 and tree_used + amount > "limit"))
      returning q.project_id, q.resource, h.amount)
    insert into identity.quota_claim (owner_id, resource, project_id, amount)
    select owner, resource, project_id, amount / ${ownerIds.length}::int
    from taken, unnest(${ownerIds}::uuid[]) owner
    where project_id = ${projectId}::uuid`
  return claimed === resources.length * ownerIds.length
}

/**
 * How many owners of these amounts the project may still have. Its quotas and those above are kept
 * from changing until the transaction ends, so that a claim of as many can't be refused.
 */
export async function quotaRoom(
  c: Claiming,
  { projectId, amounts }: Pick<Claim, 'projectId' | 'amounts'>,
): Promise<number> {
  if (c.home) return c.home.room(c, { projectId, amounts })
  const { tx, region } = c
  await quotaComplete(tx, projectId, Object.keys(amounts))
  const rows = await tx.$queryRaw<{ room: bigint | null }[]>`
    with recursive ${chainOf(projectId)}, ${registered(region)},
    held as (
      select q.tree_used, w.amount, coalesce(q."limit", r.default_limit, 0) as "limit"
      from identity.quota q join chain on chain.id = q.project_id
        join unnest(${Object.keys(amounts)}::text[], ${Object.values(amounts)}::bigint[])
          w (resource, amount) on w.resource = q.resource
        left join registered r on r.resource = q.resource
      order by q.project_id, q.resource for no key update of q)
    select min(greatest(("limit" - tree_used) / nullif(amount, 0), 0))::bigint as room
    from held where "limit" >= 0 and amount > 0`
  return Number(rows[0]?.room ?? Number.MAX_SAFE_INTEGER)
}

/** The owner is made: what was reserved for it is used. Nothing when it was so already. */
export async function quotaCommit(tx: Tx, ownerId: string): Promise<void> {
  await tx.$executeRaw`
    with made as (
      update identity.quota_claim set reserved = false
      where owner_id = ${ownerId}::uuid and reserved
      returning project_id, resource, amount),
    held as (
      select q.project_id, q.resource, q.used, q.reserved, q.tree_used, made.amount
      from identity.quota q
        join made on made.project_id = q.project_id and made.resource = q.resource
      order by q.project_id, q.resource for no key update of q)
    update identity.quota q
    set used = held.used + amount, reserved = held.reserved - amount, tree_used = held.tree_used
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
      select q.project_id, q.resource, q.used, q.reserved, q.tree_used, given.amount,
             case when chain.id <> chain.origin then 0 when given.reserved then 0 else given.amount end
               as from_used,
             case when chain.id <> chain.origin then 0 when given.reserved then given.amount else 0 end
               as from_reserved
      from identity.quota q join chain on chain.id = q.project_id
        join given on given.project_id = chain.origin and given.resource = q.resource
      order by q.project_id, q.resource for no key update of q)
    update identity.quota q
    set tree_used = held.tree_used - amount, used = held.used - from_used,
        reserved = held.reserved - from_reserved
    from held where q.project_id = held.project_id and q.resource = held.resource`
}

interface Asked {
  id: string
  name: string
  domainId: string
  depth: number
  resource: QuotaResource
  limit: number
  treeUsed: number
}

/** Says which limit is in the way: the nearest project's first. */
async function refuse(c: Claiming, { projectId, amounts, ownerIds }: Claims): Promise<never> {
  const rows = await c.tx.$queryRaw<Asked[]>`
    with recursive ${chainOf(projectId)}, ${registered(c.region)}
    select p.id, p.name, p.domain_id as "domainId", chain.depth, resource,
           coalesce(q."limit", r.default_limit, 0) as "limit", q.tree_used as "treeUsed"
    from chain join identity.project p using (id) join identity.quota q on q.project_id = p.id
      join unnest(${Object.keys(amounts)}::text[]) with ordinality w (resource, place) using (resource)
      left join registered r using (resource)
    order by chain.depth, w.place`
  const wanted = ({ resource }: Asked) => (amounts[resource] ?? 0) * ownerIds.length
  const row = rows.find((row) => exceeds(row.treeUsed + wanted(row), row.limit))
  if (row) throw exceeded(await nameOf(c, row), row, wanted(row))
  throw new CloudError('CONFLICT', 'The quota changed meanwhile: try again')
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
