/** Limits: registered ones, those of projects, those of the projects above, and who may see and set them. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../../services/id.ts'
import { type Cluster, startCluster } from '../support/cluster.ts'
import { assignRole, newUser, tokenFor } from '../support/people.ts'
import { atRest, CREATE, flavorId, newServer, putImage } from '../support/stories.ts'

let cluster: Cluster
let operator: string
let imageId: string
let flavor: string
let count = 0

beforeAll(async () => {
  cluster = await startCluster({ hosts: 1 })
  operator = await cluster.signIn()
  imageId = (await putImage(cluster, operator)).id
  flavor = await flavorId(cluster, operator)
  const publish = { where: { id: imageId }, data: { visibility: 'PUBLIC' as const } }
  await cluster.cloud.db.image.update(publish)
})
afterAll(() => cluster?.stop())

const mutate = (name: string, fields: string): string => {
  const type = `${name[0]?.toUpperCase()}${name.slice(1)}Input`
  return `mutation ($input: ${type}!) { ${name}(input: $input) { ${fields} } }`
}
const QUOTA = 'resource limit default used reserved treeUsed'
const SET = mutate('quotaSet', `quota { ${QUOTA} }`)

const project = async (parentId: string | null = null): Promise<string> => {
  const input = { name: `project ${++count}`, parentId }
  const made = await cluster.must(mutate('projectCreate', 'project { id }'), { input }, operator)
  return made.projectCreate.project.id
}
const set = (projectId: string, limit: number | null, more = {}, token = operator) => {
  const input = { projectId, resource: 'compute.instances', limit, ...more }
  return cluster.gql(SET, { input }, token)
}
const quotas = async (projectId: string, token = operator) =>
  (
    await cluster.must(
      `query ($p: ID!) { quotas(projectId: $p) { ${QUOTA} } }`,
      { p: projectId },
      token,
    )
  ).quotas as { resource: string; limit: number }[]
const instances = async (projectId: string) =>
  (await quotas(projectId)).find(({ resource }) => resource === 'compute.instances')
const codeOf = (answer: { errors?: { extensions: { code: string } }[] }) =>
  answer.errors?.[0]?.extensions.code
/** A token of a user with a role in the project. */
async function member(projectId: string, role: 'member' | 'reader' = 'member', above?: string) {
  const userId = await newUser(cluster.cloud, `user ${++count}`, { projectId, role })
  if (above) await assignRole(cluster.cloud, userId, above, 'reader')
  return tokenFor(cluster.cloud, { userId, projectId, role })
}

describe('the limit of a project', () => {
  it('is the registered one until it is set, and again when it is reset', async () => {
    const id = await project()
    const fresh = { default: true, limit: 10, used: 0, reserved: 0, treeUsed: 0 }
    expect(await quotas(id)).toEqual([
      { resource: 'compute.cores', ...fresh, limit: 20 },
      { resource: 'compute.instances', ...fresh },
      { resource: 'compute.memoryMiB', ...fresh, limit: 51_200 },
      { resource: 'compute.serverGroupMembers', ...fresh },
      { resource: 'compute.serverGroups', ...fresh },
    ])
    const own = { ...fresh, resource: 'compute.instances', default: false, limit: 2 }
    expect((await set(id, 2)).data.quotaSet.quota).toEqual(own)
    expect(await instances(id)).toEqual(own)
    expect((await set(id, -1)).data.quotaSet.quota).toMatchObject({ limit: -1, default: false })
    expect((await set(id, null)).data.quotaSet.quota).toMatchObject({ limit: 10, default: true })
    const where = { resourceType: 'quota', resourceId: id }
    const audit = await cluster.cloud.db.auditEvent.findMany({ where, orderBy: { id: 'asc' } })
    expect(audit.map(({ before, after }) => [before, after])).toEqual([
      [{ limit: null }, { limit: 2 }],
      [{ limit: 2 }, { limit: -1 }],
      [{ limit: -1 }, { limit: null }],
    ])
    const events = await cluster.cloud.db.event.count({
      where: { type: 'quota.updated', resourceId: id },
    })
    expect(events).toBe(3)
  })

  it('is refused when it is wrong, and nothing is lost', async () => {
    const id = await project()
    await set(id, 3)
    const unknown = await set(id, 1, { resource: 'compute.unicorns' })
    expect(codeOf(unknown)).toBe('BAD_INPUT')
    expect(unknown.errors?.[0]?.message).toContain('compute.cores, compute.instances')
    expect(codeOf(await set(id, -2))).toBe('BAD_INPUT')
    const input = { projectId: id, resource: 'compute.instances' }
    expect(codeOf(await cluster.gql(SET, { input }, operator))).toBe('BAD_INPUT')
    expect(codeOf(await set(newId(), 1))).toBe('NOT_FOUND')
    expect(await instances(id)).toMatchObject({ limit: 3 })
  })

  it('is tried by a dry run, and set once by one key', async () => {
    const id = await project()
    expect((await set(id, 7, { dryRun: true })).data.quotaSet.quota).toMatchObject({ limit: 7 })
    expect(await instances(id)).toMatchObject({ limit: 10 })
    const key = { idempotencyKey: newId() }
    const first = await set(id, 4, key)
    await set(id, 5)
    expect((await set(id, 4, key)).data).toEqual(first.data)
    expect(await instances(id)).toMatchObject({ limit: 5 })
    expect(codeOf(await set(id, 6, key))).toBe('CONFLICT')
  })

  it('is seen by those of the project, and set by operators only', async () => {
    const [mine, other] = [await project(), await project()]
    const token = await member(mine, 'reader')
    expect(await quotas(mine, token)).toHaveLength(5)
    const own = await cluster.must('{ quotas { resource } }', {}, token)
    expect(own.quotas).toHaveLength(5)
    const foreign = await cluster.gql(
      'query ($p: ID) { quotas(projectId: $p) { limit } }',
      { p: other },
      token,
    )
    expect(codeOf(foreign)).toBe('NOT_FOUND')
    const nowhere = await cluster.gql(
      'query ($p: ID) { quotas(projectId: $p) { limit } }',
      { p: newId() },
      token,
    )
    expect(nowhere.errors?.[0]?.message.replace(/ [0-9a-f-]{36}/, '')).toBe(
      foreign.errors?.[0]?.message.replace(/ [0-9a-f-]{36}/, ''),
    )
    expect(codeOf(await set(mine, 100, {}, token))).toBe('FORBIDDEN')
    expect(codeOf(await cluster.gql('{ quotaFindings { what } }', {}, token))).toBe('FORBIDDEN')
  })
})

describe('the limits in a tree', () => {
  it('of a project are not above those of its parent, nor below those of its children', async () => {
    const top = await project()
    const below = await project(top)
    await set(top, 5)
    const above = await set(below, 6)
    expect(codeOf(above)).toBe('BAD_INPUT')
    expect(above.errors?.[0]?.message).toMatch(/6 is more than the project above has, which is 5/)
    expect(codeOf(await set(below, -1))).toBe('BAD_INPUT')
    expect((await set(below, 5)).errors).toBeUndefined()
    expect((await set(top, 4)).errors?.[0]?.message).toMatch(/4 is less than .* which is 5/)
    expect((await set(top, -1)).errors).toBeUndefined()
    expect((await set(below, 50)).errors).toBeUndefined()
    expect((await set(top, null)).errors?.[0]?.message).toMatch(/10 is less than .* which is 50/)
  })

  it('hold for all below: a claim counts in each project above', async () => {
    const top = await project()
    const [left, right] = [await project(top), await project(top)]
    await set(top, 1)
    const token = await member(left)
    const server = await newServer(cluster, token, 'counted', imageId)
    await atRest(cluster, token, server, 'ACTIVE')
    expect(await instances(left)).toMatchObject({ used: 1, reserved: 0, treeUsed: 1, limit: 1 })
    expect(await instances(top)).toMatchObject({ used: 0, reserved: 0, treeUsed: 1, limit: 1 })
    const create = (token: string) =>
      cluster.gql(CREATE, { input: { name: 'refused', flavorId: flavor, imageId } }, token)
    const details = { resource: 'compute.instances', limit: 1, used: 1, requested: 1 }
    const refused = await create(await member(right))
    expect(refused.errors?.[0]?.extensions).toMatchObject({ code: 'QUOTA_EXCEEDED', details })
    expect(refused.errors?.[0]?.message).toContain('in a project above is 1')
    const { name } = await cluster.cloud.db.project.findUniqueOrThrow({ where: { id: top } })
    const told = await create(await member(right, 'member', top))
    expect(told.errors?.[0]?.message).toContain(`in ${name}, the project above, is 1`)
    expect(await instances(right)).toMatchObject({ used: 0, reserved: 0, treeUsed: 0 })
    await set(top, -1)
    expect(await instances(right)).toMatchObject({ limit: 10, default: true })
    await set(top, 50)
    expect(await instances(right)).toMatchObject({ limit: 10, default: true })
    // Less than what is used: nothing more, and nothing is taken away.
    expect((await set(top, 0)).data.quotaSet.quota).toMatchObject({ limit: 0, treeUsed: 1 })
    await cluster.must(
      'mutation ($input: ServerActionInput!) { serverDelete(input: $input) { task { id } } }',
      { input: { id: server } },
      token,
    )
    await expect
      .poll(async () => instances(top), { timeout: 60_000 })
      .toMatchObject({ treeUsed: 0 })
    expect(await instances(left)).toMatchObject({ used: 0, reserved: 0, treeUsed: 0 })
    expect((await cluster.must('{ quotaFindings { what } }', {}, operator)).quotaFindings).toEqual(
      [],
    )
  })

  it('are in the plan of a dry run, with what it would reserve', async () => {
    const id = await project()
    await set(id, 3)
    const plan = `mutation ($input: ServerCreateInput!) {
      serverCreate(input: $input) { plan { quotas { ${QUOTA} } } } }`
    const input = { name: 'planned', flavorId: flavor, imageId, dryRun: true }
    const answer = await cluster.must(plan, { input }, await member(id))
    expect(answer.serverCreate.plan.quotas[1]).toEqual({
      ...{ resource: 'compute.instances', limit: 3, default: false },
      ...{ used: 0, reserved: 1, treeUsed: 1 },
    })
    expect(await instances(id)).toMatchObject({ reserved: 0, treeUsed: 0 })
  })
})

const LIMIT = 'id serviceId regionId resource defaultLimit description version'
const LIST = `query ($filter: RegisteredLimitFilterInput) {
  registeredLimits(filter: $filter) { nodes { ${LIMIT} } totalCount } }`
const change = (verb: string, input: object, token = operator) =>
  cluster.gql(mutate(`registeredLimit${verb}`, `registeredLimit { ${LIMIT} }`), { input }, token)
const registered = async (filter: object) =>
  (await cluster.must(LIST, { filter }, operator)).registeredLimits

describe('a registered limit', () => {
  let serviceId: string

  beforeAll(async () => {
    const { nodes, totalCount } = await registered({ service: 'compute' })
    expect(totalCount).toBe(6)
    serviceId = nodes[0].serviceId
  })

  it('is there for what is counted, once, however often the cloud starts', async () => {
    await cluster.restart()
    const { nodes } = await registered({ service: 'compute' })
    const shown = nodes.map((row: { resource: string; defaultLimit: number }) => [
      row.resource,
      row.defaultLimit,
    ])
    expect(Object.fromEntries(shown)).toEqual({
      'compute.instances': 10,
      'compute.cores': 20,
      'compute.memoryMiB': 51_200,
      'compute.serverGroups': 10,
      'compute.serverGroupMembers': 10,
      'compute.keypairs': 100,
    })
    expect((await registered({ resource: 'compute.cores' })).totalCount).toBe(1)
    expect((await registered({ service: 'image' })).totalCount).toBe(0)
    expect(codeOf(await change('Delete', { id: nodes[0].id }))).toBe('IN_USE')
  })

  it('can be made, changed as it was seen, and deleted when nothing hangs on it', async () => {
    const id = await project()
    const resource = 'compute.reservations'
    const made = await change('Create', { serviceId, resource, defaultLimit: 6 })
    const limit = made.data.registeredLimitCreate.registeredLimit
    expect(limit).toMatchObject({ resource, defaultLimit: 6, regionId: null, version: 1 })
    expect(codeOf(await change('Create', { serviceId, resource, defaultLimit: 7 }))).toBe(
      'CONFLICT',
    )
    expect(await quotas(id)).toContainEqual(
      expect.objectContaining({ resource, limit: 6, default: true }),
    )
    const dry = await change('Update', { id: limit.id, defaultLimit: 8, dryRun: true })
    expect(dry.data.registeredLimitUpdate.registeredLimit).toMatchObject({ defaultLimit: 6 })
    const updated = await change('Update', { id: limit.id, defaultLimit: 8, ifVersion: 1 })
    expect(updated.data.registeredLimitUpdate.registeredLimit).toMatchObject({
      defaultLimit: 8,
      version: 2,
    })
    expect(codeOf(await change('Update', { id: limit.id, defaultLimit: 9, ifVersion: 1 }))).toBe(
      'CONFLICT',
    )
    await set(id, 3, { resource })
    const inUse = await change('Delete', { id: limit.id })
    expect(inUse.errors?.[0]?.extensions).toMatchObject({
      code: 'IN_USE',
      details: { resources: [{ id }] },
    })
    await set(id, null, { resource })
    expect(
      (await change('Delete', { id: limit.id })).data.registeredLimitDelete.registeredLimit,
    ).toBeNull()
    expect(codeOf(await set(id, 3, { resource }))).toBe('BAD_INPUT')
    expect(await quotas(id)).toHaveLength(5)
    const where = { resourceId: limit.id }
    expect(
      await cluster.cloud.db.auditEvent.count({ where: { ...where, outcome: 'SUCCESS' } }),
    ).toBe(3)
    const events = await cluster.cloud.db.event.findMany({ where, select: { type: true } })
    expect(events.map(({ type }) => type)).toEqual(
      ['created', 'updated', 'deleted'].map((what) => `registered_limit.${what}`),
    )
  })

  it('is refused when it is wrong, and to those who are no operators', async () => {
    const wrong = [
      { serviceId, resource: 'image.bytes', defaultLimit: 1 },
      { serviceId, resource: 'instances', defaultLimit: 1 },
      { serviceId, resource: 'compute.x', defaultLimit: -2 },
    ]
    for (const input of wrong) expect(codeOf(await change('Create', input))).toBe('BAD_INPUT')
    const resource = 'compute.x'
    const nowhere = { serviceId: newId(), resource, defaultLimit: 1 }
    expect(codeOf(await change('Create', nowhere))).toBe('NOT_FOUND')
    const elsewhere = { serviceId, resource, defaultLimit: 1, regionId: 'Atlantis' }
    expect(codeOf(await change('Create', elsewhere))).toBe('NOT_FOUND')
    const token = await member(await project())
    const input = { serviceId, resource, defaultLimit: 1 }
    expect(codeOf(await change('Create', input, token))).toBe('FORBIDDEN')
  })

  it('of our region goes before the one of none, and that of another region does not count', async () => {
    const { db, now, region } = cluster.cloud
    const times = { createdAt: now(), updatedAt: now() }
    const names = [region, 'Elsewhere'].map((id) => ({ id, ...times }))
    await db.region.createMany({ data: names, skipDuplicates: true })
    const id = await project()
    const resource = 'compute.instances'
    await change('Create', { serviceId, resource, defaultLimit: 99, regionId: 'Elsewhere' })
    expect(await instances(id)).toMatchObject({ limit: 10 })
    const made = await change('Create', { serviceId, resource, defaultLimit: 12, regionId: region })
    expect(await instances(id)).toMatchObject({ limit: 12, default: true })
    // What a child has of its own is not above what its parent falls back on.
    const below = await project(id)
    await set(below, 11)
    const { id: limitId } = made.data.registeredLimitCreate.registeredLimit
    expect(codeOf(await change('Update', { id: limitId, defaultLimit: 10 }))).toBe('IN_USE')
    expect(codeOf(await change('Delete', { id: limitId }))).toBe('IN_USE')
    await set(below, null)
    expect((await change('Delete', { id: limitId })).errors).toBeUndefined()
    expect(await instances(id)).toMatchObject({ limit: 10 })
  })
})

describe('the auditor', () => {
  it('tells operators what is wrong, and the metrics how much it found', async () => {
    const id = await project()
    const where = { projectId: id, resource: 'compute.cores' }
    await cluster.cloud.db.quota.updateMany({ where, data: { used: 2, treeUsed: 3 } })
    const owner = newId()
    const claim = { ownerId: owner, projectId: id, resource: 'compute.instances', amount: 1 }
    await cluster.cloud.db.quotaClaim.create({ data: claim })
    const { quotaFindings } = await cluster.must(
      '{ quotaFindings { projectId resource what counter claimed ownerId } }',
      {},
      operator,
    )
    expect(quotaFindings).toEqual(
      [
        ['compute.cores', 'treeUsed', 3, 0, null],
        ['compute.cores', 'used', 2, 0, null],
        ['compute.instances', 'owner', 0, 1, owner],
        ['compute.instances', 'reserved', 0, 1, null],
        ['compute.instances', 'treeUsed', 0, 1, null],
      ].map(([resource, what, counter, claimed, ownerId]) => ({
        ...{ projectId: id, resource, what, counter, claimed, ownerId },
      })),
    )
    const metrics = await (await fetch(`${cluster.url}/metrics`)).text()
    expect(metrics).toMatch(/^nephograph_quota_findings \d+$/m)
  })
})
