/**
 * The conductor: claims due tasks and runs them, so many at once. A doorbell makes it quick, the
 * sweep makes it sure.
 *
 * O1 A ring names a task; losing it costs at most one sweep.
 * O2 Stopping takes no new tasks, gives those in hand a while, then hands over what is left.
 */
import type { Logger } from 'pino'
import {
  type Task,
  taskAdvance,
  taskCancel,
  taskClaim,
  taskHandOver,
  tasksClaim,
} from '../../services/core/task.ts'
import { atMost } from '../at-most.ts'
import type { Bus } from '../bus.ts'
import { pause, settledWithin } from '../pause.ts'
import { type EngineSettings, runTask } from './engine.ts'
import { LeaseLost } from './lease.ts'
import type { TaskKind } from './task.ts'

export const CONDUCTOR_QUEUE = 'conductor'

export interface ConductorSettings extends Omit<EngineSettings, 'inTurn'> {
  bus: Bus
  /** Names this process in leases; never the same after a restart. */
  owner: string
  kinds: readonly TaskKind[]
  onFinished?: (kind: string) => void
}

export interface Conductor {
  stop(): Promise<void>
}

/** Tasks in hand at once; they mostly wait for hosts. */
const MAX_TASKS = 256
/** Transactions of tasks at once: they often wait for each other, and the API needs connections too. */
const TRANSACTIONS_AT_ONCE = 6
/** Claimed in one statement by a sweep. */
const CLAIMS_AT_ONCE = 16
/** Rings that are looked into at once. */
const RINGS_AT_ONCE = 32
const SWEEP_MS = 1_000
const UNKNOWN_KIND_MS = 15_000
/** Tries to take up again a task whose run broke off, with the database away for instance. */
const MAX_BREAKS = 5
const STOP_MS = 10_000

export async function startConductor(settings: ConductorSettings): Promise<Conductor> {
  const { bus, db, log } = settings
  const stopping = new AbortController()
  const running = new Map<string, Promise<void>>()
  const timers = new Set<NodeJS.Timeout>()
  /** How often tasks broke off here, while this process is the one that takes them up again. */
  const breaks = new Map<string, number>()
  const inTurn = atMost(TRANSACTIONS_AT_ONCE)
  let closed = false
  let claiming = 0
  const kinds = new Map(settings.kinds.map((kind) => [kind.kind, kind]))

  /** Claims and runs one task. */
  async function next(taskId: string, brokeOffHere = false): Promise<void> {
    if (running.has(taskId)) return
    if (closed || running.size + claiming >= MAX_TASKS) {
      if (brokeOffHere) breaks.delete(taskId)
      return
    }
    const which = { taskId, evenIfOurs: brokeOffHere }
    claiming++
    const task = await taskClaim(db, settings.owner, settings.leaseMs, which).finally(
      () => claiming--,
    )
    if (task) await take(task)
    // Another process has it, or did it: what breaks off when it comes back is a first time.
    else if (brokeOffHere) breaks.delete(taskId)
  }

  /** Claims and runs those that are due longest; false when there are no more, or no free hands. */
  async function nextOnes(): Promise<boolean> {
    const most = Math.min(CLAIMS_AT_ONCE, MAX_TASKS - running.size - claiming)
    if (closed || most <= 0) return false
    claiming += most
    const tasks = await tasksClaim(db, settings.owner, settings.leaseMs, most).finally(() => {
      claiming -= most
    })
    for (const task of tasks) await take(task).catch((err) => brokeOff(task.id, err))
    return tasks.length === most
  }

  /** Runs a claimed task. */
  async function take(task: Task): Promise<void> {
    const kind = kinds.get(task.kind)
    if (!kind) {
      // Perhaps a newer conductor has it: left alone until its deadline.
      log.error({ taskId: task.id, kind: task.kind }, 'no such kind of task')
      if (task.deadlineAt < settings.now()) await taskCancel(db, task.id)
      else
        await taskAdvance(db, task, {
          status: task.status,
          dueInMs: UNKNOWN_KIND_MS,
          release: true,
        })
      breaks.delete(task.id)
      return
    }
    const done = runTask({ ...settings, inTurn }, kind, task, stopping.signal)
      .then((dueInMs) => {
        breaks.delete(task.id)
        if (dueInMs === null) settings.onFinished?.(task.kind)
        else ringIn(task.id, dueInMs)
      })
      .catch((err) => brokeOff(task.id, err))
      .finally(() => {
        running.delete(task.id)
        // Whoever had to wait for a free hand is taken now.
        if (running.size === MAX_TASKS - CLAIMS_AT_ONCE) void sweep()
      })
    running.set(task.id, done)
  }

  function brokeOff(taskId: string, err: unknown): void {
    if (err instanceof LeaseLost || stopping.signal.aborted) {
      breaks.delete(taskId)
      return
    }
    const times = (breaks.get(taskId) ?? 0) + 1
    log.warn({ taskId, err, times }, 'a task broke off')
    if (times > MAX_BREAKS) {
      breaks.delete(taskId)
      return
    }
    breaks.set(taskId, times)
    ringIn(taskId, SWEEP_MS, true)
  }

  function ringIn(taskId: string, ms: number, brokeOffHere = false): void {
    const timer = setTimeout(() => {
      timers.delete(timer)
      next(taskId, brokeOffHere).catch((err) => brokeOff(taskId, err))
    }, ms + 1)
    timers.add(timer)
  }

  let sweeping = false
  async function sweep(): Promise<void> {
    if (sweeping) return
    sweeping = true
    try {
      while (await nextOnes()) if (stopping.signal.aborted) return
    } catch (err) {
      log.warn({ err }, 'the sweep could not look')
    } finally {
      sweeping = false
    }
  }

  async function sweepForEver(): Promise<void> {
    while (!stopping.signal.aborted) {
      await sweep()
      await pause(SWEEP_MS, stopping.signal)
    }
  }

  const consumer = await bus.consume(
    CONDUCTOR_QUEUE,
    async (body) => {
      const { taskId } = body as { taskId?: unknown }
      if (typeof taskId === 'string') await next(taskId)
    },
    { concurrency: RINGS_AT_ONCE },
  )
  const sweeps = sweepForEver()

  return {
    async stop() {
      closed = true
      await consumer.stop()
      const inHand = Promise.all(running.values())
      if (!(await settledWithin(STOP_MS, inHand))) log.warn('tasks in hand are handed over')
      stopping.abort()
      for (const timer of timers) clearTimeout(timer)
      await settledWithin(STOP_MS, Promise.all([...running.values(), sweeps]))
      await taskHandOver(db, { owner: settings.owner }).catch((err) =>
        log.warn({ err }, 'the tasks in hand wait for the end of their leases'),
      )
    },
  }
}

/** Rings for a task; nobody waits for it, the sweep hears of it anyway. */
export const ringer =
  (bus: Bus, log: Logger) =>
  (taskId: string): void => {
    bus
      .publish(CONDUCTOR_QUEUE, { taskId }, { expiresInMs: 10 * SWEEP_MS })
      .catch((err) => log.warn({ taskId, err }, 'the ring was not heard'))
  }
