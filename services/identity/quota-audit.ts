/**
 * The auditor of the books: are the counters of quotas the sums of the claims, and are the claims those
 * of what is there? Both are read in one statement, so that what it finds was never true: there is no
 * moment between a claim and its counter.
 */
import type { Db } from '../context.ts'
import { quotaDefaults } from './quota.ts'

export interface QuotaFinding {
  projectId: string
  resource: string
  /** `used`, `reserved`, `treeUsed`: a counter; `owner`: an owner and its claim; `state`: a claim that
   * is still reserved though its owner is made. */
  what: string
  /** What the counter says, or what the owner takes. */
  counter: number
  /** What the claims add up to. */
  claimed: number
  /** Whose claim it is; null for a counter. */
  ownerId: string | null
}

/** Findings that one look tells of. */
export const MAX_FINDINGS = 200

/** What is wrong with the books; empty is well. */
export const quotaFindings = (db: Db): Promise<QuotaFinding[]> => db.$queryRaw<QuotaFinding[]>`
  with recursive tree (id, above) as (
    select distinct project_id, project_id from identity.quota_claim
    union all
    select tree.id, p.parent_id from tree join identity.project p on p.id = tree.above
    where p.parent_id is not null),
  claimed as (
    select tree.above as project_id, c.resource,
           sum(c.amount) filter (where tree.id = tree.above and not c.reserved) as used,
           sum(c.amount) filter (where tree.id = tree.above and c.reserved) as reserved,
           sum(c.amount) as tree_used
    from identity.quota_claim c join tree on tree.id = c.project_id group by 1, 2),
  counters as (
    select project_id, resource, v.what, coalesce(v.counter, 0) as counter,
           coalesce(v.claimed, 0) as claimed, null::uuid as owner_id
    from identity.quota q full join claimed c using (project_id, resource),
      lateral (values ('used', q.used, c.used), ('reserved', q.reserved, c.reserved),
                      ('treeUsed', q.tree_used, c.tree_used)) v (what, counter, claimed)),
  servers as (
    select s.id as owner_id, s.project_id, s.status, v.resource, v.amount
    from compute.server s, lateral (values
      ('compute.instances', 1), ('compute.cores', s.vcpus), ('compute.memoryMiB', s.memory_mib))
      v (resource, amount)
    union all
    select id, project_id, 'ACTIVE', 'compute.serverGroups', 1 from compute.server_group
    union all -- what a resize keeps for the way back
    select m.id, m.project_id, 'BUILD', v.resource, v.amount
    from compute.migration m join compute.server s on s.id = m.server_id
      join compute.flavor o on o.id = m.old_flavor_id join compute.flavor n on n.id = m.new_flavor_id,
      lateral (values
        ('compute.cores', greatest(o.vcpus, n.vcpus) - s.vcpus),
        ('compute.memoryMiB', greatest(o.memory_mib, n.memory_mib) - s.memory_mib))
        v (resource, amount)
    where m.status in ('RUNNING', 'FINISHED') and m.kind = 'RESIZE' and v.amount > 0),
  owners as (
    select project_id, resource,
           case when s.amount = c.amount then 'state' else 'owner' end as what,
           coalesce(s.amount, 0) as counter, coalesce(c.amount, 0) as claimed, owner_id
    from servers s full join (
        select * from identity.quota_claim
        where resource = any (${Object.keys(quotaDefaults)}::text[]) and cell_id is null) c
      using (owner_id, project_id, resource)
    where s.amount is distinct from c.amount
       or c.reserved and s.status not in ('BUILD', 'ERROR'))
  select project_id as "projectId", resource, what, counter::float as counter,
         claimed::float as claimed, owner_id as "ownerId"
  from (select * from counters where counter <> claimed union all select * from owners) found
  order by project_id, resource, what, owner_id limit ${MAX_FINDINGS}::int`

/**
 * Counts a quota's claims anew, in the project and below it; false when they were right. Whoever claims
 * or releases locks the row first, so that nothing comes in between.
 */
export const quotaMend = (
  db: Db,
  { projectId, resource }: Pick<QuotaFinding, 'projectId' | 'resource'>,
): Promise<boolean> =>
  db.$transaction(async (tx) => {
    await tx.$executeRaw`
      insert into identity.quota (project_id, resource) values (${projectId}::uuid, ${resource})
      on conflict do nothing`
    await tx.$executeRaw`
      select from identity.quota where project_id = ${projectId}::uuid and resource = ${resource}
      for no key update`
    // A statement of its own, because it must see what was committed before the lock was had.
    const mended = await tx.$executeRaw`
      with recursive below (id) as (
        select ${projectId}::uuid
        union all
        select p.id from identity.project p join below on p.parent_id = below.id),
      claimed as (
        select coalesce(sum(amount) filter (where own and not reserved), 0) as used,
               coalesce(sum(amount) filter (where own and reserved), 0) as reserved,
               coalesce(sum(amount), 0) as tree_used
        from (select amount, reserved, project_id = ${projectId}::uuid as own
              from identity.quota_claim where resource = ${resource}
                and project_id in (select id from below)) c)
      update identity.quota q
      set used = c.used, reserved = c.reserved, tree_used = c.tree_used from claimed c
      where q.project_id = ${projectId}::uuid and q.resource = ${resource}
        and (q.used, q.reserved, q.tree_used) is distinct from (c.used, c.reserved, c.tree_used)`
    return mended === 1
  })
