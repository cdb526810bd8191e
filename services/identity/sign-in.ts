/**
 * Signing in: a password (with a second factor), a token one has, an application credential, an answer
 * of an identity provider; a trust, on top of a password or a token. For a token of the wanted scope.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import { allow } from '../access/allow.ts'
import type { Actor, Context, Tx } from '../context.ts'
import { auditFailure } from '../core/audit.ts'
import { CloudError } from '../errors.ts'
import { isId, newId } from '../id.ts'
import { byPassword, type PasswordSignIn } from './authenticate.ts'
import { withImplied } from './effective-roles.ts'
import { checkToken, isRevokedAnywhere } from './revocation.ts'
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

/**
 * Signs in and issues a token for the wanted scope; what is refused is in the audit log. BAD_INPUT
 * unless one way is given, UNAUTHENTICATED for whatever else is wrong.
 */
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
    // Asked about who comes in: before, nobody is known.
    allow({ actor: issued.actor, policy: ctx.policy }, ACTION)
    if (!token || input.trust) await signedInAs(ctx, issued.actor)
    return issued
  } catch (error) {
    const { actor, requestId, address } = ctx
    await auditFailure(ctx, { action: ACTION, actor, requestId, address }, error, about(input))
    throw error
  }
}

/** What a refused sign-in was with. */
function about({ password, applicationCredential, trust }: SignIn) {
  if (applicationCredential) {
    return { resourceType: 'application_credential', resourceId: applicationCredential.id }
  }
  if (trust) return { resourceType: 'trust', resourceId: trust.id }
  return { resourceType: 'user', ...(password && { resourceName: password.user }) }
}

/** Exchanges for another scope are not recorded: they sign nobody in. */
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
      // The managers of where it is good for read it, too.
      projectId: actor.projectId,
      domainId: actor.userDomainId,
      requestId: ctx.requestId,
      address: ctx.address,
      after: {
        methods: [...actor.methods],
        projectId: actor.projectId,
        domainId: actor.domainId,
        ...(actor.trustId && { trustId: actor.trustId }),
      },
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
    // Revoked while we looked: the row says so, if not yet our memory. A new token would outlive it.
    use: async (tx) => {
      if (await isRevokedAnywhere(tx, actor)) throw refused()
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
    ...(trustee.writesUser && { writesUser: trustee.writesUser }),
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

const OPEN_ID_TICKET = /^openid\/([0-9a-f-]{36})\/([0-9a-f-]{36})$/

/** What the callback of an identity provider hands to the portal: good once. */
export const openIdTicket = (
  { tokens, now }: Pick<Context, 'tokens' | 'now'>,
  { identityProviderId, userId }: { identityProviderId: string; userId: string },
): string => tokens.issueTicket(`openid/${identityProviderId}/${userId}`, now())

async function byOpenId(ctx: Context, secret: string): Promise<SignedIn> {
  const ticket = ctx.tokens.verifyTicket(secret, ctx.now())
  const [, identityProviderId, userId] = OPEN_ID_TICKET.exec(ticket.object) ?? []
  if (!identityProviderId || !userId) throw refused()
  return {
    userId,
    methods: ['openid'],
    notAfter: null,
    use: async (tx) => {
      // Disabled or deleted since: who did so ends what was issued before, this is after.
      const known = await tx.$queryRaw<unknown[]>`
        select from identity.identity_provider p
        where p.id = ${identityProviderId}::uuid and p.enabled and exists (
          select from identity.federated_identity f
          where f.identity_provider_id = p.id and f.user_id = ${userId}::uuid)
        for share`
      if (known.length === 0) throw refused()
      const { count } = await tx.usedTicket.createMany({
        data: [{ id: ticket.id, expiresAt: ticket.expiresAt }],
        skipDuplicates: true,
      })
      if (count === 0) throw new CloudError('UNAUTHENTICATED', 'This sign-in was used already')
    },
  }
}
