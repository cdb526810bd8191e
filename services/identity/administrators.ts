/** A cloud without anybody who may administer it can't be mended from inside: it must not come to be. */
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
           or exists (select from identity.federated_identity f where f.user_id = u.id))
    limit ${limit}::int`
}

/** Whether somebody has rights beyond what a manager of the domain may give: only operators touch it. */
export async function isPrivileged(
  db: Db | Tx,
  holder: { userId: string } | { groupId: string },
): Promise<boolean> {
  const userId = 'userId' in holder ? holder.userId : null
  const groupId = 'groupId' in holder ? holder.groupId : null
  const rows = await db.$queryRaw<unknown[]>`
    select from identity.role_assignment a
    join identity.role r on r.id = a.role_id
    left join identity."group" g on g.id = ${groupId}::uuid
    left join identity."user" u on u.id = ${userId}::uuid
    left join identity.project p on p.id = a.project_id
    where (a.user_id = u.id or a.group_id = g.id
           or a.group_id in (select group_id from identity.group_member where user_id = u.id))
      and (a.system or r.name_key not in ('manager', 'member', 'reader')
           or coalesce(a.domain_id, p.domain_id) <> coalesce(u.domain_id, g.domain_id)
           or p.operator)
    limit 1`
  return rows.length > 0
}
