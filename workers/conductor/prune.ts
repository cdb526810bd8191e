/** Forgets what has served its time: events, answers to keyed requests, revocations, tickets, tasks. */
import type { Logger } from 'pino'
import type { Db } from '../../services/context.ts'
import { pause } from '../pause.ts'

const DAY_MS = 24 * 60 * 60_000
const EVENTS_MS = 7 * DAY_MS
const ANSWERS_MS = DAY_MS
const TASKS_MS = 30 * DAY_MS
const EVERY_MS = 10 * 60_000
/** Rows of a table in one go, so that no statement holds locks for long. */
const BATCH = 5_000

export function startPrune(db: Db, log: Logger): { stop(): Promise<void> } {
  const stopping = new AbortController()
  const working = (async () => {
    while (!stopping.signal.aborted) {
      await pause(EVERY_MS, stopping.signal)
      if (stopping.signal.aborted) return
      await prune(db).catch((err) => log.warn({ err }, 'could not prune'))
    }
  })()
  return {
    async stop() {
      stopping.abort()
      await working
    },
  }
}

export async function prune(db: Db, at = new Date()): Promise<void> {
  const before = (ms: number): Date => new Date(at.getTime() - ms)
  await db.revokedToken.deleteMany({ where: { expiresAt: { lt: at } } })
  await db.usedTicket.deleteMany({ where: { expiresAt: { lt: at } } })
  await inBatches(
    () => db.$executeRaw`
      delete from core.event where seq in (
        select seq from core.event where at < ${before(EVENTS_MS)} order by seq limit ${BATCH}::int)`,
  )
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

async function inBatches(once: () => Promise<number>): Promise<void> {
  while ((await once()) === BATCH);
}
