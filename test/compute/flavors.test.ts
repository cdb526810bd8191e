/** Flavors: made, described, hidden, shared with projects, disabled and deleted; by operators only. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../../services/id.ts'
import { type Cluster, startCluster } from '../support/cluster.ts'
import { newProject, newUser, tokenFor } from '../support/people.ts'
import { putImage } from '../support/stories.ts'

let cloud: Cluster
let operator: string
let member: string
let projectId: string
let others: string

beforeAll(async () => {
  cloud = await startCluster({ hosts: 0, config: { roles: ['api'] } })
  operator = await cloud.signIn()
  projectId = await newProject(cloud.cloud, 'users')
  const elsewhere = await newProject(cloud.cloud, 'others')
  const userId = await newUser(cloud.cloud, 'mia', { projectId, role: 'member' })
  member = tokenFor(cloud.cloud, { userId, projectId, role: 'member' })
  others = tokenFor(cloud.cloud, { userId, projectId: elsewhere, role: 'member' })
})
afterAll(() => cloud?.stop())

const FIELDS =
  'flavor { id name description vcpus memoryMiB diskGiB extraSpecs public enabled version projects { id } }'
const change = (name: string, input: object, token = operator, type?: string) =>
  cloud.gql(
    `mutation ($input: ${type ?? `${name[0]?.toUpperCase()}${name.slice(1)}Input`}!) { ${name}(input: $input) { ${FIELDS} } }`,
    { input },
    token,
  )
const codeOf = ({ errors }: { errors?: { extensions: { code: string } }[] }) =>
  errors?.[0]?.extensions.code
const size = { vcpus: 1, memoryMiB: 64, diskGiB: 1 }
const newFlavor = async (more: object = {}) => {
  const answer = await change('flavorCreate', { name: `f-${newId()}`, ...size, ...more })
  expect(answer.errors).toBeUndefined()
  return answer.data.flavorCreate.flavor
}
const seen = async (id: string, token: string) =>
  (await cloud.must('query ($id: ID!) { flavor(id: $id) { id name } }', { id }, token)).flavor
const access = (name: 'flavorAccessAdd' | 'flavorAccessRemove', flavorId: string) =>
  change(name, { flavorId, projectId }, operator)

describe('a flavor', () => {
  it('is made as asked for, and told in events and the audit log', async () => {
    const extraSpecs = { 'trait:HW_CPU_X86_AVX2': 'required', 'hw:cpu_policy': 'shared' }
    const flavor = await newFlavor({ description: 'small', extraSpecs })
    expect(flavor).toMatchObject({
      description: 'small',
      ...size,
      extraSpecs,
      public: true,
      enabled: true,
      version: 1,
      projects: [],
    })
    const { db } = cloud.cloud
    const where = { resourceType: 'flavor', resourceId: flavor.id }
    const event = await db.event.findFirstOrThrow({ where })
    expect(event).toMatchObject({ type: 'flavor.created', projectId: null })
    const audit = await db.auditEvent.findFirstOrThrow({ where })
    expect(audit).toMatchObject({ action: 'compute.flavor.create', outcome: 'SUCCESS' })
    expect(await seen(flavor.id, member)).toEqual({ id: flavor.id, name: flavor.name })
  })

  it('may be larger than any host, and not larger than what can be counted', async () => {
    await newFlavor({ vcpus: 4000, memoryMiB: 99_000_000 })
    for (const wrong of [{ vcpus: 0 }, { memoryMiB: 0 }, { diskGiB: -1 }, { memoryMiB: 2e9 }]) {
      const answer = await change('flavorCreate', { name: 'wrong', ...size, ...wrong })
      expect(codeOf(answer)).toBe('BAD_INPUT')
    }
  })

  it('has a name of its own, and is made once for a key', async () => {
    const flavor = await newFlavor()
    expect(codeOf(await change('flavorCreate', { name: flavor.name, ...size }))).toBe('CONFLICT')
    const keyed = { name: `k-${newId()}`, ...size, idempotencyKey: newId() }
    const [first, second] = [
      await change('flavorCreate', keyed),
      await change('flavorCreate', keyed),
    ]
    expect(second.data.flavorCreate.flavor.id).toBe(first.data.flavorCreate.flavor.id)
    const dry = await change('flavorCreate', { name: 'dry', ...size, dryRun: true })
    expect(dry.data.flavorCreate.flavor).toBeNull()
    expect(await cloud.cloud.db.flavor.count({ where: { name: 'dry' } })).toBe(0)
  })

  it('takes extra specs that mean something, and says which those are', async () => {
    for (const [name, value] of [
      ['trait:HW_CPU_X86_AVX2', 'perhaps'],
      ['hw:cpu_polcy', 'shared'],
      ['unknown', 'x'],
      ['quota:cpu_shares', 'many'],
    ]) {
      const extraSpecs = { [name as string]: value }
      const answer = await change('flavorCreate', { name: 'wrong', ...size, extraSpecs })
      expect(codeOf(answer), name).toBe('BAD_INPUT')
      expect(answer.errors?.[0]?.message).toContain(name?.startsWith('trait') ? 'required' : name)
    }
    const extraSpecs = {
      'quota:cpu_shares': '10',
      'aggregate_instance_extra_specs:ssd': 'true',
      'hw:numa_nodes': '2',
    }
    expect((await newFlavor({ extraSpecs })).extraSpecs).toEqual(extraSpecs)
  })

  it('is changed as it was seen; its sizes are not among what changes', async () => {
    const { id } = await newFlavor({ extraSpecs: { 'hw:numa_nodes': '1' } })
    const changed = await change('flavorUpdate', {
      id,
      ifVersion: 1,
      description: 'x',
      extraSpecs: {},
    })
    expect(changed.data.flavorUpdate.flavor).toMatchObject({
      description: 'x',
      extraSpecs: {},
      version: 2,
    })
    expect(codeOf(await change('flavorUpdate', { id, ifVersion: 1, enabled: false }))).toBe(
      'CONFLICT',
    )
    const type = await cloud.must(
      '{ __type(name: "FlavorUpdateInput") { inputFields { name } } }',
      {},
      operator,
    )
    expect(JSON.stringify(type)).not.toMatch(/vcpus|memory|disk/)
  })

  it('is nobody’s to change but the operators’', async () => {
    const { id } = await newFlavor()
    expect(codeOf(await change('flavorCreate', { name: 'mine', ...size }, member))).toBe(
      'FORBIDDEN',
    )
    expect(codeOf(await change('flavorUpdate', { id, enabled: false }, member))).toBe('FORBIDDEN')
    expect(codeOf(await change('flavorDelete', { id }, member))).toBe('FORBIDDEN')
  })
})

describe('a flavor that is not public', () => {
  it('exists for the projects of its list only', async () => {
    const { id } = await newFlavor({ public: false })
    expect(await seen(id, member)).toBeNull()
    expect(await seen(id, operator)).not.toBeNull()
    expect((await access('flavorAccessAdd', id)).data.flavorAccessAdd.flavor.projects).toEqual([
      { id: projectId },
    ])
    expect((await access('flavorAccessAdd', id)).errors).toBeUndefined()
    expect(await seen(id, member)).not.toBeNull()
    expect(await seen(id, others)).toBeNull()
    const list = await cloud.must(
      '{ flavors(first: 200) { nodes { id projects { id } } } }',
      {},
      member,
    )
    expect(list.flavors.nodes.find((f: { id: string }) => f.id === id).projects).toBeNull()
    await access('flavorAccessRemove', id)
    expect(await seen(id, member)).toBeNull()
  })

  it('makes no server elsewhere: it is as if it was not there', async () => {
    const { id } = await newFlavor({ public: false })
    const { id: imageId } = await putImage(cloud, member)
    const create = () =>
      cloud.gql(
        'mutation ($input: ServerCreateInput!) { serverCreate(input: $input) { plan { allowed } } }',
        { input: { name: 's', flavorId: id, imageId, dryRun: true } },
        member,
      )
    expect(codeOf(await create())).toBe('NOT_FOUND')
    await access('flavorAccessAdd', id)
    expect((await create()).errors).toBeUndefined()
    await change('flavorUpdate', { id, enabled: false })
    expect(codeOf(await create())).toBe('INVALID_STATE')
  })

  it('is told to those who may use it: it comes and goes in their watch', async () => {
    const { id } = await newFlavor({ public: false })
    const watch = cloud.watch<{ kind: string; id: string; flavor: { name: string } | null }>(
      'subscription { flavorChanged { kind id flavor { name } } }',
      {},
      member,
    )
    const foreign = cloud.watch<{ kind: string; id: string }>(
      'subscription { flavorChanged { kind id } }',
      {},
      others,
    )
    try {
      await watch.next((e) => e.kind === 'SNAPSHOT')
      await foreign.next((e) => e.kind === 'SNAPSHOT')
      await access('flavorAccessAdd', id)
      await watch.next((e) => e.id === id && e.kind === 'UPDATED')
      await access('flavorAccessRemove', id)
      await watch.next((e) => e.id === id && e.kind === 'DELETED')
      await change('flavorDelete', { id })
      const last = await newFlavor()
      await foreign.next((e) => e.id === last.id && e.kind === 'CREATED')
      expect(foreign.events.filter((e) => e.id === id)).toEqual([])
      await change('flavorUpdate', { id: last.id, public: false })
      await foreign.next((e) => e.id === last.id && e.kind === 'DELETED')
    } finally {
      watch.close()
      foreign.close()
    }
  })
})

describe('deleting a flavor', () => {
  it('is refused while servers have it, with their count', async () => {
    const { id } = await newFlavor()
    const { db, now } = cloud.cloud
    const times = { createdAt: now(), updatedAt: now() }
    const server = await db.server.create({
      data: {
        id: newId(),
        projectId,
        userId: newId(),
        name: 'has it',
        status: 'SHUTOFF',
        powerState: 'SHUTDOWN',
        flavorId: id,
        ...size,
        ...times,
      },
    })
    const refused = await change('flavorDelete', { id })
    expect(codeOf(refused)).toBe('IN_USE')
    expect(refused.errors?.[0]?.message).toMatch(/^1 servers .* disable it/)
    expect(refused.errors?.[0]?.extensions.details?.resources).toEqual([
      { type: 'server', id: server.id, name: 'has it' },
    ])
    // What once moved away from it is no hindrance; what may still return is.
    const migration = {
      serverId: server.id,
      projectId,
      kind: 'RESIZE',
      beforeStatus: 'ACTIVE',
      oldSize: {},
    }
    const other = await newFlavor()
    await db.server.update({ where: { id: server.id }, data: { flavorId: other.id } })
    const open = await db.migration.create({
      data: { id: newId(), ...migration, status: 'FINISHED', oldFlavorId: id, ...times },
    })
    expect(codeOf(await change('flavorDelete', { id }))).toBe('IN_USE')
    await db.migration.update({ where: { id: open.id }, data: { status: 'CONFIRMED' } })
    expect((await change('flavorDelete', { id })).errors).toBeUndefined()
    expect(await seen(id, operator)).toBeNull()
  })
})
