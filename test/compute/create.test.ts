/** What a new server may be given: each option kept as asked, refused when wrong, and told to its guest. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../../services/id.ts'
import { type Cluster, startCluster } from '../support/cluster.ts'
import { newProject, newUser, tokenFor } from '../support/people.ts'
import { atRest, expectCleanWorld, flavorId, getServer, putImage } from '../support/stories.ts'
import { until } from '../support/until.ts'

let cloud: Cluster
let operator: string
let member: string
let projectId: string
let imageId: string
let flavor: string

beforeAll(async () => {
  cloud = await startCluster()
  operator = await cloud.signIn()
  projectId = await newProject(cloud.cloud, 'makers')
  const userId = await newUser(cloud.cloud, 'mia', { projectId, role: 'member' })
  member = tokenFor(cloud.cloud, { userId, projectId, role: 'member' })
  imageId = (await putImage(cloud, member)).id
  flavor = await flavorId(cloud, member)
})
afterAll(() => cloud?.stop())

const codeOf = ({ errors }: { errors?: { extensions: { code: string } }[] }) =>
  errors?.[0]?.extensions.code
const FIELDS =
  'server { id name description metadata tags keypairName availabilityZone configDrive } plan { allowed placement { hostsPassed } }'
const create = (more: object, token = member) =>
  cloud.gql(
    `mutation ($input: ServerCreateInput!) { serverCreate(input: $input) { ${FIELDS} task { id } } }`,
    { input: { name: 'new', flavorId: flavor, imageId, ...more } },
    token,
  )
const made = async (more: object, token = member) => {
  const answer = await create(more, token)
  expect(answer.errors).toBeUndefined()
  return answer.data.serverCreate.server
}
const remove = async (id: string, token = member) => {
  await cloud.must(
    'mutation ($input: ServerActionInput!) { serverDelete(input: $input) { task { id } } }',
    { input: { id } },
    token,
  )
  await until('it is gone', async () => (await getServer(cloud, token, id)) === null)
}
const wrong = async (more: object, words: RegExp, code = 'BAD_INPUT') => {
  const answer = await create(more)
  expect(codeOf(answer), JSON.stringify(more).slice(0, 80)).toBe(code)
  expect(JSON.stringify(answer.errors)).toMatch(words)
}
const base64 = (text: string) => Buffer.from(text).toString('base64')

/** What the machines of the hosts were told, by path, from what they say at boot. */
const driveOf = (id: string) =>
  cloud.must('query ($id: ID!) { server(id: $id) { consoleLog(lines: 200) } }', { id }, member)

describe('a new server', () => {
  it('keeps what it was given, and has a drive that tells its guest', async () => {
    await cloud.must(
      'mutation ($input: KeypairCreateInput!) { keypairCreate(input: $input) { privateKey } }',
      { input: { name: 'laptop' } },
      member,
    )
    const given = {
      description: 'a test',
      metadata: { role: 'web', 'a:b': 'c' },
      tags: ['red', 'blue', 'red'],
      keypairName: 'laptop',
    }
    const secret = 'Marked-S3cret'
    const server = await made({ ...given, userData: base64('#!/bin/sh\n'), adminPassword: secret })
    expect(server).toMatchObject({ ...given, tags: ['blue', 'red'], configDrive: true })
    await atRest(cloud, member, server.id, 'ACTIVE')
    expect((await driveOf(server.id)).server.consoleLog).toContain('config-2: 6 files')
    const { db } = cloud.cloud
    const row = await db.server.findUniqueOrThrow({ where: { id: server.id } })
    expect(row.publicKey).toMatch(/^ssh-ed25519 /)
    expect(row.adminPassword).toBeNull()
    const rows = [
      await db.task.findMany(),
      await db.auditEvent.findMany(),
      await db.server.findMany(),
    ]
    const written = JSON.stringify(rows, (_key, value) =>
      typeof value === 'bigint' ? String(value) : value,
    )
    expect(written).not.toContain(secret)
    expect(written).not.toContain(base64(secret))
    await remove(server.id)
  })

  it('has no drive when there is nothing to tell, or nobody wants one', async () => {
    const plain = await made({})
    expect(plain).toMatchObject({ configDrive: false, metadata: {}, tags: [], description: null })
    const refused = await made({ metadata: { a: 'b' }, configDrive: false })
    expect(refused.configDrive).toBe(false)
    await atRest(cloud, member, plain.id, 'ACTIVE')
    expect((await driveOf(plain.id)).server.consoleLog).not.toContain('config-2')
    await remove(plain.id)
    await remove(refused.id)
  })

  it('is refused with what is wrong about it', async () => {
    const many = Object.fromEntries(Array.from({ length: 129 }, (_, i) => [`k${i}`, 'v']))
    await wrong({ metadata: many }, /128 pairs/)
    await wrong({ metadata: { k: 'v'.repeat(256) } }, /255 characters/)
    await wrong({ metadata: { 'k/v': 'v' } }, /names are letters/)
    await wrong({ metadata: { k: 'a\0b' } }, /must be text/)
    await wrong({ metadata: { k: 1 } }, /texts/)
    await wrong({ tags: ['a,b'] }, /without comma/)
    await wrong({ tags: ['a'.repeat(61)] }, /1 to 60/)
    await wrong({ tags: Array.from({ length: 51 }, (_, i) => `t${i}`) }, /at most 50/)
    await wrong({ userData: 'not base64!' }, /must be base64/)
    await wrong({ userData: 'A'.repeat(65_536) }, /65535/)
    await wrong({ adminPassword: 'a\nb' }, /control characters/)
    await wrong({ keypairName: 'unknown' }, /no key pair unknown/, 'NOT_FOUND')
    await wrong({ availabilityZone: 'moon' }, /must be one of nova/)
    await wrong({ availabilityZone: 'nova:sim-1' }, /create-on-host/, 'FORBIDDEN')
    await wrong({ groupId: newId() }, /server group/, 'NOT_FOUND')
    await wrong({ hints: { sameHost: [newId()] } }, /no server/, 'NOT_FOUND')
    expect(await cloud.cloud.db.server.count()).toBe(0)
    await expectCleanWorld(cloud)
  })

  it('fits its image: the least disk and memory are kept', async () => {
    const { db } = cloud.cloud
    await db.image.update({ where: { id: imageId }, data: { minMemoryMiB: 4096 } })
    await wrong({}, /needs 4096 MiB of memory, the flavor has 128/)
    await db.image.update({ where: { id: imageId }, data: { minMemoryMiB: 0, minDiskGiB: 2 } })
    await wrong({}, /needs a disk of 2 GiB, the flavor has 1/)
    const properties = { hw_disk_bus: 'virtio' }
    await db.image.update({ where: { id: imageId }, data: { minDiskGiB: 0, properties } })
    const { id } = await made({})
    expect(await db.server.findUniqueOrThrow({ where: { id } })).toMatchObject({
      imageProperties: properties,
      extraSpecs: {},
    })
    await remove(id)
  })

  it('goes to the host that an operator names, and to those that its hints allow', async () => {
    for (const host of ['sim-1', 'sim-2']) {
      const { id: image } = await putImage(cloud, operator)
      const { id } = await made({ availabilityZone: `nova:${host}`, imageId: image }, operator)
      const server = await atRest(cloud, operator, id, 'ACTIVE')
      expect(server.host?.name).toBe(host)
      const near = await made({ hints: { sameHost: [id] }, imageId: image }, operator)
      expect((await atRest(cloud, operator, near.id, 'ACTIVE')).host?.name).toBe(host)
      const far = await made({ hints: { differentHost: [id, near.id] }, imageId: image }, operator)
      expect((await atRest(cloud, operator, far.id, 'ACTIVE')).host?.name).not.toBe(host)
      for (const each of [id, near.id, far.id]) await remove(each, operator)
    }
    await expectCleanWorld(cloud)
  })
})

describe('many servers in one request', () => {
  const createMany = (more: object) =>
    cloud.gql(
      `mutation ($input: ServersCreateInput!) { serversCreate(input: $input) {
        servers { id name status tags } tasks { id kind resourceId } plan { allowed quotas { resource used reserved } } } }`,
      { input: { name: 'web', flavorId: flavor, imageId, ...more } },
      member,
    )

  it('are made together, with names and tasks of their own', async () => {
    const { data, errors } = await createMany({ count: 3, tags: ['many'] })
    expect(errors).toBeUndefined()
    const { servers, tasks } = data.serversCreate
    const names = servers.map((s: { name: string }) => s.name)
    expect(names).toEqual(['web-1', 'web-2', 'web-3'])
    expect(tasks).toHaveLength(3)
    for (const { id } of servers) await atRest(cloud, member, id, 'ACTIVE')
    const filtered = async (filter: object) =>
      (
        await cloud.must(
          'query ($filter: ServerFilterInput) { servers(filter: $filter) { totalCount } }',
          { filter },
          member,
        )
      ).servers.totalCount
    expect(await filtered({ tags: ['many'] })).toBe(3)
    expect(await filtered({ tags: ['many', 'red'] })).toBe(0)
    expect(await filtered({ tagsAny: ['many', 'red'] })).toBe(3)
    expect(await filtered({ tags: ['many'], tagsAny: ['many', 'red'] })).toBe(3)
    expect(await filtered({ tags: ['many'], tagsAny: ['red'] })).toBe(0)
    const many = { tags: ['many'] }
    for (const [filter, count] of [
      [{ flavorId: flavor, imageId, locked: false, powerState: ['RUNNING'] }, 3],
      [{ flavorId: newId() }, 0],
      [{ imageId: newId() }, 0],
      [{ groupId: newId() }, 0],
      [{ locked: true }, 0],
      [{ powerState: ['SHUTDOWN', 'PAUSED'] }, 0],
    ] as const) {
      expect([filter, await filtered({ ...many, ...filter })]).toEqual([filter, count])
    }
    const locks = cloud.watch<{ kind: string; id: string | null }>(
      'subscription ($filter: ServerFilterInput) { serverChanged(filter: $filter) { kind id } }',
      { filter: { ...many, locked: true } },
      member,
    )
    const [{ id: first }] = servers as [{ id: string }]
    const input = { id: first }
    await cloud.must(
      'mutation ($input: ServerLockInput!) { serverLock(input: $input) { server { locked } } }',
      { input },
      member,
    )
    await locks.next(({ kind, id }) => id === first && kind !== 'DELETED')
    expect(await filtered({ ...many, locked: true })).toBe(1)
    await cloud.must(
      'mutation ($input: ServerActionInput!) { serverUnlock(input: $input) { server { locked } } }',
      { input },
      member,
    )
    await locks.next(({ kind, id }) => id === first && kind === 'DELETED')
    locks.close()
    for (const { id } of servers) await remove(id)
  })

  it('are all made or none, or as many as fit when fewer will do', async () => {
    expect(codeOf(await createMany({ count: 11 }))).toBe('QUOTA_EXCEEDED')
    expect(codeOf(await createMany({ count: 12, minCount: 11 }))).toBe('QUOTA_EXCEEDED')
    expect(await cloud.cloud.db.server.count()).toBe(0)
    await expectCleanWorld(cloud)
    expect(codeOf(await createMany({ count: 2, minCount: 3 }))).toBe('BAD_INPUT')
    expect(codeOf(await createMany({ count: 201 }))).toBe('BAD_INPUT')
    const dry = await createMany({ count: 4, dryRun: true })
    expect(dry.data.serversCreate).toMatchObject({ servers: [], tasks: [] })
    expect(dry.data.serversCreate.plan.quotas).toContainEqual({
      resource: 'compute.instances',
      used: 0,
      reserved: 4,
    })
    const { data } = await createMany({ count: 12, minCount: 2 })
    expect(data.serversCreate.servers).toHaveLength(10)
    for (const { id } of data.serversCreate.servers) await atRest(cloud, member, id, 'ACTIVE')
    for (const { id } of data.serversCreate.servers) await remove(id)
    await expectCleanWorld(cloud)
  }, 60_000)

  it('are made once for a key', async () => {
    const keyed = { count: 2, idempotencyKey: newId() }
    const [first, second] = [await createMany(keyed), await createMany(keyed)]
    expect(second.data.serversCreate).toEqual(first.data.serversCreate)
    await cloud.cloud.db.quota.updateMany({ where: { projectId }, data: { limit: -1 } })
    const servers = first.data.serversCreate.servers as { id: string }[]
    for (const { id } of servers) await atRest(cloud, member, id, 'ACTIVE')
    for (const { id } of servers) await remove(id)
    const { data, errors } = await createMany(keyed)
    expect([errors, data.serversCreate.servers]).toEqual([undefined, []])
  })

  it('are as many as were asked for where there is no limit, though fewer would do', async () => {
    await cloud.cloud.db.quota.updateMany({ where: { projectId }, data: { limit: -1 } })
    const { data } = await createMany({ count: 3, minCount: 1 })
    expect(data.serversCreate.servers).toHaveLength(3)
    for (const { id } of data.serversCreate.servers) await atRest(cloud, member, id, 'ACTIVE')
    for (const { id } of data.serversCreate.servers) await remove(id)
  })
})
