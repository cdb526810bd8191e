/**
 * The public face: everything that is asked over HTTP and WebSocket.
 *
 * H1 Every answer carries the request id; every error is GraphQL-shaped and coded.
 * H2 A log line never holds a header, a query string, a body or a variable.
 * H3 Closing ends: new requests are turned away, those in hand get `DRAIN_TIMEOUT_MS`.
 */
import type { AddressInfo } from 'node:net'
import Fastify, { type FastifyInstance } from 'fastify'
import type { GraphQLSchema } from 'graphql'
import type { Logger } from 'pino'
import type { Registry } from 'prom-client'
import { startApollo } from '../graphql/apollo.ts'
import { makeEngine } from '../graphql/engine.ts'
import type { Limits } from '../graphql/limits.ts'
import { type ApiMetrics, makeApiMetrics } from '../graphql/metrics.ts'
import { installFailures } from './failure.ts'
import { GRAPHQL_PATH, graphqlRoute } from './graphql-route.ts'
import { securityHeaders } from './headers.ts'
import { type Health, probes } from './probes.ts'
import { type RequestInfo, requestIdOf } from './request.ts'
import { staticFiles } from './static.ts'
import type { UpgradeTaker } from './upgrade.ts'
import { defaultWebSocketLimits, openWebSockets, type WebSocketLimits } from './websocket.ts'
import type { Session } from './websocket-operations.ts'

export interface HttpOptions {
  host: string
  /** 0 takes a free one. */
  port: number
  schema: GraphQLSchema
  /** The resolvers' context, a new object for each operation. What it throws is the answer. */
  contextFor(info: RequestInfo): Promise<object>
  subscriptions: {
    /** Once per WebSocket, at connection_init. What it throws closes the connection. */
    connect(info: RequestInfo): Promise<Session>
    /** The context of one event, made from its watch's: fresh loaders. Default: the watch's own. */
    eventContext?(context: object): object
    /**
     * All that an answer to an event may depend on beside the watch's document and variables: who
     * has the same shares it. Default: null, nobody shares.
     */
    audienceOf?(context: object): string | null
    limits?: Partial<WebSocketLimits>
  }
  limits?: Partial<Limits>
  /** Told of the errors of an operation, as they were thrown, with its context. */
  onErrors?(context: object, errors: readonly unknown[]): void
  log: Logger
  health(): Promise<Health>
  metrics: Registry
  /** The built portal; a missing folder is told to whoever asks for it. */
  webDir: string
  /**
   * The data plane. In a scope of its own: no body is parsed before it adds a parser, none is
   * limited but by its own `bodyLimit`; what it throws is answered like a GraphQL error.
   */
  routes?(app: FastifyInstance): void | Promise<void>
  /** WebSockets beside `/graphql`; closed with the server. */
  upgrades?: readonly UpgradeTaker[]
}

export interface HttpServer {
  /** http://host:port */
  url: string
  port: number
  /** Closes the WebSockets whose token was revoked, now instead of at their next event. */
  revalidate(): Promise<void>
  /** Asks all WebSocket clients to come again. */
  reopen(reason: string): void
  close(): Promise<void>
}

/** Requests in hand get so long after `close`. */
const DRAIN_TIMEOUT_MS = 10_000

export async function startHttp(options: HttpOptions): Promise<HttpServer> {
  const { log, subscriptions } = options
  const metrics = makeApiMetrics(options.metrics)
  const engine = makeEngine({ ...options, metrics })
  const apollo = await startApollo(engine, log)
  let closing = false

  const app = Fastify({ logger: false, requestIdHeader: false, genReqId: requestIdOf })
  securityHeaders(app)
  installFailures(app, log)
  countRequests(app, log, metrics)
  // Otherwise a kept-alive connection outlives the answer that it was kept for.
  app.addHook('onSend', async (_request, reply) => {
    if (closing) void reply.header('connection', 'close')
  })
  app.register(async (scope) => graphqlRoute(scope, { ...options, apollo }))
  app.register(async (scope) => probes(scope, { ...options, closing: () => closing }))
  app.register(async (scope) => staticFiles(scope, options.webDir))
  if (options.routes) {
    const { routes } = options
    app.register(async (scope) => {
      scope.removeAllContentTypeParsers()
      await routes(scope)
    })
  }
  const sockets = openWebSockets(app.server, {
    engine,
    metrics,
    log,
    path: GRAPHQL_PATH,
    contextFor: (info) => options.contextFor(info),
    connect: (info) => subscriptions.connect(info),
    eventContext: (context) => subscriptions.eventContext?.(context) ?? context,
    audienceOf: (context) => subscriptions.audienceOf?.(context) ?? null,
    limits: { ...defaultWebSocketLimits, ...subscriptions.limits },
    ...(options.upgrades && { others: options.upgrades }),
  })
  await app.listen({ host: options.host, port: options.port })
  const { port } = app.server.address() as AddressInfo

  return {
    url: `http://${options.host.includes(':') ? `[${options.host}]` : options.host}:${port}`,
    port,
    revalidate: () => sockets.revalidate(),
    reopen: (reason) => sockets.reopen(reason),
    async close() {
      if (closing) return
      closing = true
      const impatient = setTimeout(() => app.server.closeAllConnections(), DRAIN_TIMEOUT_MS)
      const others = (options.upgrades ?? []).map((other) => other.close())
      await Promise.all([sockets.close(), app.close(), ...others])
      clearTimeout(impatient)
      await apollo.stop()
    },
  }
}

/** H2. GraphQL is logged by the engine, so its requests are only told to those who debug. */
function countRequests(app: FastifyInstance, log: Logger, metrics: ApiMetrics): void {
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'none'
    const status = reply.statusCode
    metrics.request(route, status, reply.elapsedTime / 1000)
    const quiet = status < 400 || route === GRAPHQL_PATH
    log[quiet ? 'debug' : 'info'](
      {
        requestId: request.id,
        method: request.method,
        // Not the path of other routes: the data plane has tickets in it.
        path: route === '/*' ? request.url.split('?', 1)[0] : route,
        status,
        ms: Math.round(reply.elapsedTime * 100) / 100,
      },
      'request',
    )
  })
}
