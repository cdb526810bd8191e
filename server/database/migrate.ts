/**
 * Applies `prisma/migrations/<timestamp>_<name>/migration.sql`, in the order of their names, and
 * writes Prisma's own table, so that `prisma migrate` can take over where its binary runs.
 *
 * R1 One runner at a time per database: the advisory lock that Prisma Migrate takes, too.
 * R2 A file is one transaction together with its row in `_prisma_migrations`: it is applied whole
 *    and recorded, or neither.
 * R3 A file that was applied may not change (its SHA-256 is kept), and the database may not know
 *    migrations that we do not: then a newer version has been here, and nothing is touched.
 * R4 A file whose first line is `-- no transaction` holds one statement that can not run in a
 *    transaction (create index concurrently). It must be safe to repeat: when we die between it
 *    and its row, it runs again.
 */
import { createHash, randomUUID } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { projectRoot } from '../project-root.ts'

const PRISMA_ADVISORY_LOCK = 72707369
/** How long to wait for another process that is migrating. */
const RUNNER_WAIT_MS = 120_000
/** How long a migration waits for a table that a running cloud uses. */
const TABLE_WAIT_MS = 30_000
const NO_TRANSACTION = '-- no transaction'

export interface MigrateOptions {
  url: string
  /** Default: `prisma/migrations` of the project. */
  folder?: string
  onApplied?: (name: string, ms: number) => void
}

interface Migration {
  name: string
  sql: string
  checksum: string
}

/** Brings a database up to date. Resolves to the names of what it applied. */
export async function migrate(options: MigrateOptions): Promise<string[]> {
  const migrations = readMigrations(options.folder ?? join(projectRoot(), 'prisma', 'migrations'))
  const client = new pg.Client({ connectionString: options.url, application_name: 'migrate' })
  // A lost connection also rejects the statement at hand, which is what is reported.
  client.on('error', () => {})
  await client.connect()
  try {
    await takeLock(client)
    await client.query(`set lock_timeout = ${TABLE_WAIT_MS}`)
    await client.query(CREATE_TABLE)
    const pending = await pendingMigrations(client, migrations)
    for (const migration of pending) {
      const began = Date.now()
      await apply(client, migration)
      options.onApplied?.(migration.name, Date.now() - began)
    }
    return pending.map((migration) => migration.name)
  } finally {
    await client.end() // The advisory lock goes with the session.
  }
}

function readMigrations(folder: string): Migration[] {
  if (!existsSync(folder)) throw new Error(`no migrations in ${folder}`)
  const names = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory())
  return names
    .map((entry) => entry.name)
    .sort()
    .map((name) => {
      const bytes = readFileSync(join(folder, name, 'migration.sql'))
      const checksum = createHash('sha256').update(bytes).digest('hex')
      return { name, sql: bytes.toString('utf8'), checksum }
    })
}

async function takeLock(client: pg.Client): Promise<void> {
  await client.query(`set statement_timeout = 0`)
  await client.query(`set lock_timeout = ${RUNNER_WAIT_MS}`)
  try {
    await client.query('select pg_advisory_lock($1)', [PRISMA_ADVISORY_LOCK])
  } catch (error) {
    throw new Error(`another process has been migrating this database for ${RUNNER_WAIT_MS} ms`, {
      cause: error,
    })
  }
}

/** Exactly as Prisma Migrate makes it. */
const CREATE_TABLE = `
create table if not exists public._prisma_migrations (
  id                  varchar(36) primary key not null,
  checksum            varchar(64) not null,
  finished_at         timestamptz,
  migration_name      varchar(255) not null,
  logs                text,
  rolled_back_at      timestamptz,
  started_at          timestamptz not null default now(),
  applied_steps_count integer not null default 0
)`

async function pendingMigrations(client: pg.Client, migrations: Migration[]): Promise<Migration[]> {
  const { rows } = await client.query<{ name: string; checksum: string; finished: boolean }>(
    `select migration_name as name, checksum, finished_at is not null as finished
     from public._prisma_migrations where rolled_back_at is null`,
  )
  const known = new Map(migrations.map((migration) => [migration.name, migration]))
  for (const row of rows) {
    const migration = known.get(row.name)
    if (!migration)
      throw new Error(
        `${UNTOUCHED}: it has migration ${row.name}, which this version does not know. A newer version has been here; start that one`,
      )
    if (!row.finished)
      throw new Error(
        `${UNTOUCHED}: migration ${row.name} failed half-way in Prisma Migrate; finish it there (prisma migrate resolve)`,
      )
    if (row.checksum !== migration.checksum)
      throw new Error(
        `${UNTOUCHED}: migration ${row.name} was edited after it was applied. Restore the file and put the change into a new migration`,
      )
  }
  const applied = new Set(rows.map((row) => row.name))
  const pending = migrations.filter((migration) => !applied.has(migration.name))
  const last =
    rows
      .map((row) => row.name)
      .sort()
      .at(-1) ?? ''
  const late = pending.find((migration) => migration.name < last)
  if (late)
    throw new Error(
      `${UNTOUCHED}: migration ${late.name} is older than ${last}, which is applied already. Give it a newer timestamp`,
    )
  return pending
}

const UNTOUCHED = 'the database was left as it is'

async function apply(client: pg.Client, migration: Migration): Promise<void> {
  const alone = migration.sql.startsWith(NO_TRANSACTION)
  try {
    if (alone) await client.query(migration.sql)
    await client.query('begin')
    if (!alone) await client.query(migration.sql)
    await client.query(
      `insert into public._prisma_migrations
         (id, checksum, migration_name, started_at, finished_at, applied_steps_count)
       values ($1, $2, $3, now(), clock_timestamp(), 1)`,
      [randomUUID(), migration.checksum, migration.name],
    )
    await client.query('commit')
  } catch (error) {
    await client.query('rollback').catch(() => {})
    throw new Error(
      `migration ${migration.name} failed${place(error, migration.sql)} and was undone`,
      {
        cause: error,
      },
    )
  }
}

/** Where in the file PostgreSQL stumbled: its position counts characters from 1. */
function place(error: unknown, sql: string): string {
  const position = error instanceof pg.DatabaseError ? Number(error.position) : Number.NaN
  return position > 0 ? ` at line ${sql.slice(0, position).split('\n').length}` : ''
}
