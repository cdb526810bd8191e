/**
 * The one place that reads the API's errors. A problem has a code (its heading is translated), the
 * server's own sentence (shown as it is), and the facts of the refusal.
 */
import { CombinedError } from '@urql/core'

export interface ProblemDetails {
  rule?: string | null
  resource?: string | null
  limit?: number | null
  used?: number | null
  requested?: number | null
  allowedStatuses?: string[] | null
  /** What a sign-in needs besides: totp, newPassword. */
  missing?: string[] | null
  resources?: { type: string; id: string; name: string }[] | null
  filters?: { name: string; passed: number; refused: number }[] | null
  fields?: { path: string; message: string }[] | null
}

export interface Problem {
  /** A value of ErrorCode, or NETWORK when the API could not be reached. */
  code: string
  message: string
  details: ProblemDetails
  requestId?: string
}

/** A refusal of the data plane, where bytes are sent to and no GraphQL answers. */
export class RefusedError extends Error {
  constructor(readonly problem: Problem) {
    super(problem.message)
    this.name = 'RefusedError'
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null

function fromExtensions(message: string, extensions: unknown): Problem {
  const known = isObject(extensions) ? extensions : {}
  return {
    code: typeof known.code === 'string' ? known.code : 'INTERNAL',
    message,
    details: isObject(known.details) ? known.details : {},
    requestId: typeof known.requestId === 'string' ? known.requestId : undefined,
  }
}

export function explain(error: unknown): Problem {
  if (error instanceof RefusedError) return error.problem
  if (error instanceof CombinedError) {
    const first = error.graphQLErrors[0]
    if (first) return fromExtensions(first.message, first.extensions)
    return { code: 'NETWORK', message: error.networkError?.message ?? error.message, details: {} }
  }
  const message = error instanceof Error ? error.message : String(error)
  return { code: 'INTERNAL', message, details: {} }
}

/**
 * The body of an answer of the data plane: `{ code, message, details, requestId }`, the same inside
 * `error`, or a GraphQL error list.
 */
export function explainBody(status: number, body: string): Problem {
  const fallback = {
    code: 'INTERNAL',
    message: body.slice(0, 300) || `HTTP ${status}`,
    details: {},
  }
  try {
    const json: unknown = JSON.parse(body)
    if (!isObject(json)) return fallback
    const inner = Array.isArray(json.errors) ? json.errors[0] : (json.error ?? json)
    if (!isObject(inner) || typeof inner.message !== 'string') return fallback
    return fromExtensions(inner.message, isObject(inner.extensions) ? inner.extensions : inner)
  } catch {
    return fallback
  }
}

/** The field that a path of the API means: `input.name` is name, `input.tags.2` is tags. */
export const fieldNameOf = (path: string): string =>
  path
    .split('.')
    .filter((part) => !/^\d+$/.test(part))
    .at(-1) ?? path

/** The sentence for one field of a form: the API names it by its path, such as `input.name`. */
export function fieldMessage(problem: Problem | null, field: string): string | undefined {
  const matches = problem?.details.fields?.filter(({ path }) => fieldNameOf(path) === field)
  return matches?.map(({ message }) => message).join(' ') || undefined
}
