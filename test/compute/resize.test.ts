/** Another size: there, confirmed, taken back, confirmed by itself; and what each costs meanwhile. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { expectBooks } from '../support/books.ts'
import { type Cluster, startCluster } from '../support/cluster.ts'
import {
  activeServer,
  actTo,
  allocationsOf,
  expectOneMachine,
  LONG_MS,
  machinesOf,
  newFlavor,
  refusal,
  removeServer,
  rowOf,
} from '../support/moves.ts'
import { atRest, expectCleanWorld, flavorId, putImage } from '../support/stories.ts'
import { until } from '../support/until.ts'

let cloud: Cluster
let token: string
let imageId: string
let large: string
let small: string

beforeAll(async () => {
  cloud = await startCluster({ hosts: 2 })
  token = await cloud.signIn()
  imageId = (await putImage(cloud, token)).id
  large = await newFlavor(cloud, token, { name: 'large', vcpus: 2, memoryMiB: 256, diskGiB: 3 })
  small = await flavorId(cloud, token)
})
afterAll(() => cloud?.stop())

const only = (name: string | null) =>
  cloud.cloud.db.host.updateMany({
    where: name ? { name: { not: name } } : {},
    data: { enabled: name === null, generation: { increment: 1 } },
  })

const resize = (id: string, flavorId: string, more: object = {}) =>
  actTo(cloud, token, 'VERIFY_RESIZE', [
    'serverResize',
    { id, flavorId, ...more },
    'ServerResizeInput',
  ])

const quota = async () => {
  const { projectQuotas } = { projectQuotas: await cloud.cloud.db.quota.findMany() }
  const used = projectQuotas.filter(({ used }) => used > 0)
  return Object.fromEntries(used.map(({ resource, used }) => [resource, used]))
}

describe.each([
  ['on the same host', true],
  ['on another host', false],
] as const)('%s', (_, same) => {
  let id: string
  let from: string
  let to: string
  beforeAll(async () => {
    ;({ id, host: from } = await activeServer(cloud, token, imageId))
    to = same ? from : from === 'sim-1' ? 'sim-2' : 'sim-1'
    await only(to)
  }, LONG_MS)
  afterAll(async () => {
    await only(null)
    await removeServer(cloud, token, id)
    await expectCleanWorld(cloud)
  }, LONG_MS)

  it(
    'it has the new size, and both ends hold what they need',
    async () => {
      await resize(id, large)
      const row = await rowOf(cloud, token, id)
      expect(row).toMatchObject({
        ...{ status: 'VERIFY_RESIZE', powerState: 'RUNNING' },
        ...{ flavor: { name: 'large' }, host: { name: to } },
        migrations: [{ kind: 'RESIZE', status: 'FINISHED' }],
      })
      expect(await cloud.cloud.db.server.findUnique({ where: { id } })).toMatchObject({
        ...{ vcpus: 2, memoryMiB: 256, diskGiB: 3 },
      })
      const machines = await machinesOf(cloud, id)
      expect(machines).toContainEqual({ host: to, powerState: 'RUNNING' })
      if (!same) expect(machines).toContainEqual({ host: from, powerState: 'SHUTDOWN' })
      const held = await allocationsOf(cloud, id)
      const sums = { own: 0n, kept: 0n }
      for (const { consumerId, resource, amount } of held) {
        if (resource === 'DISK_GB') sums[consumerId === id ? 'own' : 'kept'] += amount
      }
      expect(sums).toEqual({ own: 3n, kept: 1n })
      expect(await quota()).toMatchObject({ 'compute.cores': 2, 'compute.memoryMiB': 256 })
      await expectBooks(cloud)
    },
    LONG_MS,
  )

  it(
    'reverted, it is what it was',
    async () => {
      await actTo(cloud, token, 'ACTIVE', ['serverResizeRevert', { id }])
      const row = await rowOf(cloud, token, id)
      expect(row).toMatchObject({ flavor: { name: 'm1.nano' }, host: { name: from } })
      expect(row.migrations[0]).toMatchObject({ status: 'REVERTED' })
      expect(await cloud.cloud.db.server.findUnique({ where: { id } })).toMatchObject({
        ...{ vcpus: 1, memoryMiB: 128, diskGiB: 1 },
      })
      await expectOneMachine(cloud, id, from)
      expect((await allocationsOf(cloud, id)).map(({ consumerId }) => consumerId)).toEqual(
        Array(3).fill(id),
      )
      expect(await quota()).toMatchObject({ 'compute.cores': 1, 'compute.memoryMiB': 128 })
      await expectBooks(cloud)
    },
    LONG_MS,
  )

  it(
    'confirmed, it stays so, and nothing is kept',
    async () => {
      await resize(id, large)
      await actTo(cloud, token, 'ACTIVE', ['serverResizeConfirm', { id }])
      const row = await rowOf(cloud, token, id)
      expect(row).toMatchObject({ flavor: { name: 'large' }, host: { name: to } })
      expect(row.migrations[0]).toMatchObject({ status: 'CONFIRMED' })
      await expectOneMachine(cloud, id, to)
      expect(await allocationsOf(cloud, id)).toHaveLength(3)
      expect(await quota()).toMatchObject({ 'compute.cores': 2, 'compute.memoryMiB': 256 })
      await expectBooks(cloud)
    },
    LONG_MS,
  )
})

describe('a resize', () => {
  let id: string
  beforeAll(async () => {
    ;({ id } = await activeServer(cloud, token, imageId))
  }, LONG_MS)

  const refused = (flavorId: string) =>
    refusal(cloud, token, 'serverResize', { id, flavorId }, 'ServerResizeInput')

  it('to the flavor that it has is refused', async () => {
    expect(await refused(small)).toMatchObject({
      code: 'BAD_INPUT',
      message: 'The server has the flavor m1.nano',
    })
  })

  it('beyond the quota is refused, and nothing is claimed', async () => {
    const size = { name: 'too large', vcpus: 500, memoryMiB: 256, diskGiB: 3 }
    const before = await quota()
    const { projectId } = await cloud.cloud.db.server.findUniqueOrThrow({ where: { id } })
    const limit = async (resource: string, limit: number) => {
      const document =
        'mutation ($input: QuotaSetInput!) { quotaSet(input: $input) { quota { limit } } }'
      await cloud.must(document, { input: { projectId, resource, limit } }, token)
    }
    await limit('compute.cores', 100)
    expect(await refused(await newFlavor(cloud, token, size))).toMatchObject({
      code: 'QUOTA_EXCEEDED',
    })
    expect(await quota()).toEqual(before)
    expect(await cloud.cloud.db.migration.count({ where: { serverId: id } })).toBe(0)
    await limit('compute.cores', -1)
  })

  it(
    'that finds no host leaves it running as it was',
    async () => {
      const size = { name: 'no room', vcpus: 1, memoryMiB: 128, diskGiB: 900_000 }
      const flavorId = await newFlavor(cloud, token, size)
      const { task } = await actTo(cloud, token, 'ACTIVE', [
        'serverResize',
        { id, flavorId },
        'ServerResizeInput',
      ])
      expect(task).toMatchObject({ status: 'FAILED', error: { code: 'NO_VALID_HOST' } })
      const row = await rowOf(cloud, token, id)
      expect(row).toMatchObject({ powerState: 'RUNNING', migrations: [{ status: 'FAILED' }] })
      await expectBooks(cloud)
    },
    LONG_MS,
  )

  it(
    'that fails at the new place leaves it running at the old one',
    async () => {
      const { host } = await rowOf(cloud, token, id)
      const to = host.name === 'sim-1' ? 'sim-2' : 'sim-1'
      await only(to)
      cloud.drivers[to === 'sim-1' ? 0 : 1]?.failNext('start', { code: 'HYPERVISOR_FAILED' })
      await actTo(cloud, token, 'ACTIVE', [
        'serverResize',
        { id, flavorId: large },
        'ServerResizeInput',
      ])
      const row = await rowOf(cloud, token, id)
      expect(row).toMatchObject({
        ...{ flavor: { name: 'm1.nano' }, host: { name: host.name } },
        fault: { code: 'HYPERVISOR_FAILED' },
      })
      await expectOneMachine(cloud, id, host.name)
      expect(await allocationsOf(cloud, id)).toHaveLength(3)
      await expectBooks(cloud)
      await only(null)
    },
    LONG_MS,
  )

  it(
    'of one that is off leaves it off; a smaller disk is refused',
    async () => {
      await actTo(cloud, token, 'SHUTOFF', ['serverStop', { id }])
      await resize(id, large)
      expect(await rowOf(cloud, token, id)).toMatchObject({ powerState: 'SHUTDOWN' })
      await actTo(cloud, token, 'SHUTOFF', ['serverResizeConfirm', { id }])
      expect(await refused(small)).toMatchObject({
        code: 'BAD_INPUT',
        message: 'Disks do not shrink: the server has 3 GiB, the flavor 1',
      })
      await expectBooks(cloud)
    },
    LONG_MS,
  )

  it(
    'of one that is deleted meanwhile leaves nothing',
    async () => {
      const flavorId = await newFlavor(cloud, token, {
        ...{ name: 'larger', vcpus: 3, memoryMiB: 256, diskGiB: 4 },
      })
      await resize(id, flavorId)
      await removeServer(cloud, token, id)
      expect(await cloud.cloud.db.migration.count({ where: { serverId: id } })).toBe(0)
      await expectCleanWorld(cloud)
      await expectBooks(cloud)
    },
    LONG_MS,
  )
})

it(
  'is confirmed by itself when its time has come',
  async () => {
    const { id } = await activeServer(cloud, token, imageId)
    await resize(id, large)
    const confirmAt = new Date()
    await cloud.cloud.db.migration.updateMany({ where: { serverId: id }, data: { confirmAt } })
    await atRest(cloud, token, id, 'ACTIVE', LONG_MS)
    expect((await rowOf(cloud, token, id)).migrations[0]).toMatchObject({ status: 'CONFIRMED' })
    await removeServer(cloud, token, id)
    await expectCleanWorld(cloud)
  },
  LONG_MS,
)

it(
  'that can not be confirmed by itself is not asked for all the time',
  async () => {
    const { id, host } = await activeServer(cloud, token, imageId)
    await only(host)
    await cloud.cloud.db.host.updateMany({ where: { name: host }, data: { enabled: true } })
    await resize(id, large)
    for (const driver of cloud.drivers) {
      driver.failNext('confirmResize', { code: 'NO_SPACE', times: 5 })
    }
    const confirmAt = new Date()
    await cloud.cloud.db.migration.updateMany({ where: { serverId: id }, data: { confirmAt } })
    const failed = await until(
      'a confirmation failed',
      async () => {
        const where = { resourceId: id, kind: 'server.resize-confirm', status: 'FAILED' }
        return (await cloud.cloud.db.task.findFirst({ where })) ?? null
      },
      LONG_MS,
    )
    expect(await rowOf(cloud, token, id)).toMatchObject({ status: 'VERIFY_RESIZE' })
    const { confirmAt: next } = await cloud.cloud.db.migration.findFirstOrThrow({
      where: { serverId: id },
    })
    expect(next?.getTime()).toBeGreaterThan((failed.finishedAt?.getTime() ?? 0) + 60_000)
    for (const driver of cloud.drivers)
      driver.failNext('confirmResize', { code: 'NO_SPACE', times: 0 })
    await only(null)
    await removeServer(cloud, token, id)
    await expectCleanWorld(cloud)
  },
  LONG_MS,
)

it(
  'is taken back to what the server had, whatever became of its flavor meanwhile',
  async () => {
    const before = { extraSpecs: { 'hw:cpu_policy': 'shared' } }
    const flavor = await newFlavor(cloud, token, {
      ...{ name: 'once', vcpus: 1, memoryMiB: 128, diskGiB: 1 },
    })
    const { db } = cloud.cloud
    await db.flavor.update({ where: { id: flavor }, data: before })
    const { id } = await activeServer(cloud, token, imageId)
    await db.server.update({ where: { id }, data: { flavorId: flavor, ...before } })
    await resize(id, large)
    await db.flavor.update({ where: { id: flavor }, data: { extraSpecs: {} } })
    await actTo(cloud, token, 'ACTIVE', ['serverResizeRevert', { id }])
    expect(await db.server.findUniqueOrThrow({ where: { id } })).toMatchObject({
      flavorId: flavor,
      ...before,
    })
    await removeServer(cloud, token, id)
    await expectCleanWorld(cloud)
  },
  LONG_MS,
)
