/**
 * Makes a database a cell of the cloud: what `nepho cell create` does.
 *
 * PC1 Every step may run again; what is there already stays as it is.
 * PC2 Nothing is changed before both databases were found able.
 * PC3 A cell's copies are only ever thrown away together with its subscription: when home has lost the slot,
 *     they are made anew, and the cell's own rows stay.
 */
import type pg from 'pg'
import { HOME_CELL } from '../../services/cells/cells.ts'
import { newId } from '../../services/id.ts'
import { registeredLimitBootstrap } from '../../services/identity/registered-limit.ts'
import { CELL_NAME } from '../config-cells.ts'
import { openDatabase } from '../database/client.ts'
import { migrate } from '../database/migrate.ts'
import { areAlike, cellCan, homeCan, isFree, subscriptionsOf } from './ability.ts'
import { connectionOf, mustBeAddress, withoutSecrets } from './address.ts'
import {
  copied,
  dropSlot,
  hasSubscription,
  makeSlot,
  publish,
  replicationName,
  subscribe,
  unsubscribe,
} from './replication.ts'
import { areSame, inSession, rowOf } from './session.ts'
import { homeTables } from './tables.ts'

export interface CellPreparation {
  /** As the settings of the API will name it. */
  name: string
  homeUrl: string
  cellUrl: string
  /** Home as the cell's PostgreSQL reaches it. Default: `homeUrl`. */
  homeUrlFromCell?: string | undefined
}

export interface PreparedCell {
  id: string
  /** False: it was a cell before. */
  isNew: boolean
}

/** May be repeated. Resolves when the cell has all that home has. */
export async function cellPrepare(wanted: CellPreparation): Promise<PreparedCell> {
  const { name, homeUrl, cellUrl, homeUrlFromCell = homeUrl } = wanted
  if (!CELL_NAME.test(name)) {
    throw new Error(
      'the name of a cell is of letters, digits, dots, dashes and underlines, 63 at most',
    )
  }
  mustBeAddress(cellUrl, 'the database of the cell')
  mustBeAddress(homeUrlFromCell, 'home as the cell reaches it')
  return withoutSecrets([homeUrl, cellUrl, homeUrlFromCell], () =>
    inSession(homeUrl, 'home', (home) =>
      inSession(cellUrl, 'the cell', (cell) => prepare(home, cell, { ...wanted, homeUrlFromCell })),
    ),
  )
}

async function prepare(
  home: pg.Client,
  cell: pg.Client,
  { name, homeUrl, cellUrl, homeUrlFromCell = homeUrl }: CellPreparation,
): Promise<PreparedCell> {
  await homeCan(home)
  await cellCan(cell)
  if (await areSame(home, cell)) throw new Error('this is the database of home: a cell has its own')
  const known = await cellNamed(home, name)
  if (known === HOME_CELL) throw new Error(`${name} is the first cell: it is home`)
  await mustBeOurs(cell, known)
  await migrate({ url: cellUrl })
  await areAlike(home, cell)
  const isNew = !known || !(await hasSubscription(cell, replicationName(known)))
  if (isNew && !(await belongsTo(cell, known))) await isFree(cell)
  await limitsAtHome(home, homeUrl)

  const id = known ?? (await addRow(home, name))
  const subscription = replicationName(id)
  await publish(home)
  const slotIsNew = await makeSlot(home, subscription)
  if (isNew || slotIsNew) {
    await unsubscribe(cell, subscription)
    await forgetCopies(cell)
  }
  await ownDefaults(cell, id)
  try {
    await subscribe(cell, subscription, connectionOf(homeUrlFromCell))
  } catch (error) {
    // Else home would keep its log for nobody (RP2).
    if (slotIsNew) await dropSlot(home, subscription).catch(() => {})
    throw new Error('the cell could not subscribe: --home-from-cell says how it reaches home', {
      cause: error,
    })
  }
  await copied(cell, subscription)
  await noLimits(home, cell)
  return { id, isNew }
}

export async function cellNamed(home: pg.Client, name: string): Promise<string | null> {
  const row = await rowOf<{ id: string }>(home, 'select id from compute.cell where name = $1', [
    name,
  ])
  return row?.id ?? null
}

async function mustBeOurs(cell: pg.Client, known: string | null): Promise<void> {
  const others = await subscriptionsOf(cell)
  if (others.some((one) => !known || one !== replicationName(known))) {
    throw new Error('this database is another cell already')
  }
}

/** A run that broke off, or a slot that was lost: the database has our default. */
async function belongsTo(cell: pg.Client, id: string | null): Promise<boolean> {
  const row = await rowOf<{ is: string | null }>(
    cell,
    `select column_default as is from information_schema.columns
     where table_schema = 'compute' and table_name = 'host' and column_name = 'cell_id'`,
  )
  return id !== null && (row?.is ?? '').includes(id)
}

async function addRow(home: pg.Client, name: string): Promise<string> {
  await home.query(
    `insert into compute.cell (id, name, created_at, updated_at) values ($1, $2, now(), now())
     on conflict (name) do nothing`,
    [newId(), name],
  )
  return (await cellNamed(home, name)) ?? ''
}

/** What the copies will be written over; rows of the cell that refer to them stay (PC3). */
async function forgetCopies(cell: pg.Client): Promise<void> {
  await cell.query('begin')
  try {
    // Only who may do so; without it the first time works, because nothing refers to them yet.
    await cell.query('savepoint role')
    await cell
      .query('set local session_replication_role = replica')
      .catch(() => cell.query('rollback to savepoint role'))
    for (const { sql, rows } of homeTables.toReversed()) {
      await cell.query(`delete from ${sql}${rows ? ` where ${rows}` : ''}`)
    }
    await cell.query('commit')
  } catch (error) {
    await cell.query('rollback')
    throw error
  }
}

const CELLED = ['compute.host', 'compute.server', 'image.image']

async function ownDefaults(cell: pg.Client, id: string): Promise<void> {
  for (const table of CELLED) {
    await cell.query(`alter table ${table} alter column cell_id set default '${id}'::uuid`)
  }
}

/** A home that never started has none, and the cell's are made after them. */
async function limitsAtHome(home: pg.Client, url: string): Promise<void> {
  if (await rowOf(home, 'select from identity.registered_limit limit 1')) return
  const database = openDatabase({ url, poolSize: 1 })
  try {
    await registeredLimitBootstrap({ db: database.prisma, now: () => new Date() })
  } finally {
    await database.close()
  }
}

/** Home has decided before the cell is asked. */
async function noLimits(home: pg.Client, cell: pg.Client): Promise<void> {
  const { rows } = await home.query<{ service: string; resource: string }>(
    `select distinct on (resource) service_id as service, resource
     from identity.registered_limit order by resource, id`,
  )
  for (const { service, resource } of rows) {
    await cell.query(
      `insert into identity.registered_limit
         (id, service_id, resource, default_limit, created_at, updated_at)
       select $1, id, $3, -1, now(), now() from identity.service where id = $2
       on conflict do nothing`,
      [newId(), service, resource],
    )
  }
}
