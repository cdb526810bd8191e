/** A page of servers, however many there are: the same page among a few and among very many. */
import { inParallel } from './client.mjs'
import { median } from './figures.mjs'

const PAGE_ROWS = 100
const WARM_UP = 10

const PAGE = `query ($first: Int!, $after: String, $filter: ServerFilterInput) {
  servers(first: $first, after: $after, filter: $filter) {
    nodes { id name status flavor { name } image { name } host { name } project { name }
            actions { name allowed reason } }
    pageInfo { hasNextPage endCursor } } }`

/** Rows of servers that are off and were never placed: nobody works on them. */
const FILL = `
  insert into compute.server
    (id, project_id, user_id, name, status, power_state, flavor_id, image_id, vcpus, memory_mib,
     disk_gib, created_at, updated_at)
  select gen_random_uuid(), p.id, gen_random_uuid(), 'many-' || n, 'SHUTOFF', 'SHUTDOWN',
         $2::uuid, $3::uuid, 1, 128, 1, now(), now()
  from generate_series(1, $1::int) n, identity.project p where p.operator`
const EMPTY = `delete from compute.server where name like 'many-%'`

/** @returns {Promise<import('./figures.mjs').Row[]>} */
export async function measureMany(product, { flavorId, imageId }, { few, many, rounds }) {
  const pool = product.sql(1)
  const there = Number((await pool.query('select count(*) from compute.server')).rows[0].count)
  const fill = async (rows) => {
    await pool.query(FILL, [Math.max(0, rows), flavorId, imageId])
    await pool.query('vacuum analyze compute.server')
  }
  try {
    await fill(few - there)
    const small = await pages(product, rounds)
    await fill(many - few)
    const large = await pages(product, rounds)
    const among = `among ${few} servers`
    return ['first', 'deep', 'named'].map((name) => ({
      measure: `${titles[name]} of ${PAGE_ROWS} among ${many} servers`,
      ...{ value: large[name], unit: 'ms' },
      baseline: { name: among, value: small[name] },
    }))
  } finally {
    await pool.query(EMPTY)
    await pool.end()
  }
}

const titles = {
  first: 'the first page',
  deep: 'a page from the middle',
  named: 'the first page of those with a name',
}

async function pages({ client }, rounds) {
  const time = async (variables) => {
    const ask = () => client.must(PAGE, { first: PAGE_ROWS, ...variables })
    await inParallel(1, WARM_UP, ask)
    return median((await inParallel(1, rounds, ask)).ms)
  }
  // Ids are random here: half of them lie behind this one.
  const middle = await client.must(PAGE, { first: PAGE_ROWS, after: null })
  return {
    first: await time({ after: null }),
    deep: await time({ after: middle.servers.pageInfo.endCursor }),
    named: await time({ after: null, filter: { name: { eq: 'many-17' } } }),
  }
}
