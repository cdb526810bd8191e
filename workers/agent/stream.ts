/**
 * A host's end of a stream: a WebSocket to an API process, which joins it with the other end. So no
 * host listens on anything. The ticket is good once; it never gets into a log or an error.
 */
import type { Duplex } from 'node:stream'
import { WebSocket } from 'ws'
import { CallError } from '../call.ts'
import { MAX_MESSAGE_BYTES, WebSocketDuplex } from './web-socket-duplex.ts'

const HANDSHAKE_TIMEOUT_MS = 30_000
const KEEP_ALIVE_MS = 30_000

/** What a call says of its end. */
export interface StreamEnd {
  /** A path below the API's URL, or the absolute URL of one API process. */
  url: string
  ticket: string
}

/**
 * Opens this end; bytes may be written before the other end has come. Rejects with UNAVAILABLE (also
 * for a ticket that is used up: another try needs a new one) or ABORTED. When the signal fires later,
 * the stream is destroyed.
 */
export function openStream(
  { url, ticket }: StreamEnd,
  apiUrl: string,
  signal: AbortSignal,
): Promise<Duplex> {
  const address = new URL(url, apiUrl)
  address.protocol = address.protocol.replace(/^http/, 'ws')
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(abortedError())
    const socket = new WebSocket(address, {
      headers: { authorization: `Ticket ${ticket}` },
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
      maxPayload: MAX_MESSAGE_BYTES,
      perMessageDeflate: false,
      // A ticket is for our API, not for where somebody points.
      followRedirects: false,
    })
    const give = (): void => {
      socket.terminate()
      reject(abortedError())
    }
    signal.addEventListener('abort', give, { once: true })
    socket.once('upgrade', ({ socket: line }) => line.setKeepAlive(true, KEEP_ALIVE_MS))
    const fail = (error: Error): void => {
      signal.removeEventListener('abort', give)
      const message = `the stream could not be opened: ${error.message}`
      reject(new CallError('UNAVAILABLE', message, true))
    }
    socket.on('error', fail)
    socket.once('open', () => {
      signal.removeEventListener('abort', give)
      socket.off('error', fail)
      const stream = new WebSocketDuplex(socket)
      const abort = (): void => void stream.destroy(abortedError())
      signal.addEventListener('abort', abort, { once: true })
      stream.once('close', () => signal.removeEventListener('abort', abort))
      resolve(stream)
    })
  })
}

const abortedError = (): CallError =>
  new CallError('ABORTED', 'the stream is not needed any more', true)
