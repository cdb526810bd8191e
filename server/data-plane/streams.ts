/**
 * Streams: bytes between two hosts, or a host and a browser, through an API process, so that no host
 * listens on anything. Each end is a WebSocket `/v1/streams/<uuid>/<end>` (end `a` or `b`) that was
 * let in by a ticket for `stream/<uuid>/<end>`, or is this process itself (`here`).
 *
 * X1 Both ends must come to the same process. Whoever has several gives out the absolute URL of one.
 * X2 Nothing is held but what fits the buffers of both ends: who reads slowly slows the writer down.
 * X3 When one end closes, so is the other: in good order when it was, as broken otherwise.
 * X4 Bounded are: ends that come and wait, and for how long; streams; the length of a message; the
 *    time in which no byte moves.
 */
import type { IncomingMessage } from 'node:http'
import { type Duplex, duplexPair } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Logger } from 'pino'
import { type WebSocket, WebSocketServer } from 'ws'
import type { Cloud } from '../../services/context.ts'
import { CloudError } from '../../services/errors.ts'
import { ticketOf, ticketUse } from '../../services/identity/ticket.ts'
import { MAX_MESSAGE_BYTES, WebSocketDuplex } from '../../workers/agent/web-socket-duplex.ts'
import { turnAway, type UpgradeTaker } from '../http/upgrade.ts'

export interface StreamLimits {
  /** Ends that wait for their other end, those that are being let in included. */
  waiting: number
  waitMs: number
  /** Joined streams. */
  streams: number
  /** Without a byte in either direction. */
  idleMs: number
  messageBytes: number
}

export const defaultStreamLimits: StreamLimits = {
  waiting: 500,
  waitMs: 30_000,
  streams: 2_000,
  idleMs: 60 * 60_000,
  messageBytes: MAX_MESSAGE_BYTES,
}

export interface Streams extends UpgradeTaker {
  /**
   * Makes this process the end `a` of a stream; resolves when the other end, `b`, has come. Rejects
   * with UNAVAILABLE when it does not come in time or there are too many streams, and when the signal
   * fires, which later ends the stream. Who does not use the stream any more destroys it.
   */
  here(id: string, signal: AbortSignal): Promise<Duplex>
}

/** Where the end of a stream is, below an API's URL. */
export const streamPath = (id: string, end: StreamEndName): string => `/v1/streams/${id}/${end}`
/** What a ticket for that end is for. */
export const streamObject = (id: string, end: StreamEndName): string => `stream/${id}/${end}`

export type StreamEndName = 'a' | 'b'

const PATH = /^\/v1\/streams\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\/([ab])$/
const PREFIX = '/v1/streams/'
const KEEP_ALIVE_MS = 30_000
const LOOKS_PER_IDLE_TIME = 4
/** Close codes: try again later; going away; policy. */
const TRY_LATER = 1013
const GOING_AWAY = 1001
const REFUSED = 1008

interface End {
  name: StreamEndName
  bytes: Duplex
  /** Refuses it, with a close code where there is one. */
  refuse(code: number, reason: string): void
  /** It has been joined. */
  joined(): void
}

interface Joined {
  ends: [End, End]
  movedAt: number
}

export function openStreams(
  cloud: Pick<Cloud, 'db' | 'tokens' | 'now'>,
  log: Logger,
  limits: StreamLimits = defaultStreamLimits,
): Streams {
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: limits.messageBytes,
    perMessageDeflate: false,
  })
  const waiting = new Map<string, { end: End; timer: NodeJS.Timeout }>()
  const streams = new Set<Joined>()
  let entering = 0
  let closing = false

  const isFull = (): boolean =>
    closing || waiting.size + entering >= limits.waiting || streams.size >= limits.streams

  /** An end has come. */
  function arrive(id: string, end: End): void {
    const other = waiting.get(id)
    if (other?.end.name === end.name) return end.refuse(REFUSED, 'This end is here already')
    if (other) {
      leave(id)
      return join(other.end, end)
    }
    const timer = setTimeout(() => {
      waiting.delete(id)
      end.refuse(TRY_LATER, 'The other end did not come')
    }, limits.waitMs)
    waiting.set(id, { end, timer })
    end.bytes.once('close', () => waiting.get(id)?.end === end && leave(id))
  }

  function leave(id: string): void {
    clearTimeout(waiting.get(id)?.timer)
    waiting.delete(id)
  }

  function join(one: End, other: End): void {
    const stream: Joined = { ends: [one, other], movedAt: Date.now() }
    streams.add(stream)
    const moved = (): void => {
      stream.movedAt = Date.now()
    }
    const ways = [pipeline(one.bytes, other.bytes), pipeline(other.bytes, one.bytes)]
    // After the pipes, which decide when to read: these only look on.
    for (const { bytes } of stream.ends) bytes.on('data', moved)
    void Promise.allSettled(ways).then(() => streams.delete(stream))
    for (const { joined } of stream.ends) joined()
  }

  const idle = setInterval(
    () => {
      const since = Date.now() - limits.idleMs
      for (const { ends, movedAt } of streams) {
        if (movedAt <= since) for (const end of ends) end.refuse(TRY_LATER, 'Nothing moved')
      }
    },
    Math.ceil(limits.idleMs / LOOKS_PER_IDLE_TIME),
  ).unref()

  async function letIn(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const [, id = '', name = ''] = PATH.exec(request.url ?? '') ?? []
    if (!id) return turnAway(socket, '404 Not Found')
    if (isFull()) return turnAway(socket, '503 Service Unavailable')
    entering += 1
    const torn = (): void => void socket.destroy()
    socket.on('error', torn)
    try {
      const end = name as StreamEndName
      const secret = ticketOf(request.headers.authorization)
      if (!secret) throw new CloudError('UNAUTHENTICATED', 'A stream needs a ticket')
      await ticketUse(cloud, secret, streamObject(id, end))
      socket.off('error', torn)
      request.socket.setKeepAlive(true, KEEP_ALIVE_MS)
      sockets.handleUpgrade(request, socket, head, (webSocket) => arrive(id, endOf(end, webSocket)))
    } catch (error) {
      const known = error instanceof CloudError && error.code === 'UNAUTHENTICATED'
      if (!known) log.warn({ err: error }, 'a stream could not be let in')
      turnAway(socket, known ? '401 Unauthorized' : '503 Service Unavailable')
    } finally {
      entering -= 1
    }
  }

  return {
    take(request, socket, head) {
      if (!request.url?.startsWith(PREFIX)) return false
      void letIn(request, socket, head)
      return true
    },

    here(id, signal) {
      if (signal.aborted || isFull()) {
        const why = signal.aborted ? 'not wanted any more' : 'too many'
        return Promise.reject(new CloudError('UNAVAILABLE', `The stream was not opened: ${why}`))
      }
      const [mine, theirs] = duplexPair()
      return new Promise((resolve, reject) => {
        const abort = (): void => {
          mine.destroy()
          reject(new CloudError('UNAVAILABLE', 'The stream is not wanted any more'))
        }
        signal.addEventListener('abort', abort, { once: true })
        mine.once('close', () => {
          signal.removeEventListener('abort', abort)
          theirs.destroy()
        })
        theirs.once('close', () => mine.destroy())
        arrive(id, {
          name: 'a',
          bytes: theirs,
          joined: () => resolve(mine),
          refuse: (_code, reason) => {
            mine.destroy()
            reject(new CloudError('UNAVAILABLE', reason))
          },
        })
      })
    },

    async close() {
      closing = true
      clearInterval(idle)
      const ends = [...waiting.values()].map(({ end }) => end)
      for (const id of [...waiting.keys()]) leave(id)
      ends.push(...[...streams].flatMap((stream) => stream.ends))
      const closed = ends.map(({ bytes }) => whenClosed(bytes))
      for (const end of ends) end.refuse(GOING_AWAY, 'The server is stopping')
      await Promise.all(closed)
      sockets.close()
    },
  }
}

function whenClosed(bytes: Duplex): Promise<void> {
  if (bytes.closed) return Promise.resolve()
  return new Promise((resolve) => bytes.once('close', () => resolve()))
}

function endOf(name: StreamEndName, socket: WebSocket): End {
  const bytes = new WebSocketDuplex(socket)
  // Whatever breaks it ends the stream, and that is all there is to do.
  bytes.on('error', () => {})
  let isJoined = false
  // Nobody reads an end that waits: it would not notice that it is over. What it left is kept.
  socket.once('close', () => isJoined || bytes.readableLength > 0 || bytes.destroy())
  return {
    name,
    bytes,
    joined() {
      isJoined = true
    },
    refuse(code, reason) {
      socket.close(code, reason)
      bytes.destroy(new Error(reason))
    },
  }
}
