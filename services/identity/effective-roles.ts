/**
 * Which roles somebody has somewhere: given to the user or to a group, there or (inherited) above, and
 * all that these imply. Domain roles count only by what they imply, as in Keystone.
 */
import type { Db, Tx } from '../context.ts'

export interface Scope {
  projectId: string | null
  domainId: string | null
  system: boolean
}

export interface HeldRole {
  id: string
  name: string
}

/** The roles of a user in one scope, by name. Cycles of implications are harmless. */
export async function effectiveRoles(
  db: Db | Tx,
  userId: string,
  { projectId, domainId, system }: Scope,
): Promise<HeldRole[]> {
  return db.$queryRaw<HeldRole[]>`
    with recursive above (id, parent_id, domain_id, depth) as (
      select id, parent_id, domain_id, 0 from identity.project where id = ${projectId}::uuid
      union all
      select p.id, p.parent_id, p.domain_id, above.depth + 1
      from identity.project p join above on p.id = above.parent_id),
    held (id) as (
      select a.role_id from identity.role_assignment a
      where (a.user_id = ${userId}::uuid
             or a.group_id in (select group_id from identity.group_member where user_id = ${userId}::uuid))
        and (not a.inherited and (a.project_id = ${projectId}::uuid or a.domain_id = ${domainId}::uuid
                                  or a.system and ${system})
             or a.inherited and (a.project_id in (select id from above where depth > 0)
                                 or a.domain_id in (select domain_id from above)))
      union
      select i.implied_role_id from identity.role_implication i join held on held.id = i.prior_role_id)
    select r.id, r.name from identity.role r join held using (id)
    where r.domain_id is null order by r.name`
}

/** Role ids with all that they imply. */
export async function withImplied(db: Db | Tx, roleIds: string[]): Promise<string[]> {
  const rows = await db.$queryRaw<{ id: string }[]>`
    with recursive held (id) as (
      select unnest(${roleIds}::uuid[])
      union
      select i.implied_role_id from identity.role_implication i join held on held.id = i.prior_role_id)
    select id from held`
  return rows.map((row) => row.id)
}

/** Where: the projects in which the user has any role, directly, by a group or inherited. */
export async function projectsOf(db: Db | Tx, userId: string): Promise<string[]> {
  const rows = await db.$queryRaw<{ id: string }[]>`
    with recursive given as (
      select a.project_id, a.domain_id, a.inherited from identity.role_assignment a
      where not a.system and (a.user_id = ${userId}::uuid
        or a.group_id in (select group_id from identity.group_member where user_id = ${userId}::uuid))),
    below (id) as (
      select p.id from identity.project p join given on given.project_id = p.parent_id and given.inherited
      union
      select p.id from identity.project p join below on below.id = p.parent_id)
    select project_id as id from given where project_id is not null and not inherited
    union select id from below
    union select p.id from identity.project p join given using (domain_id) where given.inherited`
  return rows.map((row) => row.id)
}
