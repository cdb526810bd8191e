/**
 * Implied roles: who has the prior role has the implied one too.
 *
 * M1 There is no circle: changes are made one at a time, and each looks for the way back first.
 * M2 A role of no domain implies none of a domain: it would mean different things in different places.
 * M3 Nothing implies `admin` (Keystone's prohibited_implied_role): nobody becomes it by accident.
 */
import type { Role } from '../../prisma/generated/client.ts'
import { type Command, type CommandInput, command } from '../command.ts'
import type { Context, Tx } from '../context.ts'
import { tell } from '../core/tell.ts'
import { badInput, CloudError } from '../errors.ts'
import { keepAnAdministrator } from './administrators.ts'
import { impliesAlways, isBuiltIn } from './bootstrap.ts'
import { revoke } from './revocation.ts'
import { findRole, holdersOf, roleTelling } from './role.ts'

export interface RoleImplicationInput extends CommandInput {
  priorRoleId: string
  impliedRoleId: string
}

const LOCK = 'nephograph.role-implications'

async function findBoth(
  c: Command,
  { priorRoleId, impliedRoleId }: RoleImplicationInput,
): Promise<{ prior: Role; implied: Role }> {
  await c.tx.$executeRaw`select pg_advisory_xact_lock(hashtext(${LOCK}))`
  return { prior: await findRole(c, priorRoleId), implied: await findRole(c, impliedRoleId) }
}

const viewOf = (implied: Role) => ({ impliesRoleId: implied.id, implies: implied.name })

/** Saying it twice is fine. */
export const roleImplicationCreate: (
  ctx: Context,
  input: RoleImplicationInput,
) => Promise<{ id: string }> = command('identity.role.imply', async (c, input) => {
  const { prior, implied } = await findBoth(c, input)
  if (implied.nameKey === 'admin' && isBuiltIn(implied)) {
    throw refused('is admin, which no other role may imply')
  }
  if (implied.domainId && implied.domainId !== prior.domainId) {
    throw refused(
      prior.domainId
        ? 'is of another domain: a domain role implies roles of its domain or of the whole cloud'
        : 'is a domain role: a role of the whole cloud implies none',
    )
  }
  const back = await wayBetween(c.tx, implied, prior)
  if (back) {
    const chain = [prior.name, ...back].join(' > ')
    throw refused(`implies ${prior.name} already, it would be a circle: ${chain}`)
  }
  const { count } = await c.tx.roleImplication.createMany({
    data: [{ priorRoleId: prior.id, impliedRoleId: implied.id }],
    skipDuplicates: true,
  })
  if (count) await tell(c, roleTelling(prior, { before: {}, after: viewOf(implied) }))
  return { id: prior.id }
})

function refused(message: string): CloudError {
  return badInput('impliedRoleId', message, `The implied role ${message}`)
}

/** The names of the roles from one to the other, each implying the next; null when there is no way. */
async function wayBetween(tx: Tx, from: Role, to: Role): Promise<string[] | null> {
  const [row] = await tx.$queryRaw<{ names: string[] }[]>`
    with recursive way (id, names) as (
      select ${from.id}::uuid, array[${from.name}::text]
      union all
      select i.implied_role_id, way.names || r.name
      from way join identity.role_implication i on i.prior_role_id = way.id
        join identity.role r on r.id = i.implied_role_id)
      cycle id set again using path
    select names from way where id = ${to.id}::uuid and not again
    order by cardinality(names) limit 1`
  return row?.names ?? null
}

const deletion: (
  ctx: Context,
  input: RoleImplicationInput & { deletes: true },
) => Promise<{ id: string }> = command('identity.role.imply', async (c, input) => {
  const { prior, implied } = await findBoth(c, input)
  if (impliesAlways(prior, implied)) {
    const message = `The role ${prior.name} always implies ${implied.name}: the access rules rely on it`
    throw new CloudError('INVALID_STATE', message)
  }
  const { count } = await c.tx.roleImplication.deleteMany({
    where: { priorRoleId: prior.id, impliedRoleId: implied.id },
  })
  if (count === 0) {
    throw new CloudError('NOT_FOUND', `The role ${prior.name} does not imply ${implied.name}`)
  }
  await revoke(c, 'user', await holdersOf(c.tx, prior.id))
  await keepAnAdministrator(c)
  await tell(c, roleTelling(prior, { before: viewOf(implied), after: {} }))
  return { id: prior.id }
})

/** Ends the tokens of all who have the prior role. One rule for both: keys must tell them apart. */
export const roleImplicationDelete = (
  ctx: Context,
  input: RoleImplicationInput,
): Promise<{ id: string }> => deletion(ctx, { ...input, deletes: true })
