/** What home and a cell's database must be able to do, each with its cure. Nothing is changed here. */
import type pg from 'pg'
import { SUBSCRIPTIONS } from './replication.ts'
import { rowOf } from './session.ts'

interface Home {
  level: string
  slots: number
  senders: number
  used: number
  may: boolean
}

const refuse = (found: string, cure: string): never => {
  throw new Error(`${found}: ${cure}`)
}

/** Throws when home can't be copied from. */
export async function homeCan(home: pg.Client): Promise<void> {
  const able = await rowOf<Home>(
    home,
    `select current_setting('wal_level') as level,
            current_setting('max_replication_slots')::int as slots,
            current_setting('max_wal_senders')::int as senders,
            (select count(*)::int from pg_replication_slots) as used,
            (select rolsuper or rolreplication from pg_roles where rolname = current_user) as may`,
  )
  if (able?.level !== 'logical') {
    refuse(
      `home's PostgreSQL has wal_level ${able?.level}`,
      'set wal_level = logical there and start it anew; the embedded database has no cells, set DATABASE_URL to one of your own',
    )
  }
  if (!able?.may) {
    refuse(
      `home's user may not replicate`,
      'alter role … replication, or name one in DATABASE_URL that may',
    )
  }
  if ((able?.senders ?? 0) === 0) {
    refuse(`home's PostgreSQL has max_wal_senders 0`, 'set it to twice the number of cells')
  }
  const there = await rowOf(home, `select from pg_class where oid = to_regclass('compute.cell')`)
  if (!there) refuse('home is no cloud yet', 'nepho bootstrap makes it one')
  if ((await subscriptionsOf(home)).length > 0) {
    refuse('this database is a cell itself', 'run the command with the settings of home')
  }
}

/** Throws when the cell's database can't have copies of home's. */
export async function cellCan(cell: pg.Client): Promise<void> {
  const able = await rowOf<{ workers: number; super: boolean; version: number; may: boolean }>(
    cell,
    `select current_setting('max_logical_replication_workers')::int as workers, rolsuper as super,
            current_setting('server_version_num')::int / 10000 as version,
            exists (select from pg_roles r where r.rolname = 'pg_create_subscription'
                      and pg_has_role(current_user, r.oid, 'usage')) as may
     from pg_roles where rolname = current_user`,
  )
  if ((able?.workers ?? 0) === 0) {
    refuse(
      `the cell's PostgreSQL has max_logical_replication_workers 0`,
      'set it to 4 for each cell in it, and start it anew',
    )
  }
  if (!able?.super && !able?.may) {
    refuse(
      `the cell's user may not subscribe`,
      (able?.version ?? 0) >= 16
        ? 'grant pg_create_subscription to it, or name a superuser'
        : 'before PostgreSQL 16 it must be a superuser',
    )
  }
}

/** Names of the subscriptions that make this database a cell. */
export async function subscriptionsOf(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select subname as name from pg_subscription
     where subname like $1 and subdbid = (select oid from pg_database where datname = current_database())`,
    [SUBSCRIPTIONS],
  )
  return rows.map(({ name }) => name)
}

/** Throws when the database has been used for something else, or migrated by another version than home. */
export async function isFree(cell: pg.Client): Promise<void> {
  const used = await rowOf(
    cell,
    `select from (values (1)) one where exists (select from identity.domain)
       or exists (select from identity."user") or exists (select from compute.host)
       or exists (select from compute.server) or exists (select from image.image)`,
  )
  if (used) refuse('the database is in use already', 'a cell begins with an empty one')
}

export async function areAlike(home: pg.Client, cell: pg.Client): Promise<void> {
  const sql = `select string_agg(migration_name, ' ' order by migration_name) as names
               from public._prisma_migrations where finished_at is not null`
  const [one, other] = [await rowOf<{ names: string }>(home, sql), await rowOf(cell, sql)]
  if (one?.names !== other?.names) {
    refuse('home has not the migrations of this version', 'nepho bootstrap applies them')
  }
}
