/** A keyed request is answered once, however often it comes; a dry run changes nothing. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../../services/id.ts'
import { type Cluster, PASSWORD, startCluster } from '../support/cluster.ts'
import { ACT, CREATE, flavorId, putImage } from '../support/stories.ts'

const AT_ONCE = 10

let cloud: Cluster
let token: string
let imageId: string
let flavor: string

beforeAll(async () => {
  cloud = await startCluster({ hosts: 0, config: { roles: ['api'] } })
  token = await cloud.signIn()
  imageId = (await putImage(cloud, token)).id
  flavor = await flavorId(cloud, token)
})
afterAll(() => cloud?.stop())

const create = (more: object, who = token) =>
  cloud.gql(CREATE, { input: { name: 'once', flavorId: flavor, imageId, ...more } }, who)

const codeOf = (answer: Awaited<ReturnType<typeof create>>) => answer.errors?.[0]?.extensions.code

/** Rows of every table, and every row of those that a refused or dry request must not touch. */
async function countRows(): Promise<Record<string, number>> {
  const tables = await cloud.cloud.db.$queryRaw<{ schema: string; name: string }[]>`
    select table_schema as schema, table_name as name from information_schema.tables
    where table_schema in ('core', 'identity', 'image', 'compute')`
  expect(tables.length).toBeGreaterThan(15)
  const counts: Record<string, number> = {}
  for (const { schema, name } of tables) {
    const sql = `select count(*)::int as n, md5(coalesce(string_agg(t::text, ',' order by t::text), '')) as sum
                 from "${schema}"."${name}" t`
    const [row] = await cloud.cloud.db.$queryRawUnsafe<{ n: number; sum: string }[]>(sql)
    Object.assign(counts, { [`${schema}.${name}`]: `${row?.n} ${row?.sum}` })
  }
  return counts
}

describe('a key', () => {
  it('gives the first answer again, and nothing is done twice', async () => {
    const first = await create({ idempotencyKey: 'first' })
    const before = await countRows()
    const second = await create({ idempotencyKey: 'first' })
    expect(second.data).toEqual(first.data)
    expect(await countRows()).toEqual(before)
  })

  it('holds when many arrive at once', async () => {
    const before = await cloud.cloud.db.server.count()
    const answers = await Promise.all(
      Array.from({ length: AT_ONCE }, () => create({ idempotencyKey: 'at once' })),
    )
    for (const answer of answers) expect(answer.errors).toBeUndefined()
    expect(new Set(answers.map(({ data }) => data.serverCreate.server.id)).size).toBe(1)
    expect(new Set(answers.map(({ data }) => data.serverCreate.task.id)).size).toBe(1)
    expect(await cloud.cloud.db.server.count()).toBe(before + 1)
  })

  it('holds when many arrive at once and there is quota for one only', async () => {
    const demo = await cloud.signIn('demo')
    const { db } = cloud.cloud
    await db.quota.updateMany({
      where: { project: { name: 'demo' }, resource: 'compute.instances' },
      data: { limit: 1 },
    })
    await db.image.updateMany({ data: { visibility: 'PUBLIC' } })
    const answers = await Promise.all(
      Array.from({ length: AT_ONCE }, () => create({ idempotencyKey: 'last one' }, demo)),
    )
    for (const answer of answers) expect(answer.errors).toBeUndefined()
    expect(new Set(answers.map(({ data }) => data.serverCreate.server.id)).size).toBe(1)
    expect(codeOf(await create({ idempotencyKey: 'another' }, demo))).toBe('QUOTA_EXCEEDED')
  })

  it('holds for actions that could be begun only once', async () => {
    const { data } = await create({ name: 'to delete' })
    const { id } = data.serverCreate.server
    await cloud.cloud.db.server.update({
      where: { id },
      data: { status: 'ACTIVE', taskState: null, hostId: await someHost() },
    })
    const answers = await Promise.all(
      Array.from({ length: AT_ONCE }, () =>
        cloud.gql(ACT('serverStop'), { input: { id, idempotencyKey: 'stop it' } }, token),
      ),
    )
    for (const answer of answers) expect(answer.errors).toBeUndefined()
    expect(new Set(answers.map((answer) => answer.data.serverStop.task.id)).size).toBe(1)
    expect(
      await cloud.cloud.db.task.count({ where: { resourceId: id, kind: 'server.stop' } }),
    ).toBe(1)
  })

  it('is refused with other arguments, another action or in another project', async () => {
    await create({ idempotencyKey: 'taken' })
    const others = [
      await create({ idempotencyKey: 'taken', name: 'other' }),
      await cloud.gql(
        ACT('serverStop'),
        { input: { id: newId(), idempotencyKey: 'taken' } },
        token,
      ),
      await create({ idempotencyKey: 'taken' }, await cloud.signIn('demo')),
    ]
    expect(others.map(codeOf)).toEqual(['CONFLICT', 'CONFLICT', 'CONFLICT'])
  })

  it("is each user's own", async () => {
    const mine = await create({ idempotencyKey: 'ours' })
    const theirs = await create({ idempotencyKey: 'ours' }, await signInAs('bob'))
    expect(theirs.errors).toBeUndefined()
    expect(theirs.data.serverCreate.server.id).not.toBe(mine.data.serverCreate.server.id)
  })

  it('is free again when its request failed', async () => {
    const wrong = { idempotencyKey: 'failing', imageId: newId() }
    expect(codeOf(await create(wrong))).toBe('NOT_FOUND')
    expect(codeOf(await create(wrong))).toBe('NOT_FOUND')
    expect((await create({ idempotencyKey: 'failing' })).errors).toBeUndefined()
  })

  it('does not mind the order of fields, nor nulls', async () => {
    const query = CREATE
    const one = { idempotencyKey: 'order', name: 'same', flavorId: flavor, imageId }
    const other = { imageId, dryRun: null, flavorId: flavor, name: 'same', idempotencyKey: 'order' }
    const first = await cloud.must(query, { input: one }, token)
    expect(await cloud.must(query, { input: other }, token)).toEqual(first)
  })
})

describe('a dry run', () => {
  it('gives the plan of a creation and changes nothing', async () => {
    const before = await countRows()
    const { data, errors } = await create({ dryRun: true, idempotencyKey: 'not used up' })
    expect(errors).toBeUndefined()
    expect(data.serverCreate).toMatchObject({ server: null, task: null })
    expect(
      data.serverCreate.plan.quotas.map(({ resource }: { resource: string }) => resource),
    ).toEqual([
      'compute.cores',
      'compute.instances',
      'compute.memoryMiB',
      'compute.serverGroupMembers',
      'compute.serverGroups',
    ])
    expect(data.serverCreate.plan.placement).toMatchObject({ hostsTotal: expect.any(Number) })
    expect(await countRows()).toEqual(before)
    expect((await create({ idempotencyKey: 'not used up' })).errors).toBeUndefined()
  })

  it('gives the refusal that the deed would get', async () => {
    const before = await countRows()
    expect(codeOf(await create({ dryRun: true, imageId: newId() }))).toBe('NOT_FOUND')
    const demo = await cloud.signIn('demo')
    const at = await countRows()
    expect(codeOf(await create({ dryRun: true }, demo))).toBe('QUOTA_EXCEEDED')
    expect(await countRows()).toEqual(at)
    expect({ ...before, ...at }).toEqual({ ...at })
  })

  it('of an action changes nothing', async () => {
    const { data } = await create({ name: 'dry' })
    const before = await countRows()
    const { id } = data.serverCreate.server
    const dry = await cloud.must(ACT('serverDelete'), { input: { id, dryRun: true } }, token)
    expect(dry.serverDelete).toMatchObject({ server: { id }, task: null, plan: { allowed: true } })
    expect(await countRows()).toEqual(before)
  })
})

async function someHost(): Promise<string> {
  const at = new Date()
  const host = { id: newId(), name: `host-${newId()}`, driver: 'none', status: 'UP' }
  await cloud.cloud.db.host.create({ data: { ...host, createdAt: at, updatedAt: at } })
  return host.id
}

/** A new member of the project admin, with the administrator's password. */
async function signInAs(name: string): Promise<string> {
  const { db } = cloud.cloud
  const admin = await db.user.findFirstOrThrow({ where: { name: 'admin' } })
  const project = await db.project.findFirstOrThrow({ where: { name: 'admin' } })
  const role = await db.role.findFirstOrThrow({ where: { name: 'member' } })
  const user = await db.user.create({ data: { ...admin, id: newId(), name, nameKey: name } })
  await db.roleAssignment.create({
    data: {
      id: newId(),
      roleId: role.id,
      userId: user.id,
      projectId: project.id,
      createdAt: new Date(),
    },
  })
  return cloud.signIn('admin', PASSWORD, name)
}
