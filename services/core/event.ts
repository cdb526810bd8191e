/**
 * Events: a row for each change, written in the transaction of the change.
 *
 * E1 The order of events is (xid, seq). Readers look only at transactions older than the oldest one
 *    that is still open (`xid < pg_snapshot_xmin`), so nothing can appear before what was read, even
 *    when a transaction that began earlier commits later.
 * E2 A cursor is such a position; reading after it gives every later event exactly once.
 * E3 An event names what changed, not how: readers load the resource, and are checked for access.
 */
import type { Db, Tx } from '../context.ts'
import { CloudError } from '../errors.ts'

export const resourceTypes = [
  'server',
  'image',
  'task',
  'host',
  'flavor',
  'keypair',
  'aggregate',
  'server_group',
  'migration',
  'cell',
  'token',
  'revocation',
  'domain',
  'project',
  'user',
  'group',
  'role',
  'role_assignment',
  'quota',
  'registered_limit',
  'region',
  'service',
  'endpoint',
  'application_credential',
  'trust',
  'ec2_credential',
  'totp',
  'identity_provider',
] as const
export type ResourceType = (typeof resourceTypes)[number]

export interface EventDraft {
  /** `<resource>.created|updated|deleted`, or what happened to it: `token.revoked`. */
  type: string
  resourceType: ResourceType
  resourceId: string
  /** The project that it happened in; of what belongs to a domain (users, projects), the domain. */
  projectId: string | null
  userId?: string | null
  requestId?: string | null
}

export interface EventRow extends EventDraft {
  cursor: string
  at: Date
}

/** The PostgreSQL channel that wakes the relays. */
export const EVENT_CHANNEL = 'nephograph_event'
/** Events read in one statement. */
export const EVENT_PAGE = 500

export const eventColumns = (events: EventDraft[]) => [
  events.map((e) => e.type),
  events.map((e) => e.resourceType),
  events.map((e) => e.resourceId),
  events.map((e) => e.projectId),
  events.map((e) => e.userId ?? null),
  events.map((e) => e.requestId ?? null),
]

/** Writes events and wakes the relays once the transaction commits. */
export async function emit(tx: Tx, ...events: EventDraft[]): Promise<void> {
  if (events.length === 0) return
  const [types, resourceTypes, ids, projects, users, requests] = eventColumns(events)
  await tx.$executeRaw`
    with written as (
      insert into core.event (type, resource_type, resource_id, project_id, user_id, request_id)
      select * from unnest(${types}::text[], ${resourceTypes}::text[], ${ids}::uuid[],
                           ${projects}::uuid[], ${users}::uuid[], ${requests}::text[])
      returning 1)
    select pg_notify(${EVENT_CHANNEL}, '') from (select count(*) from written) counted`
}

export interface EventPage {
  events: EventRow[]
  /** Where reading stopped; equals the given cursor when there was nothing. */
  cursor: string
  /** There are events that an open transaction still hides: look again soon. */
  hidden: boolean
}

export interface EventFilter {
  projectId?: string
  resourceType?: ResourceType
  resourceId?: string
}

/** The events after a cursor, in order, at most `EVENT_PAGE`. */
export async function eventsAfter(
  db: Db,
  cursor: string,
  filter: EventFilter = {},
): Promise<EventPage> {
  const after = decodeCursor(cursor)
  const rows = await db.$queryRaw<RawEvent[]>`
    select e.xid::text as xid, e.seq, e.type, e.resource_type as "resourceType",
           e.resource_id as "resourceId", e.project_id as "projectId", e.user_id as "userId",
           e.request_id as "requestId", e.at,
           e.xid >= pg_snapshot_xmin(pg_current_snapshot()) as hidden
    from core.event e
    where (e.xid, e.seq) > (${after.xid}::text::xid8, ${after.seq}::bigint)
      and (${filter.projectId ?? null}::uuid is null or e.project_id = ${filter.projectId ?? null}::uuid)
      and (${filter.resourceType ?? null}::text is null
           or e.resource_type = ${filter.resourceType ?? null}::text)
      and (${filter.resourceId ?? null}::uuid is null or e.resource_id = ${filter.resourceId ?? null}::uuid)
    order by e.xid, e.seq
    limit ${EVENT_PAGE}`
  const seen = rows.filter((row) => !row.hidden)
  const events = seen.map(({ xid, seq, hidden: _, ...row }) => ({
    ...row,
    cursor: encodeCursor(xid, seq),
  }))
  return {
    events,
    cursor: events.at(-1)?.cursor ?? cursor,
    hidden: seen.length < rows.length,
  }
}

/** The position just before what happens from now on. */
export async function eventHead(db: Db): Promise<string> {
  const [row] = await db.$queryRaw<{ xid: string; seq: bigint }[]>`
    select xid::text as xid, seq from core.event
    where xid < pg_snapshot_xmin(pg_current_snapshot())
    order by core.event.xid desc, seq desc limit 1`
  return row ? encodeCursor(row.xid, row.seq) : encodeCursor('0', 0n)
}

/**
 * Refuses a cursor that is malformed, older than what is kept, or from a future that this database
 * does not have (it was restored from a backup): a watch from there would miss events.
 */
export async function checkCursor(db: Db, cursor: string): Promise<void> {
  const { xid, seq } = decodeCursor(cursor)
  const [row] = await db.$queryRaw<{ known: boolean }[]>`
    select ${xid}::text::xid8 < pg_snapshot_xmax(pg_current_snapshot())
       and (exists (select from core.event
                    where (xid, seq) <= (${xid}::text::xid8, ${seq}::bigint))
            or ${xid} = '0' and not exists (select from core.event where seq > 1
                                            and not exists (select from core.event where seq = 1)))
       as known`
  if (!row?.known) {
    throw new CloudError('CURSOR_EXPIRED', 'Events since this cursor are no longer kept')
  }
}

/** BAD_INPUT for what no cursor looks like. */
export const mustBeCursor = (cursor: string): void => void decodeCursor(cursor)

/** Whether the first position lies behind (after) the second. */
export function isBehind(cursor: string, other: string): boolean {
  const [a, b] = [decodeCursor(cursor), decodeCursor(other)]
  const [x, y] = [BigInt(a.xid), BigInt(b.xid)]
  return x > y || (x === y && a.seq > b.seq)
}

interface RawEvent extends EventDraft {
  xid: string
  seq: bigint
  at: Date
  hidden: boolean
}

const encodeCursor = (xid: string, seq: bigint): string =>
  Buffer.from(`${xid}.${seq}`).toString('base64url')

function decodeCursor(cursor: string): { xid: string; seq: bigint } {
  const match = /^(\d{1,19})\.(\d{1,18})$/.exec(Buffer.from(cursor, 'base64url').toString('latin1'))
  if (!match?.[1] || !match[2]) throw new CloudError('BAD_INPUT', 'The cursor is not one of ours')
  return { xid: match[1], seq: BigInt(match[2]) }
}
