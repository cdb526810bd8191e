/**
 * The public keys of the cloud (RFC 7517), for others who check its tokens without asking it. They may keep
 * the answer for `MAX_AGE_SECONDS`; a new key is published for longer than that before it signs, so that
 * nobody meets a token whose key they can't know.
 */
import type { FastifyInstance } from 'fastify'
import type { TokenKeys } from '../../services/identity/token.ts'
import { STAGED_MS } from '../key-files.ts'

export const JWKS_PATH = '/.well-known/jwks.json'
const MAX_AGE_SECONDS = STAGED_MS / 2 / 1000

/** Mounts the route; the keys are read at each request. */
export function jwksRoute(app: FastifyInstance, keys: TokenKeys): void {
  app.get(JWKS_PATH, (_request, reply) =>
    reply.header('cache-control', `public, max-age=${MAX_AGE_SECONDS}`).send(jwksOf(keys)),
  )
}

const jwksOf = ({ pairs }: TokenKeys) => ({
  keys: [...pairs].map(([kid, { publicKey }]) => {
    const { kty, crv, x, y } = publicKey.export({ format: 'jwk' })
    return { kty, crv, x, y, kid, use: 'sig', alg: 'ES256' }
  }),
})
