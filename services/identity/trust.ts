/**
 * Trusts: the trustor lets the trustee act in a project with some of the trustor's roles, for as long
 * as the trustor has them.
 *
 * The trustee is named by id and may be of any domain: who gives the trust was told the id. All that an
 * answer tells is whether a user has this id, which is random; neither a name nor anything else of
 * somebody in another domain is shown.
 */
import type { Prisma } from '../../prisma/generated/client.ts'
import { allow, type Reach } from '../access/allow.ts'
import { type CommandInput, command } from '../command.ts'
import type { Context } from '../context.ts'
import { tell } from '../core/tell.ts'
import { notFound } from '../errors.ts'
import { newId } from '../id.ts'
import {
  checkEnd,
  heldRoles,
  ownProject,
  refuseLimited,
  refuseRestricted,
  refuseTooMany,
  rolesToGive,
} from './delegation.ts'
import { trustTelling } from './grants.ts'
import { revoke } from './revocation.ts'

/** The trusts that somebody of this reach sees: one's own are those given and those held. */
export const trustsWithin = ({ domainId, projectId, userId }: Reach): Prisma.TrustWhereInput => ({
  ...(domainId && { trustor: { domainId } }),
  ...(projectId && { projectId }),
  ...(userId && { OR: [{ trustorUserId: userId }, { trusteeUserId: userId }] }),
})

export interface TrustCreate extends CommandInput {
  trusteeUserId: string
  projectId?: string | null
  roles: string[]
  impersonation?: boolean | null
  expiresAt?: Date | null
  remainingUses?: number | null
}

export const trustCreate: (ctx: Context, input: TrustCreate) => Promise<{ id: string }> = command(
  'identity.trust.create',
  async (c, input) => {
    await refuseRestricted(c)
    refuseLimited(c)
    const { trusteeUserId, expiresAt, roles } = input
    const { userId } = c.actor
    const projectId = input.projectId ?? ownProject(c)
    checkEnd(c, expiresAt)
    const roleIds = await rolesToGive(c, roles, await heldRoles(c, projectId))
    const trustee = await c.tx.user.findUnique({ where: { id: trusteeUserId } })
    if (!trustee) throw notFound('user', trusteeUserId)
    refuseTooMany(await c.tx.trust.count({ where: { trustorUserId: userId } }), 'identity.trusts')
    const trust = await c.tx.trust.create({
      data: {
        id: newId(),
        trustorUserId: userId,
        trusteeUserId,
        projectId,
        impersonation: input.impersonation ?? false,
        expiresAt: expiresAt ?? null,
        remainingUses: input.remainingUses ?? null,
        createdAt: c.at,
        roles: { create: roleIds.map((roleId) => ({ roleId })) },
      },
    })
    await tell(c, trustTelling('created', trust, roles, c.actor.userDomainId))
    return { id: trust.id }
  },
)

/** By the trustor, or an operator: the trustee sees it, and may not. Ends its tokens at once. */
export const trustDelete: (
  ctx: Context,
  input: CommandInput & { id: string },
) => Promise<{ id: string }> = command('identity.trust.delete', async (c, { id }) => {
  await refuseRestricted(c)
  const trust = await c.tx.trust.findFirst({
    where: { AND: [{ id }, trustsWithin(c.reach)] },
    include: { roles: { include: { role: true } }, trustor: true },
  })
  if (!trust) throw notFound('trust', id)
  allow(c, c.rule, { user_id: trust.trustorUserId, project_id: trust.projectId })
  await revoke(c, 'trust', [id])
  const { count } = await c.tx.trust.deleteMany({ where: { id } })
  if (count === 0) throw notFound('trust', id)
  const { roles, trustor, ...row } = trust
  const names = roles.map(({ role }) => role.name)
  await tell(c, trustTelling('deleted', row, names, trustor.domainId))
  return { id }
})
