/** Two cells behind one API: found, listed, changed, watched and counted as if they were one. */
import { generateKeyPairSync } from 'node:crypto'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTwoCells, type TwoCells } from '../support/cells.ts'
import { useReplicatingPostgres } from '../support/database.ts'
import { tokenFor } from '../support/people.ts'
import { type Broker, rabbitMqProblem, startRabbitMq } from '../support/rabbitmq.ts'
import { ACT, atRest, flavorId, getServer, putImage } from '../support/stories.ts'
import { until } from '../support/until.ts'

let cloud: TwoCells
let token: string
let imageId: string
let flavor: string
let broker: Broker | undefined
let stopPostgres: (() => Promise<void>) | undefined

beforeAll(async () => {
  stopPostgres = await useReplicatingPostgres()
  // Without a broker to start, the cell's is one in memory; under CI there is one.
  broker = rabbitMqProblem() === null ? await startRabbitMq() : undefined
  cloud = await startTwoCells({ hosts: 1, farHosts: 1, amqpUrl: broker?.url })
  token = await cloud.signIn()
  imageId = (await putImage(cloud, token)).id
  flavor = await flavorId(cloud, token)
}, 120_000)
afterAll(async () => {
  await cloud?.stop()
  await stopPostgres?.()
  await broker?.stop()
})

const CREATE = `mutation ($input: ServerCreateInput!) {
  serverCreate(input: $input) { server { id } task { id status } plan { allowed } } }`

async function hostOf(name: string): Promise<{ id: string }> {
  const { hosts } = await cloud.must('{ hosts(first: 50) { nodes { id name } } }', {}, token)
  return hosts.nodes.find((host: { name: string }) => host.name === name)
}

/** Which hosts take new servers: a change of a host, in the cell that it is in. */
async function only(name: string | null): Promise<void> {
  for (const host of ['sim-1', 'far-1']) {
    const { id } = await hostOf(host)
    const enabled = name === null || name === host
    await cloud.must(
      'mutation ($input: HostUpdateInput!) { hostUpdate(input: $input) { host { enabled } } }',
      { input: { id, enabled, ...(!enabled && { disabledReason: 'not now' }) } },
      token,
    )
  }
}

async function create(name: string, image = imageId): Promise<string> {
  const input = { name, flavorId: flavor, imageId: image }
  return (await cloud.must(CREATE, { input }, token)).serverCreate.server.id
}

const used = async (): Promise<number> => {
  const { session } = await cloud.must('{ session { project { id } } }', {}, token)
  const { quotas } = await cloud.must(
    'query ($id: ID!) { quotas(projectId: $id) { resource used reserved } }',
    { id: session.project.id },
    token,
  )
  const row = quotas.find(({ resource }: { resource: string }) => resource === 'compute.instances')
  return row.used + row.reserved
}

async function remove(...ids: string[]): Promise<void> {
  for (const id of ids) await cloud.must(ACT('serverDelete'), { input: { id } }, token)
  for (const id of ids) {
    await until('it is gone', async () => (await getServer(cloud, token, id)) === null)
  }
}

it('lists the hosts of both', async () => {
  const { hosts } = await cloud.must(
    '{ hosts(first: 50) { totalCount nodes { name status } missing { cell } } }',
    {},
    token,
  )
  expect(hosts.totalCount).toBe(2)
  expect(hosts.nodes.map(({ name }: { name: string }) => name).sort()).toEqual(['far-1', 'sim-1'])
  expect(hosts.missing).toEqual([])
})

it('says which cells there are, and keeps new servers out of one', async () => {
  const list = async () =>
    (
      await cloud.must(
        '{ cells(first: 10) { nodes { id name status enabled hostCount serverCount } } }',
        {},
        token,
      )
    ).cells.nodes
  const [home, far] = await list()
  expect(home).toMatchObject({ name: 'cell1', status: 'UP', enabled: true, hostCount: 1 })
  expect(far).toMatchObject({ name: 'cell2', status: 'UP', enabled: true, hostCount: 1 })
  const set = (enabled: boolean) =>
    cloud.must(
      'mutation ($input: CellUpdateInput!) { cellUpdate(input: $input) { cell { enabled } } }',
      { input: { id: far.id, enabled } },
      token,
    )
  await set(false)
  const made = [await create('one'), await create('two'), await create('three')]
  for (const id of made) {
    const { host } = await atRest(cloud, token, id, 'ACTIVE')
    expect(host?.name).toBe('sim-1')
  }
  expect((await list())[0]).toMatchObject({ serverCount: 3 })
  await set(true)
  await remove(...made)
})

it('lets a host into the cell that its token was made for', async () => {
  const { hostJoinTokenCreate } = await cloud.must(
    `mutation ($input: HostJoinTokenCreateInput!) { hostJoinTokenCreate(input: $input) { secret } }`,
    { input: { cell: 'cell2', hostName: 'far-9' } },
    token,
  )
  const { publicKey } = generateKeyPairSync('ed25519', {
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
  const answer = await fetch(`${cloud.url}/v1/hosts`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ token: hostJoinTokenCreate.secret, name: 'far-9', publicKey }),
  })
  expect(answer.status).toBe(201)
  const { id } = await hostOf('far-9')
  const one = 'query ($id: ID!) { host(id: $id) { status cell { name } } }'
  expect((await cloud.must(one, { id }, token)).host).toEqual({
    ...{ status: 'DOWN', cell: { name: 'cell2' } },
  })
  await cloud.must(
    'mutation ($input: HostActionInput!) { hostDelete(input: $input) { host { id } } }',
    { input: { id } },
    token,
  )
})

it('tells nothing of cells to those who may not', async () => {
  const { session } = await cloud.must('{ session { project { id } } }', {}, token)
  const reader = tokenFor(cloud.cloud, { projectId: session.project.id, role: 'reader' })
  const refused = async (query: string, input: object, who: string | null) =>
    (await cloud.gql(query, { input }, who)).errors?.[0]?.extensions.code
  const join =
    'mutation ($input: HostJoinTokenCreateInput!) { hostJoinTokenCreate(input: $input) { secret } }'
  for (const cell of ['cell2', 'no such cell']) {
    expect(await refused(join, { cell }, reader)).toBe('FORBIDDEN')
    expect(await refused(join, { cell }, null)).toBe('UNAUTHENTICATED')
  }
  const server = { name: 'not mine', flavorId: flavor, imageId }
  expect(await refused(CREATE, server, reader)).toBe('FORBIDDEN')
  expect(await refused(CREATE, server, null)).toBe('UNAUTHENTICATED')
  expect(await refused(join, { cell: 'no such cell' }, token)).toBe('NOT_FOUND')
})

it('a request that is repeated goes where it went', async () => {
  const input = { name: 'once', flavorId: flavor, imageId, idempotencyKey: 'the same' }
  await only('far-1')
  const first = (await cloud.must(CREATE, { input }, token)).serverCreate.server.id
  await atRest(cloud, token, first, 'ACTIVE')
  await only('sim-1')
  expect((await cloud.must(CREATE, { input }, token)).serverCreate.server.id).toBe(first)
  // Also when the cell takes nothing new.
  const { db } = cloud.cloud
  const { id } = await db.cell.findUniqueOrThrow({ where: { name: 'cell2' } })
  const set = (enabled: boolean) =>
    cloud.must(
      'mutation ($input: CellUpdateInput!) { cellUpdate(input: $input) { cell { enabled } } }',
      { input: { id, enabled } },
      token,
    )
  await set(false)
  expect((await cloud.must(CREATE, { input }, token)).serverCreate.server.id).toBe(first)
  await set(true)
  await only(null)
  await remove(first)
})

describe('a server in the other cell', () => {
  let id: string
  beforeAll(async () => {
    await only('far-1')
    id = await create('far away')
    await atRest(cloud, token, id, 'ACTIVE')
  })
  afterAll(async () => {
    await only(null)
    await remove(id)
    await until('its quota is given back', async () => (await used()) === 0)
  })

  it('runs there, and is in the database there only', async () => {
    expect((await getServer(cloud, token, id))?.host?.name).toBe('far-1')
    expect(await cloud.far[0]?.recover()).toEqual([
      expect.objectContaining({ id, powerState: 'RUNNING' }),
    ])
    expect(await cloud.cloud.db.server.count()).toBe(0)
  })

  it('is counted by the quota at home', async () => {
    await until('it is used', async () => (await used()) === 1)
  })

  it('is acted on, and says what its tasks did', async () => {
    await cloud.must(ACT('serverStop'), { input: { id } }, token)
    await atRest(cloud, token, id, 'SHUTOFF')
    await cloud.must(ACT('serverStart'), { input: { id } }, token)
    await atRest(cloud, token, id, 'ACTIVE')
    const { server } = await cloud.must(
      `query ($id: ID!) { server(id: $id) { flavor { name } image { name } project { name }
         tasks(first: 5) { nodes { kind status } } history(first: 5) { action } consoleLog } }`,
      { id },
      token,
    )
    const tasks = server.tasks.nodes.map(({ kind }: { kind: string }) => kind)
    expect(tasks).toEqual(['server.start', 'server.stop', 'server.create'])
    expect(server.history).toHaveLength(3)
    expect(server.flavor.name).toBeTruthy()
  })

  it('is watched with the others', async () => {
    const watch = cloud.watch<{ kind: string; server: { name: string } | null }>(
      'subscription { serverChanged { kind id server { name status } cursor } }',
      {},
      token,
    )
    const seen = () => watch.events.map(({ kind, server }) => `${kind} ${server?.name}`)
    await until('the snapshot came', () => seen().includes('SNAPSHOT far away'))
    const update =
      'mutation ($input: ServerUpdateInput!) { serverUpdate(input: $input) { server { name } } }'
    await cloud.must(update, { input: { id, name: 'renamed' } }, token)
    await only('sim-1')
    const near = await create('near')
    for (const change of ['UPDATED renamed', 'CREATED near', 'UPDATED near']) {
      await until(change, () => seen().includes(change))
    }
    watch.close()
    await atRest(cloud, token, near, 'ACTIVE')
    await remove(near)
    await only('far-1')
  })

  it('gives an image that a server at home can be made of', async () => {
    const { serverSnapshot } = await cloud.must(
      'mutation ($input: ServerSnapshotInput!) { serverSnapshot(input: $input) { image { id } } }',
      { input: { id, name: 'from afar' } },
      token,
    )
    const image = serverSnapshot.image.id
    await atRest(cloud, token, id, 'ACTIVE')
    const one = 'query ($id: ID!) { image(id: $id) { status name } }'
    expect((await cloud.must(one, { id: image }, token)).image).toEqual({
      ...{ status: 'ACTIVE', name: 'from afar' },
    })
    await only('sim-1')
    const near = await create('of a far image', image)
    const { host } = await atRest(cloud, token, near, 'ACTIVE')
    expect(host?.name).toBe('sim-1')
    const { images } = await cloud.must('{ images(first: 50) { nodes { name } } }', {}, token)
    const names = images.nodes.map(({ name }: { name: string }) => name)
    expect(names.filter((name: string) => name === 'from afar')).toHaveLength(1)
    await remove(near)
    await only('far-1')
  })
})

it('pages of servers of both are in one order', async () => {
  const names = ['delta', 'alpha', 'charlie', 'bravo', 'echo', 'foxtrot']
  const ids: string[] = []
  for (const [i, name] of names.entries()) {
    await only(i % 2 ? 'far-1' : 'sim-1')
    const id = await create(name)
    await atRest(cloud, token, id, 'ACTIVE')
    ids.push(id)
  }
  const got: string[] = []
  for (let after: string | null = null; ; ) {
    const { servers } = (await cloud.must(
      `query ($after: String) { servers(first: 2, after: $after, orderBy: { field: NAME, direction: ASC }) {
         totalCount nodes { name host { name } } pageInfo { hasNextPage endCursor } } }`,
      { after },
      token,
    )) as {
      servers: {
        totalCount: number
        nodes: { name: string }[]
        pageInfo: { hasNextPage: boolean; endCursor: string }
      }
    }
    expect(servers.totalCount).toBe(6)
    got.push(...servers.nodes.map(({ name }) => name))
    if (!servers.pageInfo.hasNextPage) break
    after = servers.pageInfo.endCursor
  }
  expect(got).toEqual([...names].sort())
  await only(null)
  await remove(...ids)
  await until('it is given back', async () => (await used()) === 0)
})

it('a quota holds over all cells', async () => {
  await only('far-1')
  const { session } = await cloud.must('{ session { project { id } } }', {}, token)
  const set = (limit: number) =>
    cloud.must(
      'mutation ($input: QuotaSetInput!) { quotaSet(input: $input) { quota { limit } } }',
      { input: { projectId: session.project.id, resource: 'compute.instances', limit } },
      token,
    )
  await set(1)
  const first = await create('the only one')
  for (const host of ['far-1', 'sim-1']) {
    await only(host)
    const input = { name: 'one too many', flavorId: flavor, imageId }
    const { errors } = await cloud.gql(CREATE, { input }, token)
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'QUOTA_EXCEEDED' })
  }
  await atRest(cloud, token, first, 'ACTIVE')
  await set(-1)
  await remove(first)
  await until('it is given back', async () => (await used()) === 0)
  await only(null)
})

describe('a cell that is down', () => {
  let far: string
  let near: string
  const allow = async (allowed: boolean): Promise<void> => {
    const url = new URL(cloud.cell.url)
    const name = url.pathname.slice(1)
    url.pathname = '/postgres'
    const client = new pg.Client({ connectionString: url.href })
    await client.connect()
    await client.query(`alter database "${name}" allow_connections ${allowed}`)
    if (!allowed) {
      await client.query(
        'select pg_terminate_backend(pid) from pg_stat_activity where datname = $1',
        [name],
      )
    }
    await client.end()
  }
  beforeAll(async () => {
    await only('far-1')
    far = await create('in the dark')
    await atRest(cloud, token, far, 'ACTIVE')
    await only(null)
    await allow(false)
    await until('it is missed', async () => (await list()).missing.length === 1)
  }, 120_000)
  afterAll(async () => {
    await allow(true)
  })
  const list = async () =>
    (
      await cloud.must(
        '{ servers(first: 50) { totalCount nodes { name } missing { cell reason since } } }',
        {},
        token,
      )
    ).servers

  it('leaves the rest working, which says what is missing', async () => {
    near = await create('in the light')
    const { host } = await atRest(cloud, token, near, 'ACTIVE')
    expect(host?.name).toBe('sim-1')
    expect(await list()).toMatchObject({
      ...{ totalCount: 1, nodes: [{ name: 'in the light' }] },
      missing: [{ cell: 'cell2', reason: 'its database does not answer' }],
    })
    expect(await used()).toBe(2)
  })

  it('is not taken for empty', async () => {
    const query = 'query ($id: ID!) { server(id: $id) { name } }'
    const { errors } = await cloud.gql(query, { id: far }, token)
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'UNAVAILABLE' })
    const stop = await cloud.gql(ACT('serverStop'), { input: { id: far } }, token)
    expect(stop.errors?.[0]?.extensions).toMatchObject({ code: 'UNAVAILABLE' })
  })

  it('is there again when it answers', async () => {
    await allow(true)
    await until('it is not missed', async () => (await list()).missing.length === 0)
    expect((await getServer(cloud, token, far))?.status).toBe('ACTIVE')
    await remove(near, far)
    await until('all is given back', async () => (await used()) === 0)
  })
})
