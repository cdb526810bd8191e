/**
 * Apollo Server: GraphQL over HTTP (parameters, GET, negotiation, CSRF) around our engine.
 *
 * The engine answers through `responseForOperation`, not through Apollo's own validation and
 * execution, because (1) limits must be measured before the validation rules run, (2) Apollo's
 * error formatter does not know the request, and (3) the WebSocket runs the very same code.
 * Batching is off; so are persisted queries: they save some bytes and let anybody fill a cache.
 */
import { ApolloServer, type ApolloServerPlugin, HeaderMap } from '@apollo/server'
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginInlineTraceDisabled,
  ApolloServerPluginLandingPageDisabled,
  ApolloServerPluginSchemaReportingDisabled,
  ApolloServerPluginUsageReportingDisabled,
} from '@apollo/server/plugin/disabled'
import type { FormattedExecutionResult, GraphQLFormattedError } from 'graphql'
import type { Logger } from 'pino'
import type { ErrorCode } from '../../services/errors.ts'
import type { Engine } from './engine.ts'
import { explain, httpStatus } from './errors.ts'
import { answerType, JSON_TYPE } from './media-type.ts'

/** The header in which the HTTP layer hands the request id down; always set there. */
export const REQUEST_ID_HEADER = 'x-request-id'

export async function startApollo(engine: Engine, log: Logger): Promise<ApolloServer> {
  const apollo = new ApolloServer({
    schema: engine.schema,
    nodeEnv: 'production',
    introspection: true,
    csrfPrevention: true,
    allowBatchedHttpRequests: false,
    persistedQueries: false,
    includeStacktraceInErrorResponses: false,
    stopOnTerminationSignals: false,
    parseOptions: { maxTokens: engine.limits.tokens },
    // Not skipped: the engine validates, after it has measured.
    dangerouslyDisableValidation: true,
    logger: log,
    // What Apollo itself refuses. The request id is added on the way out.
    formatError: (formatted, error) => {
      const refusal = explain(error)
      return { ...formatted, message: refusal.message, extensions: { ...refusal } }
    },
    plugins: [
      ApolloServerPluginCacheControlDisabled(),
      ApolloServerPluginInlineTraceDisabled(),
      ApolloServerPluginLandingPageDisabled(),
      ApolloServerPluginSchemaReportingDisabled(),
      ApolloServerPluginUsageReportingDisabled(),
      enginePlugin(engine),
    ],
  })
  await apollo.start()
  return apollo
}

function enginePlugin(engine: Engine): ApolloServerPlugin {
  return {
    async requestDidStart() {
      return {
        async responseForOperation({ document, request, contextValue }) {
          const headers = request.http?.headers
          const result = await engine.run({
            document,
            operationName: request.operationName,
            variables: request.variables,
            context: contextValue,
            requestId: headers?.get(REQUEST_ID_HEADER) ?? '',
          })
          const status = statusOf(result, answerType(headers?.get('accept')))
          return {
            http: { status, headers: new HeaderMap() },
            body: { kind: 'single', singleResult: result },
          }
        },

        // Reached by syntax errors too, which the engine never sees.
        async willSendResponse({ request, source, document, response }) {
          if (response.body.kind !== 'single' || source === undefined || document) return
          const requestId = request.http?.headers.get(REQUEST_ID_HEADER) ?? ''
          const result = response.body.singleResult
          for (const error of result.errors ?? [])
            Object.assign(error.extensions ?? {}, { requestId })
          response.http.status = statusOf(result, answerType(request.http?.headers.get('accept')))
          engine.refused('unknown', requestId, codeOf(result.errors))
        },
      }
    },
  }
}

/**
 * GraphQL over HTTP, section 6.4: a well-formed request that failed before it had data is a 4xx or
 * 5xx for `application/graphql-response+json`, and a 200 for `application/json`.
 */
function statusOf(result: FormattedExecutionResult, type: string | null): number {
  if (result.data !== undefined || type === JSON_TYPE) return 200
  return httpStatus[codeOf(result.errors)]
}

const codeOf = (errors: readonly GraphQLFormattedError[] | undefined): ErrorCode =>
  (errors?.[0]?.extensions?.code as ErrorCode | undefined) ?? 'INTERNAL'
