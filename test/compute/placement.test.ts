/** Where servers go, and in which words they are told that there is no place. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  explainInWords,
  freeOf,
  type HostView,
  type PlacementRequest,
  place,
} from '../../services/compute/placement.ts'
import { type Cluster, startCluster } from '../support/cluster.ts'
import {
  ACT,
  atRest,
  CREATE,
  expectCleanWorld,
  flavorId,
  getServer,
  newServer,
  putImage,
} from '../support/stories.ts'
import { until } from '../support/until.ts'

const host = (name: string, more: Partial<HostView> = {}, memory = 1024, used = 0): HostView => ({
  ...{ id: name, name, status: 'UP', enabled: true, disabledReason: null, generation: 1 },
  inventory: [
    { resource: 'VCPU', total: 2, reserved: 0, used: 0, allocationRatio: 4 },
    { resource: 'MEMORY_MB', total: memory, reserved: 0, used, allocationRatio: 1 },
    { resource: 'DISK_GB', total: 10, reserved: 1, used: 0, allocationRatio: 1 },
  ],
  ...more,
})

const wanted = (more: Partial<PlacementRequest> = {}): PlacementRequest => ({
  resources: { VCPU: 1, MEMORY_MB: 512, DISK_GB: 1 },
  tried: [],
  ...more,
})

describe('filters', () => {
  it.each([
    [
      'RetryFilter',
      host('a'),
      { tried: [{ host: 'a', reason: 'no space left' }] },
      /tried already: no space left/,
    ],
    [
      'EnabledFilter',
      host('a', { enabled: false, disabledReason: 'new disks' }),
      {},
      /^disabled: new disks$/,
    ],
    ['EnabledFilter', host('a', { enabled: false }), {}, /^disabled$/],
    ['ComputeFilter', host('a', { status: 'DOWN' }), {}, /does not answer/],
    ['CoreFilter', host('a'), { resources: { VCPU: 9 } }, /9 of VCPU wanted, 8 free/],
    ['RamFilter', host('a', {}, 1024, 600), {}, /512 of MEMORY_MB wanted, 424 free/],
    ['RamFilter', host('a', {}, 1024, 2000), {}, /wanted, 0 free/],
    ['DiskFilter', host('a'), { resources: { DISK_GB: 10 } }, /10 of DISK_GB wanted, 9 free/],
    ['CoreFilter', host('a', { inventory: [] }), {}, /1 of VCPU wanted, 0 free/],
  ])('%s refuses', (filter, view, request, reason) => {
    const { ranked, explanation } = place([view], wanted(request))
    expect(ranked).toEqual([])
    expect(explanation.refusals).toEqual([
      { host: 'a', filter, reason: expect.stringMatching(reason) },
    ])
    expect(explanation.filters.find(({ name }) => name === filter)).toMatchObject({
      ...{ passed: 0, refused: 1 },
    })
  })

  it('let through what fits exactly', () => {
    const { ranked } = place(
      [host('a')],
      wanted({ resources: { VCPU: 8, MEMORY_MB: 1024, DISK_GB: 9 } }),
    )
    expect(ranked.map(({ name }) => name)).toEqual(['a'])
  })

  it('count what reached them', () => {
    const hosts = [
      host('a', { enabled: false }),
      host('b', { status: 'DOWN' }),
      host('c', {}, 100),
      host('d'),
    ]
    const { explanation } = place(hosts, wanted())
    expect(explanation).toMatchObject({ hostsTotal: 4, hostsPassed: 1 })
    expect(explanation.filters.map(({ passed, refused }) => [passed, refused])).toEqual([
      [4, 0],
      [3, 1],
      [2, 1],
      [2, 0],
      [1, 1],
      [1, 0],
    ])
  })
})

describe('weighers', () => {
  it('prefer free memory, then the name', () => {
    const hosts = [
      host('b', {}, 2048),
      host('c', {}, 4096, 3000),
      host('a', {}, 2048),
      host('d', {}, 3000),
    ]
    const names = place(hosts, wanted()).ranked.map(({ name }) => name)
    expect(names).toEqual(['d', 'a', 'b', 'c'])
  })

  it('do not change what they are given', () => {
    const hosts = [host('b'), host('a')]
    place(hosts, wanted())
    expect(hosts.map(({ name }) => name)).toEqual(['b', 'a'])
  })
})

it('freeOf counts overcommit and what is reserved', () => {
  const view = host('a')
  expect(['VCPU', 'MEMORY_MB', 'DISK_GB', 'GPU'].map((r) => freeOf(view, r))).toEqual([
    8, 1024, 9, 0,
  ])
})

describe('in words', () => {
  const words = (hosts: HostView[], request = wanted()) =>
    explainInWords(place(hosts, request).explanation)

  it('says which filter let none through, with an example', () => {
    expect(words([])).toBe('No host has joined the cloud yet')
    expect(words([host('a', {}, 100), host('b', { status: 'DOWN' })])).toBe(
      'None of 2 hosts can take the server: RamFilter let none through (512 of MEMORY_MB wanted, 100 free)',
    )
    expect(words([host('a')], wanted({ tried: [{ host: 'a', reason: 'no space left' }] }))).toBe(
      'None of 1 hosts can take the server: RetryFilter let none through (tried already: no space left)',
    )
  })

  it('names at most so many hosts', () => {
    const hosts = Array.from({ length: 300 }, (_, i) => host(`h${i}`, { enabled: false }))
    const { explanation } = place(hosts, wanted())
    expect(explanation.refusals.length).toBe(100)
    expect(explanation.filters[1]).toMatchObject({ passed: 0, refused: 300 })
  })
})

describe('in the cloud', () => {
  let cloud: Cluster
  let token: string
  let imageId: string

  beforeAll(async () => {
    cloud = await startCluster({ heartbeatMs: 2_000, simulated: { inventory: small } })
    token = await cloud.signIn()
    imageId = (await putImage(cloud, token)).id
  })
  afterAll(() => cloud?.stop())

  const small = { vcpus: 2, memoryMiB: 1024, diskGiB: 50 }

  async function remove(id: string): Promise<void> {
    await cloud.must(ACT('serverDelete'), { input: { id } }, token)
    await until('it is gone', async () => (await getServer(cloud, token, id)) === null)
  }

  const setHosts = (data: { enabled?: boolean; disabledReason?: string | null }, name?: string) =>
    cloud.cloud.db.host.updateMany({ where: name ? { name } : {}, data })

  it('tells who has no place what each filter refused', async () => {
    await setHosts({ enabled: false, disabledReason: 'new disks' }, 'sim-1')
    const input = { name: 'large', flavorId: await flavorId(cloud, token, 'm1.small'), imageId }
    const plan = await cloud.must(CREATE, { input: { ...input, dryRun: true } }, token)
    expect(plan.serverCreate.plan).toMatchObject({
      allowed: false,
      placement: { hostsTotal: 2, hostsPassed: 0 },
    })
    const { serverCreate } = await cloud.must(CREATE, { input }, token)
    const server = await atRest(cloud, token, serverCreate.server.id, 'ERROR')
    expect(server.fault).toMatchObject({
      code: 'NO_VALID_HOST',
      message:
        'None of 2 hosts can take the server: RamFilter let none through (2048 of MEMORY_MB wanted, 512 free)',
    })
    expect(server.task).toMatchObject({
      status: 'FAILED',
      error: { code: 'NO_VALID_HOST', step: 'place' },
    })
    expect(server.task.error?.details).toEqual({
      filters: [
        { name: 'RetryFilter', passed: 2, refused: 0 },
        { name: 'EnabledFilter', passed: 1, refused: 1 },
        { name: 'ComputeFilter', passed: 1, refused: 0 },
        { name: 'CoreFilter', passed: 1, refused: 0 },
        { name: 'RamFilter', passed: 0, refused: 1 },
        { name: 'DiskFilter', passed: 0, refused: 0 },
      ],
    })
    expect(server.host).toBeNull()
    await remove(server.id)
    await setHosts({ enabled: true, disabledReason: null })
  })

  it('passes over a host that is disabled', async () => {
    await setHosts({ enabled: false }, 'sim-1')
    for (const name of ['one', 'two']) {
      const id = await newServer(cloud, token, name, imageId)
      expect((await atRest(cloud, token, id, 'ACTIVE')).host?.name).toBe('sim-2')
      await remove(id)
    }
    await setHosts({ enabled: true })
  })

  it('tries another host when one fails, and shows that it did', async () => {
    for (const driver of cloud.drivers.slice(0, 1)) {
      driver.failNext('create', { code: 'NO_SPACE' })
      driver.failNext('start', { code: 'HYPERVISOR_FAILED' })
    }
    await setHosts({ enabled: false }, 'sim-2')
    const query =
      'query ($id: ID!) { server(id: $id) { task { attempt status steps { name status } } } }'
    const id = await newServer(cloud, token, 'restless', imageId)
    await until('the first host was tried', async () => {
      const server = await cloud.cloud.db.server.findUnique({ where: { id } })
      return server?.hostId === null && server.status === 'ERROR'
    })
    const failed = await getServer(cloud, token, id)
    expect(failed?.fault).toMatchObject({ code: 'NO_VALID_HOST' })
    await remove(id)

    await setHosts({ enabled: true })
    cloud.drivers[0]?.failNext('create', { code: 'NO_SPACE' })
    const second = await newServer(cloud, token, 'restless', imageId)
    const server = await atRest(cloud, token, second, 'ACTIVE')
    expect(server.host?.name).toBe('sim-2')
    const shown = await cloud.must(query, { id: second }, token)
    expect(shown.server.task).toMatchObject({ attempt: 2, status: 'SUCCEEDED' })
    await remove(second)
  })

  it('says why each host failed when all did', async () => {
    for (const driver of cloud.drivers) driver.failNext('start', { code: 'HYPERVISOR_FAILED' })
    const id = await newServer(cloud, token, 'hopeless', imageId)
    const { fault, task } = await atRest(cloud, token, id, 'ERROR')
    expect(fault?.code).toBe('NO_VALID_HOST')
    expect(fault?.message).toBe(
      'None of 2 hosts can take the server: RetryFilter let none through (tried already: simulated failure of start)',
    )
    expect(task.error?.details).toMatchObject({
      filters: expect.arrayContaining([{ name: 'RetryFilter', passed: 0, refused: 2 }]),
    })
    await remove(id)
    await expectCleanWorld(cloud)
  })
})
