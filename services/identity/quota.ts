/**
 * Quotas: what a project may have, and has. A project without a limit of its own has the registered
 * one (registered-limit.ts); the limit of a project is for the projects below it too.
 *
 * Q1 `used` and `reserved` are the sums of the project's claims, `treeUsed` of those below it too; all
 *    change in the transaction of the claim (quota-claim.ts).
 * Q2 A claim is made by one conditional update: no interleaving can pass the limit of the project or
 *    of one above it.
 * Q3 Giving back means deleting the claim; deleting it twice gives back once.
 * Q4 Rows of quotas are locked in one order, by project and resource, so that nobody deadlocks; rows
 *    that are missing are made before any is locked.
 * Q5 A limit of a project's own is not above the one that holds for its parent (quota-set.ts).
 */
import { Prisma } from '../../prisma/generated/client.ts'
import type { Db, Tx } from '../context.ts'

/** Counted resources and the limits registered at the start (OpenStack's defaults); -1 is none. */
export const quotaDefaults = {
  'compute.instances': 10,
  'compute.cores': 20,
  'compute.memoryMiB': 51_200,
  'compute.serverGroups': 10,
  /** Of one group; nothing is claimed of it. */
  'compute.serverGroupMembers': 10,
} as const satisfies Record<string, number>

export type QuotaResource = keyof typeof quotaDefaults

/** What is limited for each user instead, whatever the project: registered, but no project's quota. */
export const userLimitDefaults = { 'compute.keypairs': 100 } as const

const perUser = Object.keys(userLimitDefaults)

export type QuotaAmounts = Partial<Record<QuotaResource, number>>

/** No limit. */
export const UNLIMITED = -1

export const exceeds = (amount: number, limit: number): boolean =>
  limit !== UNLIMITED && (amount === UNLIMITED || amount > limit)

/** A quota as the API shows it. */
export interface QuotaView {
  projectId: string
  resource: string
  /** The limit that holds: one of its own, or the least of the registered one and those above it. */
  limit: number
  /** It has none of its own. */
  default: boolean
  used: number
  reserved: number
  treeUsed: number
}

/**
 * The limits that hold where a project has none of its own: those of the region before those of none.
 * Part of a `with`. What has no registered limit may not be had at all, as in OpenStack.
 */
export const registered = (region: string): Prisma.Sql => Prisma.sql`
  registered as (
    select distinct on (resource) resource, default_limit from identity.registered_limit
    where region_id is null or region_id = ${region} order by resource, region_id nulls last)`

/** The project and those above it. Part of a `with recursive`. */
export const chainOf = (projectId: string): Prisma.Sql => Prisma.sql`
  chain (id, parent_id, depth) as (
    select id, parent_id, 0 from identity.project where id = ${projectId}::uuid
    union all
    select p.id, p.parent_id, depth + 1 from identity.project p join chain on p.id = chain.parent_id)`

/** Opens the books of new projects. */
export async function quotaOpen(tx: Tx, projectIds: string[]): Promise<void> {
  await tx.quota.createMany({
    data: projectIds.flatMap((projectId) =>
      Object.keys(quotaDefaults).map((resource) => ({ projectId, resource })),
    ),
    skipDuplicates: true,
  })
}

/** Makes rows that are missing of a project and those above it; says how many were. */
export const quotaComplete = (tx: Tx, projectId: string, resources: string[]): Promise<number> =>
  tx.$executeRaw`
    with recursive ${chainOf(projectId)}
    insert into identity.quota (project_id, resource)
    select chain.id, w.resource from chain, unnest(${resources}::text[]) w (resource)
    where not exists (select from identity.quota q
                      where q.project_id = chain.id and q.resource = w.resource)
    order by 1, 2 on conflict do nothing`

/** The quotas of projects: of every resource that has a limit, or is counted already. */
export const quotasOf = (
  db: Db | Tx,
  region: string,
  projectIds: readonly string[],
): Promise<QuotaView[]> => db.$queryRaw<QuotaView[]>`
  with recursive ${registered(region)},
  chains (project_id, id, parent_id) as (
    select id, id, parent_id from identity.project where id = any (${projectIds}::uuid[])
    union all
    select chains.project_id, p.id, p.parent_id
    from identity.project p join chains on p.id = chains.parent_id),
  above as (
    select chains.project_id, q.resource, min(q."limit") as "limit"
    from chains join identity.quota q on q.project_id = chains.id
    where q."limit" <> ${UNLIMITED}::int group by 1, 2),
  wanted as (
    select p as project_id, resource from unnest(${projectIds}::uuid[]) p, registered
    where resource <> all (${perUser}::text[])
    union
    select project_id, resource from identity.quota where project_id = any (${projectIds}::uuid[]))
  select w.project_id as "projectId", w.resource,
         coalesce(q."limit", least(nullif(coalesce(r.default_limit, 0), ${UNLIMITED}::int), a."limit"),
                  ${UNLIMITED}::int) as "limit",
         q."limit" is null as "default", coalesce(q.used, 0) as used,
         coalesce(q.reserved, 0) as reserved, coalesce(q.tree_used, 0) as "treeUsed"
  from wanted w left join registered r using (resource)
    left join identity.quota q on q.project_id = w.project_id and q.resource = w.resource
    left join above a on a.project_id = w.project_id and a.resource = w.resource
  order by w.project_id, w.resource`

/** What can be limited in this region. */
export async function quotaResources(db: Db | Tx, region: string): Promise<string[]> {
  const rows = await db.$queryRaw<{ resource: string }[]>`
    with ${registered(region)} select resource from registered
    where resource <> all (${perUser}::text[]) order by resource`
  return rows.map((row) => row.resource)
}

/** What a user may have of a resource that is counted for each user. What is not registered: nothing. */
export async function userLimit(
  db: Db | Tx,
  region: string,
  resource: keyof typeof userLimitDefaults,
): Promise<number> {
  const [row] = await db.$queryRaw<{ limit: number }[]>`
    with ${registered(region)}
    select default_limit as "limit" from registered where resource = ${resource}`
  return row?.limit ?? 0
}
