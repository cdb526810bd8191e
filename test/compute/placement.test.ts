/** Where servers go, and in which words they are told that there is no place. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
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

  const setHosts = (
    data: { enabled?: boolean; disabledReason?: string | null; failedBuilds?: number },
    name?: string,
  ) => cloud.cloud.db.host.updateMany({ where: name ? { name } : {}, data })

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
    const details = server.task.error?.details as { filters: { name: string }[] }
    const counts = Object.fromEntries(details.filters.map((filter) => [filter.name, filter]))
    expect(counts).toMatchObject({
      EnabledFilter: { passed: 1, refused: 1 },
      ComputeFilter: { passed: 1, refused: 0 },
      RamFilter: { passed: 0, refused: 1 },
      DiskFilter: { passed: 0, refused: 0 },
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

    // A host on which a build failed comes last: here it is to be the first again.
    await setHosts({ enabled: true, failedBuilds: 0 })
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
