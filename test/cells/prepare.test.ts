/** A database becomes a cell: it has what home has, and what is its own stays. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { Prisma } from '../../prisma/generated/client.ts'
import { cellPrepare } from '../../server/cells/prepare.ts'
import { cellRemove } from '../../server/cells/remove.ts'
import { homeTables, ownerOfTables } from '../../server/cells/tables.ts'
import { startEmbeddedPostgres } from '../../server/database/embedded.ts'
import { createCell, listCells, removeCell } from '../../server/nepho/cell.ts'
import { examine } from '../../server/nepho/doctor.ts'
import { Secret } from '../../server/secret.ts'
import { HOME_CELL } from '../../services/cells/cells.ts'
import { newId } from '../../services/id.ts'
import { type FreshCell, freshCell } from '../support/cell.ts'
import { emptyDatabase, freshDatabase, useReplicatingPostgres } from '../support/database.ts'
import { until } from '../support/until.ts'

let stopPostgres: (() => Promise<void>) | undefined
beforeAll(async () => {
  stopPostgres = await useReplicatingPostgres()
}, 120_000)
afterAll(() => stopPostgres?.())

const undo: (() => unknown)[] = []
afterEach(async () => {
  for (const one of undo.splice(0).reverse()) await one()
})

type Rows = Record<string, unknown>[]
type Ask = (sql: string, values?: unknown[]) => Promise<Rows>

async function open(url: string): Promise<Ask> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  undo.push(() => client.end())
  return async (sql, values) => (await client.query<Record<string, unknown>>(sql, values)).rows
}

async function home(): Promise<{ url: string; ask: Ask }> {
  const { url, drop } = await freshDatabase()
  undo.push(drop)
  return { url, ask: await open(url) }
}

async function cellOf(homeUrl: string): Promise<FreshCell & { ask: Ask }> {
  const cell = await freshCell(homeUrl, 'cell2')
  undo.push(() => cell.drop())
  return { ...cell, ask: await open(cell.url) }
}

const ids = { domain: newId(), project: newId(), flavor: newId(), image: newId(), user: newId() }

async function addRows(ask: Ask): Promise<void> {
  await ask(
    `insert into identity.domain (id, name, name_key, created_at, updated_at)
     values ($1, 'D', 'd', now(), now())`,
    [ids.domain],
  )
  await ask(
    `insert into identity.project (id, domain_id, name, name_key, created_at, updated_at)
     values ($1, $2, 'P', 'p', now(), now())`,
    [ids.project, ids.domain],
  )
  await ask(
    `insert into compute.flavor (id, name, vcpus, memory_mib, disk_gib, created_at, updated_at)
     values ($1, 'small', 1, 64, 1, now(), now())`,
    [ids.flavor],
  )
  await ask(
    `insert into image.image
       (id, project_id, name, status, disk_format, visibility, created_at, updated_at)
     values ($1, $2, 'tiny', 'ACTIVE', 'RAW', 'PUBLIC', now(), now())`,
    [ids.image, ids.project],
  )
}

const addServer = (ask: Ask) =>
  ask(
    `insert into compute.server (id, project_id, user_id, name, status, power_state, flavor_id,
       image_id, vcpus, memory_mib, disk_gib, created_at, updated_at)
     values ($1, $2, $3, 'one', 'ACTIVE', 'RUNNING', $4, $5, 1, 64, 1, now(), now())
     returning cell_id`,
    [newId(), ids.project, ids.user, ids.flavor, ids.image],
  )

const slots = (ask: Ask) =>
  ask('select slot_name from pg_replication_slots where database = current_database()')

const everything = async (ask: Ask) => {
  const all: Record<string, Rows> = {}
  for (const { name, sql } of homeTables) {
    all[name] = await ask(`select * from ${sql} t order by t::text`)
  }
  return all
}

describe('the tables of home', () => {
  it('are told of every table there is', async () => {
    const { ask } = await home()
    const rows = await ask(
      `select schemaname || '.' || tablename as name from pg_tables
       where schemaname in ('core', 'identity', 'compute', 'image')`,
    )
    expect(rows.map(({ name }) => name).sort()).toEqual(Object.keys(ownerOfTables).sort())
    expect(Object.keys(Prisma.ModelName)).toHaveLength(rows.length)
  })

  it('refer to none of a cell', async () => {
    const { ask } = await home()
    const keys = await ask(
      `select conrelid::regclass::text as "from", confrelid::regclass::text as "to"
       from pg_constraint where contype = 'f'`,
    )
    const owner = (name: unknown) => ownerOfTables[String(name).replaceAll('"', '')]
    expect(keys.length).toBeGreaterThan(30)
    expect(keys.filter((k) => owner(k.from) === 'home' && owner(k.to) !== 'home')).toEqual([])
  })
})

describe('a cell', () => {
  it('has what home had before, and what comes, changes and goes', async () => {
    const { url, ask } = await home()
    await addRows(ask)
    const cell = await cellOf(url)
    expect(await everything(cell.ask)).toEqual(await everything(ask))
    expect((await cell.ask('select name from compute.cell order by name')).length).toBe(2)
    const mine = await addServer(cell.ask)
    expect(mine).toEqual([{ cell_id: cell.id }])

    const other = newId()
    await ask(
      `insert into compute.flavor (id, name, vcpus, memory_mib, disk_gib, created_at, updated_at)
       values ($1, 'large', 8, 64, 1, now(), now())`,
      [other],
    )
    await ask(`update image.image set name = 'renamed'`)
    await ask(`update identity.project set description = 'new'`)
    const has = async (sql: string) => (await cell.ask(sql)).length > 0
    await until('the flavor', () => has(`select from compute.flavor where name = 'large'`))
    await until('the image', () => has(`select from image.image where name = 'renamed'`))
    await until('the project', () => has(`select from identity.project where description = 'new'`))
    await ask('delete from compute.flavor where id = $1', [other])
    await until('no flavor', async () => !(await has(`select from compute.flavor where vcpus = 8`)))
    expect(await cell.ask('select cell_id from compute.server')).toEqual(mine)
  })

  it('keeps its own images, and home does not get them', async () => {
    const { url, ask } = await home()
    await addRows(ask)
    const cell = await cellOf(url)
    const sql = `insert into image.image
        (id, project_id, name, status, disk_format, visibility, created_at, updated_at)
      values ($1, $2, $3, 'ACTIVE', 'RAW', 'PRIVATE', now(), now())`
    await cell.ask(sql, [newId(), ids.project, 'snapshot'])
    await ask(
      sql
        .replace('updated_at)', 'updated_at, cell_id)')
        .replace('now(), now())', `now(), now(), '${newId()}')`),
      [newId(), ids.project, 'elsewhere'],
    )
    await ask(sql, [newId(), ids.project, 'last'])
    const names = async () =>
      (await cell.ask('select name from image.image order by name')).map((r) => r.name)
    await until('the last image', async () => (await names()).includes('last'))
    expect(await names()).toEqual(['last', 'snapshot', 'tiny'])
    expect(await ask(`select from image.image where name = 'snapshot'`)).toEqual([])
  })

  it('has no limits of its own', async () => {
    const { url, ask } = await home()
    const cell = await cellOf(url)
    const resources = await ask('select resource from identity.registered_limit order by 1')
    expect(resources.length).toBeGreaterThan(3)
    expect(
      await cell.ask('select resource, default_limit from identity.registered_limit order by 1'),
    ).toEqual(resources.map((row) => ({ ...row, default_limit: -1 })))
  })

  it('is the same after it was prepared again', async () => {
    const { url, ask } = await home()
    await addRows(ask)
    const cell = await cellOf(url)
    await addServer(cell.ask)
    const before = {
      ...(await everything(cell.ask)),
      servers: await cell.ask('select * from compute.server'),
    }
    const limits = await cell.ask('select * from identity.registered_limit order by id')
    const again = await cellPrepare({ name: 'cell2', homeUrl: url, cellUrl: cell.url })
    expect(again).toEqual({ id: cell.id, isNew: false })
    expect({
      ...(await everything(cell.ask)),
      servers: await cell.ask('select * from compute.server'),
    }).toEqual(before)
    expect(await cell.ask('select * from identity.registered_limit order by id')).toEqual(limits)
    expect(await slots(ask)).toHaveLength(1)
    await ask(`update compute.flavor set name = 'other'`)
    await until(
      'the change',
      async () => (await cell.ask(`select from compute.flavor where name = 'other'`)).length > 0,
    )
  })

  it('gets everything anew when home has lost its slot', async () => {
    const { url, ask } = await home()
    await addRows(ask)
    const cell = await cellOf(url)
    await addServer(cell.ask)
    await ask(
      `select pg_terminate_backend(active_pid) from pg_replication_slots where database = current_database()`,
    )
    const [name] = (
      await cell.ask(
        'select subname from pg_subscription where subdbid = (select oid from pg_database where datname = current_database())',
      )
    ).map((r) => r.subname)
    await cell.ask(`alter subscription ${String(name)} disable`)
    await until(
      'the slot is let go',
      async () =>
        (
          await ask(
            'select from pg_replication_slots where database = current_database() and not active',
          )
        ).length === 1,
    )
    await ask(
      'select pg_drop_replication_slot(slot_name) from pg_replication_slots where database = current_database()',
    )
    await ask(`update compute.flavor set name = 'unheard of'`)
    await cellPrepare({ name: 'cell2', homeUrl: url, cellUrl: cell.url })
    expect(await everything(cell.ask)).toEqual(await everything(ask))
    expect(await cell.ask('select from compute.server')).toHaveLength(1)
  })

  it('is removed without a slot left, once nothing is in it', async () => {
    const { url, ask } = await home()
    await addRows(ask)
    const cell = await cellOf(url)
    await addServer(cell.ask)
    const removal = { name: 'cell2', homeUrl: url, cellUrl: cell.url }
    await expect(cellRemove(removal)).rejects.toThrow('cell2 still has 1 servers')
    await cell.ask('delete from compute.server')
    await cellRemove(removal)
    expect(await slots(ask)).toEqual([])
    expect(await ask('select name from compute.cell')).toEqual([{ name: 'cell1' }])
    await expect(cellRemove(removal)).rejects.toThrow('there is no cell cell2')
    await expect(cellRemove({ ...removal, name: 'cell1' })).rejects.toThrow('is home')
  })
})

describe('nepho cell', () => {
  const cloud = (url: string) => ({ databaseUrl: new Secret(url), dataDir: '/nowhere', cells: [] })
  const listening = () => {
    const lines: string[] = []
    return { lines, say: (line = '') => void lines.push(line) }
  }

  it('creates, lists and removes, and tells no password', async () => {
    const { url, ask } = await home()
    const database = await freshDatabase()
    undo.push(database.drop)
    const { lines, say } = listening()
    const secret = new URL(database.url)
    secret.password = 'geheim'
    await createCell(cloud(url), { name: 'cell2', database: secret.href }, say)
    expect(lines[0]).toMatch(/^cell2 is a cell now/)
    await createCell(cloud(url), { name: 'cell2', database: secret.href }, say)
    expect(lines[3]).toMatch(/as before/)
    await until('it follows home', async () => {
      lines.splice(0)
      await listCells(cloud(url), say)
      return /^cell2 +yes +replicating +\d+ bytes, [\d.]+ s$/m.test(lines.join('\n'))
    })
    expect(lines.join('\n')).toMatch(/^cell1 +yes +home$/m)
    const examined = async () =>
      (
        await examine({
          sources: { env: { DATABASE_URL: url }, argv: [], cwd: '/nowhere' },
          only: ({ name }) => name === 'cells follow home',
        })
      )[0]
    expect(await examined()).toMatchObject({ status: 'ok', found: '1 follow home' })
    const cell = await open(database.url)
    const [subscription] = await cell(
      `select subname as name from pg_subscription
       where subdbid = (select oid from pg_database where datname = current_database())`,
    )
    await cell(`alter subscription ${String(subscription?.name)} disable`)
    await until('the doctor sees it', async () => (await examined())?.status === 'fail')
    expect(() => removeCell(cloud(url), { name: 'cell2' }, say)).toThrow('--database')
    await removeCell(cloud(url), { name: 'cell2', database: secret.href }, say)
    expect(await slots(ask)).toEqual([])
    expect(lines.join('\n')).not.toContain('geheim')
    expect(await examined()).toMatchObject({ status: 'ok', found: 'there is one cell' })
  })
})

describe('a cell is refused', () => {
  it('by names and databases that can be none, and changes nothing', async () => {
    const { url, ask } = await home()
    const { url: cellUrl, drop } = await emptyDatabase()
    undo.push(drop)
    const wanted = { name: 'cell2', homeUrl: url, cellUrl }
    await expect(cellPrepare({ ...wanted, name: 'a b' })).rejects.toThrow('the name of a cell')
    await expect(cellPrepare({ ...wanted, name: 'cell1' })).rejects.toThrow('it is home')
    await expect(cellPrepare({ ...wanted, cellUrl: url })).rejects.toThrow('database of home')
    await expect(cellPrepare({ ...wanted, cellUrl: 'mysql://a:b@c/d' })).rejects.toThrow(
      'must be an address like',
    )
    const used = await home()
    await addRows(used.ask)
    await expect(cellPrepare({ ...wanted, cellUrl: used.url })).rejects.toThrow('in use already')
    expect(await slots(ask)).toEqual([])
    expect(await ask('select id from compute.cell')).toEqual([{ id: HOME_CELL }])
  })

  it('at home in a server that does not tell what it writes', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'nephograph-minimal-'))
    undo.push(() => rmSync(dataDir, { recursive: true, force: true }))
    const quiet = { info: () => {}, warn: () => {}, error: () => {} }
    const server = await startEmbeddedPostgres({ dataDir, durable: false, log: quiet })
    undo.push(() => server.stop())
    const { url: cellUrl, drop } = await emptyDatabase()
    undo.push(drop)
    const tried = cellPrepare({ name: 'cell2', homeUrl: server.url, cellUrl })
    await expect(tried).rejects.toThrow('wal_level minimal: set wal_level = logical')
  })

  it('without the rights for it, with the cure and without a password', async () => {
    const { url, ask } = await home()
    const { url: cellUrl, drop } = await emptyDatabase()
    undo.push(drop)
    const role = `weak_${newId().slice(-12)}`
    await ask(`create role ${role} login password 'geheim'`)
    undo.push(async () => {
      const again = await open(url)
      await again(`drop role ${role}`)
    })
    const as = (address: string) => {
      const weak = new URL(address)
      weak.username = role
      weak.password = 'geheim'
      return weak.href
    }
    const wanted = { name: 'cell2', homeUrl: url, cellUrl }
    await expect(cellPrepare({ ...wanted, homeUrl: as(url) })).rejects.toThrow('alter role')
    await expect(cellPrepare({ ...wanted, cellUrl: as(cellUrl) })).rejects.toThrow(
      /may not subscribe: /,
    )
    const nowhere = 'postgresql://somebody:geheim@127.0.0.1:1/none?connect_timeout=3'
    const failure = await cellPrepare({ ...wanted, homeUrlFromCell: nowhere }).catch(
      (error: Error) => error,
    )
    const told = failure as Error & { cause: Error }
    expect(told.message).toContain('--home-from-cell')
    expect(`${told.message} ${told.cause.message} ${told.stack}`).not.toContain('geheim')
    expect(await slots(ask)).toEqual([])
  })
})
