/** Creation and deletion of servers, and what they cost. */
import { loadTypeScript } from '../load-typescript.mjs'
import { inParallel, until } from './client.mjs'
import { median } from './figures.mjs'
import { eventHead, openWatch } from './watch.mjs'

const CLIENTS = 8
/** How often it is asked whether all is done: rarely, for the asking costs too. */
const LOOK_MS = 50
const CREATE = `mutation ($input: ServerCreateInput!) {
  serverCreate(input: $input) { server { id status version } task { id status } } }`
const DELETE =
  'mutation ($input: ServerActionInput!) { serverDelete(input: $input) { server { id } task { id } } }'
const BUSY = '{ servers(first: 1, filter: { status: [BUILD] }) { totalCount } }'
const COUNT = '{ servers(first: 1) { totalCount } }'
const IDS = `query ($first: Int!, $after: String) {
  servers(first: $first, after: $after) { nodes { id status } pageInfo { hasNextPage endCursor } totalCount } }`

/** An image that servers can start from, the smallest flavor, and hosts with room for thousands. */
export async function prepareCloud({ client, sql }) {
  const { emptyQcow2 } = await loadTypeScript('test/support/stories.ts')
  const { imageCreate } = await client.must(
    'mutation ($input: ImageCreateInput!) { imageCreate(input: $input) { image { id } uploadUrl } }',
    { input: { name: 'bench', diskFormat: 'QCOW2' } },
  )
  const { status } = await client.put(imageCreate.uploadUrl, emptyQcow2())
  if (status >= 300) throw new Error(`the image was refused: ${status}`)
  const { flavors } = await client.must('{ flavors { nodes { id name } } }')
  const flavorId = flavors.nodes.find(({ name }) => name === 'm1.nano').id
  const pool = sql(1)
  await pool.query('update compute.inventory set allocation_ratio = 1000')
  await pool.end()
  return { flavorId, imageId: imageCreate.image.id }
}

/** @returns the result of `inParallel` for the POSTs and the seconds until all are ACTIVE */
export async function createServers({ client }, { flavorId, imageId }, count) {
  const began = performance.now()
  const posts = await inParallel(CLIENTS, count, (job) =>
    client.must(CREATE, { input: { name: `bench-${job}`, flavorId, imageId } }),
  )
  const isBuilt = async () => {
    const { servers } = await client.must(BUSY)
    return servers.totalCount === 0
  }
  await until('all servers are built', isBuilt, { everyMs: LOOK_MS })
  return { posts, seconds: (performance.now() - began) / 1000 }
}

async function costOfCreating(product, parts, count) {
  const cpuBefore = product.cpuSeconds()
  const { seconds } = await createServers(product, parts, count)
  return { perSecond: count / seconds, cpuMs: (1000 * (product.cpuSeconds() - cpuBefore)) / count }
}

/** The ids of all servers, newest first. */
export async function serverIds({ client }) {
  const ids = []
  for (let after = null; ; ) {
    const { servers } = await client.must(IDS, { first: 200, after })
    ids.push(...servers.nodes.map(({ id }) => id))
    if (!servers.pageInfo.hasNextPage) return ids
    after = servers.pageInfo.endCursor
  }
}

/** Transactions of one INSERT each: what the disk and PostgreSQL allow at most. */
async function bareInserts({ sql }, count) {
  const pool = sql(CLIENTS)
  await pool.query('create table public.bench (id uuid primary key, name text, at timestamptz)')
  const text = "insert into public.bench values (gen_random_uuid(), 'bench', now())"
  await inParallel(CLIENTS, 2 * CLIENTS, () => pool.query(text))
  const { perSecond } = await inParallel(CLIENTS, count, () => pool.query(text))
  await pool.query('drop table public.bench')
  await pool.end()
  return perSecond
}

/** Transactions of one DELETE each. */
async function bareDeletes({ sql }, count) {
  const pool = sql(CLIENTS)
  await pool.query('create table public.bench as select generate_series(1, $1::int) as id', [count])
  await pool.query('create unique index on public.bench (id)')
  const text = 'delete from public.bench where id = $1'
  const { perSecond } = await inParallel(CLIENTS, count, (job) => pool.query(text, [job + 1]))
  await pool.query('drop table public.bench')
  await pool.end()
  return perSecond
}

/** Statements while nobody asks for anything, per second. */
export async function idleStatements(product, seconds) {
  const before = await product.statements()
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000))
  return ((await product.statements()) - before) / seconds
}

/** @returns {Promise<import('./figures.mjs').Row[]>} */
export async function measureCreation(product, parts, { batch, neighbours, singles }) {
  // Code that has run but a little is interpreted: the first servers of a process are no measure.
  await createServers(product, parts, batch)
  await deleteServers(product, await serverIds(product), 0)
  const inserts = await bareInserts(product, batch)
  const first = await costOfCreating(product, parts, batch)
  const single = await oneByOne(product, parts, singles)
  const { length } = await serverIds(product)
  if (length < neighbours) await createServers(product, parts, neighbours - length)
  const later = await costOfCreating(product, parts, batch)
  const baseline = { name: 'bare INSERT transactions, 8 connections', value: inserts }
  return [
    {
      measure: `create ${batch} servers, 8 clients, until all ACTIVE`,
      ...{ value: first.perSecond, unit: 'per s', baseline, peer: 0.63 },
    },
    {
      measure: 'CPU of a creation, PostgreSQL included',
      ...{ value: first.cpuMs, unit: 'ms', peer: 2800 },
    },
    {
      measure: `the same with ${neighbours} servers there already`,
      ...{ value: later.cpuMs, unit: 'ms', note: `${later.perSecond.toFixed(0)} per s` },
      baseline: { name: `the first ${batch}`, value: first.cpuMs },
    },
    ...single,
  ]
}

async function oneByOne(product, { flavorId, imageId }, count) {
  const { client } = product
  const create = async (name) =>
    (await client.must(CREATE, { input: { name, flavorId, imageId } })).serverCreate.server.id
  const watch = await watchServers(product)
  const answered = []
  const active = []
  for (let i = 0; i < count; i++) {
    const began = performance.now()
    const id = await create(`one-${i}`)
    answered.push(performance.now() - began)
    active.push((await watch.activeAt(id)) - began)
  }
  watch.close()
  return [
    { measure: 'create one: POST answered', value: median(answered), unit: 'ms', peer: 259 },
    { measure: 'create one: its watch says ACTIVE', value: median(active), unit: 'ms', peer: 1497 },
    await statementsOfOne(product, create, count),
  ]
}

/** Looked at past the product, so that only the creation is counted, and its events. */
async function statementsOfOne(product, create, count) {
  const pool = product.sql(1)
  const idle = await idleStatements(product, 2)
  const before = await product.statements()
  const began = performance.now()
  for (let i = 0; i < count; i++) {
    const id = await create(`counted-${i}`)
    const text = "select from compute.server where id = $1 and status = 'ACTIVE'"
    await until('ACTIVE', async () => (await pool.query(text, [id])).rowCount, { everyMs: 5 })
  }
  const seconds = (performance.now() - began) / 1000
  const statements = (await product.statements()) - before - idle * seconds
  await pool.end()
  return {
    measure: 'SQL statements of a creation, BEGIN and COMMIT included',
    ...{ value: statements / count, unit: '', note: 'at most 30' },
  }
}

/** A watch of all servers from now on. */
async function watchServers(product) {
  const query =
    'subscription ($after: String) { serverChanged(after: $after) { server { id status } } }'
  const active = new Map()
  const waiting = new Map()
  const watch = await openWatch(product, query, { after: await eventHead(product) }, (data) => {
    const { server } = data.serverChanged
    if (server?.status !== 'ACTIVE') return
    active.set(server.id, performance.now())
    waiting.get(server.id)?.()
  })
  return {
    async activeAt(id) {
      if (!active.has(id)) await new Promise((resolve) => waiting.set(id, resolve))
      return active.get(id)
    },
    close: () => watch.close(),
  }
}

/** @param {number} left servers when these are gone */
async function deleteServers({ client }, ids, left) {
  await inParallel(CLIENTS, ids.length, (job) => client.must(DELETE, { input: { id: ids[job] } }))
  const areGone = async () => {
    const { servers } = await client.must(COUNT)
    return servers.totalCount === left
  }
  await until('all are gone', areGone, { everyMs: LOOK_MS })
}

/** @returns {Promise<import('./figures.mjs').Row[]>} */
export async function measureDeletion(product, parts, { batch }) {
  const { length } = await serverIds(product)
  if (length < batch) await createServers(product, parts, batch - length)
  const deletes = await bareDeletes(product, batch)
  const all = await serverIds(product)
  const ids = all.slice(0, batch)
  const cpuBefore = product.cpuSeconds()
  const began = performance.now()
  await deleteServers(product, ids, all.length - ids.length)
  const seconds = (performance.now() - began) / 1000
  const cpuMs = (1000 * (product.cpuSeconds() - cpuBefore)) / ids.length
  return [
    {
      measure: `delete ${ids.length} servers, 8 clients, until all are gone`,
      ...{ value: ids.length / seconds, unit: 'per s', peer: 1.33 },
      baseline: { name: 'bare DELETE transactions, 8 connections', value: deletes },
    },
    { measure: 'CPU of a deletion', value: cpuMs, unit: 'ms' },
  ]
}
