/** Shelving: a server is put away as an image, takes no place, and comes back wherever there is room. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../../services/id.ts'
import { expectBooks } from '../support/books.ts'
import { type Cluster, startCluster } from '../support/cluster.ts'
import { expectOnlyImages, imagesSeen, machineOn, taskEnd } from '../support/images-of-servers.ts'
import { newProject, tokenFor } from '../support/people.ts'
import {
  ACT,
  atRest,
  expectCleanWorld,
  getServer,
  newServer,
  putImage,
} from '../support/stories.ts'
import { until } from '../support/until.ts'

let cluster: Cluster
let token: string
let imageId: string

beforeAll(async () => {
  cluster = await startCluster()
  token = await cluster.signIn()
  imageId = (await putImage(cluster, token)).id
})
afterAll(() => cluster?.stop())

const act = async (name: string, id: string, more: object = {}) =>
  (await cluster.must(ACT(name), { input: { id, ...more } }, token))[name]
const rowOf = (id: string) =>
  cluster.cloud.db.server.findUniqueOrThrow({ where: { id }, include: { allocations: true } })

async function active(name: string): Promise<string> {
  const id = await newServer(cluster, token, name, imageId)
  await atRest(cluster, token, id, 'ACTIVE')
  return id
}

async function shelved(name: string): Promise<string> {
  const id = await active(name)
  await act('serverShelve', id)
  await atRest(cluster, token, id, 'SHELVED_OFFLOADED')
  return id
}

const remove = async (id: string): Promise<void> => {
  await act('serverDelete', id)
  await until('it is gone', async () => (await getServer(cluster, token, id)) === null)
}

afterEach(async () => {
  for (const driver of cluster.drivers) {
    for (const verb of ['exportDisk', 'destroy', 'create', 'start', 'stop'] as const) {
      driver.hangNext(verb, 0)
      driver.failNext(verb, { code: 'HYPERVISOR_FAILED', times: 0 })
    }
  }
  for (const { id } of await cluster.cloud.db.server.findMany()) await remove(id)
  await expectOnlyImages(cluster, [imageId])
  await until('the world is clean', () =>
    expectCleanWorld(cluster).then(
      () => true,
      () => false,
    ),
  )
  await expectBooks(cluster)
})

const failing = (verb: 'exportDisk' | 'destroy' | 'create' | 'stop', times = 50) => {
  for (const driver of cluster.drivers) driver.failNext(verb, { code: 'HYPERVISOR_FAILED', times })
}

describe('a shelved server', () => {
  it('is an image that nobody sees, takes no place, and keeps its quota', async () => {
    const id = await active('put away')
    const asked = await act('serverShelve', id)
    expect(asked).toMatchObject({
      server: { status: 'ACTIVE', taskState: 'shelve' },
      task: { kind: 'server.shelve' },
    })
    const server = await atRest(cluster, token, id, 'SHELVED_OFFLOADED')
    expect(server).toMatchObject({ powerState: 'NOSTATE', host: null, fault: null })
    expect(server.actions.filter(({ allowed }) => allowed).map(({ name }) => name)).toEqual(
      expect.arrayContaining(['unshelve', 'delete']),
    )
    expect(await rowOf(id)).toMatchObject({ hostId: null, allocations: [] })
    expect(await machineOn(cluster, id)).toBeNull()
    expect((await imagesSeen(cluster, token)).map((image) => image.id)).toEqual([imageId])
    const quota = await cluster.cloud.db.quotaClaim.count({ where: { ownerId: id } })
    expect(quota).toBe(3)
    const { shelvedImageId } = await rowOf(id)
    const image = await cluster.cloud.db.image.findUniqueOrThrow({
      where: { id: shelvedImageId ?? '' },
    })
    expect(image).toMatchObject({ kind: 'SHELVED', status: 'ACTIVE', serverId: id })

    await act('serverUnshelve', id)
    const back = await atRest(cluster, token, id, 'ACTIVE')
    expect(back).toMatchObject({ powerState: 'RUNNING', task: { status: 'SUCCEEDED' } })
    expect(await machineOn(cluster, id)).toMatchObject({
      powerState: 'RUNNING',
      host: back.host?.name,
      disk: { image: image.checksum },
    })
    expect(await rowOf(id)).toMatchObject({ shelvedImageId: null, restStatus: null })
    await expectOnlyImages(cluster, [imageId])
  })

  it.each([
    ['PAUSED', 'serverPause'],
    ['SUSPENDED', 'serverSuspend'],
    ['SHUTOFF', 'serverStop'],
  ])('that was %s comes back ACTIVE', async (status, how) => {
    const id = await active(`was ${status}`)
    await act(how, id)
    await atRest(cluster, token, id, status)
    await act('serverShelve', id)
    await atRest(cluster, token, id, 'SHELVED_OFFLOADED')
    await act('serverUnshelve', id)
    await atRest(cluster, token, id, 'ACTIVE')
  })

  it('in place keeps its disk and its host, and is only booted', async () => {
    const id = await active('in place')
    const before = await machineOn(cluster, id)
    await act('serverShelveInPlace', id)
    const server = await atRest(cluster, token, id, 'SHELVED')
    expect(server).toMatchObject({ powerState: 'SHUTDOWN', host: { name: before?.host } })
    expect((await rowOf(id)).allocations).toHaveLength(3)
    await act('serverUnshelve', id)
    await atRest(cluster, token, id, 'ACTIVE')
    expect(await machineOn(cluster, id)).toMatchObject({
      ...{ host: before?.host, disk: before?.disk, boots: 2 },
    })
  })

  it('in place can be offloaded later', async () => {
    const id = await active('later')
    await act('serverShelveInPlace', id)
    await atRest(cluster, token, id, 'SHELVED')
    await act('serverShelveOffload', id)
    await atRest(cluster, token, id, 'SHELVED_OFFLOADED')
    expect(await machineOn(cluster, id)).toBeNull()
    await act('serverUnshelve', id)
    await atRest(cluster, token, id, 'ACTIVE')
  })

  it('is asked for once with a key; a dry run changes nothing', async () => {
    const id = await active('keyed')
    expect(await act('serverShelve', id, { dryRun: true })).toMatchObject({
      plan: { allowed: true },
      task: null,
    })
    const more = { idempotencyKey: newId() }
    const [first, again] = [
      await act('serverShelve', id, more),
      await act('serverShelve', id, more),
    ]
    expect(again.task.id).toBe(first.task.id)
    await atRest(cluster, token, id, 'SHELVED_OFFLOADED')
    const unshelve = await act('serverUnshelve', id, { dryRun: true })
    expect(unshelve.plan).toMatchObject({ allowed: true })
    const { errors } = await cluster.gql(ACT('serverShelve'), { input: { id } }, token)
    expect(errors?.[0]?.extensions.code).toBe('INVALID_STATE')
  })
})

describe('what goes wrong', () => {
  it('before the image is complete: off, with its disk, and no image', async () => {
    const id = await active('uncopied')
    failing('exportDisk')
    await act('serverShelve', id)
    const server = await atRest(cluster, token, id, 'SHUTOFF')
    expect(server).toMatchObject({
      fault: { code: 'HYPERVISOR_FAILED' },
      task: { status: 'FAILED' },
    })
    expect(await machineOn(cluster, id)).toMatchObject({ powerState: 'SHUTDOWN' })
    await expectOnlyImages(cluster, [imageId])
  })

  it('after it: the host is passed over, and cleaned when it reports', async () => {
    const id = await active('left behind')
    failing('destroy', 1)
    await act('serverShelve', id)
    const server = await atRest(cluster, token, id, 'SHELVED_OFFLOADED')
    expect(server.task).toMatchObject({ status: 'SUCCEEDED' })
    await until('its host is clean', async () => (await machineOn(cluster, id)) === null)
    await act('serverUnshelve', id)
    await atRest(cluster, token, id, 'ACTIVE')
  })

  it('on the host that it comes back to: another one is taken', async () => {
    const id = await shelved('two tries')
    cluster.drivers[0]?.failNext('create', { code: 'HYPERVISOR_FAILED', times: 50 })
    await act('serverUnshelve', id)
    const server = await atRest(cluster, token, id, 'ACTIVE')
    expect(server.host?.name).toBe('sim-2')
  })

  it('on every host: it stays shelved, with its image', async () => {
    const id = await shelved('no way')
    failing('create')
    const { task } = await act('serverUnshelve', id)
    expect(await taskEnd(cluster, task.id)).toMatchObject({ status: 'FAILED' })
    const server = await atRest(cluster, token, id, 'SHELVED_OFFLOADED')
    expect(server).toMatchObject({ host: null, fault: { code: expect.any(String) } })
    expect(await rowOf(id)).toMatchObject({ allocations: [], shelvedImageId: expect.any(String) })
    failing('create', 0)
    await act('serverUnshelve', id)
    expect((await atRest(cluster, token, id, 'ACTIVE')).fault).toBeNull()
  })
})

describe('deleted', () => {
  it('while it is copied, nothing is left', async () => {
    const id = await active('half copied')
    for (const driver of cluster.drivers) driver.hangNext('exportDisk')
    await act('serverShelve', id)
    await until('it is off', async () => {
      return (await machineOn(cluster, id))?.powerState === 'SHUTDOWN'
    })
    await remove(id)
    await expectOnlyImages(cluster, [imageId])
  })

  it('while it rests, its image goes with it', async () => {
    await remove(await shelved('resting'))
    await expectOnlyImages(cluster, [imageId])
  })

  it('while it comes back, its image and its machine go with it', async () => {
    const id = await shelved('coming back')
    for (const driver of cluster.drivers) driver.hangNext('start')
    await act('serverUnshelve', id)
    await until('its disk is made', async () => (await machineOn(cluster, id)) !== null)
    await remove(id)
    expect(await machineOn(cluster, id)).toBeNull()
    await expectOnlyImages(cluster, [imageId])
  })

  it('with its project, it goes, and its image too', async () => {
    const { cloud } = cluster
    const projectId = await newProject(cloud, `shelving ${newId()}`)
    const member = tokenFor(cloud, { projectId, role: 'member' })
    const image = (await putImage(cluster, member)).id
    const ids = [
      await newServer(cluster, member, 'rests', image),
      await newServer(cluster, member, 'is copied', image),
    ] as const
    for (const id of ids) await atRest(cluster, member, id, 'ACTIVE')
    const ask = (name: string, id: string) => cluster.must(ACT(name), { input: { id } }, member)
    await ask('serverShelve', ids[0])
    await atRest(cluster, member, ids[0], 'SHELVED_OFFLOADED')
    for (const driver of cluster.drivers) driver.hangNext('exportDisk')
    await ask('serverShelve', ids[1])
    const remove = `mutation ($input: ProjectDeleteInput!) { projectDelete(input: $input) { task { id } } }`
    const { projectDelete } = await cluster.must(
      remove,
      { input: { id: projectId, cascade: true } },
      token,
    )
    expect(await taskEnd(cluster, projectDelete.task.id)).toMatchObject({ status: 'SUCCEEDED' })
    expect(await cloud.db.project.count({ where: { id: projectId } })).toBe(0)
    expect(await cloud.db.image.count({ where: { projectId } })).toBe(0)
  })
})
