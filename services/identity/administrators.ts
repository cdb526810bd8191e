/** A cloud without anybody who may administer it can't be mended from inside: it must not come to be. */
import { Prisma } from '../../prisma/generated/client.ts'
import type { Command } from '../command.ts'
import type { Db, Tx } from '../context.ts'
import { CloudError } from '../errors.ts'

/** One at a time: of two administrators who remove each other, the second is refused. */
const LOCK = 'nephograph.administrators'

/** Called at the end of every command that may take rights away. */
export async function keepAnAdministrator({ tx }: Pick<Command, 'tx'>): Promise<void> {
  await tx.$executeRaw`select pg_advisory_xact_lock(hashtext(${LOCK}))`
  const rows = await administrators(tx, null, 1)
  if (rows.length > 0) return
  throw new CloudError(
    'LAST_ADMINISTRATOR',
    'Nobody would be left who may administer the cloud: give somebody else the role admin on the system or in the operator’s project first',
  )
}

/** Who has the role admin on the system or in the operator's project, by whatever way, and can sign in. */
export async function administrators(
  db: Db | Tx,
  userId: string | null,
  limit: number,
): Promise<{ id: string }[]> {
  return db.$queryRaw<{ id: string }[]>`
    with recursive mighty (id) as (
      select id from identity.role where name_key = 'admin' and domain_id is null
      union
      select i.prior_role_id from identity.role_implication i join mighty on mighty.id = i.implied_role_id),
    above (id, parent_id, domain_id, depth) as (
      select p.id, p.parent_id, p.domain_id, 0 from identity.project p
      join identity.domain d on d.id = p.domain_id where p.operator and p.enabled and d.enabled
      union all
      select p.id, p.parent_id, p.domain_id, above.depth + 1
      from identity.project p join above on p.id = above.parent_id),
    given as (
      select a.user_id, a.group_id from identity.role_assignment a join mighty on mighty.id = a.role_id
      where a.system
         or not a.inherited and a.project_id in (select id from above where depth = 0)
         or a.inherited and (a.project_id in (select id from above where depth > 0)
                             or a.domain_id in (select domain_id from above)))
    select distinct u.id from given
    left join identity.group_member m on m.group_id = given.group_id
    join identity."user" u on u.id = coalesce(given.user_id, m.user_id)
    join identity.domain d on d.id = u.domain_id
    where u.enabled and d.enabled and (${userId}::uuid is null or u.id = ${userId}::uuid)
      and (u.password_hash is not null
           or exists (select from identity.federated_identity f
                      join identity.identity_provider i on i.id = f.identity_provider_id
                      where f.user_id = u.id and i.enabled))
    limit ${limit}::int`
}

/**
 * Whether the assignment `a` of the role `r`, on the project `p` if on one, is beyond what a manager of
 * the holder's domain may give. What is inherited from a domain counts in the operator's project too.
 */
const isBeyond = (domainId: Prisma.Sql): Prisma.Sql => Prisma.sql`
  (a.system or r.name_key not in ('manager', 'member', 'reader')
   or coalesce(a.domain_id, p.domain_id) <> ${domainId} or p.operator
   or a.inherited and exists (select from identity.project o
                              where o.operator and o.domain_id = a.domain_id))`

/** Whether somebody has rights beyond what a manager of the domain may give: only operators touch it. */
export async function isPrivileged(
  db: Db | Tx,
  holder: { userId: string } | { groupId: string },
): Promise<boolean> {
  if ('userId' in holder) return (await privilegedUsers(db, [holder.userId])).size > 0
  const rows = await db.$queryRaw<unknown[]>`
    select from identity."group" g join identity.role_assignment a on a.group_id = g.id
    join identity.role r on r.id = a.role_id
    left join identity.project p on p.id = a.project_id
    where g.id = ${holder.groupId}::uuid and ${isBeyond(Prisma.sql`g.domain_id`)}
    limit 1`
  return rows.length > 0
}

/** Those of the users who are: by a role, by one of a group, by a trust for the operator's project. */
export async function privilegedUsers(db: Db | Tx, userIds: string[]): Promise<Set<string>> {
  if (userIds.length === 0) return new Set()
  const rows = await db.$queryRaw<{ id: string }[]>`
    select u.id from identity."user" u
    join identity.role_assignment a
      on a.user_id = u.id
         or a.group_id in (select group_id from identity.group_member where user_id = u.id)
    join identity.role r on r.id = a.role_id
    left join identity.project p on p.id = a.project_id
    where u.id = any (${userIds}::uuid[]) and ${isBeyond(Prisma.sql`u.domain_id`)}
    union
    select t.trustee_user_id from identity.trust t join identity.project p on p.id = t.project_id
    where t.trustee_user_id = any (${userIds}::uuid[]) and p.operator`
  return new Set(rows.map(({ id }) => id))
}
