import { afterEach, beforeEach, expect, it } from 'vitest'
import { type Database, openDatabase } from '../../server/database/client.ts'
import { type FreshDatabase, freshDatabase } from '../support/database.ts'
import { until } from '../support/until.ts'

let fresh: FreshDatabase
let database: Database
let statements: string[]
let broken: Error[]

beforeEach(async () => {
  fresh = await freshDatabase()
  statements = []
  broken = []
  database = openDatabase({
    url: fresh.url,
    poolSize: 2,
    onQuery: (sql) => statements.push(sql),
    onConnectionError: (error) => broken.push(error),
  })
})

afterEach(async () => {
  await database.close()
  await fresh.drop()
})

it('counts every statement, of Prisma and of the pool, failed ones and transactions too', async () => {
  const { prisma, pool } = database
  expect(await prisma.flavor.count()).toBe(0)
  expect((await pool.query('select $1::int as n', [7])).rows).toEqual([{ n: 7 }])
  await expect(pool.query('select nothing')).rejects.toThrow('nothing')
  const client = await pool.connect()
  await client.query('select 8')
  client.release()
  await prisma.$transaction((tx) => tx.flavor.count())
  const kinds = statements.map((sql) => sql.replace(/^SELECT COUNT.*/s, 'count'))
  expect(kinds).toEqual([
    'count',
    'select $1::int as n',
    'select nothing',
    'select 8',
    'BEGIN',
    'count',
    'COMMIT',
  ])
})

it('prepares a statement of Prisma once in a connection', async () => {
  const { prisma } = database
  await prisma.$transaction(async (tx) => {
    for (let n = 0; n < 3; n++) await tx.flavor.count()
    const prepared = await tx.$queryRaw<{ calls: number }[]>`
      select (generic_plans + custom_plans)::int as calls
      from pg_prepared_statements where statement like 'SELECT COUNT%'`
    expect(prepared).toEqual([{ calls: 3 }])
  })
})

it('bounds how long a statement runs and waits', async () => {
  const bounds = { statementTimeoutMs: 3_000, lockTimeoutMs: 500 }
  const bounded = openDatabase({ url: fresh.url, poolSize: 2, ...bounds })
  const { pool } = bounded
  await expect(pool.query('select pg_sleep(30)')).rejects.toThrow('statement timeout')
  const holder = await pool.connect()
  try {
    await holder.query('begin')
    await holder.query('lock table compute.flavor')
    await expect(pool.query('select * from compute.flavor')).rejects.toThrow('lock timeout')
  } finally {
    await holder.query('rollback')
    holder.release()
    await bounded.close()
  }
})

it('outlives connections that break while nobody uses them', async () => {
  const { pool, prisma } = database
  const { rows } = await pool.query('select pg_backend_pid() as pid')
  const other = openDatabase({ url: fresh.url })
  try {
    await other.pool.query('select pg_terminate_backend($1)', [rows[0].pid])
    await until('the pool has noticed', () => broken.length > 0)
    expect(await prisma.flavor.count()).toBe(0)
  } finally {
    await other.close()
  }
})
