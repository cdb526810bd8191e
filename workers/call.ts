/**
 * A question and its answer over the bus.
 *
 * A1 A call carries its deadline; its message lives no longer, so that nobody does late what nobody
 *    waits for.
 * A2 A call may be repeated with the same `callId`: after a timeout, or by a later owner of the
 *    work with a higher `fence`. Who answers does the work once (an agent's journal) or is free to
 *    do it twice.
 * A3 The call's message is acknowledged when it was answered: if the answering process dies,
 *    another one, or the same after its restart, is given the call.
 * A4 Hostile and outdated messages are dropped with a line in the log; nothing is answered.
 */
import { randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import { type Bus, BusError, type Consumer } from './bus.ts'
import { type Answer, type Call, type CallFailure, parseAnswer, parseCall } from './call-message.ts'
import { within } from './pause.ts'
import { storable } from './storable.ts'

/** Calls of one process that wait for their answers. */
const MAX_WAITING = 10_000
const ANSWERS_AT_ONCE = 100
/** An answer is of no use when the asker is away for longer than this. */
const ANSWER_LIFE_MS = 60_000
const MAX_ERROR_CHARACTERS = 2_000

/**
 * Why a call has no result. The answering side's codes come through as they are; this file adds
 * TIMEOUT, UNAVAILABLE (the bus took no message), ABORTED (the caller's own signal), UNKNOWN_VERB
 * and INTERNAL (the answering side has a defect; its log tells more).
 */
export class CallError extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly retryable: boolean,
    readonly details?: unknown,
    options?: ErrorOptions,
  ) {
    super(message, options)
    this.name = 'CallError'
  }
}

export interface CallRequest {
  callId: string
  fence: number | null
  verb: string
  input: unknown
  requestId: string | null
  timeoutMs: number
  signal?: AbortSignal
}

export interface Caller {
  /** Resolves to the result; rejects with a `CallError`. */
  call(queue: string, request: CallRequest): Promise<unknown>
  /** Gives up the calls that still wait. */
  close(): Promise<void>
}

interface Waiter {
  resolve(answer: Answer): void
  reject(error: CallError): void
}

/** `name` is for people who look at the broker: it becomes part of the reply queue's name. */
export async function makeCaller(
  bus: Bus,
  { name, log }: { name: string; log: Logger },
): Promise<Caller> {
  const caller = new BusCaller(bus, `reply.${name}.${randomUUID()}`, log)
  await caller.listen()
  return {
    call: (queue, request) => caller.call(queue, request),
    close: () => caller.close(),
  }
}

class BusCaller {
  private readonly waiting = new Map<string, Set<Waiter>>()
  private waitingCount = 0
  private consumer: Consumer | null = null

  constructor(
    private readonly bus: Bus,
    private readonly replyTo: string,
    private readonly log: Logger,
  ) {}

  async listen(): Promise<void> {
    const options = { exclusive: true, concurrency: ANSWERS_AT_ONCE }
    this.consumer = await this.bus.consume(this.replyTo, (body) => this.hear(body), options)
  }

  async call(queue: string, request: CallRequest): Promise<unknown> {
    if (this.waitingCount >= MAX_WAITING) {
      throw new CallError('UNAVAILABLE', `${MAX_WAITING} calls wait for answers already`, true)
    }
    const { signal: _, ...rest } = request
    const { timeoutMs } = rest
    const message: Call = { ...rest, replyTo: this.replyTo }
    const over = new AbortController()
    const answer = this.expectAnswer(request, over.signal)
    try {
      const published = this.bus.publish(queue, message, { expiresInMs: timeoutMs }).then(
        () => answer,
        (error: unknown) => {
          throw publishError(queue, request, error)
        },
      )
      const given = await within(timeoutMs, Promise.race([answer, published]), () =>
        timeoutError(queue, request),
      )
      if (given.ok) return given.result
      const { code, message: text, retryable, details } = given.error
      throw new CallError(code, text, retryable, details)
    } finally {
      // A reason spares the making of an exception that nobody reads.
      over.abort(null)
    }
  }

  async close(): Promise<void> {
    const closed = new CallError('UNAVAILABLE', 'the caller was closed', true)
    for (const waiters of this.waiting.values()) {
      for (const waiter of waiters) waiter.reject(closed)
    }
    await this.consumer?.stop()
  }

  private async hear(body: unknown): Promise<void> {
    const answer = parseAnswer(body)
    if (!answer) {
      this.log.warn({ replyTo: this.replyTo }, 'an answer of an unknown shape was dropped')
      return
    }
    const waiters = this.waiting.get(answer.callId)
    if (!waiters) this.log.debug({ callId: answer.callId }, 'an answer came that nobody waits for')
    for (const waiter of waiters ?? []) waiter.resolve(answer)
  }

  /** Until `over`, the first answer to the call; the caller's own signal ends it with ABORTED. */
  private expectAnswer(request: CallRequest, over: AbortSignal): Promise<Answer> {
    const { callId, verb, signal } = request
    return new Promise((resolve, reject) => {
      const waiter: Waiter = { resolve, reject }
      const waiters = this.waiting.get(callId) ?? new Set()
      this.waiting.set(callId, waiters.add(waiter))
      this.waitingCount += 1
      over.addEventListener('abort', () => {
        this.waitingCount -= 1
        waiters.delete(waiter)
        if (waiters.size === 0 && this.waiting.get(callId) === waiters) this.waiting.delete(callId)
      })
      const abort = (): void => {
        reject(new CallError('ABORTED', `${verb} is not waited for any more`, true))
      }
      if (signal?.aborted) abort()
      signal?.addEventListener('abort', abort, { once: true, signal: over })
    })
  }
}

function timeoutError(queue: string, { verb, timeoutMs }: CallRequest): CallError {
  const message = `${queue} did not answer ${verb} within ${timeoutMs} ms`
  return new CallError('TIMEOUT', message, true)
}

function publishError(queue: string, { verb }: CallRequest, cause: unknown): CallError {
  const retryable = !(cause instanceof BusError && cause.code === 'TOO_LARGE')
  const reason = cause instanceof Error ? cause.message : String(cause)
  const message = `${verb} could not be sent to ${queue}: ${reason}`
  return new CallError('UNAVAILABLE', message, retryable, undefined, { cause })
}

/** What a handler gets: the call and a logger that names it. */
export interface ServedCall extends Omit<Call, 'replyTo' | 'timeoutMs'> {
  /** Milliseconds since the epoch by this machine's clock: nobody waits after it. */
  deadlineAt: number
  log: Logger
}

/**
 * Does what a verb asks and resolves to a result (JSON; undefined arrives as null). An error that
 * has a text `code` and a boolean `retryable` goes to the caller as it is; anything else is
 * INTERNAL.
 */
export type CallHandler = (call: ServedCall) => Promise<unknown>

export interface ServeOptions {
  /** How many calls are handled at once. */
  concurrency: number
  log: Logger
}

/** Answers the calls of a queue, each verb by its handler. */
export function serveCalls(
  bus: Bus,
  queue: string,
  handlers: Readonly<Record<string, CallHandler>>,
  { concurrency, log }: ServeOptions,
): Promise<Consumer> {
  async function serve(body: unknown): Promise<void> {
    const call = parseCall(body)
    if (!call) {
      log.warn({ queue }, 'a call of an unknown shape was dropped')
      return
    }
    const { callId, verb, requestId, fence, replyTo } = call
    const callLog = log.child({ callId, verb, requestId, fence })
    const answer = await answerOf(call, handlers, callLog)
    await send(replyTo, answer, callLog)
  }

  async function send(replyTo: string, answer: Answer, callLog: Logger): Promise<void> {
    const options = { exclusive: true, expiresInMs: ANSWER_LIFE_MS }
    try {
      await bus.publish(replyTo, answer, options)
    } catch (error) {
      // Given again, the call is done again: only what can never be sent is answered otherwise.
      if (!(error instanceof BusError) || error.code !== 'TOO_LARGE') throw error
      callLog.error({ err: error }, 'an answer was too large')
      await bus.publish(replyTo, failed(answer.callId, error), options)
    }
  }

  return bus.consume(queue, serve, { concurrency })
}

async function answerOf(
  call: Call,
  handlers: Readonly<Record<string, CallHandler>>,
  log: Logger,
): Promise<Answer> {
  const { replyTo: _, timeoutMs, ...rest } = call
  const served = { ...rest, deadlineAt: Date.now() + timeoutMs }
  const handler = Object.hasOwn(handlers, call.verb) ? handlers[call.verb] : undefined
  try {
    if (!handler) throw new CallError('UNKNOWN_VERB', `there is no verb ${call.verb} here`, false)
    return { callId: call.callId, ok: true, result: (await handler({ ...served, log })) ?? null }
  } catch (error) {
    const answer = failed(call.callId, error)
    if (answer.error.code === 'INTERNAL') log.error({ err: error }, 'a call failed unexpectedly')
    else log.info({ code: answer.error.code, reason: answer.error.message }, 'a call failed')
    return answer
  }
}

function failed(callId: string, error: unknown): Answer & { ok: false } {
  return { callId, ok: false, error: failureOf(error) }
}

/** What a caller is told of an error; see `CallHandler`. */
export function failureOf(error: unknown): CallFailure {
  const message = error instanceof Error ? error.message : String(error)
  const { code, retryable, details } = (error ?? {}) as Partial<CallFailure>
  const told = storable(message, MAX_ERROR_CHARACTERS)
  if (typeof code !== 'string' || typeof retryable !== 'boolean') {
    return { code: 'INTERNAL', message: told, retryable: true }
  }
  return { code, message: told, retryable, ...(details === undefined ? {} : { details }) }
}
