import { randomUUID } from 'node:crypto'
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'

/** What a context is made of, for an HTTP request and for an operation on a WebSocket alike. */
export interface RequestInfo {
  /** On a WebSocket those of the upgrade, with `authorization` and `x-auth-token` of connection_init. */
  headers: IncomingHttpHeaders
  requestId: string
  remoteAddress: string
  transport: 'http' | 'websocket'
  /** Aborted when nobody waits for the answer any more. */
  signal: AbortSignal
}

/** What other systems use as ids, and nothing that could forge a line of a log. */
const SANE_ID = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/

/** The caller's own id when it is sane, otherwise a new one. Also put back into the headers. */
export function requestIdOf(request: Pick<IncomingMessage, 'headers'>): string {
  const given = request.headers['x-request-id']
  const id = typeof given === 'string' && SANE_ID.test(given) ? given : randomUUID()
  request.headers['x-request-id'] = id
  return id
}
