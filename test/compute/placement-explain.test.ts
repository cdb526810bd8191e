/** placementExplain, and what tasks keep of their placements. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../../services/id.ts'
import { type Cluster, startCluster } from '../support/cluster.ts'
import { newProject, tokenFor } from '../support/people.ts'
import { atRest, flavorId, getServer, newServer, putImage } from '../support/stories.ts'
import { until } from '../support/until.ts'

let cloud: Cluster
let operator: string
let member: string
let imageId: string
let nano: string
let huge: string

beforeAll(async () => {
  const inventory = { vcpus: 2, memoryMiB: 1024, diskGiB: 50 }
  cloud = await startCluster({ heartbeatMs: 2_000, simulated: { inventory } })
  operator = await cloud.signIn()
  const projectId = await newProject(cloud.cloud, 'web')
  member = tokenFor(cloud.cloud, { projectId, role: 'member' })
  imageId = (await putImage(cloud, member)).id
  nano = await flavorId(cloud, operator)
  huge = await newFlavor({ name: 'huge', vcpus: 4_000, memoryMiB: 99_000_000, diskGiB: 1 })
})
afterAll(() => cloud?.stop())

const newFlavor = async (input: object): Promise<string> => {
  const { flavorCreate } = await cloud.must(
    'mutation ($input: FlavorCreateInput!) { flavorCreate(input: $input) { flavor { id } } }',
    { input },
    operator,
  )
  return flavorCreate.flavor.id
}

const FOUND = `hostsTotal hostsExamined hostsPassed drawnFrom
  filters { name passed refused }
  hosts { name passed refusedBy reason weight shortBy { resource amount } }
  nearestMiss { host shortBy { resource amount } remedies }`
const DOCUMENT = `query ($input: PlacementExplainInput!) { placementExplain(input: $input) { ${FOUND} } }`
const ask = (input: object, token: string) => cloud.gql(DOCUMENT, { input }, token)
const explain = async (input: object, token = member) =>
  (await cloud.must(DOCUMENT, { input }, token)).placementExplain

describe('placementExplain', () => {
  it('names the hosts, best first, for operators', async () => {
    const found = await explain({ flavorId: nano, imageId }, operator)
    expect(found).toMatchObject({
      ...{ hostsTotal: 2, hostsExamined: 2, hostsPassed: 2, drawnFrom: 1, nearestMiss: null },
      hosts: [
        { name: 'sim-1', passed: true, refusedBy: null, reason: null, shortBy: [] },
        { name: 'sim-2', passed: true },
      ],
    })
    expect(found.filters).toContainEqual({ name: 'RamFilter', passed: 2, refused: 0 })
  })

  it('tells tenants the same without names', async () => {
    const found = await explain({ flavorId: nano, imageId })
    expect(found.hosts).toMatchObject([{ name: null, passed: true }, { name: null }])
  })

  it('says by how much no host is enough, and what would make one fit', async () => {
    const nearest = {
      shortBy: [
        { resource: 'VCPU', amount: 4_000 - 32 },
        { resource: 'MEMORY_MB', amount: 99_000_000 - 512 },
      ],
      remedies: ['3968 more of VCPU', '98999488 more of MEMORY_MB'],
    }
    const found = await explain({ flavorId: huge, imageId }, operator)
    expect(found).toMatchObject({
      hostsPassed: 0,
      drawnFrom: null,
      nearestMiss: { host: 'sim-1', ...nearest },
    })
    expect(found.hosts[0]).toMatchObject({
      ...{ name: 'sim-1', passed: false, refusedBy: 'CoreFilter', weight: null },
      shortBy: [{ resource: 'VCPU', amount: 3_968 }],
    })
    expect((await explain({ flavorId: huge, imageId })).nearestMiss).toEqual({
      ...{ host: null, ...nearest },
    })
  })

  it('knows zones, groups, hints and traits', async () => {
    const filterOf = async (more: object) => {
      const { hostsPassed, filters } = await explain({ flavorId: nano, imageId, ...more })
      return [hostsPassed, filters.find((f: { refused: number }) => f.refused > 0)?.name ?? null]
    }
    expect(await filterOf({ availabilityZone: 'nova' })).toEqual([2, null])
    expect(await filterOf({ availabilityZone: 'mars' })).toEqual([0, 'AvailabilityZoneFilter'])
    const extraSpecs = { 'trait:CUSTOM_GPU': 'required' }
    const gpu = await newFlavor({ name: 'gpu', vcpus: 1, memoryMiB: 64, diskGiB: 1, extraSpecs })
    expect(await filterOf({ flavorId: gpu })).toEqual([0, 'TraitsFilter'])
    await cloud.cloud.db.host.updateMany({
      where: { name: 'sim-2' },
      data: { customTraits: ['CUSTOM_GPU'] },
    })
    expect(await filterOf({ flavorId: gpu })).toEqual([1, 'TraitsFilter'])
    const server = await newServer(cloud, member, 'here', imageId)
    await atRest(cloud, member, server, 'ACTIVE')
    expect(await filterOf({ sameHost: [server] })).toEqual([1, 'SameHostFilter'])
    expect(await filterOf({ differentHost: [server] })).toEqual([1, 'DifferentHostFilter'])
    const moves = await explain({ serverId: server })
    expect(moves).toMatchObject({ hostsPassed: 1 })
    expect(moves.hosts.at(-1)).toMatchObject({
      ...{ refusedBy: 'RequestedHostFilter', reason: 'it is there already' },
    })
  })

  it('refuses what is not there, or of another project', async () => {
    const codes = async (input: object, token = member) =>
      (await ask(input, token)).errors?.[0]?.extensions.code
    expect(await codes({ imageId })).toBe('BAD_INPUT')
    expect(await codes({ flavorId: imageId })).toBe('NOT_FOUND')
    const projectId = await newProject(cloud.cloud, 'other')
    const other = tokenFor(cloud.cloud, { projectId, role: 'member' })
    expect(await codes({ flavorId: nano, imageId }, other)).toBe('NOT_FOUND')
    expect(await codes({ flavorId: nano, imageId }, operator)).toBeUndefined()
    const server = await newServer(cloud, member, 'theirs', imageId)
    for (const hint of ['sameHost', 'differentHost']) {
      expect(await codes({ flavorId: nano, [hint]: [server] }, other)).toBe('NOT_FOUND')
      expect(await codes({ flavorId: nano, [hint]: [newId()] }, other)).toBe('NOT_FOUND')
      expect(await codes({ flavorId: nano, [hint]: [server] })).toBeUndefined()
    }
    await atRest(cloud, member, server, 'ACTIVE')
    const query =
      'mutation ($input: ServerActionInput!) { serverDelete(input: $input) { task { id } } }'
    await cloud.must(query, { input: { id: server } }, member)
    await until('it is gone', async () => (await getServer(cloud, member, server)) === null)
  })
})

describe('a task', () => {
  const TASK = `query ($id: ID!) { server(id: $id) { task {
    attempt placement { attempt hostsPassed hosts { name passed } }
    placements { attempt hostsPassed drawnFrom filters { name refused } }
    error { details { hostsTotal hostsPassed nearestMiss { host shortBy { resource amount } remedies } } } } } }`
  // Operators see servers in their own project.
  const taskOf = async (id: string) => (await cloud.must(TASK, { id }, operator)).server.task

  it('keeps what placement found in every attempt', async () => {
    const { id: image } = await putImage(cloud, operator)
    // A server is on sim-1 already.
    cloud.drivers[1]?.failNext('create', { code: 'NO_SPACE' })
    const id = await newServer(cloud, operator, 'twice', image)
    await atRest(cloud, operator, id, 'ACTIVE')
    const task = await taskOf(id)
    expect(task.placements).toMatchObject([
      { attempt: 1, hostsPassed: 2, drawnFrom: 1 },
      { attempt: 2, hostsPassed: 1, drawnFrom: 1 },
    ])
    expect(task.placements[1].filters).toContainEqual({ name: 'RetryFilter', refused: 1 })
    expect(task.placement).toMatchObject({
      attempt: 2,
      hosts: [
        { name: 'sim-1', passed: true },
        { name: 'sim-2', passed: false },
      ],
    })
    const failed = await cloud.cloud.db.host.findFirstOrThrow({ where: { name: 'sim-2' } })
    expect(failed.failedBuilds).toBe(1)
    // The host where builds fail comes last, until one does not.
    const next = await newServer(cloud, operator, 'next', image)
    expect((await atRest(cloud, operator, next, 'ACTIVE')).host?.name).toBe('sim-1')
    await cloud.cloud.db.host.updateMany({ where: { name: 'sim-1' }, data: { enabled: false } })
    const last = await newServer(cloud, operator, 'last', image)
    await atRest(cloud, operator, last, 'ACTIVE')
    expect(await cloud.cloud.db.host.count({ where: { failedBuilds: { gt: 0 } } })).toBe(0)
    await cloud.cloud.db.host.updateMany({ data: { enabled: true } })
  })

  it('that found no host tells the nearest miss', async () => {
    const { id: image } = await putImage(cloud, operator)
    const input = { name: 'huge', flavorId: huge, imageId: image }
    const { serverCreate } = await cloud.must(
      'mutation ($input: ServerCreateInput!) { serverCreate(input: $input) { server { id } } }',
      { input },
      operator,
    )
    await atRest(cloud, operator, serverCreate.server.id, 'ERROR')
    const { error, placement } = await taskOf(serverCreate.server.id)
    expect(error.details).toMatchObject({
      hostsTotal: 2,
      hostsPassed: 0,
      nearestMiss: { host: expect.stringMatching(/^sim-/), shortBy: [{ resource: 'VCPU' }, {}] },
    })
    expect(placement.hostsPassed).toBe(0)
  })
})
