/** Taking tokens back: one, all of a user, all of a project. And asking what a token stands for. */
import { allow, may } from '../access/allow.ts'
import { type Command, type CommandInput, command } from '../command.ts'
import type { Actor, Context } from '../context.ts'
import { CloudError, notFound } from '../errors.ts'
import { isPrivileged } from './administrators.ts'
import { refuseLent } from './delegation.ts'
import { targetOf } from './project.ts'
import { checkToken, revoke } from './revocation.ts'

/**
 * One's own, or somebody's whose tokens one may all end; what is forged, over or beyond that is all the
 * same: not there.
 */
async function tokenWithin(c: Command, secret: string): Promise<Actor> {
  const missing = 'There is no such token of yours'
  let token: Actor
  try {
    token = c.tokens.verify(secret, c.at)
  } catch (cause) {
    throw new CloudError('NOT_FOUND', missing, undefined, { cause })
  }
  if (token.userId === c.actor.userId) return token
  const target = {
    user_id: token.userId,
    domain_id: token.userDomainId,
    privileged: await isPrivileged(c.tx, { userId: token.userId }),
  }
  if (!may(c, 'identity.token.revoke-all', target)) throw new CloudError('NOT_FOUND', missing)
  refuseLent(c)
  return token
}

/** Takes one token back. */
export const tokenRevoke: (
  ctx: Context,
  input: CommandInput & { secret: string },
) => Promise<{ revoked: boolean }> = command('identity.token.revoke', async (c, input) => {
  const token = await tokenWithin(c, input.secret)
  const first = !c.revocations.isRevoked(token)
  if (first) await revoke(c, 'token', [token.tokenId], token.expiresAt)
  c.audit({ resourceType: 'token', resourceId: token.tokenId, projectId: token.projectId })
  return { revoked: first }
})

export interface RevokeAll extends CommandInput {
  userId?: string | null
  projectId?: string | null
}

/** Ends every token of a user, or every token for a project. */
export const tokensRevoke: (ctx: Context, input: RevokeAll) => Promise<{ revoked: boolean }> =
  command('identity.token.revoke-all', async (c, { userId, projectId }) => {
    if (Boolean(userId) === Boolean(projectId)) {
      throw new CloudError('BAD_INPUT', 'Give exactly one of userId and projectId')
    }
    // Who was lent a token is not who may end the others.
    refuseLent(c)
    if (userId) {
      const user = await c.tx.user.findUnique({ where: { id: userId } })
      const seen =
        user &&
        (c.reach.domainId === null || c.reach.domainId === user.domainId) &&
        c.reach.projectId === null &&
        (c.reach.userId === null || c.reach.userId === user.id)
      if (!user || !(seen || user.id === c.actor.userId)) throw notFound('user', userId)
      const privileged = await isPrivileged(c.tx, { userId })
      allow(c, c.rule, { user_id: user.id, domain_id: user.domainId, privileged })
      await revoke(c, 'user', [user.id])
      const { domainId } = user
      c.audit({ resourceType: 'user', resourceId: user.id, resourceName: user.name, domainId })
    } else if (projectId) {
      const project = await c.tx.project.findFirst({
        where: {
          id: projectId,
          ...(c.reach.domainId && { domainId: c.reach.domainId }),
          ...(c.reach.projectId && { AND: { id: c.reach.projectId } }),
        },
      })
      if (!project) throw notFound('project', projectId)
      allow(c, c.rule, targetOf(project))
      await revoke(c, 'project', [project.id])
      const { domainId, name } = project
      c.audit({
        resourceType: 'project',
        resourceId: project.id,
        resourceName: name,
        projectId,
        domainId,
      })
    }
    return { revoked: true }
  })

/** What a secret stands for: one's own, or anybody's for operators and services. */
export function tokenValidate(ctx: Context, secret: string): Actor {
  const asking = allow(ctx, 'identity.session.get')
  const missing = new CloudError('NOT_FOUND', 'There is no such token, or it is over')
  let token: Actor
  try {
    token = checkToken(ctx, secret)
  } catch {
    throw missing
  }
  if (token.userId !== asking.userId) {
    allow(ctx, 'identity.token.validate', { user_id: token.userId })
  }
  return token
}
