/** Live migration: there while it runs, or where it was when anything goes wrong or somebody aborts it. */
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { expectBooks } from '../support/books.ts'
import { type Cluster, startCluster } from '../support/cluster.ts'
import {
  activeServer,
  actTo,
  allocationsOf,
  ask,
  expectOneMachine,
  LONG_MS,
  refusal,
  rowOf,
} from '../support/moves.ts'
import { atRest, getServer, putImage } from '../support/stories.ts'
import { until } from '../support/until.ts'

let cloud: Cluster
let token: string
let imageId: string
let id: string
let from: string

beforeAll(async () => {
  cloud = await startCluster({ hosts: 3 })
  token = await cloud.signIn()
  imageId = (await putImage(cloud, token)).id
  ;({ id } = await activeServer(cloud, token, imageId))
}, LONG_MS)
afterAll(() => cloud?.stop())
beforeEach(async () => {
  from = (await rowOf(cloud, token, id)).host.name
})

const driverOf = (host: string) => cloud.drivers[Number(host.split('-')[1]) - 1]
const live = ['serverLiveMigrate', 'ServerLiveMigrateInput'] as const

/** It is where it was, running, and nothing of it is anywhere else. */
async function expectStayed(status: string) {
  const row = await rowOf(cloud, token, id)
  expect(row).toMatchObject({ host: { name: from }, status: 'ACTIVE' })
  expect(row.migrations[0]).toMatchObject({ status })
  await expectOneMachine(cloud, id, from)
  expect(await allocationsOf(cloud, id)).toHaveLength(3)
  await expectBooks(cloud)
}

it(
  'moves while it runs',
  async () => {
    await actTo(cloud, token, 'ACTIVE', [live[0], { id }, live[1]])
    const row = await rowOf(cloud, token, id)
    expect(row.host.name).not.toBe(from)
    expect(row.migrations[0]).toMatchObject({ kind: 'LIVE_MIGRATION', status: 'COMPLETED' })
    expect(row.migrations[0].pausedMs).toBeGreaterThanOrEqual(0)
    await expectOneMachine(cloud, id, row.host.name)
    expect(await allocationsOf(cloud, id)).toHaveLength(3)
    await expectBooks(cloud)
  },
  LONG_MS,
)

it.each(['send', 'transfer', 'receive'] as const)(
  'stays where it was when %s fails',
  async (verb) => {
    for (const driver of cloud.drivers) {
      driver.failNext(verb, { code: 'HYPERVISOR_FAILED', times: 5 })
    }
    await actTo(cloud, token, 'ACTIVE', [live[0], { id }, live[1]])
    for (const driver of cloud.drivers) driver.failNext(verb, { code: 'ABORTED', times: 0 })
    await expectStayed('FAILED')
  },
  4 * LONG_MS,
)

it(
  'is aborted, and goes on where it was',
  async () => {
    driverOf(from)?.hangNext('transfer')
    await ask(cloud, token, live[0], { id }, live[1])
    await until('it is being sent', async () => {
      const task = (await getServer(cloud, token, id))?.task
      return task?.steps[0]?.status === 'DONE' ? task : null
    })
    expect(await refusal(cloud, token, 'serverStop', { id })).toMatchObject({
      code: 'INVALID_STATE',
    })
    await actTo(cloud, token, 'ACTIVE', ['serverMigrationAbort', { id }])
    await expectStayed('CANCELLED')
  },
  LONG_MS,
)

it(
  'gives up soon when the other host dies on the way',
  async () => {
    driverOf(from)?.hangNext('transfer')
    await ask(cloud, token, live[0], { id }, live[1])
    const destination = await until('it has a place', async () => {
      const [move] = (await rowOf(cloud, token, id)).migrations
      return move.destinationHost?.name as string | undefined
    })
    const setDown = (forcedDown: boolean) =>
      cloud.cloud.db.host.update({
        where: { name: destination },
        data: { forcedDown, ...(forcedDown && { status: 'DOWN' }) },
      })
    await setDown(true)
    await atRest(cloud, token, id, 'ACTIVE', 2 * LONG_MS)
    await setDown(false)
    await expectStayed('FAILED')
  },
  3 * LONG_MS,
)

it('a host that can not is refused with that reason', async () => {
  const set = (traits: string[]) =>
    cloud.cloud.db.host.update({ where: { name: from }, data: { traits } })
  const { traits } = await cloud.cloud.db.host.findUniqueOrThrow({ where: { name: from } })
  // Until the next report says again what it can.
  await set(traits.filter((trait) => !trait.endsWith('MIGRATE_LIVE')))
  expect(await refusal(cloud, token, live[0], { id }, live[1])).toEqual({
    code: 'INVALID_STATE',
    message: 'Its host can not do it: servers there can not be migrated live',
  })
  await set(traits)
})

it('one that does not move can not be aborted', async () => {
  expect(await refusal(cloud, token, 'serverMigrationAbort', { id })).toMatchObject({
    code: 'INVALID_STATE',
  })
})
