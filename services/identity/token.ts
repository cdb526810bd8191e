/**
 * Tokens carry all that a request needs to know of its caller, so that checking one costs no SQL; what
 * was revoked is kept in memory (revocation.ts). Two formats behind one small contract: JWTs (RFC 7519)
 * signed with ES256, which others can check with the published keys, and Fernet, which only we can
 * read. A setting chooses which is issued; both are accepted, so that changing it ends nobody's session.
 */
import { createHash, type KeyObject } from 'node:crypto'
import jwt from 'jsonwebtoken'
import { LRUCache } from 'lru-cache'
import type { Actor } from '../context.ts'
import { CloudError } from '../errors.ts'
import { newId } from '../id.ts'
import { fernetDecrypt, fernetEncrypt } from './fernet.ts'
import type { SealKeys as FernetKeys } from './sealed.ts'

/** The key pairs of this cloud by key id; `current` signs, all verify. */
export interface TokenKeys {
  readonly current: string
  readonly pairs: ReadonlyMap<string, { privateKey: KeyObject; publicKey: KeyObject }>
}

export const tokenFormats = ['jwt', 'fernet'] as const
export type TokenFormat = (typeof tokenFormats)[number]

const ISSUER = 'nephograph'
const ALGORITHM = 'ES256'
/** A token is longer only when somebody made it so. */
export const MAX_TOKEN_LENGTH = 8192
const MAX_CHECKED = 10_000

interface Claims {
  iss: string
  aud: 'api' | 'ticket'
  jti: string
  sub: string
  /** With fractions of a second: revocations are told apart by them. */
  iat: number
  exp: number
}

type Carried = Omit<Actor, 'tokenId' | 'userId' | 'issuedAt' | 'expiresAt'>
type ApiClaims = Claims & { actor: Carried }

export type NewActor = Omit<Actor, 'tokenId' | 'issuedAt' | 'expiresAt'>

/** What tokens are made of and checked with. */
export interface TokenProvider {
  /** Issues a token for the actor. */
  issue(actor: NewActor, at: Date, ttlSeconds: number): { secret: string; actor: Actor }
  /** Who a secret belongs to; UNAUTHENTICATED when it is forged, malformed or over. */
  verify(secret: string, at: Date): Actor
  /** A ticket is for one object, once, for some minutes. It goes to agents instead of a token. */
  issueTicket(object: string, at: Date): string
  verifyTicket(secret: string, at: Date): Ticket
  /** Forgets which secrets were found genuine: a key is gone. */
  forget(): void
}

export interface Ticket {
  id: string
  /** What it opens: `image/<id>`. */
  object: string
  expiresAt: Date
}

const TICKET_TTL_SECONDS = 600
/** Of a copy that a host first has to make: as long as it may take. */
const UPLOAD_TICKET_TTL_SECONDS = 2 * 3600
const ttlOfTicket = (object: string): number =>
  object.startsWith('image-upload/') ? UPLOAD_TICKET_TTL_SECONDS : TICKET_TTL_SECONDS

/** Issues tokens in one format, and checks those of both. */
export function makeTokens(
  keys: { token: TokenKeys; fernet: FernetKeys },
  format: TokenFormat = 'jwt',
): TokenProvider {
  /** Which secrets were found genuine: a signature costs a hundred times a hash. */
  const checked = new LRUCache<string, Actor>({ max: MAX_CHECKED })
  const encode = (claims: ApiClaims): string =>
    format === 'jwt' ? sign(keys.token, claims) : sealed(keys.fernet, claims)
  const decode = (secret: string, at: Date): ApiClaims =>
    secret.includes('.')
      ? verifySigned<ApiClaims>(keys.token, secret, 'api', at)
      : opened(keys.fernet, secret)
  return {
    issue(actor, at, ttlSeconds) {
      const { userId, ...carried } = actor
      const claims = { ...newClaims('api', userId, at, ttlSeconds), actor: carried }
      return { secret: encode(claims), actor: actorOf(claims) }
    },
    verify(secret, at) {
      if (secret.length > MAX_TOKEN_LENGTH) throw invalidToken()
      const digest = createHash('sha256').update(secret).digest('base64')
      const actor = checked.get(digest) ?? actorOf(decode(secret, at))
      if (actor.expiresAt <= at) throw expiredToken()
      checked.set(digest, actor)
      return actor
    },
    issueTicket: (object, at) =>
      sign(keys.token, newClaims('ticket', object, at, ttlOfTicket(object))),
    verifyTicket(secret, at) {
      const claims = verifySigned<Claims>(keys.token, secret, 'ticket', at)
      return { id: claims.jti, object: claims.sub, expiresAt: new Date(claims.exp * 1000) }
    },
    forget: () => checked.clear(),
  }
}

function newClaims<A extends Claims['aud']>(aud: A, sub: string, at: Date, ttlSeconds: number) {
  const iat = at.getTime() / 1000
  return { iss: ISSUER, aud, jti: newId(), sub, iat, exp: iat + ttlSeconds }
}

function sign(keys: TokenKeys, claims: Claims): string {
  const pair = keys.pairs.get(keys.current)
  if (!pair) throw new Error(`the signing key ${keys.current} is not there`)
  return jwt.sign(claims, pair.privateKey, { algorithm: ALGORITHM, keyid: keys.current })
}

function verifySigned<C extends Claims>(
  keys: TokenKeys,
  secret: string,
  audience: Claims['aud'],
  at: Date,
): C {
  try {
    // Decoding throws when the payload is not JSON.
    const keyId = jwt.decode(secret, { complete: true })?.header.kid
    const pair = keyId ? keys.pairs.get(keyId) : undefined
    if (!pair) throw invalidToken()
    return jwt.verify(secret, pair.publicKey, {
      algorithms: [ALGORITHM],
      issuer: ISSUER,
      audience,
      clockTimestamp: at.getTime() / 1000,
    }) as unknown as C
  } catch (cause) {
    throw cause instanceof jwt.TokenExpiredError ? expiredToken() : invalidToken(cause)
  }
}

const sealed = (keys: FernetKeys, claims: ApiClaims): string =>
  fernetEncrypt(keys.current, Buffer.from(JSON.stringify(claims)), new Date(claims.iat * 1000))

function opened(keys: FernetKeys, secret: string): ApiClaims {
  try {
    const claims = JSON.parse(fernetDecrypt(keys.all, secret).message.toString()) as ApiClaims
    if (claims.iss === ISSUER && claims.aud === 'api') return claims
  } catch (cause) {
    throw invalidToken(cause)
  }
  throw invalidToken()
}

const expiredToken = (): CloudError => new CloudError('UNAUTHENTICATED', 'The token has expired')

const invalidToken = (cause?: unknown): CloudError =>
  new CloudError('UNAUTHENTICATED', 'The token is not valid', undefined, { cause })

function actorOf({ jti, sub, iat, exp, actor }: ApiClaims): Actor {
  if (!actor || !Array.isArray(actor.roles)) throw invalidToken()
  return {
    ...actor,
    tokenId: jti,
    userId: sub,
    issuedAt: new Date(iat * 1000),
    expiresAt: new Date(exp * 1000),
  }
}
