import type { Task } from '../../services/core/task.ts'

/** Numbers that one claim of a task has for its calls; the least of a power of two that does. */
export const FENCES_PER_CLAIM = 1024
const FENCES_PER_ROUND = 128

/**
 * The fence of a call: it grows with each step of a claim, and with each claim. So a report from between
 * two steps of one task is old news to whoever knows of the second, and a step that is repeated has the
 * number that it had.
 */
export function callFence(
  { fence, round, position }: Task,
  direction: 'do' | 'undo',
  steps: number,
): number {
  const within = direction === 'do' ? position + 1 : FENCES_PER_ROUND / 2 + steps - position
  return Number(fence) * FENCES_PER_CLAIM + round * FENCES_PER_ROUND + within
}
