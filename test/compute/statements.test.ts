/** What things cost in SQL statements, counted where they reach the database. */
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../../services/id.ts'
import { type Cluster, startCluster } from '../support/cluster.ts'
import { statementsOf } from '../support/statements.ts'
import { CREATE, flavorId, putImage } from '../support/stories.ts'
import { until } from '../support/until.ts'

const MAX_PER_CREATION = 30
const MAX_PER_PAGE = 8

let cloud: Cluster
let token: string
let imageId: string
let flavor: string
/** Looks at rows without being counted. */
let aside: pg.Client

beforeAll(async () => {
  // No beat falls into the counting: a host reports once, as it joins.
  cloud = await startCluster({ heartbeatMs: 600_000 })
  token = await cloud.signIn()
  imageId = (await putImage(cloud, token)).id
  flavor = await flavorId(cloud, token)
  aside = new pg.Client({ connectionString: cloud.databaseUrl })
  await aside.connect()
})
afterAll(async () => {
  await aside?.end()
  await cloud?.stop()
})

async function countOf(work: () => Promise<unknown>): Promise<{ work: number; texts: string[] }> {
  cloud.statements.texts = []
  await work()
  const texts = statementsOf(cloud)
  return {
    work: texts.length,
    texts: texts.map((sql) => sql.trim().replace(/\s+/g, ' ').slice(0, 80)),
  }
}

async function atRestAside(id: string): Promise<void> {
  await until('it is ACTIVE', async () => {
    const sql = `select 1 from compute.server where id = $1 and status = 'ACTIVE' and task_state is null`
    return (await aside.query(sql, [id])).rowCount === 1
  })
}

it('a creation, from POST to ACTIVE', async () => {
  const create = async () => {
    const input = { name: 'counted', flavorId: flavor, imageId, idempotencyKey: newId() }
    const { serverCreate } = await cloud.must(CREATE, { input }, token)
    await atRestAside(serverCreate.server.id)
  }
  await create()
  const { work, texts } = await countOf(create)
  // One claim is its own; what else claims is the sweep, which looks whether or not there is work.
  expect(work + 1, texts.join('\n')).toBeLessThanOrEqual(MAX_PER_CREATION)
  expect(work).toBeGreaterThan(10)
})

describe('a page', () => {
  async function fill(servers: number): Promise<void> {
    await aside.query('truncate compute.server, compute.allocation, core.task cascade')
    await aside.query("delete from compute.host where name like 'row-%'")
    await aside.query(
      `insert into compute.host (id, name, driver, status, created_at, updated_at)
       select gen_random_uuid(), 'row-' || n, 'none', 'UP', now(), now() from generate_series(1, $1) n`,
      [servers],
    )
    await aside.query(
      `insert into compute.inventory (host_id, resource, total)
       select id, r, 10 from compute.host, unnest(array['DISK_GB', 'MEMORY_MB', 'VCPU']) r
       where name like 'row-%'`,
    )
    await aside.query(
      `with placed as (select id, row_number() over () as n from compute.host where name like 'row-%')
       insert into compute.server (id, project_id, user_id, name, status, power_state, flavor_id,
         image_id, host_id, vcpus, memory_mib, disk_gib, task_id, created_at, updated_at)
       select gen_random_uuid(), p.id, u.id, 'row', 'ACTIVE', 'RUNNING', $2, $3, placed.id, 1, 128, 1,
         gen_random_uuid(), now(), now()
       from generate_series(1, $1) n join placed using (n), identity.project p, identity."user" u
       where p.name = 'admin' and u.name = 'admin'`,
      [servers, flavor, imageId],
    )
    await aside.query(
      `insert into core.task (id, kind, status, project_id, resource_type, resource_id, input, steps,
         deadline_at, created_at, finished_at)
       select t, 'server.create', 'SUCCEEDED', s.project_id, 'server', s.id, '{}', '[]',
         now(), now(), now()
       from compute.server s, lateral (values (s.task_id), (gen_random_uuid())) v (t)`,
    )
  }

  const page = `{ servers(first: 100) { nodes {
      id name status flavor { name } image { name } host { name } project { name }
      actions { name allowed reason } } pageInfo { hasNextPage endCursor } totalCount } }`
  const deep = `{ servers(first: 100) { nodes {
      id task { kind status steps { name } } tasks(first: 10) { nodes { kind status } }
      host { name inventory { resource total } } image { project { name } } } } }`
  const all = `{ hosts(first: 100) { nodes { name inventory { resource total used reserved } capabilities { name } } totalCount } }`

  const cost = async (query: string, rows: number) => {
    const counted = await countOf(async () => {
      const answer = await cloud.must(query, {}, token)
      const [list] = Object.values(answer) as { nodes: unknown[] }[]
      expect(list?.nodes.length).toBeGreaterThanOrEqual(rows)
    })
    return counted
  }

  it('of 100 servers, and of 10: the same few', async () => {
    const costs = []
    for (const rows of [10, 100]) {
      await fill(rows)
      costs.push({
        page: await cost(page, rows),
        deep: await cost(deep, rows),
        all: await cost(all, rows),
      })
    }
    const [few, many] = costs
    expect(many?.page.work, many?.page.texts.join('\n')).toBeLessThanOrEqual(MAX_PER_PAGE)
    for (const what of ['page', 'deep', 'all'] as const) {
      expect(many?.[what].texts.toSorted(), what).toEqual(few?.[what].texts.toSorted())
    }
  })

  it('of tasks with their totals costs no more for more servers', async () => {
    const query =
      '{ servers(first: 100) { nodes { tasks(first: 1) { nodes { kind } totalCount } } } }'
    await fill(10)
    const few = await cost(query, 10)
    await fill(100)
    expect((await cost(query, 100)).work).toBe(few.work)
  })
})
