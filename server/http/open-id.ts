/**
 * Signing in at an OpenID Connect provider: the authorization code flow with PKCE (RFC 7636), state
 * and nonce. Who the claims are here is decided by services/identity/mapping.ts.
 *
 * 1. What `start` gives beside the address is kept with the browser that began (a sealed cookie, some
 *    minutes), used for one `finish` and forgotten: it ties the answer to that browser.
 * 2. The signature of the id token is checked against the provider's keys, always.
 * 3. The provider is only half trusted: its answers have a time and a size, it is not followed
 *    elsewhere, and its words are in no error. Errors hold no code, token or secret.
 * 4. Plain http goes to loopback only, and only when it is allowed.
 */
import * as oidc from 'openid-client'
import type { Secret } from '../secret.ts'
import { OpenIdError, openIdError } from './open-id-error.ts'

export interface OpenIdProvider {
  /** As the provider says it of itself: discovery is at `<issuer>/.well-known/openid-configuration`. */
  issuer: string
  clientId: string
  /** null: a public client, PKCE alone. */
  clientSecret: Secret | null
  /** `openid` is always asked for. */
  scopes: readonly string[]
  /** Where the provider sends the browser back to, as registered there. */
  redirectUri: string
}

/** What must be kept between `start` and `finish`. */
export interface OpenIdAttempt {
  state: string
  nonce: string
  codeVerifier: string
}

export interface OpenIdIdentity {
  /** Unique at this issuer, and never given to another person. */
  subject: string
  /** Of the id token, and of userinfo where the provider has it; the id token wins. */
  claims: Record<string, unknown>
}

export interface OpenIdClient {
  /** Where to send the browser. */
  start(): Promise<OpenIdAttempt & { url: string }>
  /** `currentUrl` is the address at which the browser came back; its query alone counts. */
  finish(currentUrl: URL, attempt: OpenIdAttempt): Promise<OpenIdIdentity>
}

/** For how long a provider's description of itself is good; its keys are read anew when one is missing. */
export const DISCOVERY_TTL_MS = 3_600_000
const MAX_ANSWER_BYTES = 1024 * 1024
/** OpenID Connect Core, section 2. */
const MAX_SUBJECT_LENGTH = 255

export interface OpenIdOptions {
  /** For each request to the provider, its answer included. */
  timeoutMs: number
  /** Whether an issuer on loopback may be plain http (tests, development). */
  allowInsecure?: boolean
  now?: () => number
}

/** A client of one provider. It asks nothing before the first `start`; errors are OpenIdError. */
export function openIdClient(provider: OpenIdProvider, options: OpenIdOptions): OpenIdClient {
  const issuer = checkedIssuer(provider.issuer, options.allowInsecure ?? false)
  const now = options.now ?? Date.now
  let known: { config: Promise<oidc.Configuration>; until: number } | null = null

  const discovered = (): Promise<oidc.Configuration> => {
    if (known && known.until > now()) return known.config
    const config = discover(issuer, provider, options)
    const mine = { config, until: now() + DISCOVERY_TTL_MS }
    known = mine
    // What failed is asked again by the next one.
    config.catch(() => known === mine && (known = null))
    return config
  }

  return {
    async start() {
      const config = await discovered()
      const attempt = {
        state: oidc.randomState(),
        nonce: oidc.randomNonce(),
        codeVerifier: oidc.randomPKCECodeVerifier(),
      }
      return { url: (await authorizationUrl(config, provider, attempt)).href, ...attempt }
    },

    async finish(currentUrl, attempt) {
      // Behind proxies we may not know the address that the browser used; the provider does.
      const url = new URL(provider.redirectUri)
      url.search = currentUrl.search
      checkState(url, attempt)
      const config = await discovered()
      checkAnswer(url, config)
      try {
        return await exchange(config, url, attempt)
      } catch (error) {
        throw openIdError(error)
      }
    },
  }
}

async function discover(
  issuer: URL,
  { clientId, clientSecret }: OpenIdProvider,
  { timeoutMs }: OpenIdOptions,
): Promise<oidc.Configuration> {
  const insecure = issuer.protocol === 'http:' ? [oidc.allowInsecureRequests] : []
  try {
    return await oidc.discovery(issuer, clientId, {}, clientAuth(clientSecret), {
      execute: [...insecure, oidc.enableNonRepudiationChecks],
      // Whole seconds, so ours ends first.
      timeout: Math.ceil(timeoutMs / 1000) + 1,
      [oidc.customFetch]: (url, init) => guardedFetch(url, init, timeoutMs),
    })
  } catch (error) {
    throw openIdError(error)
  }
}

async function authorizationUrl(
  config: oidc.Configuration,
  { redirectUri, scopes }: OpenIdProvider,
  { state, nonce, codeVerifier }: OpenIdAttempt,
): Promise<URL> {
  const parameters = {
    redirect_uri: redirectUri,
    scope: [...new Set(['openid', ...scopes])].join(' '),
    state,
    nonce,
    code_challenge: await oidc.calculatePKCECodeChallenge(codeVerifier),
    code_challenge_method: 'S256',
  }
  try {
    return oidc.buildAuthorizationUrl(config, parameters)
  } catch (error) {
    throw openIdError(error)
  }
}

async function exchange(
  config: oidc.Configuration,
  url: URL,
  { state, nonce, codeVerifier }: OpenIdAttempt,
): Promise<OpenIdIdentity> {
  const tokens = await oidc.authorizationCodeGrant(config, url, {
    expectedState: state,
    expectedNonce: nonce,
    pkceCodeVerifier: codeVerifier,
    idTokenExpected: true,
  })
  const claims = tokens.claims()
  if (!claims || claims.sub === '' || claims.sub.length > MAX_SUBJECT_LENGTH) {
    throw new OpenIdError('answer', 'subject')
  }
  // Without the claims that the rules look at nobody knows who this is, so a failure here is one.
  const told = await userInfo(config, tokens.access_token, claims.sub)
  return { subject: claims.sub, claims: { ...told, ...claims } }
}

async function userInfo(
  config: oidc.Configuration,
  accessToken: string,
  subject: string,
): Promise<object> {
  if (!config.serverMetadata().userinfo_endpoint) return {}
  try {
    return await oidc.fetchUserInfo(config, accessToken, subject)
  } catch (error) {
    // It is the token that is challenged there, not we.
    const isChallenge = error instanceof oidc.WWWAuthenticateChallengeError
    throw isChallenge ? new OpenIdError('answer', 'userinfo 401') : error
  }
}

/** The body is what most providers take; the header (RFC 6749, 2.3.1) is what all must. */
function clientAuth(secret: Secret | null): oidc.ClientAuth {
  if (!secret) return oidc.None()
  const inBody = oidc.ClientSecretPost(secret.reveal())
  const inHeader = oidc.ClientSecretBasic(secret.reveal())
  return (server, ...rest) => {
    const methods = server.token_endpoint_auth_methods_supported
    const auth = methods?.includes('client_secret_post') ? inBody : inHeader
    return auth(server, ...rest)
  }
}

function checkState(url: URL, { state, nonce, codeVerifier }: OpenIdAttempt): void {
  const states = url.searchParams.getAll('state')
  const isOurs = state !== '' && states.length === 1 && states[0] === state
  if (!isOurs || nonce === '' || codeVerifier === '') throw new OpenIdError('state', 'state')
}

function checkAnswer(url: URL, config: oidc.Configuration): void {
  const { issuer } = config.serverMetadata()
  if (url.searchParams.getAll('iss').some((iss) => iss !== issuer)) {
    throw new OpenIdError('issuer', 'iss of the answer')
  }
  if (!url.searchParams.has('error') && !url.searchParams.has('code')) {
    throw new OpenIdError('answer', 'neither code nor error')
  }
}

function checkedIssuer(text: string, allowInsecure: boolean): URL {
  const issuer = URL.canParse(text) ? new URL(text) : null
  if (!issuer || issuer.search || issuer.hash || issuer.username || issuer.password) {
    throw new OpenIdError('settings', 'the issuer is an https address without query and fragment')
  }
  if (!isSafe(issuer) || (issuer.protocol === 'http:' && !allowInsecure)) {
    throw new OpenIdError('settings', 'the issuer is an https address')
  }
  return issuer
}

const isSafe = ({ protocol, hostname }: URL): boolean =>
  protocol === 'https:' ||
  (protocol === 'http:' && /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname))

/** Every request to a provider: its endpoints are addresses that the provider chose. */
async function guardedFetch(
  url: string,
  init: oidc.CustomFetchOptions,
  timeoutMs: number,
): Promise<Response> {
  if (!isSafe(new URL(url))) throw new OpenIdError('answer', 'an endpoint without https')
  const timeout = AbortSignal.timeout(timeoutMs)
  const signal = init.signal ? AbortSignal.any([init.signal, timeout]) : timeout
  let response: Response
  try {
    response = await fetch(url, { ...(init as RequestInit), signal })
    if (response.status < 500) return await readWhole(response)
    await response.body?.cancel()
  } catch (error) {
    if (error instanceof OpenIdError) throw error
    throw new OpenIdError('unreachable', timeout.aborted ? 'timeout' : 'connection')
  }
  throw new OpenIdError('unreachable', `status ${response.status}`)
}

/** The answer with its body in memory: a provider may not send for ever. */
async function readWhole(response: Response): Promise<Response> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body ?? []) {
    size += chunk.length
    if (size > MAX_ANSWER_BYTES) throw new OpenIdError('answer', 'size')
    chunks.push(chunk)
  }
  const { status, headers } = response
  return new Response(size === 0 ? null : Buffer.concat(chunks), { status, headers })
}
