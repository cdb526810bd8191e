/**
 * The conductor: claims due tasks and runs them, so many at once. A doorbell makes it quick, the
 * sweep makes it sure.
 *
 * O1 A ring names a task; losing it costs at most one sweep.
 * O2 Stopping takes no new tasks, gives those in hand a while, then hands over what is left.
 */
import type { Logger } from 'pino'
import { taskAdvance, taskCancel, taskClaim, taskHandOver } from '../../services/core/task.ts'
import type { Bus } from '../bus.ts'
import { pause, settledWithin } from '../pause.ts'
import { type EngineSettings, runTask } from './engine.ts'
import { LeaseLost } from './lease.ts'
import type { TaskKind } from './task.ts'

export const CONDUCTOR_QUEUE = 'conductor'

export interface ConductorSettings extends EngineSettings {
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
  let closed = false
  let claiming = 0
  const kinds = new Map(settings.kinds.map((kind) => [kind.kind, kind]))

  /** Claims and runs one task, by id or whichever is due; false when there was none. */
  async function next(taskId: string | null, brokeOffHere = false): Promise<boolean> {
    if (closed || running.size + claiming >= MAX_TASKS) return false
    if (taskId !== null && running.has(taskId)) return false
    const which = { taskId, evenIfOurs: brokeOffHere }
    claiming++
    const task = await taskClaim(db, settings.owner, settings.leaseMs, which).finally(
      () => claiming--,
    )
    if (!task) return false
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
      return true
    }
    const done = runTask(settings, kind, task, stopping.signal)
      .then((dueInMs) => {
        breaks.delete(task.id)
        if (dueInMs === null) settings.onFinished?.(task.kind)
        else ringIn(task.id, dueInMs)
      })
      .catch((err) => brokeOff(task.id, err))
      .finally(() => {
        running.delete(task.id)
        // Whoever had to wait for a free hand is taken now.
        if (running.size === MAX_TASKS - 1) void sweep()
      })
    running.set(task.id, done)
    return true
  }

  const breaks = new Map<string, number>()
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
      while (await next(null)) if (stopping.signal.aborted) return
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
