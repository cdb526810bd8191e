import type { IncomingHttpHeaders } from 'node:http'

const BEARER = /^Bearer +(\S+) *$/i

/** The token of a request: `Authorization: Bearer`, or OpenStack's `X-Auth-Token`. Null: none. */
export function bearerOf(headers: IncomingHttpHeaders): string | null {
  const bearer = BEARER.exec(headers.authorization ?? '')?.[1]
  const header = headers['x-auth-token']
  return bearer ?? (typeof header === 'string' && header !== '' ? header : null)
}
