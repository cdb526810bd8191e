/** A change as it is told: the event for those who watch, and the entry of the audit log. */
import type { Command } from '../command.ts'
import type { AuditEntry } from './audit.ts'
import { type EventDraft, emit } from './event.ts'

export interface Telling {
  event: EventDraft
  entry: AuditEntry
}

/** Without a before it was created, without an after deleted. `place`: as an event's `projectId`. */
export function telling(place: string | null, entry: AuditEntry): Telling {
  const { resourceType, resourceId, before, after } = entry
  const change = before ? (after ? 'updated' : 'deleted') : 'created'
  const type = `${resourceType}.${change}`
  return { event: { type, resourceType, resourceId, projectId: place }, entry }
}

/** Tells of changes that the caller of a command made. */
export async function tell(c: Command, ...tellings: Telling[]): Promise<void> {
  const asking = { userId: c.actor.userId, requestId: c.requestId }
  await emit(c.tx, ...tellings.map(({ event }) => ({ ...event, ...asking })))
  for (const { entry } of tellings) c.audit(entry)
}
