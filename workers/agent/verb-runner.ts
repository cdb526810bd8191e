/**
 * Runs the verbs of an agent: who may, in which order, and once.
 *
 * V1 The fence: a call with a lower number than the machine has seen is refused (STALE). A higher
 *    one is on the disk before its verb begins, and aborts what still runs or waits for a lower
 *    one.
 * V2 Verbs on one machine run one after the other, those of different machines side by side, at
 *    most `VERBS_AT_ONCE`.
 * V3 A repeated `callId` is not a second verb: it joins the running one, or gets the result that
 *    the journal holds. Retryable failures aren't kept: their repetition is a new try.
 * V4 A verb is aborted at its deadline: nobody waits for it, and the next one must not.
 * V5 On a full disk only what makes room, or ends what fills it, is done: without being on the disk first.
 */
import type { Logger } from 'pino'
import { CallError, failureOf } from '../call.ts'
import { settledWithin } from '../pause.ts'
import type { Journal, MachineRecord, Outcome } from './journal.ts'

const VERBS_AT_ONCE = 32
/** Whatever deadline a call names. */
const LONGEST_VERB_MS = 24 * 60 * 60_000
const STOP_WAIT_MS = 10_000
const MAKES_ROOM: ReadonlySet<string> = new Set(['stop', 'destroy'])

export interface Verb {
  machineId: string
  name: string
  callId: string
  fence: number
  deadlineAt: number
  log: Logger
  run(signal: AbortSignal): Promise<unknown>
  /** Changes the record before the verb runs; true when there was something to change. */
  before?(record: MachineRecord): boolean
  /** Changes the record when the verb has succeeded. */
  after?(record: MachineRecord): void
}

interface Job {
  callId: string
  fence: number
  controller: AbortController
  deadlineAt: number
  deadline?: NodeJS.Timeout
  result: Promise<unknown>
}

export class VerbRunner {
  /**
   * The jobs of each machine in the order in which they came; a machine without jobs has no entry.
   */
  private readonly jobs = new Map<string, Job[]>()
  private readonly moves = new WeakMap<MachineRecord, number>()
  private readonly queue: (() => void)[] = []
  private free = VERBS_AT_ONCE
  private stopped = false

  constructor(private readonly journal: Journal) {}

  isBusy(machineId: string): boolean {
    return this.jobs.has(machineId)
  }

  /**
   * Changes whenever a verb begins or ends: equal before and after means that none touched the
   * machine.
   */
  movesOf(machineId: string): number {
    const record = this.journal.find(machineId)
    return (record && this.moves.get(record)) ?? 0
  }

  /** Resolves to the verb's result, or rejects with its error. */
  async run(verb: Verb): Promise<unknown> {
    if (this.stopped) throw stoppingError()
    const record = this.journal.record(verb.machineId)
    record.usedAt = Date.now()
    if (verb.fence < record.fence) {
      const message = `the call has fence ${verb.fence}, but ${record.fence} has taken over`
      throw new CallError('STALE', message, false)
    }
    const raised = this.raiseFence(record, verb)
    const known = record.results.find(({ callId }) => callId === verb.callId)
    if (known) return replay(known.outcome)
    const running = this.jobs.get(verb.machineId)?.find(({ callId }) => callId === verb.callId)
    if (running) {
      this.setDeadline(running, verb)
      return await running.result
    }
    return await this.begin(verb, record, raised).result
  }

  /** Aborts everything and waits for it, bounded. */
  async stop(): Promise<void> {
    this.stopped = true
    const all = [...this.jobs.values()].flat()
    for (const { controller } of all) controller.abort(stoppingError())
    await settledWithin(STOP_WAIT_MS, Promise.allSettled(all.map(({ result }) => result)))
  }

  private raiseFence(record: MachineRecord, { callId, fence, name }: Verb): boolean {
    if (fence === record.fence) return false
    record.fence = fence
    for (const job of this.jobs.get(record.id) ?? []) {
      if (job.callId === callId) job.fence = fence
      if (job.fence >= fence) continue
      const message = `a later owner of the work (fence ${fence}) asked for ${name}`
      job.controller.abort(new CallError('STALE', message, false))
    }
    return true
  }

  private begin(verb: Verb, record: MachineRecord, raised: boolean): Job {
    const jobs = this.jobs.get(verb.machineId) ?? []
    this.jobs.set(verb.machineId, jobs)
    const before = jobs.map(({ result }) => result)
    const job: Job = {
      callId: verb.callId,
      fence: verb.fence,
      controller: new AbortController(),
      deadlineAt: 0,
      result: Promise.resolve(),
    }
    this.setDeadline(job, verb)
    const { signal } = job.controller
    job.result = this.inTurn(verb, record, raised, before, signal).finally(() => {
      clearTimeout(job.deadline)
      jobs.splice(jobs.indexOf(job), 1)
      if (jobs.length === 0) this.jobs.delete(verb.machineId)
    })
    jobs.push(job)
    return job
  }

  /** The later deadline counts when a call was repeated. */
  private setDeadline(job: Job, { name, deadlineAt }: Verb): void {
    job.deadlineAt = Math.max(job.deadlineAt, deadlineAt)
    clearTimeout(job.deadline)
    const abort = (): void => {
      job.controller.abort(new CallError('TIMEOUT', `${name} took too long`, true))
    }
    const leftMs = Math.min(LONGEST_VERB_MS, job.deadlineAt - Date.now())
    job.deadline = setTimeout(abort, leftMs)
  }

  private async inTurn(
    verb: Verb,
    record: MachineRecord,
    raised: boolean,
    before: Promise<unknown>[],
    signal: AbortSignal,
  ): Promise<unknown> {
    // Where nobody is waited for, one save does for the fence and for what the verb brings.
    const waits = before.length > 0 || this.free === 0
    if (raised && waits) await this.writeDown(verb)
    signal.throwIfAborted()
    if (before.length > 0) await unlessAborted(signal, Promise.allSettled(before))
    const release = await this.takePlace(signal)
    this.move(record)
    try {
      const isChanged = verb.before?.(record) ?? false
      if (isChanged || (raised && !waits)) await this.writeDown(verb)
      signal.throwIfAborted()
      return await this.perform(verb, record, signal)
    } finally {
      this.move(record)
      release()
    }
  }

  private async perform(verb: Verb, record: MachineRecord, signal: AbortSignal): Promise<unknown> {
    const begun = Date.now()
    try {
      const result = (await verb.run(signal)) ?? null
      verb.after?.(record)
      await this.keep(verb, record, { ok: true, result })
      verb.log.info({ tookMs: Date.now() - begun }, 'the verb is done')
      return result
    } catch (error) {
      // Why it was aborted says more than that it was.
      if (signal.aborted) throw signal.reason
      const failure = failureOf(error)
      if (!failure.retryable) await this.keep(verb, record, { ok: false, error: failure })
      throw error
    }
  }

  /** A result that can't be saved is given all the same: a repeated call would repeat the verb. */
  private async keep(verb: Verb, record: MachineRecord, outcome: Outcome): Promise<void> {
    this.journal.addResult(record, verb.callId, outcome)
    try {
      await this.journal.save(record.id)
    } catch (error) {
      verb.log.error({ err: error }, 'the result of a verb could not be saved')
    }
  }

  /** V5: a full disk must keep nobody from making room. */
  private async writeDown({ machineId, name, log }: Verb): Promise<void> {
    try {
      await this.journal.save(machineId)
    } catch (error) {
      if (!isOutOfSpace(error)) throw error
      const full = new CallError('NO_SPACE', `${name}: the host's disk is full`, true)
      if (!MAKES_ROOM.has(name)) throw full
      log.warn({ err: error }, 'the disk is full: the verb is done without being written down')
    }
  }

  private move(record: MachineRecord): void {
    this.moves.set(record, this.movesOf(record.id) + 1)
  }

  /** One of the `VERBS_AT_ONCE` places; the returned function gives it back. */
  private async takePlace(signal: AbortSignal): Promise<() => void> {
    if (this.free === 0) {
      await new Promise<void>((resolve, reject) => {
        const take = (): void => {
          signal.removeEventListener('abort', leave)
          resolve()
        }
        const leave = (): void => {
          this.queue.splice(this.queue.indexOf(take), 1)
          reject(signal.reason)
        }
        this.queue.push(take)
        signal.addEventListener('abort', leave, { once: true })
      })
    } else {
      this.free -= 1
    }
    return () => {
      const next = this.queue.shift()
      if (next) next()
      else this.free += 1
    }
  }
}

const isOutOfSpace = (error: unknown): boolean =>
  ['ENOSPC', 'EDQUOT'].includes((error as NodeJS.ErrnoException)?.code ?? '')

function replay(outcome: Outcome): unknown {
  if (outcome.ok) return outcome.result
  const { code, message, retryable, details } = outcome.error
  throw new CallError(code, message, retryable, details)
}

function stoppingError(): CallError {
  return new CallError('UNAVAILABLE', 'the agent is stopping', true)
}

/** The promise, or the reason of the signal when that comes first. */
async function unlessAborted<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  const over = new AbortController()
  const aborted = new Promise<never>((_, reject) => {
    const fail = (): void => reject(signal.reason)
    signal.addEventListener('abort', fail, { once: true, signal: over.signal })
  })
  try {
    return await Promise.race([promise, aborted])
  } finally {
    over.abort(null)
  }
}
