/**
 * Changes of state. A resource's state table has a row per action; this file is the machinery that
 * reads such tables: what is allowed now and why not, the guarded start of an action, its end.
 *
 * T1 Status and task state of a resource change only here, with an event, in one transaction.
 * T2 The task that runs is the lock: an action begins only where none runs, unless it interrupts.
 * T3 The guard is in the UPDATE itself; what lost a race changes nothing and says so.
 */

import type { RuleName } from './access/rules.ts'
import type { Tx } from './context.ts'
import { type EventDraft, emit, type ResourceType } from './core/event.ts'
import { CloudError } from './errors.ts'

export interface ActionRow<Status extends string> {
  rule: RuleName
  /** Statuses in which it may begin. */
  from: readonly Status[]
  /** The status while it runs; null keeps the present one. */
  during: Status | null
  /** The status after it; null is gone. SAME: as it was, and what was in ERROR is ACTIVE. */
  to: Status | 'SAME' | null
  /** The status after it failed for good; null restores the one before. */
  onFailure: Status | null
  /** May begin while another action runs, which is then cancelled. */
  interrupts?: true
  /** Needs a host: what was never placed has nothing to act on. */
  placed?: true
  /** Done in the command itself: no task follows, and nothing locks. */
  immediate?: true
  /** May be done to what somebody locked. */
  evenLocked?: true
  /** Whom the rule lets through everywhere does it to what belongs to other projects, too. */
  acrossProjects?: true
}

export type ActionTable<Action extends string, Status extends string> = Record<
  Action,
  ActionRow<Status>
>

export interface Lockable {
  status: string
  taskState: string | null
  hostId?: string | null
  locked?: boolean
  lockedReason?: string | null
}

/** What is asked of a state: `passesLock` is for those whom a lock does not stop. */
interface Asking {
  passesLock?: boolean
}

/** What is on its way out is sent out again at most: nobody takes back what somebody was promised. */
const ENDS = ['delete', 'forceDelete', 'softDelete']
const isEnding = (action: string | null): boolean => action !== null && ENDS.includes(action)

/** Why the action may not begin now, or null when it may. */
export function stateRefusal<S extends string>(
  action: string,
  row: ActionRow<S>,
  now: Lockable,
  { passesLock = false }: Asking = {},
): string | null {
  if (now.locked && !row.evenLocked && !passesLock) {
    return `it is locked${now.lockedReason ? `: ${now.lockedReason}` : ''}`
  }
  if (isEnding(now.taskState) && !isEnding(action)) return `busy: ${now.taskState} runs`
  if (now.taskState && !row.interrupts && !row.immediate) {
    return now.taskState === action ? `${action} runs already` : `busy: ${now.taskState} runs`
  }
  if (!(row.from as readonly string[]).includes(now.status)) {
    return `it is ${now.status}; ${action} needs ${row.from.join(' or ')}`
  }
  if (row.placed && !now.hostId) return 'it was never placed on a host'
  return null
}

/** Throws INVALID_STATE with the statuses that would allow the action. */
export function requireState<S extends string>(
  action: string,
  row: ActionRow<S>,
  now: Lockable,
  asking: Asking = {},
): void {
  const reason = stateRefusal(action, row, now, asking)
  if (reason) {
    throw new CloudError('INVALID_STATE', `Not now: ${reason}`, { allowedStatuses: [...row.from] })
  }
}

/**
 * A table is sound when every status can be reached from `first` and every status can be left.
 * Asserted when the process starts.
 */
export function checkTable<S extends string>(
  resource: string,
  statuses: readonly S[],
  first: S,
  table: Record<string, ActionRow<S>>,
): void {
  const rows = Object.values(table)
  const reached = new Set<S>([first])
  for (let size = 0; size !== reached.size; ) {
    size = reached.size
    for (const row of rows.filter((r) => r.from.some((s) => reached.has(s)))) {
      for (const status of [row.during, row.to, row.onFailure]) {
        if (status && status !== 'SAME') reached.add(status)
      }
    }
  }
  const stuck = statuses.filter((s) => !rows.some((r) => r.from.includes(s)))
  const unreachable = statuses.filter((s) => !reached.has(s))
  if (stuck.length) throw new Error(`${resource}: no action leaves ${stuck.join(', ')}`)
  if (unreachable.length) throw new Error(`${resource}: nothing leads to ${unreachable.join(', ')}`)
}

export interface Change {
  resource: Extract<ResourceType, 'server' | 'image'>
  id: string
  /** What must be true of the row for the change to happen. */
  where: Record<string, unknown>
  set: Record<string, unknown>
  at: Date
}

/** Changes a row if it still is as expected; false when it is not. The caller emits the event. */
export async function change(tx: Tx, { resource, id, where, set, at }: Change): Promise<boolean> {
  const args = {
    where: { ...where, id },
    data: { ...set, updatedAt: at, version: { increment: 1 } },
  }
  const { count } =
    resource === 'server' ? await tx.server.updateMany(args) : await tx.image.updateMany(args)
  return count === 1
}

/** As `change`, with its event; CONFLICT when the row moved meanwhile. */
export async function transition(tx: Tx, what: Change, event: EventDraft): Promise<void> {
  if (!(await change(tx, what))) {
    throw new CloudError(
      'CONFLICT',
      `The ${what.resource} ${what.id} changed meanwhile: look again`,
    )
  }
  await emit(tx, event)
}
