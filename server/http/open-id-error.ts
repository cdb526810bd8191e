/** What can go wrong when somebody signs in at an OpenID Connect provider, in our words only. */
import * as oidc from 'openid-client'
import { CloudError, type ErrorCode } from '../../services/errors.ts'

const MAX_CAUSES = 4

const problems = {
  settings: ['BAD_INPUT', 'The settings of the OpenID Connect provider are wrong'],
  unreachable: ['UNAVAILABLE', 'The OpenID Connect provider can not be reached'],
  issuer: ['UNAVAILABLE', 'The OpenID Connect provider is another issuer than the one that is set'],
  client: ['UNAVAILABLE', 'The OpenID Connect provider does not know this cloud or its secret'],
  answer: ['UNAVAILABLE', 'The OpenID Connect provider gave an answer that is not valid'],
  refused: ['UNAUTHENTICATED', 'The sign-in was refused at the OpenID Connect provider'],
  state: [
    'UNAUTHENTICATED',
    'The answer is of another sign-in than the one begun here: begin anew',
  ],
  nonce: ['UNAUTHENTICATED', 'The id token is of another sign-in than this one: begin anew'],
  code: ['UNAUTHENTICATED', 'The sign-in was completed already, or took too long: begin anew'],
} as const satisfies Record<string, readonly [ErrorCode, string]>

export type OpenIdProblem = keyof typeof problems

export class OpenIdError extends CloudError {
  constructor(
    readonly problem: OpenIdProblem,
    /** For the log: a fixed word of a library or of ours, never what somebody sent. */
    readonly hint: string,
  ) {
    const [code, message] = problems[problem]
    super(code, problem === 'settings' ? `${message}: ${hint}` : message)
    this.name = 'OpenIdError'
  }
}

/** An error of the library as ours: its causes carry bodies, parameters and tokens, so none goes on. */
export function openIdError(error: unknown): OpenIdError {
  let cause: unknown = error
  for (let i = 0; i < MAX_CAUSES && cause; i++) {
    if (cause instanceof OpenIdError) return cause
    cause = (cause as { cause?: unknown }).cause
  }
  if (error instanceof oidc.AuthorizationResponseError) {
    return new OpenIdError(error.error === 'access_denied' ? 'refused' : 'answer', 'error')
  }
  if (error instanceof oidc.WWWAuthenticateChallengeError) return new OpenIdError('client', '401')
  if (error instanceof oidc.ResponseBodyError) return ofBody(error.error)
  const { code } = error as { code?: unknown }
  const hint = typeof code === 'string' ? code : 'unknown'
  const name = comparedName(error)
  if (name === null) return new OpenIdError('answer', hint)
  if (name === 'nonce') return new OpenIdError('nonce', hint)
  const isIssuer = name === 'iss' || name === 'issuer'
  return new OpenIdError(isIssuer ? 'issuer' : 'answer', `${hint} ${name}`)
}

function ofBody(error: string): OpenIdError {
  if (error === 'invalid_grant') return new OpenIdError('code', error)
  const isClient = error === 'invalid_client' || error === 'unauthorized_client'
  return isClient ? new OpenIdError('client', error) : new OpenIdError('answer', 'error')
}

const comparable = ['nonce', 'iss', 'issuer', 'aud', 'azp', 'sub'] as const

/** Which claim of the id token, or attribute of another answer, was not as expected. */
function comparedName(error: unknown): (typeof comparable)[number] | null {
  const { cause } = error as { cause?: { cause?: unknown } }
  const facts = (cause?.cause ?? cause ?? {}) as { claim?: unknown; attribute?: unknown }
  return comparable.find((name) => name === facts.claim || name === facts.attribute) ?? null
}
