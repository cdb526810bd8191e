/** Availability zones: what they are, asking for one, and hosts that can't leave theirs. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Cluster, startCluster } from '../support/cluster.ts'
import { ACT, atRest, flavorId, putImage } from '../support/stories.ts'
import { until } from '../support/until.ts'

let cloud: Cluster
let token: string
let imageId: string
let flavor: string
let hosts: { id: string; name: string }[]
let east: string

beforeAll(async () => {
  cloud = await startCluster({ hosts: 2 })
  token = await cloud.signIn()
  imageId = (await putImage(cloud, token)).id
  flavor = await flavorId(cloud, token)
  hosts = (await cloud.must('{ hosts { nodes { id name } } }', {}, token)).hosts.nodes
  hosts.sort((a, b) => (a.name < b.name ? -1 : 1))
})
afterAll(() => cloud?.stop())

const run = (name: string, input: object) => {
  const type = `${name[0]?.toUpperCase()}${name.slice(1)}Input`
  const document = `mutation ($input: ${type}!) { ${name}(input: $input) { aggregate { id } } }`
  return cloud.gql(document, { input }, token)
}
const id = (i: number) => hosts[i]?.id as string
const codeOf = ({ errors }: { errors?: { extensions: { code: string } }[] }) =>
  errors?.[0]?.extensions.code ?? 'OK'
const zones = async () =>
  (await cloud.must('{ availabilityZones { name available hosts } }', {}, token)).availabilityZones
const create = (availabilityZone: string | null) =>
  cloud.gql(
    'mutation ($input: ServerCreateInput!) { serverCreate(input: $input) { server { id } } }',
    { input: { name: 'zoned', flavorId: flavor, imageId, availabilityZone } },
    token,
  )

it('hosts are in the default zone until an aggregate says otherwise', async () => {
  expect(await zones()).toEqual([{ name: 'nova', available: true, hosts: 2 }])
  const { data } = await run('aggregateCreate', { name: 'east', availabilityZone: 'east' })
  east = data.aggregateCreate.aggregate.id
  expect(await zones()).toEqual([
    { name: 'east', available: false, hosts: 0 },
    { name: 'nova', available: true, hosts: 2 },
  ])
  expect(codeOf(await run('aggregateHostAdd', { id: east, hostId: id(1) }))).toBe('OK')
  expect(await zones()).toEqual([
    { name: 'east', available: true, hosts: 1 },
    { name: 'nova', available: true, hosts: 1 },
  ])
  const query = '{ hosts { nodes { name availabilityZone aggregates { name } } } }'
  const { hosts } = await cloud.must(query, {}, token)
  expect(hosts.nodes).toContainEqual({
    ...{ name: 'sim-2', availabilityZone: 'east', aggregates: [{ name: 'east' }] },
  })
})

it('a host is in one zone', async () => {
  const { data } = await run('aggregateCreate', { name: 'west', availabilityZone: 'west' })
  const west = data.aggregateCreate.aggregate.id
  const refused = await run('aggregateHostAdd', { id: west, hostId: id(1) })
  expect(refused.errors?.[0]?.extensions).toMatchObject({
    code: 'IN_USE',
    details: { resources: [{ type: 'host', name: 'sim-2' }] },
  })
  expect(codeOf(await run('aggregateDelete', { id: west }))).toBe('OK')
})

it('a server goes where it asked to, and its host can not leave the zone under it', async () => {
  const unknown = await create('north')
  expect(unknown.errors?.[0]).toMatchObject({
    message: expect.stringMatching(/must be one of east, nova/),
    extensions: { code: 'BAD_INPUT' },
  })
  const { data } = await create('east')
  const serverId = data.serverCreate.server.id
  expect((await atRest(cloud, token, serverId, 'ACTIVE')).host?.name).toBe('sim-2')
  for (const [name, input] of [
    ['aggregateHostRemove', { id: east, hostId: id(1) }],
    ['aggregateUpdate', { id: east, availabilityZone: 'south' }],
    ['aggregateUpdate', { id: east, availabilityZone: '' }],
  ] as const) {
    const refused = await run(name, input)
    expect(refused.errors?.[0]?.extensions).toMatchObject({
      code: 'IN_USE',
      details: { resources: [{ type: 'server', id: serverId }] },
    })
  }
  expect(codeOf(await run('aggregateUpdate', { id: east, metadata: { a: 'b' } }))).toBe('OK')
  await cloud.must(ACT('serverDelete'), { input: { id: serverId } }, token)
  const { db } = cloud.cloud
  await until('it is gone', async () => !(await db.server.findUnique({ where: { id: serverId } })))
  expect(codeOf(await run('aggregateUpdate', { id: east, availabilityZone: 'south' }))).toBe('OK')
  expect((await zones()).map(({ name }: { name: string }) => name)).toEqual(['nova', 'south'])
})
