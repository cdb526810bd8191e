/**
 * Who has which role where in the end: what was given, to the user or to a group, there or (inherited)
 * above, and all that it implies. One row per user, role and scope, which says by what ways.
 *
 * L1 It says what a sign-in gives (effective-roles.ts): domain roles count only by what they imply.
 * L2 One statement, whatever the number: filters and the caller's reach limit what it begins with.
 * L3 The id of a row is made of user, role and scope: the same every time, so that pages can go on.
 */
import { Prisma } from '../../prisma/generated/client.ts'
import type { Reach } from '../access/allow.ts'
import type { Db, Tx } from '../context.ts'

export interface EffectiveFilter {
  userId?: string | null
  /** Only what comes through this group. */
  groupId?: string | null
  projectId?: string | null
  domainId?: string | null
  system?: boolean | null
  roleId?: string | null
}

export interface EffectiveRow {
  id: string
  userId: string
  groupId: null
  roleId: string
  projectId: string | null
  domainId: string | null
  system: boolean
  /** It holds only by inheritance. */
  inherited: boolean
  /** The ways in words, each with its steps: `group ops, implied by admin; direct`. */
  via: string
  /** Since when the oldest way is there. */
  createdAt: Date
}

const { sql, empty, join } = Prisma

const id = (value: string) => sql`${value}::uuid`

/** Conditions that all hold. */
const all = (conditions: (Prisma.Sql | null | false)[]): Prisma.Sql => {
  const given = conditions.filter((condition): condition is Prisma.Sql => Boolean(condition))
  return given.length ? sql`where ${join(given, ' and ')}` : empty
}

/** The assignments that can matter, one row per user. */
function held({ userId, groupId, system }: EffectiveFilter, reach: Reach): Prisma.Sql {
  const users = [userId, reach.userId].filter((user) => user != null)
  return sql`
    held as (
      select a.role_id, coalesce(a.user_id, m.user_id) as user_id, a.project_id, a.domain_id,
             a.system, a.inherited, a.created_at, a.group_id
      from identity.role_assignment a
        left join identity.group_member m on m.group_id = a.group_id
        left join identity.project p on p.id = a.project_id
      ${all([
        sql`(a.user_id is not null or m.user_id is not null)`,
        ...users.map(
          (user) => sql`(m.user_id = ${id(user)} or a.user_id = ${id(user)})
            and (a.user_id = ${id(user)} or a.group_id in
              (select group_id from identity.group_member where user_id = ${id(user)}))`,
        ),
        groupId != null && sql`a.group_id = ${id(groupId)}`,
        system === true && sql`a.system`,
        system === false && sql`not a.system`,
        reach.domainId != null &&
          sql`(a.domain_id = ${id(reach.domainId)} or p.domain_id = ${id(reach.domainId)})`,
      ])})`
}

const columns = sql`h.role_id, h.user_id, h.created_at, h.group_id, h.inherited`

/** Where they hold: there itself, or in each project below. */
const placedEverywhere = sql`
  below (root, id) as (
    select distinct h.project_id, h.project_id from held h where h.inherited and h.project_id is not null
    union all
    select below.root, p.id from below join identity.project p on p.parent_id = below.id),
  placed as (
    select ${columns}, h.project_id, h.domain_id, h.system, null::text as source
    from held h where not h.inherited
    union all
    select ${columns}, below.id, null, false, 'project ' || root.name
    from held h join below on below.root = h.project_id and below.id <> below.root
      join identity.project root on root.id = below.root
    where h.inherited
    union all
    select ${columns}, p.id, null, false, 'domain ' || d.name
    from held h join identity.domain d on d.id = h.domain_id
      join identity.project p on p.domain_id = d.id
    where h.inherited)`

/** The same for one project: looks up from it, not down from everywhere. */
const placedIn = (projectId: string): Prisma.Sql => sql`
  above (id, parent_id, domain_id, name, depth) as (
    select id, parent_id, domain_id, name, 0 from identity.project where id = ${id(projectId)}
    union all
    select p.id, p.parent_id, p.domain_id, p.name, depth + 1
    from identity.project p join above on p.id = above.parent_id),
  placed as (
    select ${columns}, h.project_id, null::uuid as domain_id, false as system, null::text as source
    from held h where not h.inherited and h.project_id = ${id(projectId)}
    union all
    select ${columns}, ${id(projectId)}, null, false, 'project ' || above.name
    from held h join above on above.id = h.project_id where h.inherited and above.depth > 0
    union all
    select ${columns}, ${id(projectId)}, null, false, 'domain ' || d.name
    from held h join identity.domain d on d.id = h.domain_id
      join above on above.domain_id = d.id and above.depth = 0
    where h.inherited)`

/** A UUIDv8 (RFC 9562) of what the row is about. */
const idOf = sql`overlay(overlay(
  md5(concat_ws(' ', p.user_id, i.role_id, p.project_id, p.domain_id, p.system))
  placing '8' from 13) placing '8' from 17)::uuid`

/** All of it, up to the rows of the list. */
function effective(filter: EffectiveFilter, reach: Reach): Prisma.Sql {
  const { projectId, domainId, system, roleId } = filter
  const inProject = projectId ?? reach.projectId
  return sql`
    with recursive ${held(filter, reach)},
    ${inProject ? placedIn(inProject) : placedEverywhere},
    implied (prior_id, role_id) as (
      select distinct role_id, role_id from placed
      union
      select implied.prior_id, i.implied_role_id
      from implied join identity.role_implication i on i.prior_role_id = implied.role_id),
    effective as (
      select ${idOf} as id, p.user_id, i.role_id, p.project_id, p.domain_id, p.system, bool_and(p.inherited) as inherited,
             min(p.created_at) as created_at,
             string_agg(distinct coalesce(nullif(concat_ws(', ', 'group ' || g.name,
               'inherited from ' || p.source,
               case when i.prior_id <> i.role_id then 'implied by ' || prior.name end), ''), 'direct'),
               '; ') as via
      from placed p join implied i on i.prior_id = p.role_id
        join identity.role r on r.id = i.role_id
        join identity.role prior on prior.id = i.prior_id
        left join identity."group" g on g.id = p.group_id
      ${all([
        sql`r.domain_id is null`,
        projectId != null && sql`p.project_id = ${id(projectId)}`,
        reach.projectId != null && sql`p.project_id = ${id(reach.projectId)}`,
        domainId != null && sql`p.domain_id = ${id(domainId)}`,
        system != null && sql`p.system = ${system}`,
        roleId != null && sql`i.role_id = ${id(roleId)}`,
      ])}
      group by p.user_id, i.role_id, p.project_id, p.domain_id, p.system)`
}

/** A page of them, in the order of their ids. */
export const effectiveAssignments = (
  db: Db | Tx,
  filter: EffectiveFilter,
  reach: Reach,
  { after, take }: { after: string | null; take: number },
): Promise<EffectiveRow[]> => db.$queryRaw<EffectiveRow[]>`
  ${effective(filter, reach)}
  select id, user_id as "userId", null as "groupId", role_id as "roleId", project_id as "projectId",
         domain_id as "domainId", system, inherited, via, created_at as "createdAt"
  from effective where ${after}::uuid is null or id > ${after}::uuid
  order by id limit ${take}::int`

/** How many there are. */
export async function effectiveCount(
  db: Db | Tx,
  filter: EffectiveFilter,
  reach: Reach,
): Promise<number> {
  const [row] = await db.$queryRaw<{ count: number }[]>`
    ${effective(filter, reach)} select count(*)::int as count from effective`
  return row?.count ?? 0
}
