/**
 * `/graphql` over WebSocket, the transport: sockets, sizes, time. The protocol is
 * graphql-transport-ws by graphql-ws; what clients may do with it is websocket-operations.ts.
 *
 * W1 A connection is somebody's: its token is checked at connection_init, and the connection ends
 *    with 4403 when the token ends, by time or by revocation (asked before each event, at each
 *    keep-alive, and on `revalidate`).
 * W2 Memory is bounded: connections, operations of one, bytes of a message, and bytes that wait to
 *    be sent. Who reads too slowly is closed with 1013 and resumes from the cursor.
 * W3 When a socket closes, all its operations end at once.
 */
import type { Server as HttpServer, IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { handleProtocols, makeServer } from 'graphql-ws'
import { type WebSocket, WebSocketServer } from 'ws'
import { turnAway, type UpgradeTaker } from './upgrade.ts'
import {
  type Connection,
  FORBIDDEN,
  forget,
  isWelcome,
  type OperationOptions,
  operationsOf,
  TRY_LATER,
} from './websocket-operations.ts'

export interface WebSocketLimits {
  connections: number
  /** Watches, queries and mutations of one connection at once. */
  operations: number
  messageBytes: number
  /** Sent by us, not yet taken by the client. */
  unsentBytes: number
  initTimeoutMs: number
  keepAliveMs: number
}

export const defaultWebSocketLimits: WebSocketLimits = {
  connections: 10_000,
  operations: 100,
  messageBytes: 1_048_576,
  unsentBytes: 4_194_304,
  initTimeoutMs: 10_000,
  keepAliveMs: 30_000,
}

export interface WebSocketOptions
  extends Omit<OperationOptions, 'operationsMax' | 'initTimeoutMs'> {
  path: string
  limits: WebSocketLimits
  /** Asked in turn for other paths. */
  others?: readonly UpgradeTaker[]
}

export interface WebSockets {
  /** Asks all sessions now whether they are still valid. */
  revalidate(): Promise<void>
  /** Asks all clients to come again: what was decided about them may be decided otherwise now. */
  reopen(reason: string): void
  close(): Promise<void>
}

const GOING_AWAY = 1001
/** Service restart (the IANA registry of close codes): a client comes again at once. */
const RESTART = 1012
const SERVER_ERROR = 4500
const NORMAL = 1000

/** After a close frame the client has so long to answer with its own. */
const CLOSE_GRACE_MS = 3_000

/** A close frame has room for so many bytes of reason. */
const REASON_MAX_BYTES = 123

/** The longest time that a timer can wait. */
const TIMER_MAX_MS = 2_147_483_647

export function openWebSockets(server: HttpServer, options: WebSocketOptions): WebSockets {
  const { limits, metrics } = options
  const sockets = new WebSocketServer({
    noServer: true,
    handleProtocols,
    maxPayload: limits.messageBytes,
    // Compression keeps some 300 KB per connection and helps little with small events.
    perMessageDeflate: false,
  })
  const connections = new Map<WebSocket, Connection>()
  const protocol = makeServer(
    operationsOf({
      ...options,
      operationsMax: limits.operations,
      initTimeoutMs: limits.initTimeoutMs,
    }),
  )
  let closing = false

  const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (request.url?.split('?', 1)[0] !== options.path) {
      if (options.others?.some((other) => other.take(request, socket, head))) return
      return turnAway(socket, '404 Not Found')
    }
    if (closing || connections.size >= limits.connections) {
      return turnAway(socket, '503 Service Unavailable')
    }
    sockets.handleUpgrade(request, socket, head, (webSocket) => accept(webSocket, request))
  }

  const accept = (socket: WebSocket, request: IncomingMessage) => {
    const { connection, onClose } = converse(socket, request, protocol, options)
    connections.set(socket, connection)
    metrics.connections(1)
    socket.once('close', (code, reason) => {
      connections.delete(socket)
      metrics.connections(-1)
      onClose(code, String(reason))
    })
  }

  const stopKeepAlive = keepAlive(connections, limits.keepAliveMs)
  server.on('upgrade', onUpgrade)

  return {
    async revalidate() {
      await Promise.all([...connections.values()].map(checkSession))
    },
    reopen(reason) {
      for (const connection of connections.values()) connection.end(RESTART, reason)
    },
    async close() {
      closing = true
      stopKeepAlive()
      const gone = [...connections].map(([socket, connection]) => {
        const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
        connection.end(GOING_AWAY, 'The server is stopping')
        return closed
      })
      await Promise.all(gone)
      server.off('upgrade', onUpgrade)
      sockets.close()
    },
  }
}

/** Joins one socket and the protocol. */
function converse(
  socket: WebSocket,
  request: IncomingMessage,
  protocol: ReturnType<
    typeof makeServer<Record<string, unknown> | undefined, { connection: Connection }>
  >,
  { limits, metrics, log }: WebSocketOptions,
) {
  let expiry: NodeJS.Timeout | undefined
  let terminator: NodeJS.Timeout | undefined
  let over = false

  const finish = (code: number, reason: string) => {
    if (over) return
    over = true
    clearTimeout(expiry)
    for (const id of [...connection.running.keys()]) forget(connection, id, metrics)
    // Later: the protocol may refuse the socket before it has returned `closed`.
    Promise.resolve()
      .then(() => closed(code, reason))
      .catch((err: unknown) => log.error({ err }, 'watch did not end'))
  }
  const connection: Connection = {
    headers: { ...request.headers },
    remoteAddress: request.socket.remoteAddress ?? '',
    session: null,
    running: new Map(),
    opened(session) {
      connection.session = session
      expiry = endAt(session.expiresAt, () =>
        connection.end(FORBIDDEN, 'UNAUTHENTICATED: the token has expired'),
      )
    },
    end(code, reason) {
      if (over) return
      if (code !== NORMAL) metrics.closed(code)
      socket.close(code, shorten(reason))
      terminator = setTimeout(() => socket.terminate(), CLOSE_GRACE_MS)
      finish(code, reason)
    },
  }
  const send = (data: string) => {
    if (over || socket.readyState !== socket.OPEN) return
    if (socket.bufferedAmount > limits.unsentBytes) {
      connection.end(TRY_LATER, `Too slow: more than ${limits.unsentBytes} bytes wait to be read`) // W2
    } else socket.send(data) // Not awaited: what waits must be in the socket, where it is counted.
  }
  const closed = protocol.opened(
    {
      protocol: socket.protocol,
      send,
      close: (code = NORMAL, reason = '') => connection.end(code, reason),
      onMessage: (handle) =>
        socket.on('message', (data) => {
          if (over) return
          handle((data as Buffer).toString()).catch((err: unknown) => {
            log.error({ err }, 'WebSocket message failed')
            connection.end(SERVER_ERROR, 'Internal server error')
          })
        }),
    },
    { connection },
  )
  // Too large a message, broken frames: ws closes by itself, with the right code.
  socket.on('error', (err) => log.debug({ err }, 'WebSocket error'))
  const onClose = (code: number, reason: string) => {
    clearTimeout(terminator)
    finish(code, reason)
  }
  return { connection, onClose }
}

/** Ends dead connections and those of ended sessions. Returns how to stop it. */
function keepAlive(connections: Map<WebSocket, Connection>, everyMs: number): () => void {
  const silent = new WeakSet<WebSocket>()
  const timer = setInterval(() => {
    for (const [socket, connection] of connections) {
      if (silent.has(socket)) {
        socket.terminate()
        continue
      }
      silent.add(socket)
      socket.once('pong', () => silent.delete(socket))
      socket.ping()
      void checkSession(connection)
    }
  }, everyMs)
  timer.unref()
  return () => clearInterval(timer)
}

/** A check that fails is no revocation: the next one will tell. */
async function checkSession(connection: Connection): Promise<void> {
  if (connection.session) await isWelcome(connection).catch(() => undefined)
}

function endAt(at: Date | null, end: () => void): NodeJS.Timeout | undefined {
  if (!at) return undefined
  const ms = at.getTime() - Date.now()
  return setTimeout(end, Math.min(Math.max(ms, 0), TIMER_MAX_MS)).unref()
}

/** Cut between characters, so that it stays UTF-8. */
function shorten(reason: string): string {
  let short = reason
  while (Buffer.byteLength(short) > REASON_MAX_BYTES) short = short.slice(0, -1)
  return short
}
