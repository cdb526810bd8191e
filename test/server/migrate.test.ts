import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { diff } from '../../scripts/schema-engine.mjs'
import { migrate } from '../../server/database/migrate.ts'
import { emptyDatabase, type FreshDatabase, freshDatabase } from '../support/database.ts'
import { until } from '../support/until.ts'

let folder: string
let database: FreshDatabase
let client: pg.Client

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'nephograph-migrations-'))
  database = await emptyDatabase()
  client = new pg.Client({ connectionString: database.url })
  await client.connect()
})

afterEach(async () => {
  await client.end()
  await database.drop()
  rmSync(folder, { recursive: true, force: true })
})

function write(name: string, sql: string): void {
  mkdirSync(join(folder, name), { recursive: true })
  writeFileSync(join(folder, name, 'migration.sql'), sql)
}

function run(): Promise<string[]> {
  return migrate({ url: database.url, folder })
}

async function column<T>(sql: string): Promise<T[]> {
  const { rows } = await client.query({ text: sql, rowMode: 'array' })
  return rows.map((row: T[]) => row[0] as T)
}

const recorded = () =>
  column<string>('select migration_name from public._prisma_migrations order by migration_name')

describe('the runner', () => {
  it('applies what is new, in order, once, and records it as Prisma does', async () => {
    write('20260102000000_second', 'insert into a values (2);')
    write('20260101000000_first', 'create table a (n int); insert into a values (1);')
    expect(await run()).toEqual(['20260101000000_first', '20260102000000_second'])
    expect(await run()).toEqual([])
    write('20260103000000_third', 'insert into a values (3);')
    expect(await run()).toEqual(['20260103000000_third'])
    expect(await column('select n from a order by n')).toEqual([1, 2, 3])
    const { rows } = await client.query(
      `select length(id) as id, length(checksum) as checksum, applied_steps_count as steps,
              finished_at >= started_at as finished, rolled_back_at, logs
       from public._prisma_migrations limit 1`,
    )
    expect(rows).toEqual([
      { id: 36, checksum: 64, steps: 1, finished: true, rolled_back_at: null, logs: null },
    ])
  })

  it('knows function bodies, in which semicolons are not the end of a statement', async () => {
    write(
      '20260101000000_function',
      'create function one() returns int language plpgsql as $$ begin return 1; end; $$; select one();',
    )
    await run()
    expect(await column('select one()')).toEqual([1])
  })

  it('refuses a file that was edited after it was applied, and applies nothing', async () => {
    write('20260101000000_first', 'create table a (n int);')
    await run()
    write('20260101000000_first', 'create table a (n bigint);')
    write('20260102000000_second', 'create table b (n int);')
    await expect(run()).rejects.toThrow(/20260101000000_first was edited after it was applied/)
    expect(await column(`select to_regclass('b')`)).toEqual([null])
  })

  it('refuses a database that a newer version has migrated', async () => {
    write('20260101000000_first', 'create table a (n int);')
    write('20260102000000_second', 'create table b (n int);')
    await run()
    rmSync(join(folder, '20260102000000_second'), { recursive: true })
    await expect(run()).rejects.toThrow(/20260102000000_second, which this version does not know/)
  })

  it('refuses a file that comes too late, and one that failed in Prisma Migrate', async () => {
    write('20260102000000_second', 'create table b (n int);')
    await run()
    write('20260101000000_first', 'create table a (n int);')
    await expect(run()).rejects.toThrow(/20260101000000_first is older than 20260102000000_second/)
    rmSync(join(folder, '20260101000000_first'), { recursive: true })
    await client.query('update public._prisma_migrations set finished_at = null')
    await expect(run()).rejects.toThrow(/failed half-way in Prisma Migrate/)
  })

  it('undoes a failing file whole, keeps those before it, and goes on once it is mended', async () => {
    write('20260101000000_first', 'create table a (n int);')
    write(
      '20260102000000_second',
      'create table b (n int);\ninsert into a values (1);\nselect nothing;',
    )
    await expect(run()).rejects.toThrow(/20260102000000_second failed at line 3 and was undone/)
    expect(await recorded()).toEqual(['20260101000000_first'])
    expect(await column(`select to_regclass('b')`)).toEqual([null])
    expect(await column('select count(*)::int from a')).toEqual([0])
    write('20260102000000_second', 'create table b (n int);')
    expect(await run()).toEqual(['20260102000000_second'])
  })

  it('lets one runner work while the others wait', async () => {
    write('20260101000000_first', 'create table a (n int); select pg_sleep(0.2);')
    write('20260102000000_second', 'insert into a values (1);')
    const applied = await Promise.all([run(), run(), run(), run()])
    expect(applied.map((names) => names.length).sort()).toEqual([0, 0, 0, 2])
    expect(await column('select count(*)::int from a')).toEqual([1])
  })

  it('leaves nothing half-done when its connection is cut', async () => {
    write('20260101000000_first', 'create table a (n int); select pg_sleep(60);')
    const cut = expect(run()).rejects.toThrow(/20260101000000_first failed/)
    await until('the runner is at work', async () => {
      const ended = await column<boolean>(
        `select pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and query like 'create table a%' and pid <> pg_backend_pid()`,
      )
      return ended.length > 0
    })
    await cut
    expect(await column(`select to_regclass('a')`)).toEqual([null])
    expect(await recorded()).toEqual([])
  })

  it('runs a file that can not be in a transaction, when the file says so', async () => {
    write('20260101000000_first', 'create table a (n int);')
    write('20260102000000_index', 'create index concurrently a_n on a (n);')
    await expect(run()).rejects.toThrow(/20260102000000_index failed/)
    write('20260102000000_index', '-- no transaction\ncreate index concurrently a_n on a (n);')
    expect(await run()).toEqual(['20260102000000_index'])
    expect(await column(`select to_regclass('a_n') is not null`)).toEqual([true])
  })
})

describe('our migrations', () => {
  it('make exactly the Prisma model', async () => {
    const fresh = await freshDatabase()
    try {
      expect(await diff({ url: fresh.url })).toEqual({ empty: true, sql: '' })
      const other = new pg.Client({ connectionString: fresh.url })
      await other.connect()
      await other.query('alter table compute.flavor drop column description')
      await other.end()
      // The test can fail: the engine sees what we did.
      expect((await diff({ url: fresh.url })).sql).toContain('ADD COLUMN     "description" TEXT')
    } finally {
      await fresh.drop()
    }
  })

  it('hold nothing that the Prisma model can not state, but for this list', async () => {
    const fresh = await freshDatabase()
    const other = new pg.Client({ connectionString: fresh.url })
    await other.connect()
    try {
      const { rows } = await other.query<{ object: string }>(UNSEEN)
      expect(rows.map((row) => row.object)).toEqual(WRITTEN_BY_HAND)
      await other.query('alter table compute.flavor add constraint some_check check (vcpus > 0)')
      const after = await other.query<{ object: string }>(UNSEEN)
      expect(after.rows).toContainEqual({ object: 'constraint compute.flavor.some_check' })
    } finally {
      await other.end()
      await fresh.drop()
    }
  })
})

/** What migrations add by hand. A migration that the engine wrote may not drop any of it. */
const WRITTEN_BY_HAND: string[] = [
  'constraint identity.quota.quota_counts',
  'constraint identity.role_assignment.role_assignment_holder',
  'constraint identity.role_assignment.role_assignment_target',
  'function core.audit_event_stays',
  'sequence core.fence',
  'trigger core.audit_event.audit_event_all_stay',
  'trigger core.audit_event.audit_event_stays',
]

/** Objects that Prisma's engine neither compares nor protects, by name. */
const UNSEEN = `
with ours as (
  select oid, nspname from pg_namespace
  where nspname !~ '^(pg_|information_schema$)'
)
select object from (
  select format('constraint %s.%s.%s', nspname, relname, conname) as object
    from pg_constraint join ours on ours.oid = connamespace join pg_class on pg_class.oid = conrelid
    where contype in ('c', 'x') or condeferrable
  union all
  select format('index %s.%s', nspname, relname)
    from pg_index join pg_class on pg_class.oid = indexrelid join ours on ours.oid = relnamespace
    where indpred is not null or indexprs is not null
  union all
  select format('trigger %s.%s.%s', nspname, relname, tgname)
    from pg_trigger join pg_class on pg_class.oid = tgrelid join ours on ours.oid = relnamespace
    where not tgisinternal
  union all
  select format('function %s.%s', nspname, proname) from pg_proc join ours on ours.oid = pronamespace
  union all
  select format('view %s.%s', nspname, relname)
    from pg_class join ours on ours.oid = relnamespace where relkind in ('v', 'm')
  union all
  select format('sequence %s.%s', nspname, relname)
    from pg_class join ours on ours.oid = relnamespace
    where relkind = 'S' and not exists (
      select 1 from pg_depend where objid = pg_class.oid and deptype in ('a', 'i')
    )
  union all
  select format('policy %s.%s.%s', nspname, relname, polname)
    from pg_policy join pg_class on pg_class.oid = polrelid join ours on ours.oid = relnamespace
) found order by object`
