import { type Task, taskRenew } from '../../services/core/task.ts'
import type { EngineSettings } from './engine.ts'

/** Thrown when somebody else owns the task now: nothing more is to be done. */
export class LeaseLost extends Error {}

/** Renews the lease while a task runs; the signal ends when it could not be kept. */
export function keepLease({ db, leaseMs, log }: EngineSettings, task: Task, stopping: AbortSignal) {
  const lost = new AbortController()
  let goodUntil = Date.now() + leaseMs
  const timer = setInterval(() => {
    taskRenew(db, task, leaseMs).then(
      (ours) => {
        if (ours) goodUntil = Date.now() + leaseMs
        else lost.abort(new LeaseLost())
      },
      (err) => {
        log.warn({ taskId: task.id, err }, 'the lease could not be renewed')
        if (Date.now() > goodUntil) lost.abort(new LeaseLost())
      },
    )
  }, leaseMs / 3)
  return {
    signal: AbortSignal.any([lost.signal, stopping]),
    end: () => clearInterval(timer),
  }
}
