/** Server groups: making them, what they allow, and that many at once can't break them. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../../services/id.ts'
import { type Cluster, startCluster } from '../support/cluster.ts'
import { newProject, tokenFor } from '../support/people.ts'
import { ACT, flavorId, putImage } from '../support/stories.ts'
import { until } from '../support/until.ts'

const HOSTS = 3

let cloud: Cluster
let token: string
let imageId: string
let flavor: string

beforeAll(async () => {
  cloud = await startCluster({ hosts: HOSTS })
  // Not the operators' own project: that has no limits.
  const projectId = await newProject(cloud.cloud, 'web')
  token = tokenFor(cloud.cloud, { projectId, role: 'member' })
  imageId = (await putImage(cloud, token)).id
  flavor = await flavorId(cloud, token)
})
afterAll(() => cloud?.stop())

const GROUP = 'serverGroup { id name policy members { id } }'
const run = (name: string, input: object, out = GROUP) => {
  const type = `${name[0]?.toUpperCase()}${name.slice(1)}Input`
  const document = `mutation ($input: ${type}!) { ${name}(input: $input) { ${out} } }`
  return cloud.gql(document, { input }, token)
}
const codeOf = ({ errors }: { errors?: { extensions: { code: string } }[] }) =>
  errors?.[0]?.extensions.code ?? 'OK'

async function newGroup(policy: string): Promise<string> {
  const { data, errors } = await run('serverGroupCreate', { name: policy.toLowerCase(), policy })
  if (errors) throw new Error(JSON.stringify(errors))
  return data.serverGroupCreate.serverGroup.id
}

const create = (groupId: string) =>
  run(
    'serverCreate',
    { name: 'member', flavorId: flavor, imageId, groupId },
    'server { id group { id } }',
  )

/** Makes so many at once; the hosts of those that found one, and how many found none. */
async function makeAtOnce(groupId: string, count: number) {
  const made = await Promise.all(Array.from({ length: count }, () => create(groupId)))
  const ids = made.map(({ data }) => data.serverCreate.server.id as string)
  const { db } = cloud.cloud
  const rows = await until(
    'all have come to rest',
    async () => {
      const servers = await db.server.findMany({ where: { id: { in: ids } } })
      return servers.every((server) => !server.taskState) ? servers : null
    },
    60_000,
  )
  return {
    ids,
    hosts: rows.filter((s) => s.status === 'ACTIVE').map((s) => s.hostId as string),
    failed: rows.filter((s) => s.status === 'ERROR').length,
  }
}

async function remove(ids: string[]): Promise<void> {
  for (const id of ids) await cloud.must(ACT('serverDelete'), { input: { id } }, token)
  const where = { id: { in: ids } }
  await until('they are gone', async () => (await cloud.cloud.db.server.count({ where })) === 0)
}

describe('a server group', () => {
  it('is made, listed, counted and deleted', async () => {
    const input = { name: 'web', policy: 'ANTI_AFFINITY', idempotencyKey: newId() }
    const first = await run('serverGroupCreate', input)
    expect(first.data.serverGroupCreate.serverGroup).toMatchObject({
      ...{ name: 'web', policy: 'ANTI_AFFINITY', members: [] },
    })
    const { id } = first.data.serverGroupCreate.serverGroup
    expect((await run('serverGroupCreate', input)).data.serverGroupCreate.serverGroup.id).toBe(id)
    const { serverGroups, quotas } = await cloud.must(
      '{ serverGroups { nodes { id name } totalCount } quotas { resource limit used } }',
      {},
      token,
    )
    expect(serverGroups).toEqual({ nodes: [{ id, name: 'web' }], totalCount: 1 })
    expect(quotas).toContainEqual({ resource: 'compute.serverGroups', limit: 10, used: 1 })
    const dry = await run('serverGroupDelete', { id, dryRun: true })
    expect(dry.data.serverGroupDelete.serverGroup.id).toBe(id)
    expect((await run('serverGroupDelete', { id })).data.serverGroupDelete.serverGroup).toBeNull()
    expect(codeOf(await run('serverGroupDelete', { id }))).toBe('NOT_FOUND')
    expect(await cloud.cloud.db.quotaClaim.count()).toBe(0)
    const events = await cloud.cloud.db.event.findMany({ where: { resourceId: id } })
    expect(events.map(({ type }) => type)).toEqual(['server_group.created', 'server_group.deleted'])
  })

  it('is refused above the quota', async () => {
    const ids: string[] = []
    for (let i = 0; i < 10; i++) ids.push(await newGroup('AFFINITY'))
    const refused = await run('serverGroupCreate', { name: 'more', policy: 'AFFINITY' })
    expect(refused.errors?.[0]?.extensions).toMatchObject({
      code: 'QUOTA_EXCEEDED',
      details: { resource: 'compute.serverGroups', limit: 10 },
    })
    for (const id of ids) await run('serverGroupDelete', { id })
  })

  it('has no more members than it may', async () => {
    const groupId = await newGroup('SOFT_AFFINITY')
    const input = { name: 'm', flavorId: flavor, imageId, groupId, count: 11, dryRun: true }
    const refused = await run('serversCreate', input, 'plan { allowed }')
    expect(refused.errors?.[0]?.extensions).toMatchObject({
      code: 'QUOTA_EXCEEDED',
      details: { resource: 'compute.serverGroupMembers', limit: 10 },
    })
    expect(codeOf(await create(newId()))).toBe('NOT_FOUND')
    await run('serverGroupDelete', { id: groupId })
  })

  it('is watched in its project', async () => {
    const id = await newGroup('AFFINITY')
    const watch = cloud.watch<{ kind: string }>(
      'subscription ($id: ID) { serverGroupChanged(id: $id) { kind cursor id serverGroup { name } } }',
      { id },
      token,
    )
    try {
      await watch.next(({ kind }) => kind === 'SNAPSHOT')
      await run('serverGroupDelete', { id })
      expect(await watch.next(({ kind }) => kind !== 'SNAPSHOT')).toMatchObject({
        ...{ kind: 'DELETED', id, serverGroup: null },
      })
    } finally {
      watch.close()
    }
  })
})

describe('its servers', () => {
  it('are each on a host of their own, however many come at once', async () => {
    const groupId = await newGroup('ANTI_AFFINITY')
    const { ids, hosts, failed } = await makeAtOnce(groupId, HOSTS + 3)
    expect(new Set(hosts).size).toBe(hosts.length)
    expect([hosts.length, failed]).toEqual([HOSTS, 3])
    const refused = await cloud.cloud.db.server.findFirstOrThrow({ where: { status: 'ERROR' } })
    expect(refused.fault).toMatchObject({
      message: expect.stringMatching(/ServerGroupAntiAffinityFilter let none through/),
    })
    await run('serverGroupDelete', { id: groupId })
    const left = await cloud.cloud.db.server.findMany({ where: { id: { in: ids } } })
    expect(left.map((server) => server.groupId)).toEqual(ids.map(() => null))
    await remove(ids)
  }, 120_000)

  it('are all on one host', async () => {
    const groupId = await newGroup('AFFINITY')
    const { ids, hosts, failed } = await makeAtOnce(groupId, 5)
    expect([new Set(hosts).size, hosts.length, failed]).toEqual([1, 5, 0])
    const { serverGroup } = await cloud.must(
      'query ($id: ID!) { serverGroup(id: $id) { members { id group { id } } } }',
      { id: groupId },
      token,
    )
    expect(serverGroup.members.map(({ id }: { id: string }) => id).sort()).toEqual([...ids].sort())
    await remove(ids)
    await run('serverGroupDelete', { id: groupId })
  }, 120_000)

  it('are apart where that can be, and together where it can not', async () => {
    const groupId = await newGroup('SOFT_ANTI_AFFINITY')
    const ids: string[] = []
    const hosts: string[] = []
    for (let i = 0; i < HOSTS + 1; i++) {
      const one = await makeAtOnce(groupId, 1)
      ids.push(...one.ids)
      hosts.push(...one.hosts)
    }
    expect([hosts.length, new Set(hosts).size]).toEqual([HOSTS + 1, HOSTS])
    await remove(ids)
    await run('serverGroupDelete', { id: groupId })
  }, 120_000)
})
