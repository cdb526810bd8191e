/**
 * What a WebSocket client may do: the messages of graphql-transport-ws turned into calls of the
 * engine. Sockets, sizes and time are in websocket.ts, whose invariants are cited here.
 */
import { randomUUID } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { type ExecutionArgs, GraphQLError, OperationTypeNode } from 'graphql'
import type { Context, OperationResult, ServerOptions, SubscribePayload } from 'graphql-ws'
import type { Logger } from 'pino'
import type { ErrorCode } from '../../services/errors.ts'
import type { Engine, Watch } from '../graphql/engine.ts'
import { explain, formatErrors, logHidden } from '../graphql/errors.ts'
import type { ApiMetrics } from '../graphql/metrics.ts'
import type { RequestInfo } from './request.ts'

/** Whose connection it is, as `connect` found it. */
export interface Session {
  /** The connection ends then; null when there is no token that could end. */
  expiresAt: Date | null
  /** Asked before each event: answer from memory. False ends the connection. */
  stillValid(): boolean | Promise<boolean>
}

export interface Connection {
  /** Of the upgrade, with what connection_init brought. */
  headers: IncomingHttpHeaders
  remoteAddress: string
  session: Session | null
  /** Open operations by the client's id of them. */
  running: Map<string, Running>
  /** Set when the session is known: starts the clock of its token. */
  opened(session: Session): void
  /** Closes the socket and ends its operations now. */
  end(code: number, reason: string): void
}

export interface Running {
  requestId: string
  gone: AbortController
  watching: boolean
}

export interface OperationOptions {
  engine: Engine
  metrics: ApiMetrics
  log: Logger
  operationsMax: number
  initTimeoutMs: number
  contextFor(info: RequestInfo): Promise<object>
  connect(info: RequestInfo): Promise<Session>
  eventContext(context: object): object
  audienceOf(context: object): string | null
}

export const FORBIDDEN = 4403
export const TRY_LATER = 1013

type Extra = { connection: Connection }
type Params = Record<string, unknown> | undefined
type Socket = Context<Params, Extra>

/** What `begin` hands to `execute` and `subscribe` beside graphql-ws's own arguments. */
type Arguments = ExecutionArgs & { watch: Watch; running: Running }

export function operationsOf(options: OperationOptions): ServerOptions<Params, Extra> {
  const { engine, metrics, log } = options
  return {
    connectionInitWaitTimeout: options.initTimeoutMs,
    onConnect: (socket) => connect(socket, options),
    onSubscribe: (socket, id, payload) => begin(socket, id, payload, options),
    async execute(args) {
      return (await engine.run((args as Arguments).watch)) as OperationResult
    },
    async subscribe(args) {
      const { watch, running } = args as Arguments
      const answers = await engine.subscribe(watch)
      if (Symbol.asyncIterator in answers) {
        running.watching = true
        metrics.subscriptions(1)
      }
      return answers as OperationResult
    },
    // The engine has formatted its errors: sent as they are.
    onNext: (_socket, _id, _payload, _args, result) => result,
    onError({ extra: { connection } }, id, _payload, errors) {
      const requestId = connection.running.get(id)?.requestId ?? randomUUID()
      const formatted = formatErrors(errors, { requestId, log })
      engine.refused('unknown', requestId, formatted[0]?.extensions?.code as ErrorCode)
      forget(connection, id, metrics)
      return formatted
    },
    onComplete: ({ extra: { connection } }, id) => forget(connection, id, metrics),
  }
}

/** W3: the signal of an operation tells its resolvers that nobody waits any more. */
export function forget(connection: Connection, id: string, metrics: ApiMetrics): void {
  const running = connection.running.get(id)
  if (!running) return
  connection.running.delete(id)
  running.gone.abort()
  if (running.watching) metrics.subscriptions(-1)
}

async function connect(socket: Socket, options: OperationOptions): Promise<boolean> {
  const { connection } = socket.extra
  Object.assign(connection.headers, credentialsOf(socket.connectionParams))
  const requestId = randomUUID()
  try {
    connection.opened(await options.connect(infoOf(connection, requestId, new AbortController())))
    return true
  } catch (error) {
    const refusal = explain(error)
    logHidden(refusal, error, { requestId, log: options.log })
    const passing = refusal.code === 'UNAVAILABLE' || refusal.code === 'INTERNAL'
    connection.end(passing ? TRY_LATER : FORBIDDEN, `${refusal.code}: ${refusal.message}`)
    return false
  }
}

async function begin(
  socket: Socket,
  id: string,
  payload: SubscribePayload,
  options: OperationOptions,
): Promise<Arguments | readonly GraphQLError[]> {
  const { engine, operationsMax } = options
  const { connection } = socket.extra
  const running = { requestId: randomUUID(), gone: new AbortController(), watching: false }
  connection.running.set(id, running)
  try {
    if (connection.running.size > operationsMax) {
      throw tooMany(operationsMax, connection.running.size)
    }
    const document = engine.parse(payload.query)
    const { operationName, variables } = payload
    const prepared = engine.prepare({ document, operationName, variables })
    // A query that is refused is answered by `run`, like over HTTP; a watch is refused here.
    const kind = prepared.operation?.operation ?? OperationTypeNode.SUBSCRIPTION
    if (prepared.errors.length > 0 && kind === OperationTypeNode.SUBSCRIPTION) {
      return prepared.errors
    }
    const context = await options.contextFor(infoOf(connection, running.requestId, running.gone))
    const watch: Watch = {
      document,
      operationName,
      variables,
      context,
      requestId: running.requestId,
      eventContext: options.eventContext,
      audience: options.audienceOf(context),
      beforeEvent: () => isWelcome(connection),
    }
    return {
      schema: engine.schema,
      document,
      operationName,
      variableValues: variables,
      contextValue: context,
      watch,
      running,
    }
  } catch (error) {
    return [asGraphQLError(error)]
  }
}

/** W1. Closes the connection of somebody who is not. */
export async function isWelcome(connection: Connection): Promise<boolean> {
  if (!connection.session) return false
  if (await connection.session.stillValid()) return true
  connection.end(FORBIDDEN, 'UNAUTHENTICATED: the token is not valid any more')
  return false
}

const infoOf = (
  { headers, remoteAddress }: Connection,
  requestId: string,
  gone: AbortController,
): RequestInfo => ({
  headers,
  requestId,
  remoteAddress,
  transport: 'websocket',
  signal: gone.signal,
})

/** `connection_init { authorization }`, in whatever case; also X-Auth-Token, as over HTTP. */
function credentialsOf(params: Params): IncomingHttpHeaders {
  const found: IncomingHttpHeaders = {}
  for (const [name, value] of Object.entries(params ?? {})) {
    const header = name.toLowerCase()
    if (typeof value !== 'string') continue
    if (header === 'authorization' || header === 'x-auth-token') found[header] = value
  }
  return found
}

const tooMany = (limit: number, requested: number): GraphQLError =>
  new GraphQLError(`A connection may have ${limit} operations at once; open another one`, {
    extensions: { code: 'TOO_COMPLEX', details: { what: 'operations', limit, requested } },
  })

const asGraphQLError = (error: unknown): GraphQLError =>
  error instanceof GraphQLError
    ? error
    : new GraphQLError('refused', {
        originalError: error instanceof Error ? error : new Error(String(error)),
      })
