/** What a task keeps of its placements: every attempt, whether a host was found or not. */
import type { TaskState } from '../core/task.ts'
import type { ErrorDetails } from '../errors.ts'
import type { Explanation } from './placement.ts'

/** An attempt, counted from 1, and what placement found in it. */
export interface KeptPlacement extends Explanation {
  attempt: number
}

/** Hosts that are kept by name with an attempt, of those refused and of those that passed. */
const KEPT_HOSTS = 10
/** Attempts that are kept: more than any task begins anew. */
const KEPT_ATTEMPTS = 10

/** Keeps what placement answered in this round; asked again in the same round, the later one stays. */
export function placementKept(state: TaskState, round: number, explanation: Explanation): void {
  const attempt = round + 1
  const others = placementsOf(state).filter((kept) => kept.attempt !== attempt)
  const kept: KeptPlacement = {
    ...explanation,
    refusals: explanation.refusals.slice(0, KEPT_HOSTS),
    candidates: explanation.candidates.slice(0, KEPT_HOSTS),
    attempt,
  }
  state.placements = [...others, kept].slice(-KEPT_ATTEMPTS)
}

/** All that were kept, the first attempt first. */
export const placementsOf = (state: { placements?: unknown }): KeptPlacement[] =>
  Array.isArray(state.placements) ? (state.placements as KeptPlacement[]) : []

/** The facts of a NO_VALID_HOST. */
export const noValidHostDetails = (explanation: Explanation): ErrorDetails => {
  const { hostsTotal, hostsPassed, filters, nearestMiss } = explanation
  return { hostsTotal, hostsPassed, filters, ...(nearestMiss && { nearestMiss }) }
}
