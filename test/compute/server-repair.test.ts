/** Mending servers: rebuild, rescue, and a new password inside. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { isPassword } from '../../drivers/compute/simulated/guest.ts'
import { expectBooks } from '../support/books.ts'
import { type Cluster, startCluster } from '../support/cluster.ts'
import { machineOn, taskEnd } from '../support/images-of-servers.ts'
import {
  ACT,
  atRest,
  emptyQcow2,
  expectCleanWorld,
  getServer,
  newServer,
  putImage,
} from '../support/stories.ts'
import { until } from '../support/until.ts'

const GIB = 1024 ** 3
const SECRET = 'hunter2 hunter2'

let cluster: Cluster
let token: string
let imageId: string
let otherId: string
let bigId: string

beforeAll(async () => {
  cluster = await startCluster()
  token = await cluster.signIn()
  imageId = (await putImage(cluster, token)).id
  otherId = (await putImage(cluster, token, 'other', emptyQcow2(32 * 1024 ** 2))).id
  bigId = (await putImage(cluster, token, 'big')).id
  const data = { virtualSizeBytes: BigInt(8 * GIB) }
  await cluster.cloud.db.image.update({ where: { id: bigId }, data })
})
afterAll(() => cluster?.stop())

const ask = (name: string, input: object, type?: string) =>
  cluster.gql(ACT(name, type), { input }, token)
const act = async (name: string, input: object, type?: string) =>
  (await cluster.must(ACT(name, type), { input }, token))[name]
const rebuild = (id: string, more: object = {}) =>
  act('serverRebuild', { id, imageId: otherId, ...more }, 'ServerRebuildInput')
const checksumOf = async (id: string) =>
  (await cluster.cloud.db.image.findUniqueOrThrow({ where: { id } })).checksum

async function active(name: string): Promise<string> {
  const id = await newServer(cluster, token, name, imageId)
  await atRest(cluster, token, id, 'ACTIVE')
  return id
}

afterEach(async () => {
  for (const driver of cluster.drivers) {
    for (const verb of ['rebuild', 'rescue', 'setPassword'] as const) {
      driver.hangNext(verb, 0)
      driver.failNext(verb, { code: 'HYPERVISOR_FAILED', times: 0 })
    }
  }
  for (const { id } of await cluster.cloud.db.server.findMany()) await act('serverDelete', { id })
  await until('the world is clean', () =>
    expectCleanWorld(cluster).then(
      () => true,
      () => false,
    ),
  )
  await expectBooks(cluster)
})

const failing = (verb: 'rebuild' | 'rescue') => {
  for (const driver of cluster.drivers) {
    driver.failNext(verb, { code: 'HYPERVISOR_FAILED', times: verb === 'rescue' ? 50 : 1 })
  }
}

describe('a rebuild', () => {
  it('keeps id, host and allocations, and has a new disk', async () => {
    const id = await active('old')
    const before = await machineOn(cluster, id)
    const asked = await rebuild(id, { name: 'new' })
    expect(asked).toMatchObject({
      server: { id, status: 'REBUILD', taskState: 'rebuild' },
      task: { kind: 'server.rebuild' },
    })
    const server = await atRest(cluster, token, id, 'ACTIVE')
    expect(server).toMatchObject({ name: 'new', powerState: 'RUNNING' })
    const after = await machineOn(cluster, id)
    expect(after).toMatchObject({ host: before?.host, powerState: 'RUNNING' })
    expect(after?.disk.image).toBe(await checksumOf(otherId))
    const row = await cluster.cloud.db.server.findUniqueOrThrow({
      where: { id },
      include: { allocations: true },
    })
    expect(row).toMatchObject({ imageId: otherId })
    expect(row.allocations).toHaveLength(3)
  })

  it('leaves what was off off', async () => {
    const id = await active('off')
    await act('serverStop', { id })
    await atRest(cluster, token, id, 'SHUTOFF')
    await rebuild(id)
    await atRest(cluster, token, id, 'SHUTOFF')
    expect(await machineOn(cluster, id)).toMatchObject({
      powerState: 'SHUTDOWN',
      disk: { image: await checksumOf(otherId) },
    })
  })

  it('that fails is an ERROR, which another one mends', async () => {
    const id = await active('bad disk')
    failing('rebuild')
    await rebuild(id)
    const broken = await atRest(cluster, token, id, 'ERROR')
    expect(broken.fault).toMatchObject({ code: 'HYPERVISOR_FAILED' })
    await rebuild(id)
    const mended = await atRest(cluster, token, id, 'ACTIVE')
    expect(mended).toMatchObject({ fault: null, powerState: 'RUNNING' })
  })

  it('is refused for an image that does not fit, is not there, or has no bytes', async () => {
    const id = await active('small')
    const refused = async (image: string) => {
      const answer = await ask('serverRebuild', { id, imageId: image }, 'ServerRebuildInput')
      return answer.errors?.[0]?.extensions.code
    }
    expect(await refused(bigId)).toBe('BAD_INPUT')
    expect(await refused(id)).toBe('NOT_FOUND')
    const { db } = cluster.cloud
    await db.image.update({ where: { id: otherId }, data: { minMemoryMiB: 1_000_000 } })
    expect(await refused(otherId)).toBe('BAD_INPUT')
    await db.image.update({ where: { id: otherId }, data: { minMemoryMiB: 0, kind: 'SHELVED' } })
    expect(await refused(otherId)).toBe('NOT_FOUND')
    await db.image.update({ where: { id: otherId }, data: { kind: 'IMAGE' } })
    expect(await getServer(cluster, token, id)).toMatchObject({ status: 'ACTIVE', taskState: null })
    const dry = await rebuild(id, { dryRun: true })
    expect(dry).toMatchObject({ plan: { allowed: true }, task: null })
  })

  it('ends with the server that is deleted meanwhile', async () => {
    const id = await active('hanging')
    for (const driver of cluster.drivers) driver.hangNext('rebuild')
    const { task } = await rebuild(id)
    await act('serverDelete', { id })
    expect(await taskEnd(cluster, task.id)).toMatchObject({ status: 'CANCELLED' })
    await until('it is gone', async () => (await getServer(cluster, token, id)) === null)
  })
})

describe('a rescue', () => {
  it('boots from a fresh disk of the own image, with the own disk beside it', async () => {
    const id = await active('locked out')
    const before = await machineOn(cluster, id)
    await act('serverRescue', { id })
    const server = await atRest(cluster, token, id, 'RESCUE')
    expect(server.powerState).toBe('RUNNING')
    const rescued = await machineOn(cluster, id)
    expect(rescued).toMatchObject({ disk: before?.disk, host: before?.host })
    expect(rescued?.rescueDisk?.image).toBe(await checksumOf(imageId))
    await act('serverUnrescue', { id })
    await atRest(cluster, token, id, 'ACTIVE')
    const back = await machineOn(cluster, id)
    expect(back).toMatchObject({ powerState: 'RUNNING', disk: before?.disk })
    expect(back?.rescueDisk).toBeUndefined()
  })

  it('boots from an image of choice', async () => {
    const id = await active('of choice')
    await act('serverRescueWith', { id, imageId: otherId }, 'ServerRescueWithInput')
    await atRest(cluster, token, id, 'RESCUE')
    expect((await machineOn(cluster, id))?.rescueDisk?.image).toBe(await checksumOf(otherId))
  })

  it('needs an image to be named where the own one is gone', async () => {
    const own = (await putImage(cluster, token, 'short-lived')).id
    const id = await newServer(cluster, token, 'imageless', own)
    await atRest(cluster, token, id, 'ACTIVE')
    const remove = `mutation ($input: ImageActionInput!) { imageDelete(input: $input) { task { id } } }`
    const { imageDelete } = await cluster.must(remove, { input: { id: own } }, token)
    await taskEnd(cluster, imageDelete.task.id)
    const { errors } = await ask('serverRescue', { id })
    expect(errors?.[0]).toMatchObject({
      extensions: { code: 'BAD_INPUT', details: { fields: [{ path: 'input.imageId' }] } },
      message: expect.stringContaining('serverRescueWith'),
    })
    await act('serverRescueWith', { id, imageId }, 'ServerRescueWithInput')
    await atRest(cluster, token, id, 'RESCUE')
  })

  it('that fails leaves the server as it was, with a fault', async () => {
    const id = await active('unlucky')
    failing('rescue')
    await act('serverRescue', { id })
    const server = await atRest(cluster, token, id, 'ACTIVE')
    expect(server.fault).toMatchObject({ code: 'HYPERVISOR_FAILED' })
    const { errors } = await ask('serverUnrescue', { id })
    expect(errors?.[0]?.extensions).toMatchObject({
      code: 'INVALID_STATE',
      details: { allowedStatuses: ['RESCUE'] },
    })
  })
})

describe('a password', () => {
  const change = (id: string, more: object = {}) =>
    ask('serverChangePassword', { id, password: SECRET, ...more }, 'ServerChangePasswordInput')

  /** All that the database knows, as text. */
  async function everything(): Promise<string> {
    const { db } = cluster.cloud
    const rows = [await db.task.findMany(), await db.auditEvent.findMany()]
    rows.push((await db.idempotencyKey.findMany()) as never)
    return JSON.stringify(rows, (_, value) => (typeof value === 'bigint' ? String(value) : value))
  }

  it('is changed inside the guest, and written down nowhere', async () => {
    const id = await active('guest')
    const lines = await change(id, { password: 'two\nlines' })
    expect(lines.errors?.[0]?.extensions.code).toBe('BAD_INPUT')
    const { data, errors } = await change(id, { idempotencyKey: 'a key' })
    expect(errors).toBeUndefined()
    const { task } = data.serverChangePassword
    expect(await taskEnd(cluster, task.id)).toMatchObject({ status: 'SUCCEEDED' })
    await atRest(cluster, token, id, 'ACTIVE')
    const machine = await machineOn(cluster, id)
    if (!machine) throw new Error('there is no machine')
    expect(isPassword(machine, 'root', SECRET)).toBe(true)
    expect(isPassword(machine, 'root', 'something else')).toBe(false)
    const { input } = await cluster.cloud.db.task.findUniqueOrThrow({ where: { id: task.id } })
    expect(input).not.toHaveProperty('password')
    expect(await everything()).not.toContain(SECRET)
  })

  it('says what is missing when the guest does not answer, and is forgotten then too', async () => {
    const id = await active('silent')
    await (await machineOn(cluster, id))?.driver.setSilent(id, true)
    const { data } = await change(id)
    const end = await taskEnd(cluster, data.serverChangePassword.task.id)
    expect(end).toMatchObject({
      status: 'FAILED',
      error: { code: 'INVALID_STATE', message: expect.stringContaining('guest agent') },
    })
    expect(end.input).not.toHaveProperty('password')
    const server = await atRest(cluster, token, id, 'ACTIVE')
    expect(server.fault?.message).toContain('guest agent')
  })

  it('of a user whom the guest does not have is refused in words', async () => {
    const id = await active('no such user')
    const { data } = await change(id, { userName: 'nobody' })
    const end = await taskEnd(cluster, data.serverChangePassword.task.id)
    expect(end).toMatchObject({ status: 'FAILED', error: { code: 'BAD_INPUT' } })
    const odd = await change(id, { userName: 'root:x' })
    expect(odd.errors?.[0]?.extensions.code).toBe('BAD_INPUT')
    const empty = await change(id, { password: '' })
    expect(empty.errors?.[0]?.extensions.code).toBe('BAD_INPUT')
  })

  it('is forgotten when the server is deleted meanwhile', async () => {
    const id = await active('interrupted')
    for (const driver of cluster.drivers) driver.hangNext('setPassword')
    const { data } = await change(id)
    await act('serverDelete', { id })
    const end = await taskEnd(cluster, data.serverChangePassword.task.id)
    expect(end.status).toBe('CANCELLED')
    expect(end.input).not.toHaveProperty('password')
  })
})
