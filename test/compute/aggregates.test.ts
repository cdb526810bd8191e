/** Aggregates: their hosts, their metadata, and how placement reads it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../../services/id.ts'
import { type Cluster, startCluster } from '../support/cluster.ts'
import { allVisible } from '../support/events.ts'
import { ACT, atRest, flavorId, putImage } from '../support/stories.ts'
import { until } from '../support/until.ts'

let cloud: Cluster
let token: string
let imageId: string
let hosts: { id: string; name: string }[]

beforeAll(async () => {
  cloud = await startCluster({ hosts: 2 })
  token = await cloud.signIn()
  imageId = (await putImage(cloud, token)).id
  hosts = (await cloud.must('{ hosts { nodes { id name } } }', {}, token)).hosts.nodes
  hosts.sort((a, b) => (a.name < b.name ? -1 : 1))
})
afterAll(() => cloud?.stop())

const FIELDS =
  'aggregate { id name availabilityZone metadata version hosts { nodes { name } totalCount } }'
const run = (name: string, input: object, out = FIELDS) => {
  const type = `${name[0]?.toUpperCase()}${name.slice(1)}Input`
  const document = `mutation ($input: ${type}!) { ${name}(input: $input) { ${out} } }`
  return cloud.gql(document, { input }, token)
}
async function must(name: string, input: object, out = FIELDS) {
  const { data, errors } = await run(name, input, out)
  if (errors) throw new Error(JSON.stringify(errors))
  return data[name].aggregate
}
const codeOf = ({ errors }: { errors?: { extensions: { code: string } }[] }) =>
  errors?.[0]?.extensions.code ?? 'OK'
const hostId = (i: number) => hosts[i]?.id as string

describe('an aggregate', () => {
  it('is made, changed, given hosts and deleted', async () => {
    const input = { name: 'ssd', metadata: { disk: 'ssd' }, idempotencyKey: newId() }
    const made = await must('aggregateCreate', input)
    expect(made).toMatchObject({ name: 'ssd', availabilityZone: null, metadata: { disk: 'ssd' } })
    expect((await must('aggregateCreate', input)).id).toBe(made.id)
    expect(codeOf(await run('aggregateCreate', { name: 'ssd' }))).toBe('CONFLICT')

    const { id } = made
    const held = await must('aggregateHostAdd', { id, hostId: hostId(0) })
    expect(held.hosts).toEqual({ nodes: [{ name: 'sim-1' }], totalCount: 1 })
    const again = await must('aggregateHostAdd', { id, hostId: hostId(0) })
    expect(again.version).toBe(held.version)
    expect(codeOf(await run('aggregateHostAdd', { id, hostId: newId() }))).toBe('NOT_FOUND')

    const dry = { id, name: 'nvme', dryRun: true }
    expect((await must('aggregateUpdate', dry)).name).toBe('ssd')
    const stale = await run('aggregateUpdate', { id, name: 'nvme', ifVersion: made.version })
    expect(codeOf(stale)).toBe('CONFLICT')
    const now = await must('aggregateUpdate', { id, name: 'nvme', metadata: { disk: 'nvme' } })
    expect(now).toMatchObject({ name: 'nvme', metadata: { disk: 'nvme' } })

    const refused = await run('aggregateDelete', { id })
    expect(refused.errors?.[0]?.extensions).toMatchObject({
      code: 'IN_USE',
      details: { resources: [{ type: 'host', name: 'sim-1' }] },
    })
    expect((await must('aggregateHostRemove', { id, hostId: hostId(0) })).hosts.totalCount).toBe(0)
    expect(await must('aggregateDelete', { id })).toBeNull()
    const { aggregates } = await cloud.must('{ aggregates { nodes { id } } }', {}, token)
    expect(aggregates.nodes).toEqual([])
    const audit = await cloud.cloud.db.auditEvent.findMany({
      where: { resourceId: id, outcome: 'SUCCESS' },
      orderBy: { at: 'asc' },
      select: { action: true, after: true },
    })
    expect(audit.map(({ action }) => action)).toEqual([
      'compute.aggregate.create',
      'compute.aggregate.update',
      'compute.aggregate.update',
      'compute.aggregate.update',
      'compute.aggregate.delete',
    ])
    expect(audit[1]?.after).toEqual({ host: 'sim-1' })
  })

  it.each([
    [{ availabilityZone: 'a:b' }, /availabilityZone/],
    [{ metadata: { 'no word': 'x' } }, /metadata/],
    [{ metadata: { k: 'x'.repeat(256) } }, /metadata/],
  ])('refuses %j', async (input, message) => {
    const { errors } = await run('aggregateCreate', { name: newId(), ...input })
    expect(errors?.[0]).toMatchObject({
      message: expect.stringMatching(message),
      extensions: { code: 'BAD_INPUT' },
    })
  })

  it('is watched', async () => {
    const { id } = await must('aggregateCreate', { name: 'watched' })
    await allVisible(cloud.cloud.db)
    const watch = cloud.watch<{ kind: string; aggregate: { name: string } | null }>(
      'subscription ($id: ID) { aggregateChanged(id: $id) { kind cursor id aggregate { name } } }',
      { id },
      token,
    )
    try {
      await watch.next(({ kind }) => kind === 'SNAPSHOT')
      await must('aggregateUpdate', { id, name: 'seen' })
      await watch.next(({ kind }) => kind === 'UPDATED')
      await must('aggregateDelete', { id })
      await watch.next(({ kind }) => kind === 'DELETED')
      expect(watch.events.map(({ kind, aggregate }) => [kind, aggregate?.name ?? null])).toEqual([
        ['SNAPSHOT', 'watched'],
        ['UPDATED', 'seen'],
        ['DELETED', null],
      ])
    } finally {
      watch.close()
    }
  })
})

describe('placement', () => {
  const CREATE =
    'mutation ($input: ServerCreateInput!) { serverCreate(input: $input) { server { id } } }'

  async function build(input: object): Promise<string> {
    const flavor = await flavorId(cloud, token)
    const { serverCreate } = await cloud.must(
      CREATE,
      { input: { name: 'placed', flavorId: flavor, imageId, ...input } },
      token,
    )
    return serverCreate.server.id
  }
  const remove = async (id: string) => {
    await cloud.must(ACT('serverDelete'), { input: { id } }, token)
    await until(
      'it is gone',
      async () => !(await cloud.cloud.db.server.findUnique({ where: { id } })),
    )
  }

  it('follows the extra specs of a flavor into an aggregate', async () => {
    const { id } = await must('aggregateCreate', { name: 'fast', metadata: { disk: 'ssd,nvme' } })
    await must('aggregateHostAdd', { id, hostId: hostId(1) })
    const { flavorCreate } = await cloud.must(
      'mutation ($input: FlavorCreateInput!) { flavorCreate(input: $input) { flavor { id } } }',
      {
        input: {
          ...{ name: 'fast', vcpus: 1, memoryMiB: 64, diskGiB: 1 },
          extraSpecs: { 'aggregate_instance_extra_specs:disk': 'ssd' },
        },
      },
      token,
    )
    const server = await build({ flavorId: flavorCreate.flavor.id })
    expect((await atRest(cloud, token, server, 'ACTIVE')).host?.name).toBe('sim-2')
    await remove(server)
    await must('aggregateUpdate', { id, metadata: { disk: 'hdd' } })
    const refused = await build({ flavorId: flavorCreate.flavor.id })
    const { fault } = await atRest(cloud, token, refused, 'ERROR')
    expect(fault?.message).toMatch(/AggregateInstanceExtraSpecsFilter let none through/)
    await remove(refused)
    await must('aggregateHostRemove', { id, hostId: hostId(1) })
    await must('aggregateDelete', { id })
  })

  it('keeps hosts for the projects of their aggregate', async () => {
    const metadata = { filter_tenant_id: newId() }
    const { id } = await must('aggregateCreate', { name: 'kept', metadata })
    await must('aggregateHostAdd', { id, hostId: hostId(0) })
    const server = await build({})
    expect((await atRest(cloud, token, server, 'ACTIVE')).host?.name).toBe('sim-2')
    await remove(server)
  })
})
