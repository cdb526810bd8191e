/**
 * Copies of home's tables in a cell: PostgreSQL's logical replication, with a publication and a slot for each
 * cell at home, and a subscription in the cell. Each step may run again.
 *
 * RP1 The slot is made before the subscription, by itself: in one PostgreSQL server a subscription that makes
 *     its own would wait for itself for ever. The copy of each table begins later than the slot, and
 *     PostgreSQL passes over what the slot has from before it.
 * RP2 Home keeps its log for a slot until the cell has read it: a cell that is gone must be removed.
 */
import pg from 'pg'
import { pause } from '../../workers/pause.ts'
import { rowOf } from './session.ts'
import { homeTables } from './tables.ts'

export const PUBLICATION = 'nephograph_home'
/** For `like`. */
export const SUBSCRIPTIONS = 'nephograph\\_%'
/** Of the subscription and of its slot. */
export const replicationName = (cellId: string): string =>
  `nephograph_${cellId.replaceAll('-', '')}`

const COPY_MS = 300_000
const LET_GO_MS = 30_000
const LOOK_MS = 50

/** At home. */
export async function publish(home: pg.Client): Promise<void> {
  // A filter needs its columns of what is deleted, too.
  for (const { sql, rows, name } of homeTables) {
    if (!rows) continue
    const full = await rowOf(
      home,
      `select from pg_class where oid = $1::regclass and relreplident = 'f'`,
      [sql],
    )
    if (!full) await home.query(`alter table ${sql} replica identity full -- ${name}`)
  }
  const { rows } = await home.query<{ name: string }>(
    `select schemaname || '.' || tablename as name from pg_publication_tables where pubname = $1`,
    [PUBLICATION],
  )
  const published = rows.map(({ name }) => name).sort()
  const wanted = homeTables.map(({ name }) => name).sort()
  if (published.join() === wanted.join()) return
  const tables = homeTables.map((one) => one.sql + (one.rows ? ` where (${one.rows})` : ''))
  const there = await rowOf(home, 'select from pg_publication where pubname = $1', [PUBLICATION])
  await home.query(
    there
      ? `alter publication ${PUBLICATION} set table ${tables.join(', ')}`
      : `create publication ${PUBLICATION} for table ${tables.join(', ')}`,
  )
}

/** RP1. False when it was there, and holds what the cell has not read. */
export async function makeSlot(home: pg.Client, name: string): Promise<boolean> {
  const slot = await rowOf<{ status: string | null }>(
    home,
    'select wal_status as status from pg_replication_slots where slot_name = $1',
    [name],
  )
  if (slot && slot.status !== 'lost') return false
  if (slot) await dropSlot(home, name)
  await home.query(`select pg_create_logical_replication_slot($1, 'pgoutput')`, [name])
  return true
}

/** Waits until nobody reads from it. */
export async function dropSlot(home: pg.Client, name: string): Promise<void> {
  const end = Date.now() + LET_GO_MS
  for (;;) {
    const slot = await rowOf<{ active: boolean }>(
      home,
      'select active from pg_replication_slots where slot_name = $1',
      [name],
    )
    if (!slot) return
    if (!slot.active) return void (await home.query('select pg_drop_replication_slot($1)', [name]))
    if (Date.now() > end) throw new Error(`somebody still reads from the slot ${name} at home`)
    await pause(LOOK_MS)
  }
}

export async function hasSubscription(cell: pg.Client, name: string): Promise<boolean> {
  const sql = `select from pg_subscription where subname = $1
    and subdbid = (select oid from pg_database where datname = current_database())`
  return (await rowOf(cell, sql, [name])) !== undefined
}

export async function subscribe(cell: pg.Client, name: string, connection: string): Promise<void> {
  const to = pg.escapeLiteral(connection)
  if (!(await hasSubscription(cell, name))) {
    await cell.query(
      `create subscription ${name} connection ${to} publication ${PUBLICATION}
       with (create_slot = false, slot_name = '${name}', copy_data = true)`,
    )
    return
  }
  // Who may not read the address writes it anew; that begins the session with home anew, no more.
  const same = await rowOf(
    cell,
    'select from pg_subscription where subname = $1 and subconninfo = $2',
    [name, connection],
  ).catch(() => undefined)
  if (!same) await cell.query(`alter subscription ${name} connection ${to}`)
  await cell.query(`alter subscription ${name} enable`)
  await cell.query(`alter subscription ${name} refresh publication`)
}

/** Resolves when every table has what home has. */
export async function copied(cell: pg.Client, name: string): Promise<void> {
  const end = Date.now() + COPY_MS
  for (;;) {
    const { rows } = await cell.query<{ name: string }>(
      `select srrelid::regclass::text as name from pg_subscription_rel r
         join pg_subscription s on s.oid = r.srsubid
       where s.subname = $1 and srsubstate <> 'r'`,
      [name],
    )
    if (rows.length === 0) return
    if (Date.now() > end) {
      throw new Error(
        `${rows.map((row) => row.name).join(', ')} were not copied within ${COPY_MS / 1000} s: the log of the cell's PostgreSQL says why; then run the command again`,
      )
    }
    await pause(LOOK_MS)
  }
}

/** Leaves the slot at home to who asks for this; what was copied stays. */
export async function unsubscribe(cell: pg.Client, name: string): Promise<void> {
  if (!(await hasSubscription(cell, name))) return
  await cell.query(`alter subscription ${name} disable`)
  await cell.query(`alter subscription ${name} set (slot_name = none)`)
  await cell.query(`drop subscription ${name}`)
}
