/**
 * Hosts: their events, and what is said of those that say nothing. What agents report becomes rows in
 * host-report.ts.
 *
 * H4 A host that was removed does not come back by itself: it needs a join token (host-join.ts).
 */
import type { Cloud, Tx } from '../context.ts'
import { type EventDraft, emit } from '../core/event.ts'
import { newId } from '../id.ts'

type Services = Pick<Cloud, 'db' | 'now'>

export const hostEvent = (id: string, what: 'created' | 'updated' | 'deleted'): EventDraft => ({
  type: `host.${what}`,
  resourceType: 'host',
  resourceId: id,
  projectId: null,
})

/** Hosts that were silent for too long are DOWN; placement passes them over. */
export async function hostsFallSilent(cloud: Services, silentMs: number): Promise<string[]> {
  return cloud.db.$transaction(async (tx) => {
    const fallen = await tx.$queryRaw<{ id: string; name: string }[]>`
      update compute.host set status = 'DOWN', generation = generation + 1, version = version + 1,
        updated_at = now()
      where status = 'UP' and heartbeat_at < now() - ${silentMs}::int * interval '1 millisecond'
      returning id, name`
    await emit(tx, ...fallen.map(({ id }) => hostEvent(id, 'updated')))
    return fallen.map(({ name }) => name)
  })
}

/** Of a row that stands for a removed host: no token has such a hash. */
const removedHash = (name: string): string => `removed:${name}`
/** A removed name is never forgotten. */
const FOR_EVER = new Date('9999-01-01T00:00:00Z')

/** H4: remembers that this name must not come in by itself. */
export async function hostRemember(tx: Tx, name: string, at: Date): Promise<void> {
  const hash = removedHash(name)
  const data = { hostName: name, expiresAt: FOR_EVER, usedAt: at }
  await tx.hostJoinToken.upsert({
    where: { hash },
    create: { id: newId(), hash, createdAt: at, ...data },
    update: data,
  })
}

/** Those of these names that were removed, and have not joined with a token since. */
export async function hostsRemoved(db: Cloud['db'], names: string[]): Promise<Set<string>> {
  if (names.length === 0) return new Set()
  const rows = await db.$queryRaw<{ name: string }[]>`
    select host_name as name from compute.host_join_token
    where hash = any(${names.map(removedHash)}::text[])`
  return new Set(rows.map(({ name }) => name))
}
