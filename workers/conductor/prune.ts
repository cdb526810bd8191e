/**
 * Forgets what has served its time: events, answers to keyed requests, revocations, tickets, tasks, and
 * the audit log where the operator wants it; and ends uploads that nobody goes on with.
 */
import type { Logger } from 'pino'
import type { Cloud, Db } from '../../services/context.ts'
import { abandonedSince, uploadsBreakOff } from '../../services/image/upload.ts'
import { type Periodic, startPeriodic } from '../periodic.ts'

const DAY_MS = 24 * 60 * 60_000
const EVENTS_MS = 7 * DAY_MS
const ANSWERS_MS = DAY_MS
const TASKS_MS = 30 * DAY_MS
const EVERY_MS = 60_000
/** Rows of a table in one go, so that no statement holds locks for long. */
const BATCH = 5_000
const MAX_BATCHES = 200

export function startPrune(
  cloud: Pick<Cloud, 'db' | 'now'>,
  log: Logger,
  auditRetentionDays: number,
): Periodic {
  return startPeriodic({ everyMs: EVERY_MS, log, failed: 'could not prune' }, async () => {
    await uploadsBreakOff(cloud, abandonedSince(cloud.now()))
    await prune(cloud.db)
    await pruneAudit(cloud.db, auditRetentionDays)
  })
}

export async function prune(db: Db, at = new Date()): Promise<void> {
  const before = (ms: number): Date => new Date(at.getTime() - ms)
  await db.revocation.deleteMany({ where: { expiresAt: { lt: at } } })
  await db.usedTicket.deleteMany({ where: { expiresAt: { lt: at } } })
  await pruneEvents(db, before(EVENTS_MS))
  await inBatches(
    () => db.$executeRaw`
      delete from core.idempotency_key where (user_id, key) in (
        select user_id, key from core.idempotency_key
        where created_at < ${before(ANSWERS_MS)} limit ${BATCH}::int)`,
  )
  await inBatches(
    () => db.$executeRaw`
      delete from core.task where id in (
        select id from core.task t where finished_at < ${before(TASKS_MS)}
          and not exists (select from compute.server s where s.task_id = t.id)
        limit ${BATCH}::int)`,
  )
}

/** Entries of the audit log that are older; 0 keeps all. A trigger refuses it in any other way. */
export async function pruneAudit(db: Db, days: number, at = new Date()): Promise<void> {
  if (days === 0) return
  const before = new Date(at.getTime() - days * DAY_MS)
  await inBatches(() =>
    db.$transaction(async (tx) => {
      await tx.$executeRaw`set local nephograph.audit_retention = 'on'`
      return tx.$executeRaw`
        delete from core.audit_event where id in (
          select id from core.audit_event where at < ${before} limit ${BATCH}::int)`
    }),
  )
}

/**
 * Events go in their own order, up to the first one that is young enough, so that what is left has
 * no gap. The newest always stays: a cursor behind it is good for as long as nothing happens.
 */
async function pruneEvents(db: Db, before: Date): Promise<void> {
  const [kept] = await db.$queryRaw<{ xid: string; seq: bigint }[]>`
    (select xid::text as xid, seq from core.event where at >= ${before}
     order by core.event.xid, seq limit 1)
    union all
    (select xid::text, seq from core.event order by core.event.xid desc, seq desc limit 1)
    limit 1`
  if (!kept) return
  await inBatches(
    () => db.$executeRaw`
      delete from core.event where seq in (
        select seq from core.event where (xid, seq) < (${kept.xid}::text::xid8, ${kept.seq})
        order by xid, seq limit ${BATCH}::int)`,
  )
}

async function inBatches(once: () => Promise<number>): Promise<void> {
  for (let batches = 1; (await once()) === BATCH && batches < MAX_BATCHES; batches++);
}
