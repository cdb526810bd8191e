/**
 * Signing in: a password (with a second factor), a token one has, an application credential, an answer
 * of an identity provider; a trust, on top of a password or a token. For a token of the wanted scope.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { Actor, Context, Tx } from '../context.ts'
import { auditFailure } from '../core/audit.ts'
import { CloudError } from '../errors.ts'
import { isId, newId } from '../id.ts'
import { byPassword, type PasswordSignIn } from './authenticate.ts'
import { withImplied } from './effective-roles.ts'
import { checkToken } from './revocation.ts'
import { issueScoped, refused, type SignedIn, type WantedScope } from './scope.ts'

export interface SignIn {
  password?: PasswordSignIn | null
  /** The code of the second factor. */
  totp?: string | null
  token?: string | null
  applicationCredential?: { id: string; secret: string } | null
  openId?: { ticket: string } | null
  trust?: { id: string } | null
  scope?: WantedScope | null
}

const ACTION = 'identity.token.create'

export async function tokenCreate(
  ctx: Context,
  input: SignIn,
): Promise<{ secret: string; actor: Actor }> {
  try {
    const { password, token, applicationCredential, openId } = input
    if ([password, token, applicationCredential, openId].filter(Boolean).length !== 1) {
      throw new CloudError(
        'BAD_INPUT',
        'Give exactly one of password, token, applicationCredential and openId',
      )
    }
    const signedIn = await authenticated(ctx, input)
    const allowed = input.trust ? await byTrust(ctx, signedIn, input.trust.id) : signedIn
    const issued = await issueScoped(ctx, allowed, input.scope)
    if (!token) await signedInAs(ctx, issued.actor)
    return issued
  } catch (error) {
    const resourceName = input.password?.user
    const doing = {
      action: ACTION,
      actor: ctx.actor,
      requestId: ctx.requestId,
      address: ctx.address,
    }
    await auditFailure(ctx, doing, error, {
      resourceType: 'user',
      ...(resourceName && { resourceName }),
    })
    throw error
  }
}

/** Exchanges are not recorded: they sign nobody in. */
async function signedInAs(ctx: Context, actor: Actor): Promise<void> {
  await ctx.db.auditEvent.create({
    data: {
      id: newId(),
      action: ACTION,
      outcome: 'SUCCESS',
      userId: actor.userId,
      userName: actor.userName,
      scopeId: actor.projectId ?? actor.domainId,
      resourceType: 'user',
      resourceId: actor.userId,
      resourceName: actor.userName,
      domainId: actor.userDomainId,
      requestId: ctx.requestId,
      address: ctx.address,
      after: { methods: [...actor.methods], projectId: actor.projectId, domainId: actor.domainId },
    },
  })
}

async function authenticated(ctx: Context, input: SignIn): Promise<SignedIn> {
  const { password, totp, token, applicationCredential, openId } = input
  if (password) return byPassword(ctx, password, totp)
  if (token) return byToken(ctx, token)
  if (applicationCredential) return byApplicationCredential(ctx, applicationCredential)
  return byOpenId(ctx, openId?.ticket ?? '')
}

/** The new token ends no later than the one it was made from: exchanging is not renewing. */
async function byToken(ctx: Context, secret: string): Promise<SignedIn> {
  const actor = checkToken(ctx, secret)
  if (actor.applicationCredentialId || actor.trustId) {
    throw new CloudError(
      'FORBIDDEN',
      'A token from an application credential or a trust keeps its scope: it can not be exchanged',
      { rule: ACTION },
    )
  }
  return {
    userId: actor.userId,
    methods: [...new Set([...actor.methods, 'token' as const])],
    notAfter: actor.expiresAt,
    // Revoked while we looked: the row says so, if not yet our memory.
    use: async (tx) => {
      const revoked = await tx.revocation.count({
        where: { kind: 'token', subjectId: actor.tokenId },
      })
      if (revoked) throw refused()
    },
  }
}

const noCredential = (): CloudError =>
  new CloudError(
    'UNAUTHENTICATED',
    'The id or the secret of the application credential is wrong, or it has ended',
  )

async function byApplicationCredential(
  ctx: Context,
  { id, secret }: { id: string; secret: string },
): Promise<SignedIn> {
  const found = isId(id)
    ? await ctx.db.applicationCredential.findUnique({ where: { id }, include: { roles: true } })
    : null
  const given = createHash('sha256').update(secret).digest()
  const fits = found && timingSafeEqual(given, Buffer.from(found.secretHash, 'hex'))
  if (!found || !fits || (found.expiresAt && found.expiresAt <= ctx.now())) throw noCredential()
  const roleIds = found.roles.map((role) => role.roleId)
  return {
    userId: found.userId,
    methods: ['application_credential'],
    notAfter: found.expiresAt,
    projectId: found.projectId,
    roleIds: await withImplied(ctx.db, roleIds),
    applicationCredentialId: found.id,
    accessRules: found.accessRules.length ? found.accessRules : null,
    use: async (tx) => {
      const rows = await tx.$queryRaw<unknown[]>`
        select from identity.application_credential where id = ${id}::uuid for share`
      if (rows.length === 0) throw noCredential()
    },
  }
}

const earlier = (a: Date | null, b: Date | null): Date | null =>
  a && b ? (a < b ? a : b) : (a ?? b)

const noTrust = (): CloudError =>
  new CloudError('UNAUTHENTICATED', 'There is no such trust for you, or it has ended or is used up')

async function byTrust(ctx: Context, trustee: SignedIn, id: string): Promise<SignedIn> {
  const trust = isId(id)
    ? await ctx.db.trust.findUnique({ where: { id }, include: { roles: true } })
    : null
  if (!trust || trust.trusteeUserId !== trustee.userId || trustee.applicationCredentialId) {
    throw noTrust()
  }
  if (trust.expiresAt && trust.expiresAt <= ctx.now()) throw noTrust()
  const { trustorUserId, trusteeUserId } = trust
  return {
    userId: trust.impersonation ? trustorUserId : trusteeUserId,
    methods: [...trustee.methods, 'trust'],
    notAfter: earlier(trustee.notAfter, trust.expiresAt),
    projectId: trust.projectId,
    roleIds: await withImplied(
      ctx.db,
      trust.roles.map((role) => role.roleId),
    ),
    trust: { id, trustorUserId, trusteeUserId },
    use: async (tx) => {
      await trustee.use?.(tx)
      await useTrust(tx, id)
    },
  }
}

/** Conditional, so that a use is taken once whoever comes together. */
async function useTrust(tx: Tx, id: string): Promise<void> {
  const used = await tx.$executeRaw`
    update identity.trust set remaining_uses = remaining_uses - 1
    where id = ${id}::uuid and (remaining_uses is null or remaining_uses > 0)`
  if (used !== 1) throw noTrust()
}

const OPEN_ID_TICKET = 'openid/'

/** What the callback of an identity provider hands to the portal: good once. */
export const openIdTicket = (ctx: Pick<Context, 'tokens' | 'now'>, userId: string): string =>
  ctx.tokens.issueTicket(`${OPEN_ID_TICKET}${userId}`, ctx.now())

async function byOpenId(ctx: Context, secret: string): Promise<SignedIn> {
  const ticket = ctx.tokens.verifyTicket(secret, ctx.now())
  if (!ticket.object.startsWith(OPEN_ID_TICKET)) throw refused()
  return {
    userId: ticket.object.slice(OPEN_ID_TICKET.length),
    methods: ['openid'],
    notAfter: null,
    use: async (tx) => {
      const { count } = await tx.usedTicket.createMany({
        data: [{ id: ticket.id, expiresAt: ticket.expiresAt }],
        skipDuplicates: true,
      })
      if (count === 0) throw new CloudError('UNAUTHENTICATED', 'This sign-in was used already')
    },
  }
}
