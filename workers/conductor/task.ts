/**
 * How a kind of task is written: a table of steps, first thing in its file. A step has up to four
 * deeds, each of which may run twice:
 *   do      acts on the world outside the database and returns what it found out
 *   save    writes what follows from it, in the transaction that records the step as done
 *   undo    takes back what `do` did, whether or not it came to its end
 *   unsave  takes back what `save` wrote, in the transaction that records the step as undone
 */
import type { Logger } from 'pino'
import type { Db, Tx } from '../../services/context.ts'
import type { EventDraft } from '../../services/core/event.ts'
import type { Task, TaskFailure } from '../../services/core/task.ts'
import type { ErrorCode, ErrorDetails } from '../../services/errors.ts'

export interface StepContext {
  task: Task
  db: Db
  log: Logger
  now: () => Date
  /** Ends when the lease is lost or the process stops. */
  signal: AbortSignal
  /** Asks whoever serves the queue, under a call id of this step and try. */
  call(queue: string, verb: string, input: object, timeoutMs: number): Promise<unknown>
  /** A secret that opens one object of the data plane, once. */
  ticket(object: string): string
  /** Opens a secret that was sealed at rest. Never for a log, an input or a result. */
  unseal(sealed: string): string
  /** The zone of hosts that no aggregate puts into one. */
  defaultZone: string
}

export interface SaveContext extends StepContext {
  tx: Tx
  at: Date
  /** Written with the step's record. */
  emit(event: EventDraft): void
  /**
   * Done last in the transaction, after the step's record: what takes locks that many tasks wait for
   * (quota), so that they wait for the commit only.
   */
  atEnd(work: () => Promise<void>): void
}

export interface Step {
  name: string
  do?(c: StepContext): Promise<unknown>
  save?(c: SaveContext, result: unknown): Promise<void>
  undo?(c: StepContext): Promise<void>
  unsave?(c: SaveContext): Promise<void>
  /** Tries before it has failed for good. */
  tries: number
  /**
   * Tries to undo it, while that may yet succeed, before what is left goes to the sweep; twice `tries` if
   * not said. Without end: what is undone must be known to be undone.
   */
  undoTries?: number
  /** When it has failed for good: go on without it, and leave the rest to the sweep. */
  skippable?: true
}

export interface TaskKind {
  kind: string
  steps: Step[]
  /** How often it may begin anew after a step that failed on its host. */
  rounds: number
  /** What the resource becomes when the task has failed, in the transaction that says so. */
  failed(c: SaveContext, error: TaskFailure): Promise<void>
}

const DEFAULT_TRIES = 5

export const step = (
  name: string,
  deeds: Omit<Step, 'name' | 'tries'> & { tries?: number },
): Step => ({
  name,
  tries: DEFAULT_TRIES,
  ...deeds,
})

export const taskKind = (
  kind: string,
  steps: Step[],
  rest: Pick<TaskKind, 'failed'> & { rounds?: number },
): TaskKind => ({ kind, steps, rounds: 1, ...rest })

/** A failure of a step, in the words that the owner of the resource will read. */
export class StepFailure extends Error {
  /** The same step may succeed a little later. */
  readonly retryable: boolean
  /** Another host would not do better: do not begin anew. */
  readonly final: boolean
  readonly details: ErrorDetails | undefined

  constructor(
    readonly code: ErrorCode,
    message: string,
    options: {
      retryable?: boolean
      final?: boolean
      details?: ErrorDetails
      cause?: unknown
    } = {},
  ) {
    super(message, { cause: options.cause })
    this.name = 'StepFailure'
    this.retryable = options.retryable ?? false
    this.final = options.final ?? false
    this.details = options.details
  }
}

/** A race lost inside `save`: what `do` saw is no longer so. It is simply done again. */
export class Again extends Error {}
