/**
 * Tokens are JWTs (RFC 7519) signed with ES256. They carry all that a request needs to know of its
 * caller, so that checking one costs no SQL; what was revoked is kept in memory (revocation.ts).
 */
import { createHash, type KeyObject } from 'node:crypto'
import jwt from 'jsonwebtoken'
import { LRUCache } from 'lru-cache'
import type { Actor } from '../context.ts'
import { CloudError } from '../errors.ts'
import { newId } from '../id.ts'

/** The key pairs of this cloud by key id; `current` signs, all verify. */
export interface TokenKeys {
  current: string
  pairs: ReadonlyMap<string, { privateKey: KeyObject; publicKey: KeyObject }>
}

const ISSUER = 'nephograph'
const ALGORITHM = 'ES256'
/** A token is longer only when somebody made it so. */
const MAX_TOKEN_LENGTH = 4096
const MAX_CHECKED = 10_000

interface Claims {
  iss: string
  aud: 'api' | 'ticket'
  jti: string
  sub: string
  iat: number
  exp: number
}

interface ApiClaims extends Claims {
  name: string
  project: string | null
  projectName: string | null
  roles: string[]
  operator: boolean
}

export type NewActor = Omit<Actor, 'tokenId' | 'issuedAt' | 'expiresAt'>

/** Signs a token for the actor; times are whole seconds, as JWT has them. */
export function issueToken(
  keys: TokenKeys,
  actor: NewActor,
  at: Date,
  ttlSeconds: number,
): { secret: string; actor: Actor } {
  const issuedAt = Math.floor(at.getTime() / 1000)
  const claims: ApiClaims = {
    iss: ISSUER,
    aud: 'api',
    jti: newId(),
    sub: actor.userId,
    iat: issuedAt,
    exp: issuedAt + ttlSeconds,
    name: actor.userName,
    project: actor.projectId,
    projectName: actor.projectName,
    roles: [...actor.roles],
    operator: actor.operator,
  }
  return { secret: sign(keys, claims), actor: actorOf(claims) }
}

/** Remembers which secrets were found genuine: a signature costs a hundred times a hash. */
const checked = new WeakMap<TokenKeys, LRUCache<string, Actor>>()

/** Who a secret belongs to; UNAUTHENTICATED when it is forged, malformed or over. */
export function verifyToken(keys: TokenKeys, secret: string, at: Date): Actor {
  let known = checked.get(keys)
  if (!known) checked.set(keys, (known = new LRUCache({ max: MAX_CHECKED })))
  if (secret.length > MAX_TOKEN_LENGTH) throw invalidToken()
  const digest = createHash('sha256').update(secret).digest('base64')
  const actor = known.get(digest) ?? actorOf(verify<ApiClaims>(keys, secret, 'api', at))
  if (actor.expiresAt <= at) throw new CloudError('UNAUTHENTICATED', 'The token has expired')
  known.set(digest, actor)
  return actor
}

/** A ticket is for one object, once, for some minutes. It goes to agents instead of a token. */
export interface Ticket {
  id: string
  /** What it opens: `image/<id>`. */
  object: string
  expiresAt: Date
}

const TICKET_TTL_SECONDS = 600

export function issueTicket(keys: TokenKeys, object: string, at: Date): string {
  const issuedAt = Math.floor(at.getTime() / 1000)
  const claims: Claims = {
    iss: ISSUER,
    aud: 'ticket',
    jti: newId(),
    sub: object,
    iat: issuedAt,
    exp: issuedAt + TICKET_TTL_SECONDS,
  }
  return sign(keys, claims)
}

export function verifyTicket(keys: TokenKeys, secret: string, at: Date): Ticket {
  const claims = verify<Claims>(keys, secret, 'ticket', at)
  return { id: claims.jti, object: claims.sub, expiresAt: new Date(claims.exp * 1000) }
}

function sign(keys: TokenKeys, claims: Claims): string {
  const pair = keys.pairs.get(keys.current)
  if (!pair) throw new Error(`the signing key ${keys.current} is not there`)
  return jwt.sign(claims, pair.privateKey, { algorithm: ALGORITHM, keyid: keys.current })
}

function verify<C extends Claims>(
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
      clockTimestamp: Math.floor(at.getTime() / 1000),
    }) as unknown as C
  } catch (cause) {
    const expired = cause instanceof jwt.TokenExpiredError
    throw expired ? new CloudError('UNAUTHENTICATED', 'The token has expired') : invalidToken(cause)
  }
}

const invalidToken = (cause?: unknown): CloudError =>
  new CloudError('UNAUTHENTICATED', 'The token is not valid', undefined, { cause })

const actorOf = (claims: ApiClaims): Actor => ({
  tokenId: claims.jti,
  userId: claims.sub,
  userName: claims.name,
  projectId: claims.project,
  projectName: claims.projectName,
  roles: claims.roles,
  operator: claims.operator,
  issuedAt: new Date(claims.iat * 1000),
  expiresAt: new Date(claims.exp * 1000),
})
