/** Deletion where the cloud keeps deleted servers for a while. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { serversReclaim } from '../../services/compute/server-delete.ts'
import { expectBooks } from '../support/books.ts'
import { type Cluster, startCluster } from '../support/cluster.ts'
import { expectOnlyImages, machineOn } from '../support/images-of-servers.ts'
import {
  ACT,
  atRest,
  expectCleanWorld,
  getServer,
  newServer,
  putImage,
} from '../support/stories.ts'
import { until } from '../support/until.ts'

const KEPT_SECONDS = 3600

let cluster: Cluster
let token: string
let imageId: string

beforeAll(async () => {
  cluster = await startCluster({ config: { softDeleteSeconds: KEPT_SECONDS } })
  token = await cluster.signIn()
  imageId = (await putImage(cluster, token)).id
})
afterAll(() => cluster?.stop())

const ask = (name: string, id: string, more: object = {}) =>
  cluster.gql(ACT(name), { input: { id, ...more } }, token)
const act = async (name: string, id: string, more: object = {}) =>
  (await cluster.must(ACT(name), { input: { id, ...more } }, token))[name]

async function active(name: string): Promise<string> {
  const id = await newServer(cluster, token, name, imageId)
  await atRest(cluster, token, id, 'ACTIVE')
  return id
}

async function softDeleted(id: string) {
  await act('serverDelete', id)
  return atRest(cluster, token, id, 'SOFT_DELETED')
}

const gone = (id: string) =>
  until('it is gone', async () => (await getServer(cluster, token, id)) === null)

/** As if its time had gone by. */
const later = async (): Promise<number> => {
  const { db, compute } = cluster.cloud
  const now = () => new Date(Date.now() + (KEPT_SECONDS + 1) * 1000)
  return serversReclaim({ db, now, compute })
}

describe('a deleted server', () => {
  it('is off, keeps its place, and can be restored', async () => {
    const id = await active('regretted')
    const asked = await act('serverDelete', id)
    expect(asked).toMatchObject({
      server: { status: 'ACTIVE', taskState: 'softDelete' },
      task: { kind: 'server.soft-delete' },
    })
    const server = await atRest(cluster, token, id, 'SOFT_DELETED')
    expect(server).toMatchObject({ powerState: 'SHUTDOWN' })
    expect(server.host).not.toBeNull()
    expect(await machineOn(cluster, id)).toMatchObject({ powerState: 'SHUTDOWN' })
    expect(await cluster.cloud.db.allocation.count({ where: { serverId: id } })).toBe(3)
    expect((await ask('serverStart', id)).errors?.[0]?.extensions.code).toBe('INVALID_STATE')
    await act('serverRestore', id)
    expect(await atRest(cluster, token, id, 'ACTIVE')).toMatchObject({ powerState: 'RUNNING' })
    const row = await cluster.cloud.db.server.findUniqueOrThrow({ where: { id } })
    expect(row).toMatchObject({ deletedAt: null, restStatus: null })
    await softDeleted(id)
    await act('serverForceDelete', id)
    await gone(id)
  })

  it('that lay in an image is restored from it', async () => {
    const id = await active('put away')
    await act('serverShelve', id)
    await atRest(cluster, token, id, 'SHELVED_OFFLOADED')
    await softDeleted(id)
    await act('serverRestore', id)
    await atRest(cluster, token, id, 'ACTIVE')
    await expectOnlyImages(cluster, [imageId])
    await act('serverForceDelete', id)
    await gone(id)
  })

  it('that was rescued is restored with its own disk', async () => {
    const id = await active('rescued')
    await act('serverRescue', id)
    await atRest(cluster, token, id, 'RESCUE')
    await softDeleted(id)
    await act('serverRestore', id)
    await atRest(cluster, token, id, 'ACTIVE')
    expect((await machineOn(cluster, id))?.rescueDisk).toBeUndefined()
    await act('serverForceDelete', id)
    await gone(id)
  })

  it('that was being shelved is either on its host or in its image', async () => {
    const id = await active('between')
    for (const driver of cluster.drivers) driver.hangNext('destroy')
    await act('serverShelve', id)
    await until('its image is complete', async () => {
      const row = await cluster.cloud.db.server.findUniqueOrThrow({ where: { id } })
      return row.shelvedImageId !== null
    })
    await softDeleted(id)
    for (const driver of cluster.drivers) driver.hangNext('destroy', 0)
    const row = await cluster.cloud.db.server.findUniqueOrThrow({
      where: { id },
      include: { allocations: true },
    })
    expect(row).toMatchObject({ hostId: null, allocations: [] })
    await act('serverRestore', id)
    await atRest(cluster, token, id, 'ACTIVE')
    await act('serverForceDelete', id)
    await gone(id)
    await expectOnlyImages(cluster, [imageId])
  })

  it('that never had a disk goes at once', async () => {
    for (const driver of cluster.drivers) {
      driver.failNext('create', { code: 'HYPERVISOR_FAILED', times: 50 })
    }
    const id = await newServer(cluster, token, 'stillborn', imageId)
    await atRest(cluster, token, id, 'ERROR')
    for (const driver of cluster.drivers) {
      driver.failNext('create', { code: 'HYPERVISOR_FAILED', times: 0 })
    }
    const { task } = await act('serverDelete', id)
    expect(task.kind).toBe('server.delete')
    await gone(id)
  })

  it('goes for good when its time is over, and not before', async () => {
    const id = await active('forgotten')
    await softDeleted(id)
    expect(await serversReclaim(cluster.cloud)).toBe(0)
    expect(await later()).toBe(1)
    await gone(id)
    expect(await machineOn(cluster, id)).toBeNull()
  })

  it('goes for good when it is deleted again; a dry run changes nothing', async () => {
    const id = await active('twice')
    expect(await act('serverDelete', id, { dryRun: true })).toMatchObject({
      plan: { allowed: true },
      task: null,
    })
    await softDeleted(id)
    const { task } = await act('serverDelete', id)
    expect(task.kind).toBe('server.delete')
    await gone(id)
  })

  it('leaves nothing behind', async () => {
    await until('the world is clean', () =>
      expectCleanWorld(cluster).then(
        () => true,
        () => false,
      ),
    )
    await expectOnlyImages(cluster, [imageId])
    await expectBooks(cluster)
  })
})
