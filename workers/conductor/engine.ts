/**
 * The task engine: runs the steps of a claimed task, one after the other, and unwinds them when one
 * fails for good. There is no second one.
 *
 * N1 A deed runs under the lease; its record is written with the fence. Who has lost the lease stops.
 * N2 A step is recorded as done together with what its `save` wrote, so a crash before that repeats
 *    the step, and a crash after it does not.
 * N3 A failure is retried, unwound or skipped as its step says; every way ends, but for a step that says
 *    that it must wait (`undoTries`), and the task shows what for.
 * N4 The first step to undo is the one that failed: it may have come half way.
 * N5 When it can't be known whether a record was written (the answer to it was lost), nothing more is
 *    written: the task is claimed again and goes on from what its row says.
 */
import type { Logger } from 'pino'
import type { Db, Tx } from '../../services/context.ts'
import type { EventDraft } from '../../services/core/event.ts'
import {
  freshStep,
  type StepRecord,
  type Task,
  type TaskChange,
  type TaskFailure,
  taskAdvance,
} from '../../services/core/task.ts'
import { callFence } from './call-fence.ts'
import { failureOf } from './failure.ts'
import { keepLease, LeaseLost } from './lease.ts'
import {
  Again,
  type SaveContext,
  type Step,
  type StepContext,
  StepFailure,
  type TaskKind,
} from './task.ts'

export interface EngineSettings {
  db: Db
  log: Logger
  now: () => Date
  leaseMs: number
  /** Runs a transaction when it is its turn: tasks must not have all connections of the process. */
  inTurn<T>(transaction: () => Promise<T>): Promise<T>
  call(queue: string, call: StepCall): Promise<unknown>
  ticket(object: string): string
  unseal(sealed: string): string
  defaultZone: string
}

export interface StepCall {
  callId: string
  fence: number
  verb: string
  input: object
  requestId: string | null
  timeoutMs: number
  signal: AbortSignal
}

/** Thrown when a record may or may not have been written: only the row can tell. */
class OutcomeUnknown extends Error {}

/** Races that one step may lose before it counts as a failed try. */
const MAX_AGAIN = 50
const FIRST_BACKOFF_MS = 200
const MAX_BACKOFF_MS = 15_000
const TRANSACTION_TIMEOUT_MS = 20_000

/**
 * Runs a task until it ends or waits for its next try. Resolves with the milliseconds until then, or
 * null when it is finished.
 */
export async function runTask(
  settings: EngineSettings,
  kind: TaskKind,
  task: Task,
  stopping: AbortSignal,
): Promise<number | null> {
  const lease = keepLease(settings, task, stopping)
  const run = new Run(settings, kind, task, lease.signal)
  try {
    for (;;) {
      const dueInMs = task.status === 'UNWINDING' ? await run.unwind() : await run.forward()
      if (dueInMs !== 0) return dueInMs
    }
  } finally {
    lease.end()
  }
}

class Run {
  constructor(
    private readonly settings: EngineSettings,
    private readonly kind: TaskKind,
    private readonly task: Task,
    private readonly signal: AbortSignal,
  ) {}

  /** Goes through the steps at hand and ahead. 0: the task now unwinds. */
  async forward(): Promise<number | null> {
    const { task, kind } = this
    while (task.position < kind.steps.length) {
      const { step, record } = this.current()
      try {
        if (this.isTooLate(step)) throw tooLate(step)
        await this.perform(step)
      } catch (error) {
        if (error instanceof LeaseLost || error instanceof OutcomeUnknown) throw error
        if (this.signal.aborted) throw error
        const outcome = await this.failed(step, record, error)
        if (outcome !== 'skipped') return outcome
      }
    }
    return null
  }

  /** Does and records one step. */
  private async perform(step: Step): Promise<void> {
    for (let again = 0; ; again++) {
      try {
        const result = (await step.do?.(this.context('do'))) ?? null
        this.task.state.results[step.name] = result
        await this.record('DONE', step.save && (async (c) => step.save?.(c, result)))
        return
      } catch (error) {
        if (!(error instanceof Again) || again >= MAX_AGAIN) throw error
      }
    }
  }

  /** Decides what a failure means. A number: look again then. 0: unwind now. */
  private async failed(
    step: Step,
    record: StepRecord,
    error: unknown,
  ): Promise<number | null | 'skipped'> {
    const { task } = this
    const failure = failureOf(error)
    this.settings.log.warn({ taskId: task.id, step: step.name, err: error }, 'a step failed')
    record.attempts++
    record.message = failure.message
    if (failure.retryable && record.attempts < step.tries) {
      const dueInMs = backoffMs(record.attempts)
      task.waitingFor = `${step.name}, try ${record.attempts + 1}: ${failure.message}`
      await this.write({ status: 'RUNNING', dueInMs, release: true })
      return dueInMs
    }
    if (step.skippable) {
      await this.record('FAILED')
      return 'skipped'
    }
    record.status = 'FAILED'
    record.finishedAt = this.settings.now().toISOString()
    task.error = {
      code: failure.code,
      message: failure.message,
      step: step.name,
      ...(failure.details && { details: failure.details }),
    }
    task.state.final = failure.final
    task.status = 'UNWINDING'
    task.waitingFor = null
    await this.write({ status: 'UNWINDING', dueInMs: this.settings.leaseMs })
    return 0
  }

  /** Undoes the step at hand and those before it. 0: the task begins anew. */
  async unwind(): Promise<number | null> {
    const { task } = this
    for (; task.position >= 0; task.position--) {
      const { step, record } = this.current()
      if (!step.undo && !step.unsave) continue
      try {
        await step.undo?.(this.context('undo'))
      } catch (error) {
        if (error instanceof LeaseLost || this.signal.aborted) throw error
        const failure = failureOf(error)
        record.attempts++
        record.message = `undo: ${failure.message}`
        if (record.attempts < undoTries(step, failure.retryable)) {
          const dueInMs = backoffMs(record.attempts)
          task.waitingFor = `undo of ${step.name}: ${failure.message}`
          await this.write({ status: 'UNWINDING', dueInMs, release: true })
          return dueInMs
        }
        // What is left on the host is nobody's now: the sweep of its reports removes it.
        this.settings.log.error(
          { taskId: task.id, step: step.name, err: error },
          'left to the sweep',
        )
      }
      await this.unrecord(step, record)
    }
    return this.unwound()
  }

  private async unrecord(step: Step, record: StepRecord): Promise<void> {
    await this.transaction(async (c) => {
      await step.unsave?.(c)
      record.status = 'UNDONE'
      // The undone step is behind us even if we crash now.
      const behind = { ...this.task, position: this.task.position - 1 }
      await this.must(c, behind, { status: 'UNWINDING', dueInMs: this.settings.leaseMs })
    })
  }

  private async unwound(): Promise<number | null> {
    const { task, kind } = this
    const timeLeft = this.settings.now() < task.deadlineAt
    if (!task.state.final && timeLeft && task.round + 1 < kind.rounds) {
      task.round++
      task.position = 0
      task.steps = task.steps.map((s) => freshStep(s.name))
      task.state.results = {}
      task.status = 'RUNNING'
      task.error = null
      await this.write({ status: 'RUNNING', dueInMs: this.settings.leaseMs })
      return 0
    }
    const error: TaskFailure = task.error ?? { code: 'INTERNAL', message: 'unknown', step: null }
    task.position = Math.max(0, task.position)
    await this.transaction(async (c) => {
      await kind.failed(c, error)
      await this.must(c, task, { status: 'FAILED', dueInMs: null })
    })
    return null
  }

  /** Records the step at hand as behind us; the last one ends the task. */
  private async record(
    how: 'DONE' | 'FAILED',
    save?: (c: SaveContext) => Promise<void>,
  ): Promise<void> {
    const { task, kind } = this
    const last = task.position === kind.steps.length - 1
    const change: TaskChange = last
      ? { status: 'SUCCEEDED', dueInMs: null }
      : { status: 'RUNNING', dueInMs: this.settings.leaseMs }
    // What could not be written must not be remembered either.
    const ahead = { ...this.stepped(how), status: change.status }
    if (save) {
      await this.transaction(async (c) => {
        await save(c)
        await this.must(c, ahead, change)
      })
    } else await this.write(change, ahead)
    Object.assign(task, ahead)
  }

  /** The task with the step at hand behind it. */
  private stepped(status: 'DONE' | 'FAILED'): Task {
    const { position, steps } = this.task
    const finishedAt = this.settings.now().toISOString()
    return {
      ...this.task,
      position: position + 1,
      waitingFor: null,
      steps: steps.map((record, i) =>
        i === position ? { ...record, status, finishedAt } : record,
      ),
    }
  }

  private async write(change: TaskChange, task = this.task): Promise<void> {
    const ours = await taskAdvance(this.settings.db, task, change).catch(unknown)
    if (!ours) throw new LeaseLost()
  }

  /** The transaction of a save; what it emits is written with the task's own record. */
  private async transaction(body: (c: SaveContext & Emitted) => Promise<void>): Promise<void> {
    let committing = false
    const whole = async (tx: Tx): Promise<void> => {
      const emitted: EventDraft[] = []
      const lasts: (() => Promise<void>)[] = []
      const context = this.context('do')
      const at = this.settings.now()
      const emit: SaveContext['emit'] = (event) => void emitted.push(event)
      const atEnd: SaveContext['atEnd'] = (work) => void lasts.push(work)
      await body({ ...context, tx, at, emitted, emit, atEnd })
      for (const last of lasts) await last()
      committing = true
    }
    const limits = { timeout: TRANSACTION_TIMEOUT_MS, maxWait: TRANSACTION_TIMEOUT_MS }
    try {
      await this.settings.inTurn(() => this.settings.db.$transaction(whole, limits))
    } catch (error) {
      if (committing) unknown(error)
      throw error
    }
  }

  private async must(c: SaveContext & Emitted, task: Task, change: TaskChange): Promise<void> {
    if (!(await taskAdvance(c.tx, task, change, c.emitted))) throw new LeaseLost()
  }

  private current(): { step: Step; record: StepRecord } {
    const step = this.kind.steps[this.task.position]
    const record = this.task.steps[this.task.position]
    if (!step || !record) throw new Error(`${this.task.kind} has no step ${this.task.position}`)
    return { step, record }
  }

  private context(direction: 'do' | 'undo'): StepContext {
    const { task, settings, signal } = this
    const record = task.steps[task.position]
    const { db, now, ticket, unseal, defaultZone } = settings
    return {
      task,
      db,
      now,
      ticket,
      unseal,
      defaultZone,
      signal,
      log: settings.log.child({ taskId: task.id, requestId: task.requestId, step: record?.name }),
      call: async (queue, verb, input, timeoutMs) => {
        const fence = callFence(task, direction, this.kind.steps.length)
        const result = await settings.call(queue, {
          // A try that broke off has the same call id as its repetition: it is answered, not redone.
          // A step may ask several hosts, and one host several things.
          callId: [
            task.id,
            task.round,
            record?.name,
            direction,
            record?.attempts,
            queue,
            verb,
          ].join('/'),
          fence,
          verb,
          input,
          requestId: task.requestId,
          timeoutMs,
          signal,
        })
        // Only what was answered: of a call that never arrived the host will not know the fence.
        task.state.calledUnder = fence
        return result
      },
    }
  }

  /** A step that must be done some time has no deadline. */
  private isTooLate({ tries }: Step): boolean {
    return Number.isFinite(tries) && this.settings.now() > this.task.deadlineAt
  }
}

const tooLate = ({ name }: Step): StepFailure =>
  new StepFailure('TIMEOUT', `${name} was not done before the deadline`, { final: true })

function unknown(cause: unknown): never {
  throw new OutcomeUnknown('it is not known whether this was recorded', { cause })
}

interface Emitted {
  emitted: EventDraft[]
}

/** What would fail again in the same way is not waited for. */
const undoTries = ({ tries, undoTries }: Step, retryable: boolean): number =>
  retryable ? (undoTries ?? 2 * tries) : 2 * tries

const backoffMs = (attempts: number): number =>
  Math.round(
    Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** (attempts - 1)) * (0.75 + Math.random() / 2),
  )
