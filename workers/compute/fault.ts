/** Faults: why a resource is in ERROR. */
import type { TaskFailure } from '../../services/core/task.ts'

/** A task's failure as its resource shows it. */
export const faultFrom = (error: TaskFailure, at: Date) => ({
  code: error.code,
  message: error.message,
  at: at.toISOString(),
})
