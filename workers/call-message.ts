/** The two messages of a call over the bus, and the guards against everything else. */

/** The message of a call. */
export interface Call {
  callId: string
  /**
   * The number of who owns the work; a later owner has a higher one. null: no owner, as for
   * reading.
   */
  fence: number | null
  verb: string
  input: unknown
  /** The API request that this follows from, if any. */
  requestId: string | null
  /** The private queue for the answer. */
  replyTo: string
  /** How long the caller waits, counted by the receiver's own clock from when it arrives. */
  timeoutMs: number
}

/** The message that answers it. */
export type Answer =
  | { callId: string; ok: true; result: unknown }
  | { callId: string; ok: false; error: CallFailure }

export interface CallFailure {
  code: string
  message: string
  /** The same call may succeed a little later. */
  retryable: boolean
  details?: unknown
}

/** A call as it arrived, or null when it is none. */
export function parseCall(body: unknown): Call | null {
  if (!isRecord(body)) return null
  const { callId, fence, verb, input, requestId, replyTo, timeoutMs } = body
  if (!isText(callId) || !isText(verb) || !isText(replyTo)) return null
  if (!(fence === null || Number.isSafeInteger(fence))) return null
  if (!(requestId === null || isText(requestId))) return null
  if (typeof timeoutMs !== 'number' || timeoutMs < 0) return null
  return { callId, fence: fence as number | null, verb, input, requestId, replyTo, timeoutMs }
}

/** An answer as it arrived, or null when it is none. */
export function parseAnswer(body: unknown): Answer | null {
  if (!isRecord(body) || !isText(body['callId'])) return null
  const { callId, ok, result, error } = body
  if (ok === true) return { callId, ok, result }
  if (ok !== false || !isRecord(error)) return null
  const { code, message, retryable, details } = error
  if (!isText(code) || typeof message !== 'string' || typeof retryable !== 'boolean') return null
  return { callId, ok, error: { code, message, retryable, details } }
}

/** Ids and names on the wire: text of a sane length. */
function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= 500
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
