/**
 * Runs GraphQL operations, whatever they came over. Apollo Server calls `run` for HTTP, graphql-ws
 * calls `run` and `subscribe` for the WebSocket, so limits, errors, logs and metrics are the same.
 *
 * G1 Nothing runs before the document is within its limits, valid, and cheap enough.
 * G2 What leaves here is formatted: errors have their code and request id, answers their cost.
 * G3 A log line tells who asked for what and how it ended; never variables, which hold secrets.
 */
import {
  createSourceEventStream,
  type ExecutionResult,
  execute,
  type FormattedExecutionResult,
  GraphQLError,
  type GraphQLSchema,
  Kind,
  type OperationDefinitionNode,
  OperationTypeNode,
} from 'graphql'
import type { Logger } from 'pino'
import type { ErrorCode } from '../../services/errors.ts'
import { makeDocuments, type OperationRequest, type Prepared } from './documents.ts'
import { formatErrors, thrownOf } from './errors.ts'
import { defaultLimits, type Limits } from './limits.ts'
import type { ApiMetrics, OperationKind, Outcome } from './metrics.ts'
import { makeSharedAnswers } from './shared-answers.ts'

export interface EngineOptions {
  schema: GraphQLSchema
  log: Logger
  metrics: ApiMetrics
  limits?: Partial<Limits>
  /** Told of the errors of an answer, as they were thrown: for the audit log. */
  onErrors?(context: object, errors: readonly unknown[]): void
}

export interface ContextRequest extends OperationRequest {
  /** What the resolvers get. */
  context: object
  requestId: string
}

export interface Watch extends ContextRequest {
  /** The context of one event, made from the watch's own: fresh loaders, not yesterday's rows. */
  eventContext(context: object): object
  /** Watches of one audience get the same answer to the same event; null: this one stands alone. */
  audience: string | null
  /** Asked before each event; false ends the watch without sending it. */
  beforeEvent(): boolean | Promise<boolean>
}

export type Answers = AsyncIterableIterator<FormattedExecutionResult>

export interface Engine {
  readonly schema: GraphQLSchema
  readonly limits: Limits
  parse(text: string): OperationRequest['document']
  prepare(request: OperationRequest): Prepared
  /** Runs a query or a mutation, refused ones included. */
  run(request: ContextRequest): Promise<FormattedExecutionResult>
  /** Starts a prepared subscription; a result instead of a stream says why it did not start. */
  subscribe(watch: Watch): Promise<Answers | FormattedExecutionResult>
  /** Counts and logs an operation that was refused before `run`. */
  refused(kind: OperationKind, requestId: string, code: ErrorCode): void
}

const LOGGED_NAME_MAX = 80
const LOGGED_FIELDS_MAX = 5

export function makeEngine({ schema, log, metrics, ...options }: EngineOptions): Engine {
  const limits = { ...defaultLimits, ...options.limits }
  const documents = makeDocuments(schema, limits)
  const shared = makeSharedAnswers()
  const perform = (request: ContextRequest, rootValue?: unknown) =>
    execute({
      schema,
      document: request.document,
      operationName: request.operationName,
      variableValues: request.variables,
      contextValue: request.context,
      rootValue,
    })

  const finish = (
    request: ContextRequest,
    prepared: Prepared,
    result: ExecutionResult,
    began: number,
  ): FormattedExecutionResult => {
    const { requestId } = request
    const { operation, cost } = prepared
    const errors = result.errors?.length
      ? formatErrors(result.errors, { requestId, log })
      : undefined
    if (result.errors?.length) options.onErrors?.(request.context, result.errors.map(thrownOf))
    const ms = performance.now() - began
    const outcome = (errors?.[0]?.extensions?.code ?? 'OK') as Outcome
    metrics.operation(operation?.operation ?? 'unknown', outcome, ms / 1000)
    log.info({ requestId, ...describe(operation), outcome, cost, ms: round(ms) }, 'operation')
    return {
      ...(errors ? { errors } : {}),
      ...(result.data === undefined ? {} : { data: result.data }),
      ...(cost === null ? {} : { extensions: { cost: { requested: cost, limit: limits.cost } } }),
    }
  }

  return {
    schema,
    limits,
    parse: documents.parse,
    prepare: documents.prepare,

    async run(request) {
      const began = performance.now()
      const prepared = documents.prepare(request)
      if (prepared.errors.length > 0) {
        return finish(request, prepared, { errors: prepared.errors }, began)
      }
      if (prepared.operation?.operation === OperationTypeNode.SUBSCRIPTION) {
        return finish(request, prepared, { errors: [onlyWatched] }, began)
      }
      try {
        return finish(request, prepared, await perform(request), began)
      } catch (error) {
        return finish(request, prepared, failed(error), began)
      }
    },

    async subscribe(watch) {
      const began = performance.now()
      const prepared = documents.prepare(watch)
      const source = await createSourceEventStream({
        schema,
        document: watch.document,
        operationName: watch.operationName,
        variableValues: watch.variables,
        contextValue: watch.context,
      })
      if (!(Symbol.asyncIterator in source)) return finish(watch, prepared, source, began)
      finish(watch, prepared, {}, began)
      const key = shared.keyOf(watch, watch.audience)
      return answersOf(source, async (payload) => {
        if (!(await watch.beforeEvent())) return null
        const { requestId } = watch
        const result = await shared.answer(payload, key, () =>
          perform({ ...watch, context: watch.eventContext(watch.context) }, payload),
        )
        metrics.event()
        return {
          ...(result.errors?.length
            ? { errors: formatErrors(result.errors, { requestId, log }) }
            : {}),
          data: result.data,
        }
      })
    },

    refused(kind, requestId, code) {
      metrics.operation(kind, code, 0)
      log.info({ requestId, kind, outcome: code }, 'operation')
    },
  }
}

/**
 * Each payload of the source as an answer; null ends the stream. Not an async generator: that can't
 * be returned while it waits for its source, and a watch that nobody reads would never end.
 */
function answersOf(
  source: AsyncIterable<unknown>,
  answer: (payload: unknown) => Promise<FormattedExecutionResult | null>,
): Answers {
  const iterator = source[Symbol.asyncIterator]()
  const done = { value: undefined, done: true } as const
  const end = async () => {
    await iterator.return?.()
    return done
  }
  return {
    async next() {
      const step = await iterator.next()
      if (step.done) return done
      try {
        const value = await answer(step.value)
        return value ? { value, done: false } : await end()
      } catch (error) {
        await end()
        throw error
      }
    },
    return: end,
    async throw(error) {
      await end()
      throw error
    },
    [Symbol.asyncIterator]() {
      return this
    },
  }
}

/** For the log. An operation without a name is known by its first fields. */
function describe(operation: OperationDefinitionNode | null): {
  kind: OperationKind
  name: string
} {
  if (!operation) return { kind: 'unknown', name: '' }
  const fields = operation.selectionSet.selections
    .slice(0, LOGGED_FIELDS_MAX)
    .map((selection) => (selection.kind === Kind.FIELD ? selection.name.value : '...'))
  const name = operation.name?.value ?? fields.join(' ')
  return { kind: operation.operation, name: name.slice(0, LOGGED_NAME_MAX) }
}

const onlyWatched = new GraphQLError('Subscriptions are watched over the WebSocket of this path', {
  extensions: { code: 'BAD_INPUT' },
})

const failed = (error: unknown): ExecutionResult => ({
  errors: [error as NonNullable<ExecutionResult['errors']>[number]],
  data: null,
})

const round = (ms: number): number => Math.round(ms * 100) / 100
