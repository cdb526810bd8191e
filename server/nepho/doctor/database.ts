/** What the cloud needs of its database. */
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type pg from 'pg'
import { type Check, type Facts, type Finding, fail, ok, warn } from './check.ts'

/** The promises can't be looked at before this one holds. */
export const MIGRATIONS = 'database migrations'

const OLDEST_MAJOR = 15
const CLOCK_WARN_MS = 1_000
/** Half of what a staged key waits: beyond it processes may meet tokens whose key they don't know. */
const CLOCK_FAIL_MS = 30_000

async function version(database: pg.Client): Promise<Finding> {
  const { rows } = await database.query<{ version: string }>(
    `select current_setting('server_version') as version`,
  )
  const text = rows[0]?.version ?? ''
  if (Number.parseInt(text, 10) >= OLDEST_MAJOR) return ok(`PostgreSQL ${text}`)
  return fail(`PostgreSQL ${text}`, `upgrade it to ${OLDEST_MAJOR} or newer`)
}

interface Applied {
  name: string
  checksum: string
  finished: boolean
}

async function migrations(database: pg.Client, { migrationsDir }: Facts): Promise<Finding> {
  const names = readdirSync(migrationsDir).filter((name) =>
    existsSync(join(migrationsDir, name, 'migration.sql')),
  )
  const { rows: tables } = await database.query(
    `select from pg_tables where schemaname = 'public' and tablename = '_prisma_migrations'`,
  )
  if (tables.length === 0)
    return fail('none was applied yet', 'nepho bootstrap, or start the cloud')
  const { rows } = await database.query<Applied>(
    `select migration_name as name, checksum, finished_at is not null as finished
     from public._prisma_migrations where rolled_back_at is null`,
  )
  const applied = new Map(rows.map((row) => [row.name, row]))
  const unknown = rows.filter(({ name }) => !names.includes(name)).map(({ name }) => name)
  if (unknown.length > 0) {
    return fail(
      `this version does not know ${unknown.join(', ')}`,
      'a newer version has been here: start that one',
    )
  }
  const broken = rows.filter(
    ({ name, checksum, finished }) => !finished || checksum !== checksumOf(migrationsDir, name),
  )
  if (broken.length > 0) {
    return fail(
      `${broken.map(({ name }) => name).join(', ')}: changed or broken off`,
      'restore the file as it was applied, or finish it with prisma migrate resolve',
    )
  }
  const pending = names.filter((name) => !applied.has(name))
  if (pending.length === 0) return ok(`all ${names.length} are applied`)
  return fail(`not applied: ${pending.join(', ')}`, 'nepho bootstrap, or start the cloud')
}

const checksumOf = (folder: string, name: string): string =>
  createHash('sha256')
    .update(readFileSync(join(folder, name, 'migration.sql')))
    .digest('hex')

async function clock(database: pg.Client): Promise<Finding> {
  const began = Date.now()
  const { rows } = await database.query<{ ms: number }>(
    'select extract(epoch from clock_timestamp())::float8 * 1000 as ms',
  )
  const ended = Date.now()
  const theirs = rows[0]?.ms ?? Number.NaN
  // As much as the way there and back leaves open is in our favour.
  const differenceMs = Math.round(Math.max(0, began - theirs, theirs - ended))
  const found = `${differenceMs} ms apart`
  if (differenceMs <= CLOCK_WARN_MS) return ok(found)
  const cure = 'keep the clocks of both machines with NTP (chrony, systemd-timesyncd)'
  return differenceMs <= CLOCK_FAIL_MS ? warn(found, cure) : fail(found, cure)
}

async function connections(database: pg.Client): Promise<Finding> {
  const { rows } = await database.query<{ used: number; most: number }>(
    `select (select count(*)::int from pg_stat_activity where backend_type = 'client backend') as used,
            current_setting('max_connections')::int
              - current_setting('superuser_reserved_connections')::int as most`,
  )
  const { used = 0, most = 0 } = rows[0] ?? {}
  const found = `${used} of ${most} are in use`
  if (used < most * 0.9) return ok(found)
  return warn(found, 'raise max_connections: a process of the cloud may use up to 20')
}

const check = (
  name: string,
  run: (database: pg.Client, facts: Facts) => Promise<Finding>,
): Check => ({ name, kind: 'prerequisite', needs: 'database', run })

export const databaseChecks: readonly Check[] = [
  {
    name: 'database',
    kind: 'prerequisite',
    needs: 'nothing',
    run({ database, databaseProblem }) {
      if (database) return ok(`it answers at ${placeOf(database)}`)
      const { status, reason } = databaseProblem ?? { status: 'skipped', reason: 'not looked at' }
      const cure =
        'start PostgreSQL, and see that DATABASE_URL names it with a user and password it takes'
      return status === 'fail' ? fail(reason, cure) : { status, found: reason }
    },
  },
  check('database version', version),
  check(MIGRATIONS, migrations),
  check('database clock', clock),
  check('database connections', connections),
]

const placeOf = ({ host, port, database }: pg.Client): string =>
  host.startsWith('/') ? `the socket in ${host}` : `${host}:${port}, ${database ?? ''}`
