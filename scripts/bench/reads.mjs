/** Pages, lists and single servers, against the same rows read by plain SQL. */
import { inParallel } from './client.mjs'
import { median } from './figures.mjs'
import { createServers, idleStatements, serverIds } from './servers.mjs'

const CLIENTS = 8
const PAGE_ROWS = 100
const LIST_PAGE_ROWS = 200
const WARM_UP = 5

const PAGE = `query ($first: Int!) { servers(first: $first) {
  nodes { id name status flavor { name } image { name } host { name } project { name }
          actions { name allowed reason } }
  pageInfo { hasNextPage endCursor } } }`
const LIST = `query ($first: Int!, $after: String) { servers(first: $first, after: $after) {
  nodes { id name status flavor { name } image { name } } pageInfo { hasNextPage endCursor } } }`
const ONE = 'query ($id: ID!) { server(id: $id) { id name status } }'

const PAGE_SQL = `
  select s.id, s.name, s.status, s.task_state, f.name as flavor, i.name as image, h.name as host,
         p.name as project
  from compute.server s
  join compute.flavor f on f.id = s.flavor_id
  join identity.project p on p.id = s.project_id
  left join image.image i on i.id = s.image_id
  left join compute.host h on h.id = s.host_id
  where s.project_id = (select id from identity.project where name = 'admin')
  order by s.id desc limit $1`
const ONE_SQL = 'select id, name, status from compute.server where id = $1'

/** Prepared, as the product's own statements are. */
const prepared = (name, text, values) => ({ name, text, values })

/** @returns {Promise<import('./figures.mjs').Row[]>} */
export async function measureReads(product, parts, { rows, rounds }) {
  const { length } = await serverIds(product)
  if (length < rows) await createServers(product, parts, rows - length)
  return [
    ...(await measurePage(product, rounds)),
    ...(await measureList(product, rows, rounds)),
    await measureOne(product, rounds),
  ]
}

async function measurePage(product, rounds) {
  const { client, sql } = product
  const pool = sql(CLIENTS)
  const ask = () => client.ask(PAGE, { first: PAGE_ROWS })
  const read = () => pool.query(prepared('page', PAGE_SQL, [PAGE_ROWS]))
  for (const work of [ask, read]) await inParallel(CLIENTS, CLIENTS * WARM_UP, work)
  const idle = await idleStatements(product, 1)
  const before = await product.statements()
  const alone = await inParallel(1, rounds, ask)
  const statements = (await product.statements()) - before - idle * alone.seconds
  const aloneSql = await inParallel(1, rounds, read)
  const cpuBefore = product.cpuSeconds()
  const together = await inParallel(CLIENTS, rounds * 2, ask)
  const cpuMs = (1000 * (product.cpuSeconds() - cpuBefore)) / (rounds * 2)
  const togetherSql = await inParallel(CLIENTS, rounds * 2, read)
  await pool.end()
  const page = `page of ${PAGE_ROWS} servers with flavor, image, host, project, actions`
  return [
    {
      measure: page,
      ...{ value: median(alone.ms), unit: 'ms', peer: 937 },
      baseline: { name: 'one join by plain pg', value: median(aloneSql.ms) },
    },
    {
      measure: 'SQL statements of that page',
      ...{ value: statements / rounds, unit: '', note: 'at most 8' },
    },
    { measure: 'CPU of that page', value: cpuMs, unit: 'ms' },
    {
      measure: 'that page by 8 clients at once',
      ...{ value: together.perSecond, unit: 'per s', note: `${median(together.ms).toFixed(0)} ms` },
      baseline: { name: 'one join, 8 connections', value: togetherSql.perSecond },
    },
  ]
}

async function measureList({ client, sql }, rows, rounds) {
  const list = async () => {
    for (let after = null, left = rows; left > 0; left -= LIST_PAGE_ROWS) {
      const { servers } = await client.must(LIST, { first: Math.min(LIST_PAGE_ROWS, left), after })
      after = servers.pageInfo.endCursor
    }
  }
  const pool = sql(1)
  const read = () => pool.query(prepared('list', PAGE_SQL, [rows]))
  for (const work of [list, read]) await inParallel(1, 2, work)
  const times = Math.max(3, Math.floor(rounds / 10))
  const alone = await inParallel(1, times, list)
  const plain = await inParallel(1, times, read)
  const together = await inParallel(CLIENTS, times * 2, list)
  await pool.end()
  return [
    {
      measure: `list of ${rows} servers, pages of ${LIST_PAGE_ROWS}`,
      ...{ value: median(alone.ms), unit: 'ms', ...(rows === 1000 && { peer: 4600 }) },
      baseline: { name: 'one join of all rows', value: median(plain.ms) },
    },
    {
      measure: 'that list by 8 clients at once',
      ...{ value: together.perSecond, unit: 'per s', ...(rows === 1000 && { peer: 0.44 }) },
    },
  ]
}

async function measureOne(product, rounds) {
  const { client, sql } = product
  const ids = await serverIds(product)
  const idOf = (job) => ids[(job * 7) % ids.length]
  const pool = sql(CLIENTS)
  const ask = (job) => client.ask(ONE, { id: idOf(job) })
  const read = (job) => pool.query(prepared('one', ONE_SQL, [idOf(job)]))
  for (const work of [ask, read]) await inParallel(CLIENTS, CLIENTS * WARM_UP, work)
  const ours = await inParallel(CLIENTS, rounds * 20, ask)
  const plain = await inParallel(CLIENTS, rounds * 20, read)
  await pool.end()
  return {
    measure: 'one server by id, 8 clients',
    ...{ value: ours.perSecond, unit: 'per s', peer: 18.8 },
    baseline: { name: 'select by id, 8 connections', value: plain.perSecond },
  }
}
