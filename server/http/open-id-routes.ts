/**
 * Signing in through an identity provider, as the browser walks: from here to the provider, back to
 * here, and on to the portal with a ticket that tokenCreate takes.
 *
 *   GET /v1/sign-in                       the enabled providers; needs no token
 *   GET /v1/sign-in/<provider>            begins, and sends the browser to the provider
 *   GET /v1/sign-in/<provider>/callback   ends, and sends it to /login#ticket=... or #problem=...
 *
 * 1. What was begun is in a sealed cookie, for one provider and some minutes: an answer counts only in
 *    the browser that began, once.
 * 2. The browser is only ever sent to the provider's own address or to the portal's log-in page. What
 *    is for the portal is behind the `#`, so that no server and no log sees it.
 * 3. Nothing that the provider or the browser said is shown or logged; a problem is a fixed word.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { LRUCache } from 'lru-cache'
import { z } from 'zod'
import type { IdentityProvider } from '../../prisma/generated/client.ts'
import type { Cloud, Context } from '../../services/context.ts'
import { auditFailure } from '../../services/core/audit.ts'
import { CloudError } from '../../services/errors.ts'
import { newId } from '../../services/id.ts'
import { FederationError, federatedUser } from '../../services/identity/federation.ts'
import { callbackPath } from '../../services/identity/identity-provider.ts'
import { seal, unseal } from '../../services/identity/sealed.ts'
import { openIdTicket } from '../../services/identity/sign-in.ts'
import { Secret } from '../secret.ts'
import { type OpenIdClient, openIdClient } from './open-id.ts'
import { OpenIdError } from './open-id-error.ts'

export interface OpenIdRoutes {
  cloud: Cloud
  /** How browsers reach this cloud, without a slash at the end: `https://cloud.example.com`. */
  publicUrl(): string
  /** For each request to a provider. */
  timeoutMs?: number
}

const PATH = '/v1/sign-in'
const LOGIN_PATH = '/login'
const COOKIE = 'nephograph_sign_in'
const ATTEMPT_MS = 600_000
const PROVIDER_TIMEOUT_MS = 10_000
/** Providers in the list, and clients in memory. */
const MAX_PROVIDERS = 100

type ByName = FastifyRequest<{ Params: { provider: string } }>

const attempts = z.object({
  id: z.uuid(),
  providerId: z.uuid(),
  state: z.string(),
  nonce: z.string(),
  codeVerifier: z.string(),
  until: z.number(),
})
type Attempt = z.infer<typeof attempts>

export function openIdRoutes(app: FastifyInstance, routes: OpenIdRoutes): void {
  const { cloud } = routes
  const clientOf = clients(routes)
  app.get(PATH, async (_request, reply) => {
    const providers = await cloud.db.identityProvider.findMany({
      where: { enabled: true, domain: { enabled: true } },
      select: { name: true, description: true },
      orderBy: { name: 'asc' },
      take: MAX_PROVIDERS,
    })
    return reply.header('cache-control', 'no-store').send({ providers })
  })
  app.get(`${PATH}/:provider`, (request: ByName, reply) =>
    orProblem(routes, request, reply, async (provider) => {
      const { url, ...attempt } = await clientOf(provider).start()
      const until = cloud.now().getTime() + ATTEMPT_MS
      const kept: Attempt = { ...attempt, id: newId(), providerId: provider.id, until }
      keep(routes, reply, seal(cloud.sealKeys, JSON.stringify(kept)), ATTEMPT_MS / 1000)
      return url
    }),
  )
  app.get(`${PATH}/:provider/callback`, (request: ByName, reply) =>
    orProblem(routes, request, reply, async (provider, ctx) => {
      keep(routes, reply, '', 0)
      const attempt = await attemptOf(routes, request, provider)
      const current = new URL(request.url, routes.publicUrl())
      const identity = await clientOf(provider).finish(current, attempt)
      const userId = await federatedUser(ctx, provider, identity)
      const ticket = openIdTicket(cloud, { identityProviderId: provider.id, userId })
      return `${LOGIN_PATH}#ticket=${encodeURIComponent(ticket)}`
    }),
  )
}

/** Sends the browser where `walk` says, or to the log-in page with the problem. */
async function orProblem(
  { cloud }: OpenIdRoutes,
  request: ByName,
  reply: FastifyReply,
  walk: (provider: IdentityProvider, ctx: Context) => Promise<string>,
): Promise<FastifyReply> {
  const ctx: Context = {
    ...cloud,
    log: cloud.log.child({ requestId: request.id }),
    actor: null,
    requestId: request.id,
    address: request.ip,
  }
  void reply.header('cache-control', 'no-store')
  const { provider: name } = request.params
  try {
    const provider = await cloud.db.identityProvider.findFirst({
      where: { name, enabled: true, domain: { enabled: true } },
    })
    if (!provider) return reply.redirect(`${LOGIN_PATH}#problem=provider`)
    return reply.redirect(await walk(provider, ctx))
  } catch (error) {
    return reply.redirect(`${LOGIN_PATH}#problem=${await problemOf(ctx, name, error)}`)
  }
}

/** A fixed word for the browser; the log and the audit log are told what is theirs. */
async function problemOf(ctx: Context, provider: string, error: unknown): Promise<string> {
  const { actor, requestId, address } = ctx
  const doing = { action: 'identity.token.create', actor, requestId, address }
  await auditFailure(ctx, doing, error, {
    resourceType: 'identity_provider',
    resourceName: provider,
  })
  if (error instanceof OpenIdError) {
    const { problem, hint } = error
    ctx.log.info({ provider, problem, hint }, 'a sign-in through a provider failed')
    return problem
  }
  if (error instanceof FederationError) {
    ctx.log.info({ provider, problem: error.problem }, 'a sign-in through a provider failed')
    return error.problem
  }
  if (error instanceof CloudError) {
    ctx.log.warn({ provider, code: error.code }, 'a sign-in through a provider was refused')
    return 'refused'
  }
  ctx.log.error({ err: error, provider }, 'a sign-in through a provider broke')
  return 'internal'
}

/** What was begun in this browser, at this provider, not long ago and not ended yet. */
async function attemptOf(
  { cloud }: OpenIdRoutes,
  request: ByName,
  provider: IdentityProvider,
): Promise<Attempt> {
  const attempt = opened(cloud, cookieOf(request.headers.cookie))
  const isOurs = attempt && attempt.providerId === provider.id
  if (!isOurs || attempt.until < cloud.now().getTime()) throw new OpenIdError('state', 'cookie')
  const { count } = await cloud.db.usedTicket.createMany({
    data: [{ id: attempt.id, expiresAt: new Date(attempt.until) }],
    skipDuplicates: true,
  })
  if (count === 0) throw new OpenIdError('code', 'used')
  return attempt
}

function opened(cloud: Cloud, sealed: string): Attempt | null {
  try {
    return attempts.parse(JSON.parse(unseal(cloud.sealKeys, sealed)))
  } catch {
    return null // Whatever it is, it is not ours.
  }
}

const cookieOf = (header = ''): string =>
  header
    .split(';')
    .map((pair) => pair.trim())
    .find((pair) => pair.startsWith(`${COOKIE}=`))
    ?.slice(COOKIE.length + 1) ?? ''

/** Lax, because the provider's answer is a navigation from elsewhere. */
function keep({ publicUrl }: OpenIdRoutes, reply: FastifyReply, value: string, seconds: number) {
  const secure = publicUrl().startsWith('https:') ? '; Secure' : ''
  const rest = `Path=${PATH}; Max-Age=${seconds}; HttpOnly; SameSite=Lax${secure}`
  void reply.header('set-cookie', `${COOKIE}=${value}; ${rest}`)
}

/** One client for each provider as it is now: it remembers what the provider says of itself. */
function clients(routes: OpenIdRoutes): (provider: IdentityProvider) => OpenIdClient {
  const known = new LRUCache<string, OpenIdClient>({ max: MAX_PROVIDERS })
  return (provider) => {
    const { id, version, name, issuer, clientId, scopes, sealedClientSecret } = provider
    const redirectUri = routes.publicUrl() + callbackPath(name)
    const key = `${id} ${version} ${redirectUri}`
    const before = known.get(key)
    if (before) return before
    const secret = unseal(routes.cloud.sealKeys, sealedClientSecret)
    const client = openIdClient(
      { issuer, clientId, clientSecret: secret ? new Secret(secret) : null, scopes, redirectUri },
      { timeoutMs: routes.timeoutMs ?? PROVIDER_TIMEOUT_MS, allowInsecure: true },
    )
    known.set(key, client)
    return client
  }
}
