/**
 * Consoles in the browser: `/v1/consoles/<word>`, a WebSocket with binary frames. The word was given
 * by `serverConsoleCreate`; the bytes come from the server's host, which opens a stream to us.
 *
 * B1 A word that opens nothing is turned away before the WebSocket stands, and not told why.
 * B2 A console ends when the token that it was asked for with ends: by revocation, when it is told to
 *    look (`revalidate`); by time, within `LOOK_MS`.
 * B3 When either side closes, so is the other. A browser that answers nothing for two `PING_MS` is gone.
 * B4 Who has as many consoles as may be is shut out with POLICY and the reason.
 */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Logger } from 'pino'
import { type WebSocket, WebSocketServer } from 'ws'
import { consoleOpen, type OpenedConsole } from '../../services/compute/console.ts'
import type { ConsoleRoom } from '../../services/compute/console-room.ts'
import type { Cloud } from '../../services/context.ts'
import { CloudError } from '../../services/errors.ts'
import { MAX_MESSAGE_BYTES, WebSocketDuplex } from '../../workers/agent/web-socket-duplex.ts'
import type { Caller } from '../../workers/call.ts'
import { agentQueue } from '../../workers/compute/agent-calls.ts'
import { turnAway, type UpgradeTaker } from '../http/upgrade.ts'
import { type Streams, streamObject, streamPath } from './streams.ts'

const PREFIX = '/v1/consoles/'
const PATH = /^\/v1\/consoles\/([\w.-]+)$/
const OPEN_TIMEOUT_MS = 10_000
/** How often it is looked whether tokens are good still. */
const LOOK_MS = 5_000
/** How often a browser is asked whether it is there. */
const PING_MS = 30_000
/** Consoles of one process. */
const MAX_CONSOLES = 1_000
const GOING_AWAY = 1001
const POLICY = 1008
const TRY_LATER = 1013

export interface ConsoleSettings {
  cloud: Cloud
  /** Who calls the host of a server: its cell's. */
  callerOf(serverId: string): Promise<Caller>
  streams: Streams
  /** How hosts reach this very process. */
  url(): string
  log: Logger
  pingMs?: number
}

export interface Consoles extends UpgradeTaker {
  /** Closes those whose token is not valid any more. */
  revalidate(): void
}

export function openConsoles(settings: ConsoleSettings): Consoles {
  const { cloud, log } = settings
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_MESSAGE_BYTES,
    perMessageDeflate: false,
  })
  const open = new Map<WebSocket, OpenedConsole>()
  const { pingMs = PING_MS } = settings
  let entering = 0
  let closing = false

  async function letIn(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const secret = PATH.exec(request.url ?? '')?.[1]
    if (!secret) return turnAway(socket, '404 Not Found')
    if (closing || open.size + entering >= MAX_CONSOLES) {
      return turnAway(socket, '503 Service Unavailable')
    }
    entering += 1
    const torn = (): void => void socket.destroy()
    socket.on('error', torn)
    try {
      const found = await consoleOpen(cloud, secret)
      socket.off('error', torn)
      if (closing) return turnAway(socket, '503 Service Unavailable')
      sockets.handleUpgrade(request, socket, head, (webSocket) => {
        const leave = enter(cloud.consoleRoom, found)
        if (leave instanceof CloudError) {
          webSocket.on('error', () => {})
          return end(webSocket, POLICY, leave.message)
        }
        open.set(webSocket, found)
        const quiet = hangUpWhenQuiet(webSocket, pingMs)
        webSocket.once('close', () => {
          clearInterval(quiet)
          open.delete(webSocket)
          leave()
        })
        void show(settings, found, webSocket)
      })
    } catch (error) {
      const known = error instanceof CloudError && error.code !== 'INTERNAL'
      if (!known) log.warn({ err: error }, 'a console could not be opened')
      turnAway(socket, known ? '401 Unauthorized' : '503 Service Unavailable')
    } finally {
      entering -= 1
    }
  }

  const revalidate = (): void => {
    for (const [socket, { expiresAt, stillValid }] of open) {
      if (stillValid() && expiresAt > new Date()) continue
      end(socket, POLICY, 'The token is not valid any more')
    }
  }
  const looking = setInterval(revalidate, LOOK_MS).unref()

  return {
    revalidate,
    take(request, socket, head) {
      if (!request.url?.startsWith(PREFIX)) return false
      void letIn(request, socket, head)
      return true
    },
    async close() {
      closing = true
      clearInterval(looking)
      const gone = [...open.keys()].map(
        (socket) => new Promise((done) => socket.once('close', done)),
      )
      for (const socket of open.keys()) end(socket, GOING_AWAY, 'The server is stopping')
      await Promise.all(gone)
      sockets.close()
    },
  }
}

function enter(room: ConsoleRoom, found: OpenedConsole): (() => void) | CloudError {
  try {
    return room.enter(found)
  } catch (error) {
    if (error instanceof CloudError) return error
    throw error
  }
}

/** Ends a connection whose other side went away without a word. */
function hangUpWhenQuiet(socket: WebSocket, pingMs: number): NodeJS.Timeout {
  let isThere = true
  const heard = (): void => {
    isThere = true
  }
  socket.on('pong', heard)
  socket.on('message', heard)
  return setInterval(() => {
    // While we don't read, because its console does not, nothing that it says is heard.
    if (!isThere && !socket.isPaused) return socket.terminate()
    isThere = socket.isPaused
    socket.ping()
  }, pingMs).unref()
}

/** Joins a browser and its console, until one of them leaves. */
async function show(
  settings: ConsoleSettings,
  found: OpenedConsole,
  socket: WebSocket,
): Promise<void> {
  const over = new AbortController()
  socket.once('close', () => over.abort())
  const browser = new WebSocketDuplex(socket)
  browser.on('error', () => {})
  try {
    const host = await fromHost(settings, found, over.signal)
    host.on('error', () => {})
    await Promise.allSettled([pipeline(browser, host), pipeline(host, browser)])
  } catch (error) {
    const { host, serverId } = found
    settings.log.info({ err: error, host, serverId }, 'the console did not open')
    end(socket, TRY_LATER, 'The console can not be reached now')
  } finally {
    end(socket, GOING_AWAY, 'The console was closed')
  }
}

/** The host's end of a new stream: it is called to open its own. */
async function fromHost(
  { cloud, callerOf, streams, url }: ConsoleSettings,
  { serverId, host, kind }: OpenedConsole,
  signal: AbortSignal,
): Promise<Duplex> {
  const id = randomUUID()
  const ticket = cloud.tokens.issueTicket(streamObject(id, 'b'), cloud.now())
  const stream = { url: `${url()}${streamPath(id, 'b')}`, ticket }
  const ended = new AbortController()
  const here = streams.here(id, AbortSignal.any([signal, ended.signal]))
  const input = { id: serverId, kind: kind.toLowerCase(), stream }
  const caller = await callerOf(serverId)
  const asked = caller.call(agentQueue(host), {
    ...{ callId: randomUUID(), fence: null, verb: 'openConsole', input },
    ...{ requestId: null, timeoutMs: OPEN_TIMEOUT_MS, signal },
  })
  try {
    const [bytes] = await Promise.all([here, asked])
    return bytes
  } catch (error) {
    ended.abort()
    await here.catch(() => {})
    throw error
  }
}

/** Says why, and does not wait long for the answer. */
function end(socket: WebSocket, code: number, reason: string): void {
  if (socket.readyState === socket.CLOSED || socket.readyState === socket.CLOSING) return
  socket.close(code, reason)
  setTimeout(() => socket.terminate(), FAREWELL_MS).unref()
}

const FAREWELL_MS = 2_000
