/**
 * The library that decodes a token throws when the header says JWT and the payload is not JSON. That
 * was outside of the `try`, so whoever damaged the middle of a token got INTERNAL and a line in the
 * log instead of UNAUTHENTICATED.
 */
import { generateKeyPairSync } from 'node:crypto'
import { expect, it } from 'vitest'
import { CloudError } from '../../services/errors.ts'
import { makeTokens } from '../../services/identity/token.ts'

const tokens = makeTokens({
  token: {
    current: 'k',
    pairs: new Map([['k', generateKeyPairSync('ec', { namedCurve: 'P-256' })]]),
  },
  fernet: { current: new Uint8Array(32), all: [] },
})

it.each(['not json', '', '{', '\0'])('a token with %j in its middle is not valid', (payload) => {
  const [header, , signature] = tokens.issueTicket('image/x', new Date()).split('.')
  const secret = [header, Buffer.from(payload).toString('base64url'), signature].join('.')
  for (const verify of ['verify', 'verifyTicket'] as const) {
    const check = () => tokens[verify](secret, new Date())
    expect(check).toThrow(CloudError)
    expect(check).toThrow('The token is not valid')
  }
})
