/**
 * What was revoked, in memory: every process loads it at start and hears of later ones as events,
 * so that a token check costs no SQL and honours a revocation in every process at once.
 */

import { type Command, type CommandInput, command } from '../command.ts'
import type { Actor, Cloud, Context, Db } from '../context.ts'
import { emit } from '../core/event.ts'
import { CloudError } from '../errors.ts'
import { verifyToken } from './token.ts'

export class Revocations {
  private readonly tokens = new Map<string, Date>()
  /** Tokens of these users issued before the time are refused. */
  private readonly users = new Map<string, Date>()

  async load(db: Db, at: Date): Promise<void> {
    const [tokens, users] = await Promise.all([
      db.revokedToken.findMany({ where: { expiresAt: { gt: at } } }),
      db.user.findMany({
        where: { tokensValidAfter: { not: null } },
        select: { id: true, tokensValidAfter: true },
      }),
    ])
    for (const token of tokens) this.tokens.set(token.id, token.expiresAt)
    for (const user of users)
      if (user.tokensValidAfter) this.users.set(user.id, user.tokensValidAfter)
  }

  revoke(tokenId: string, expiresAt: Date): void {
    this.tokens.set(tokenId, expiresAt)
  }

  isRevoked(actor: Pick<Actor, 'tokenId' | 'userId' | 'issuedAt'>): boolean {
    const validAfter = this.users.get(actor.userId)
    return (
      this.tokens.has(actor.tokenId) || (validAfter !== undefined && actor.issuedAt < validAfter)
    )
  }

  /** Forgets what would have expired by now anyway. */
  prune(at: Date): void {
    for (const [id, expiresAt] of this.tokens) if (expiresAt <= at) this.tokens.delete(id)
  }
}

/** Who the secret belongs to, if it is genuine, current and not revoked. */
export function checkToken(cloud: Cloud, secret: string): Actor {
  const actor = verifyToken(cloud.keys, secret, cloud.now())
  if (cloud.revocations.isRevoked(actor)) {
    throw new CloudError('UNAUTHENTICATED', 'The token was revoked')
  }
  return actor
}

/** Of the caller's own user; what is forged, over or somebody else's is all the same: not there. */
function ownToken(c: Command, secret: string): Actor {
  const missing = 'There is no such token of yours'
  try {
    const token = verifyToken(c.keys, secret, c.at)
    if (token.userId === c.actor.userId) return token
  } catch (cause) {
    throw new CloudError('NOT_FOUND', missing, undefined, { cause })
  }
  throw new CloudError('NOT_FOUND', missing)
}

/** Takes a token back. One's own only: it must be of the same user. */
export const tokenRevoke: (
  ctx: Context,
  input: CommandInput & { secret: string },
) => Promise<{ revoked: boolean }> = command('identity.token.revoke', async (c, input) => {
  const token = ownToken(c, input.secret)
  const { count } = await c.tx.revokedToken.createMany({
    data: [{ id: token.tokenId, expiresAt: token.expiresAt, revokedAt: c.at }],
    skipDuplicates: true,
  })
  await emit(c.tx, {
    type: 'token.revoked',
    resourceType: 'token',
    resourceId: token.tokenId,
    projectId: null,
    userId: token.userId,
    requestId: c.requestId,
  })
  if (!c.dryRun) c.revocations.revoke(token.tokenId, token.expiresAt)
  return { revoked: count === 1 }
})
