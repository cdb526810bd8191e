/** The first rows of lists that hang on users and groups: of many owners, in one statement. */
import { type Group, Prisma, type RoleAssignment } from '../../prisma/generated/client.ts'
import type { Reach } from '../access/allow.ts'
import type { Db } from '../context.ts'

/** Rows of one owner: what to select, and from where; the owner is `w.id`. */
export interface PeopleList {
  columns: Prisma.Sql
  source: Prisma.Sql
  order: Prisma.Sql
}

export type ListedGroup = Omit<Group, 'nameKey'>
export type ListedAssignment = RoleAssignment

const { sql, empty } = Prisma

/** The groups of a user. */
export const groupsOfUser: PeopleList = {
  columns: sql`g.id, g.domain_id as "domainId", g.name, g.description, g.version,
    g.created_at as "createdAt", g.updated_at as "updatedAt"`,
  source: sql`from identity.group_member m join identity."group" g on g.id = m.group_id
    where m.user_id = w.id`,
  order: sql`g.id`,
}

/** The ids of the users of a group. */
export const usersOfGroup: PeopleList = {
  columns: sql`m.user_id as id`,
  source: sql`from identity.group_member m where m.group_id = w.id`,
  order: sql`m.user_id`,
}

/** What was given to a user or a group itself, as far as this reach goes. */
export const assignmentsOf = (
  holder: 'user' | 'group',
  { domainId, projectId, userId }: Reach,
): PeopleList => ({
  columns: sql`a.id, a.role_id as "roleId", a.user_id as "userId", a.group_id as "groupId",
    a.project_id as "projectId", a.domain_id as "domainId", a.system, a.inherited,
    a.created_at as "createdAt"`,
  source: sql`from identity.role_assignment a left join identity.project p on p.id = a.project_id
    where ${holder === 'user' ? sql`a.user_id = w.id` : sql`a.group_id = w.id`}
    ${domainId ? sql`and (a.domain_id = ${domainId}::uuid or p.domain_id = ${domainId}::uuid)` : empty}
    ${projectId ? sql`and a.project_id = ${projectId}::uuid` : empty}
    ${
      userId
        ? sql`and (a.user_id = ${userId}::uuid or a.group_id in
            (select group_id from identity.group_member where user_id = ${userId}::uuid))`
        : empty
    }`,
  order: sql`a.id`,
})

/** The first rows of each owner. */
export async function firstOf<Row>(
  db: Db,
  { columns, source, order }: PeopleList,
  owners: readonly string[],
  take: number,
): Promise<Map<string, Row[]>> {
  const rows = await db.$queryRaw<(Row & { ownerId: string })[]>`
    select w.id as "ownerId", r.* from unnest(${owners}::uuid[]) w (id)
    cross join lateral (select ${columns} ${source} order by ${order} limit ${take}::int) r`
  const found = new Map<string, Row[]>()
  for (const { ownerId, ...row } of rows) {
    const list = found.get(ownerId) ?? []
    list.push(row as Row)
    found.set(ownerId, list)
  }
  return found
}

/** How many rows each owner has. */
export async function countOf(
  db: Db,
  { source }: PeopleList,
  owners: readonly string[],
): Promise<Map<string, number>> {
  const rows = await db.$queryRaw<{ ownerId: string; count: number }[]>`
    select w.id as "ownerId", (select count(*) ${source})::int as count
    from unnest(${owners}::uuid[]) w (id)`
  return new Map(rows.map(({ ownerId, count }) => [ownerId, count]))
}
