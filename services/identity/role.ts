/** Roles: what may be done, by name. A domain role is seen and given in its domain only. */
import type { Prisma, Role } from '../../prisma/generated/client.ts'
import { may } from '../access/allow.ts'
import { type Command, type CommandInput, command } from '../command.ts'
import type { Context, Tx } from '../context.ts'
import { type AuditEntry, changed } from '../core/audit.ts'
import { type Telling, tell, telling } from '../core/tell.ts'
import { badInput, CloudError, notFound } from '../errors.ts'
import { newId } from '../id.ts'
import { checkVersion, given, orTaken, updateRow } from '../versioned.ts'
import { keepAnAdministrator } from './administrators.ts'
import { isBuiltIn } from './bootstrap.ts'
import { placeName } from './grants.ts'
import { named, nameKey } from './name.ts'
import { revoke } from './revocation.ts'

/** The domains whose roles the caller sees; null: all. */
export function roleDomains(ctx: Pick<Context, 'actor' | 'policy'>): string[] | null {
  if (may(ctx, 'identity.domain.list', {})) return null
  const { domainId, projectDomainId, userDomainId } = ctx.actor ?? {}
  return [domainId, projectDomainId, userDomainId].filter((id) => id != null)
}

/** The roles that the caller sees. */
export function rolesWithin(ctx: Pick<Context, 'actor' | 'policy'>): Prisma.RoleWhereInput {
  const domainIds = roleDomains(ctx)
  return domainIds ? { OR: [{ domainId: null }, { domainId: { in: domainIds } }] } : {}
}

/**
 * A role that the caller sees: of the whole cloud, or of a domain within reach. Throws NOT_FOUND.
 */
export async function findRole(c: Command, id: string): Promise<Role> {
  const role = await c.tx.role.findFirst({ where: { AND: [{ id }, rolesWithin(c)] } })
  if (!role) throw notFound('role', id)
  return role
}

const viewOf = ({ name, description, domainId }: Role) => ({ name, description, domainId })

export const roleTelling = (
  { id, name, domainId }: Role,
  change: Pick<AuditEntry, 'before' | 'after'>,
): Telling =>
  telling(domainId, {
    resourceType: 'role',
    resourceId: id,
    resourceName: name,
    domainId,
    ...change,
  })

export const roleGone = (role: Role): Telling =>
  roleTelling(role, { before: viewOf(role), after: null })

export interface RoleCreate extends CommandInput {
  name: string
  domainId?: string | null
  description?: string | null
}

export const roleCreate: (ctx: Context, input: RoleCreate) => Promise<{ id: string }> = command(
  'identity.role.create',
  async (c, { name, domainId, description }) => {
    if (domainId) {
      const domain = await c.tx.domain.findUnique({ where: { id: domainId } })
      if (!domain) throw notFound('domain', domainId)
      refuseName(name)
    }
    const role = await orTaken(
      c.tx.role.create({
        data: {
          id: newId(),
          domainId: domainId ?? null,
          ...named(name),
          ...given({ description }),
          createdAt: c.at,
          updatedAt: c.at,
        },
      }),
      'role',
      name,
    )
    await tell(c, roleTelling(role, { before: null, after: viewOf(role) }))
    return { id: role.id }
  },
)

/** A domain role of such a name would be taken for the other one, by people and by rules. */
function refuseName(name: string): void {
  if (!isBuiltIn({ nameKey: nameKey(name), domainId: null })) return
  const message = `${name} is a role of the whole cloud: a domain role needs another name`
  throw badInput('name', message, message)
}

export interface RoleUpdate extends CommandInput {
  id: string
  ifVersion?: number | null
  name?: string | null
  description?: string | null
}

/** Tokens say the names of roles: those that say an old one end. */
export const roleUpdate: (ctx: Context, input: RoleUpdate) => Promise<{ id: string }> = command(
  'identity.role.update',
  async (c, { id, ifVersion, name, description }) => {
    const before = await findRole(c, id)
    checkVersion(before, ifVersion)
    const renamed = Boolean(name && named(name).name !== before.name)
    if (renamed && isBuiltIn(before)) throw builtIn(before, 'renamed')
    if (renamed && before.domainId) refuseName(name ?? '')
    const data = { ...(name && named(name)), ...given({ description }) }
    await orTaken(updateRow(c.tx.role, before, data, c.at), 'role', name ?? before.name)
    if (renamed) await revoke(c, 'user', await holdersOf(c.tx, id))
    const after = await c.tx.role.findUniqueOrThrow({ where: { id } })
    await tell(c, roleTelling(after, changed(viewOf(before), viewOf(after))))
    return { id }
  },
)

const builtIn = ({ name }: Role, what: string): CloudError =>
  new CloudError('INVALID_STATE', `The role ${name} can't be ${what}: the access rules rely on it`)

/** Who has the role, given to them or to their group, or by a role that implies it. */
export async function holdersOf(tx: Tx, roleId: string): Promise<string[]> {
  const rows = await tx.$queryRaw<{ id: string }[]>`
    with recursive prior (id) as (
      select ${roleId}::uuid
      union
      select i.prior_role_id from identity.role_implication i join prior on prior.id = i.implied_role_id)
    select distinct coalesce(a.user_id, m.user_id) as id
    from identity.role_assignment a join prior on prior.id = a.role_id
    left join identity.group_member m on m.group_id = a.group_id
    where coalesce(a.user_id, m.user_id) is not null`
  return rows.map(({ id }) => id)
}

const MAX_LISTED = 50

/** Only when nobody was given it; who has it because another role implies it loses it at once. */
export const roleDelete: (
  ctx: Context,
  input: CommandInput & { id: string; ifVersion?: number | null },
) => Promise<{ id: string }> = command('identity.role.delete', async (c, { id, ifVersion }) => {
  const role = await findRole(c, id)
  checkVersion(role, ifVersion)
  if (isBuiltIn(role)) throw builtIn(role, 'deleted')
  // Held, so that nobody is given it meanwhile.
  await c.tx.$executeRaw`select from identity.role where id = ${id}::uuid for update`
  await refuseGiven(c, role)
  const holders = await holdersOf(c.tx, id)
  await c.tx.role.delete({ where: { id } })
  await revoke(c, 'user', holders)
  await keepAnAdministrator(c)
  await tell(c, roleGone(role))
  return { id }
})

async function refuseGiven(c: Command, { id, name }: Role): Promise<void> {
  const given = await c.tx.roleAssignment.findMany({
    where: { roleId: id },
    include: { user: true, group: true, project: true, domain: true },
    orderBy: { id: 'asc' },
    take: MAX_LISTED,
  })
  if (given.length === 0) return
  throw new CloudError('IN_USE', `The role ${name} is given: take it away first`, {
    resources: given.map(({ id, user, group, project, domain }) => ({
      type: 'role_assignment',
      id,
      name: `${(user ?? group)?.name} on ${placeName(project ?? domain)}`,
    })),
  })
}
