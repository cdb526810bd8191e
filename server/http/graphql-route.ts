/**
 * `/graphql` over HTTP: the body (JSON only, bounded in bytes and in time), who asks, and Apollo.
 */
import { type ApolloServer, HeaderMap } from '@apollo/server'
import { fastifyApolloHandler } from '@as-integrations/fastify'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { GraphQLError } from 'graphql'
import type { Logger } from 'pino'
import { explain, httpStatus, logHidden } from '../graphql/errors.ts'
import { sendFailure } from './failure.ts'
import type { RequestInfo } from './request.ts'

export const GRAPHQL_PATH = '/graphql'
export const GRAPHQL_BODY_MAX_BYTES = 1_048_576

/** A body that has not arrived by then never will. */
const BODY_TIMEOUT_MS = 30_000

export interface GraphqlRouteOptions {
  apollo: ApolloServer
  contextFor(info: RequestInfo): Promise<object>
  log: Logger
}

export function graphqlRoute(app: FastifyInstance, options: GraphqlRouteOptions): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'string', bodyLimit: GRAPHQL_BODY_MAX_BYTES },
    app.getDefaultJsonParser('error', 'error'),
  )
  boundBodyTime(app)

  const handler = fastifyApolloHandler(options.apollo, {
    context: (request, reply) => contextOf(request, reply, options),
  })
  app.route({
    method: ['GET', 'POST'],
    url: GRAPHQL_PATH,
    bodyLimit: GRAPHQL_BODY_MAX_BYTES,
    preHandler: async (request, reply) => {
      if (isPerson(request)) return reply.redirect('/playground')
      if (isQuietGet(request)) request.headers['apollo-require-preflight'] = 'true'
    },
    // What Apollo refuses before our plugin sees the request has no request id yet.
    onSend: async (request, reply, payload) =>
      reply.statusCode >= 400 && typeof payload === 'string' && !payload.includes('"requestId"')
        ? withRequestId(payload, request.id)
        : payload,
    handler,
  })
  app.route({
    method: ['PUT', 'PATCH', 'DELETE', 'OPTIONS'],
    url: GRAPHQL_PATH,
    handler: (request, reply) => {
      const message = `GraphQL is asked with GET or POST, not with ${request.method}`
      return sendFailure(
        request,
        reply.header('allow', 'GET, POST'),
        { code: 'BAD_INPUT', message },
        405,
      )
    },
  })
}

/** A browser that was pointed here by hand. */
const isPerson = (request: FastifyRequest): boolean =>
  request.method === 'GET' &&
  !request.url.includes('?') &&
  (request.headers.accept ?? '').includes('text/html')

/**
 * Apollo refuses every GET that a web page could send without a preflight. A browser says where a
 * request comes from (Fetch Metadata); without that, or from our own pages, it is not cross-site.
 * The rest stays refused, although there is no cookie to abuse and a GET can only read.
 */
function isQuietGet({ method, headers }: FastifyRequest): boolean {
  const site = headers['sec-fetch-site']
  if (site !== undefined) return method === 'GET' && (site === 'same-origin' || site === 'none')
  return method === 'GET' && headers.origin === undefined
}

async function contextOf(
  request: FastifyRequest,
  reply: FastifyReply,
  options: GraphqlRouteOptions,
): Promise<object> {
  const gone = new AbortController()
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) gone.abort()
  })
  try {
    return await options.contextFor({
      headers: request.headers,
      requestId: request.id,
      remoteAddress: request.ip,
      transport: 'http',
      signal: gone.signal,
    })
  } catch (error) {
    const refusal = explain(error)
    logHidden(refusal, error, { requestId: request.id, log: options.log })
    const headers = new HeaderMap()
    if (refusal.code === 'UNAUTHENTICATED') headers.set('www-authenticate', 'Bearer')
    const { code, details } = refusal
    throw new GraphQLError(refusal.message, {
      extensions: { code, details, http: { status: httpStatus[code], headers } },
    })
  }
}

function boundBodyTime(app: FastifyInstance): void {
  const timers = new WeakMap<FastifyRequest, NodeJS.Timeout>()
  app.addHook('onRequest', async (request) => {
    if (request.method !== 'POST') return
    const timer = setTimeout(() => request.raw.destroy(), BODY_TIMEOUT_MS)
    timers.set(request, timer.unref())
  })
  app.addHook('preValidation', async (request) => clearTimeout(timers.get(request)))
  app.addHook('onResponse', async (request) => clearTimeout(timers.get(request)))
}

function withRequestId(payload: string, requestId: string): string {
  const body = JSON.parse(payload) as { errors?: { extensions?: object }[] }
  for (const error of body.errors ?? []) error.extensions = { ...error.extensions, requestId }
  return JSON.stringify(body)
}
