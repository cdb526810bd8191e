/**
 * The single place that turns a failure into what a caller sees.
 *
 * E1 Every error has a code of the closed list, a clear message and the request id.
 * E2 Only a `CloudError`, a GraphQL error that names a code of the list, and what GraphQL itself
 *    says about the request are shown as they are. Anything else is INTERNAL and shows nothing.
 * E3 What is shown as INTERNAL or UNAVAILABLE is in the log with its causes and the request id. A
 *    refusal is not logged here: its message may repeat what the caller sent.
 */
import type { GraphQLFormattedError } from 'graphql'
import type { Logger } from 'pino'
import { CloudError, type ErrorCode, errorCodes } from '../../services/errors.ts'
import { isUnavailable } from './unavailable.ts'

export interface Refusal {
  code: ErrorCode
  message: string
  details?: object
}

/** Who asked: goes into each error and each line of the log. */
export interface Asker {
  requestId: string
  log: Logger
}

/** GraphQL wraps an error once per layer; more wraps than this are a loop. */
const WRAPS_MAX = 8

/** One answer may hold an error per row; so many of them are written to the log. */
const LOGGED_PER_ANSWER_MAX = 5

/** What the packages below us call things. */
const FOREIGN_CODES: Record<string, ErrorCode> = {
  GRAPHQL_PARSE_FAILED: 'BAD_INPUT',
  GRAPHQL_VALIDATION_FAILED: 'BAD_INPUT',
  BAD_USER_INPUT: 'BAD_INPUT',
  BAD_REQUEST: 'BAD_INPUT',
  OPERATION_RESOLUTION_FAILURE: 'BAD_INPUT',
  PERSISTED_QUERY_NOT_SUPPORTED: 'BAD_INPUT',
  PERSISTED_QUERY_NOT_FOUND: 'BAD_INPUT',
  UNAUTHORIZED: 'FORBIDDEN',
}

/** graphql-js refuses some arguments only while it executes: a null in a variable. */
const ARGUMENT = /^Argument ".+" (of (required|non-null) type|has invalid value)/

/** What it says of a request without pointing at a place in it. */
const OPERATION = /^(Unknown operation named|Must provide (an operation|operation name))/

/** A token too many is a syntax error to graphql-js. */
const TOKEN_LIMIT = /Document contains more tha[tn] (\d+) tokens/

/** The HTTP status of a request that failed before it had data. */
export const httpStatus: Record<ErrorCode, number> = {
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  BAD_INPUT: 400,
  INVALID_STATE: 409,
  CONFLICT: 409,
  IN_USE: 409,
  LAST_ADMINISTRATOR: 409,
  QUOTA_EXCEEDED: 403,
  NO_VALID_HOST: 409,
  TOO_LARGE: 413,
  TOO_COMPLEX: 400,
  CURSOR_EXPIRED: 410,
  UNAVAILABLE: 503,
  TIMEOUT: 504,
  HYPERVISOR_FAILED: 502,
  IMAGE_INVALID: 422,
  INTERNAL: 500,
}

/** What may be told of an error, and nothing else (E2). */
export function explain(error: unknown): Refusal {
  const layers = unwrap(error)
  for (const layer of layers) {
    const told = explainLayer(layer)
    if (told) return told
  }
  if (isRequestError(error)) return { code: 'BAD_INPUT', message: messageOf(error) }
  if (isUnavailable(error)) {
    return {
      code: 'UNAVAILABLE',
      message: 'A part of the cloud can not be reached now; the same request may succeed later',
    }
  }
  return {
    code: 'INTERNAL',
    message: 'Something failed inside the cloud; its operators find it by the request id',
  }
}

/** The errors of one answer, ready to be sent. Logs what the caller is not told (E3). */
export function formatErrors(errors: readonly unknown[], asker: Asker): GraphQLFormattedError[] {
  let logged = 0
  return errors.map((error) => {
    const refusal = explain(error)
    if (logged < LOGGED_PER_ANSWER_MAX && logHidden(refusal, error, asker)) logged++
    return formatRefusal(refusal, asker.requestId, error)
  })
}

/** `at` gives the locations and the path, when the error has them. */
export function formatRefusal(
  refusal: Refusal,
  requestId: string,
  at?: unknown,
): GraphQLFormattedError {
  const { locations, path } = (at ?? {}) as Partial<GraphQLFormattedError>
  return {
    message: refusal.message,
    ...(locations?.length ? { locations } : {}),
    ...(path ? { path } : {}),
    extensions: { ...refusal, requestId },
  }
}

/** Writes an error to the log when the caller sees only a mask; tells whether it did. */
export function logHidden(refusal: Refusal, error: unknown, { log, requestId }: Asker): boolean {
  if (refusal.code !== 'INTERNAL' && refusal.code !== 'UNAVAILABLE') return false
  const err = unwrap(error).at(-1)
  const path = (error as Partial<GraphQLFormattedError> | null)?.path?.join('.')
  log[refusal.code === 'INTERNAL' ? 'error' : 'warn']({ requestId, path, err }, 'request failed')
  return true
}

/** What was thrown, without what GraphQL wrapped around it. */
export const thrownOf = (error: unknown): unknown => unwrap(error).at(-1)

/** The error and what GraphQL wrapped in it, outermost first. Not `cause`: that is ours alone. */
function unwrap(error: unknown): unknown[] {
  const layers = [error]
  for (let i = 0; i < WRAPS_MAX; i++) {
    const inner = (layers.at(-1) as { originalError?: unknown } | null | undefined)?.originalError
    if (inner === undefined || inner === null) break
    layers.push(inner)
  }
  return layers
}

function explainLayer(error: unknown): Refusal | null {
  if (error instanceof CloudError) {
    return { code: error.code, message: error.message, ...withDetails(error.details) }
  }
  const message = messageOf(error)
  const tokens = TOKEN_LIMIT.exec(message)
  if (tokens) {
    const limit = Number(tokens[1])
    return {
      code: 'TOO_COMPLEX',
      message: `The document has more than ${limit} tokens`,
      details: { what: 'tokens', limit, requested: limit + 1 },
    }
  }
  const extensions = (error as { extensions?: Record<string, unknown> } | null)?.extensions
  if (!extensions) return null
  if (Array.isArray(extensions.validationErrors)) return wrongArguments(extensions.validationErrors)
  const code = extensions.code
  if (typeof code !== 'string') return null
  const own = Object.hasOwn(errorCodes, code) ? (code as ErrorCode) : FOREIGN_CODES[code]
  return own ? { code: own, message, ...withDetails(extensions.details) } : null
}

/** GraphQL's own words about a request: they have a place in the document and no path in the data. */
function isRequestError(error: unknown): boolean {
  if (!(error instanceof Error) || error.name !== 'GraphQLError') return false
  const { path, locations } = error as Partial<GraphQLFormattedError>
  if (!path) return locations !== undefined || OPERATION.test(error.message)
  const inner = unwrap(error).at(-1)
  return inner instanceof Error && inner.name === 'GraphQLError' && ARGUMENT.test(inner.message)
}

interface Violation {
  property?: string
  constraints?: Record<string, string>
  children?: Violation[]
}

const FIELDS_MAX = 50
const NESTING_MAX = 10

/** class-validator's tree as a flat list: `input.name`. */
function wrongArguments(violations: Violation[]): Refusal {
  const fields: { path: string; message: string }[] = []
  const walk = (list: Violation[], parents: string[]): void => {
    if (parents.length > NESTING_MAX) return
    for (const violation of list) {
      const path = [...parents, violation.property ?? '']
      for (const message of Object.values(violation.constraints ?? {})) {
        if (fields.length < FIELDS_MAX) fields.push({ path: path.join('.'), message })
      }
      walk(violation.children ?? [], path)
    }
  }
  walk(violations, [])
  const first = fields[0]
  return {
    code: 'BAD_INPUT',
    message: first ? `Wrong input: ${first.path}: ${first.message}` : 'Wrong input',
    details: { fields },
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : '')

const withDetails = (details: unknown): { details?: object } =>
  typeof details === 'object' && details !== null ? { details } : {}
