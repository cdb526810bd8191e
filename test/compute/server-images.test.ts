/** Images of servers: snapshots, backups with their rotation, clones; and what becomes of half ones. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../../services/id.ts'
import { expectBooks } from '../support/books.ts'
import { type Cluster, startCluster } from '../support/cluster.ts'
import {
  expectOnlyImages,
  IMAGE_OF,
  imageActive,
  imagesSeen,
  machineOn,
  taskEnd,
} from '../support/images-of-servers.ts'
import { tokenFor } from '../support/people.ts'
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

let cluster: Cluster
let token: string
let imageId: string

beforeAll(async () => {
  cluster = await startCluster()
  token = await cluster.signIn()
  imageId = (await putImage(cluster, token)).id
})
afterAll(() => cluster?.stop())

const active = async (name: string): Promise<string> => {
  const id = await newServer(cluster, token, name, imageId)
  await atRest(cluster, token, id, 'ACTIVE')
  return id
}
const ask = (name: string, input: object, who = token) =>
  cluster.gql(IMAGE_OF(name), { input }, who)
const snapshot = async (input: object) =>
  (await cluster.must(IMAGE_OF('serverSnapshot'), { input }, token)).serverSnapshot
const clone = (input: object, who = token) =>
  cluster.gql(ACT('serverClone', 'ServerCloneInput'), { input }, who)
const removeImage = (id: string) =>
  cluster.must(
    'mutation ($input: ImageActionInput!) { imageDelete(input: $input) { task { id } } }',
    { input: { id } },
    token,
  )

afterEach(async () => {
  const { db } = cluster.cloud
  for (const { id } of await db.server.findMany()) {
    const { errors } = await cluster.gql(ACT('serverForceDelete'), { input: { id } }, token)
    // It was on its way out already.
    if (errors && (await db.server.count({ where: { id } })))
      throw new Error(JSON.stringify(errors))
  }
  await until('no server is left', async () => (await db.server.count()) === 0)
  for (const image of await imagesSeen(cluster, token)) {
    if (image.kind !== 'IMAGE' && image.id !== imageId) await removeImage(image.id)
  }
  await expectOnlyImages(cluster, [imageId])
  await expectCleanWorld(cluster)
  await expectBooks(cluster)
})

describe('a snapshot', () => {
  it('is an image of the running server, which goes on', async () => {
    const id = await active('web')
    const asked = await snapshot({ id, name: 'snap' })
    expect(asked).toMatchObject({
      server: { id, status: 'ACTIVE', taskState: 'snapshot' },
      image: { name: 'snap', status: 'QUEUED', kind: 'SNAPSHOT' },
      task: { kind: 'server.snapshot' },
    })
    const image = await imageActive(cluster, token, asked.image.id)
    expect(image).toMatchObject({ kind: 'SNAPSHOT', server: { id }, minDiskGiB: 1 })
    expect(Number(image.sizeBytes)).toBeGreaterThan(0)
    expect(image.checksum).toMatch(/^[0-9a-f]{128}$/)
    await atRest(cluster, token, id, 'ACTIVE')
    expect(await machineOn(cluster, id)).toMatchObject({ powerState: 'RUNNING', boots: 1 })
    expect(await imagesSeen(cluster, token, { kind: ['SNAPSHOT'] })).toHaveLength(1)
    expect(await imagesSeen(cluster, token, { serverId: id })).toHaveLength(1)
    const copy = await newServer(cluster, token, 'of the snapshot', image.id)
    await atRest(cluster, token, copy, 'ACTIVE')
    expect((await machineOn(cluster, copy))?.disk.image).toBe(image.checksum)
  })

  it('outlives its server, and then is of none', async () => {
    const id = await active('gone')
    const { image } = await snapshot({ id, name: 'kept' })
    await imageActive(cluster, token, image.id)
    await atRest(cluster, token, id, 'ACTIVE')
    await cluster.must(ACT('serverDelete'), { input: { id } }, token)
    await until('it is gone', async () => (await getServer(cluster, token, id)) === null)
    const [kept] = await imagesSeen(cluster, token, { kind: ['SNAPSHOT'] })
    expect(kept).toMatchObject({ id: image.id, status: 'ACTIVE', server: null })
  })

  it('is made once for a key, and of a dry run not at all', async () => {
    const id = await active('once')
    const dry = await snapshot({ id, name: 'never', dryRun: true })
    expect(dry).toMatchObject({ plan: { allowed: true }, image: null, task: null })
    const input = { id, name: 'once', idempotencyKey: newId() }
    const [first, again] = [await snapshot(input), await snapshot(input)]
    expect(again.image.id).toBe(first.image.id)
    expect(await imagesSeen(cluster, token, { kind: ['SNAPSHOT'] })).toHaveLength(1)
    await imageActive(cluster, token, first.image.id)
  })

  it('is refused where there is nothing to copy, without a name, and to strangers', async () => {
    const id = await active('refusing')
    const blank = await ask('serverSnapshot', { id, name: '  ' })
    expect(blank.errors?.[0]?.extensions.code).toBe('BAD_INPUT')
    const demo = await cluster.signIn('demo')
    const foreign = await ask('serverSnapshot', { id, name: 'x' }, demo)
    expect(foreign.errors?.[0]?.extensions.code).toBe('NOT_FOUND')
    await cluster.cloud.db.server.update({ where: { id }, data: { status: 'ERROR' } })
    const broken = await ask('serverSnapshot', { id, name: 'x' })
    expect(broken.errors?.[0]?.extensions).toMatchObject({
      code: 'INVALID_STATE',
      details: { allowedStatuses: ['ACTIVE', 'PAUSED', 'SUSPENDED', 'SHUTOFF'] },
    })
    expect(await imagesSeen(cluster, token, { serverId: id })).toEqual([])
  })

  it('of a locked server is for those whom no lock stops', async () => {
    const id = await active('locked')
    await cluster.must(ACT('serverLock', 'ServerLockInput'), { input: { id } }, token)
    const { projectId } = await cluster.cloud.db.server.findUniqueOrThrow({ where: { id } })
    const member = tokenFor(cluster.cloud, { projectId, role: 'member' })
    const refused = await ask('serverSnapshot', { id, name: 'x' }, member)
    expect(refused.errors?.[0]).toMatchObject({
      extensions: { code: 'INVALID_STATE' },
      message: expect.stringContaining('locked'),
    })
    expect((await ask('serverSnapshot', { id, name: 'x' })).errors).toBeUndefined()
    await atRest(cluster, token, id, 'ACTIVE')
  })

  it('that fails leaves the server as it was, with a fault, and no image', async () => {
    const id = await active('failing')
    for (const driver of cluster.drivers) {
      driver.failNext('exportDisk', { code: 'NO_SPACE', times: 1 })
    }
    const { task, image } = await snapshot({ id, name: 'never' })
    expect(await taskEnd(cluster, task.id)).toMatchObject({
      status: 'FAILED',
      error: { code: 'HYPERVISOR_FAILED' },
    })
    const server = await atRest(cluster, token, id, 'ACTIVE')
    expect(server.fault).toMatchObject({ code: 'HYPERVISOR_FAILED' })
    await expectOnlyImages(cluster, [imageId])
    const files = await readdir(join(cluster.dataDir, 'images'), { recursive: true })
    expect(files.filter((name) => name.includes(image.id))).toEqual([])
    for (const driver of cluster.drivers)
      driver.failNext('exportDisk', { code: 'NO_SPACE', times: 0 })
    const second = await snapshot({ id, name: 'better' })
    await imageActive(cluster, token, second.image.id)
    expect((await atRest(cluster, token, id, 'ACTIVE')).fault).toBeNull()
  })

  it('ends when its image is deleted meanwhile', async () => {
    const id = await active('unwanted')
    for (const driver of cluster.drivers) driver.hangNext('exportDisk')
    const { task, image } = await snapshot({ id, name: 'unwanted' })
    await until('it runs', async () => {
      const row = await cluster.cloud.db.task.findUniqueOrThrow({ where: { id: task.id } })
      return row.status === 'RUNNING'
    })
    await removeImage(image.id)
    // Whatever hangs on the host is ended by the next work there: here, by turning it off.
    await cluster.must(ACT('serverForceDelete'), { input: { id } }, token)
    await until('it is gone', async () => (await getServer(cluster, token, id)) === null)
    for (const driver of cluster.drivers) driver.hangNext('exportDisk', 0)
    const other = await active('unwanted too')
    for (const driver of cluster.drivers) {
      driver.failNext('exportDisk', { code: 'HYPERVISOR_FAILED', retryable: true, times: 1 })
    }
    const again = await snapshot({ id: other, name: 'unwanted too' })
    await removeImage(again.image.id)
    const end = await taskEnd(cluster, again.task.id)
    expect(end.status).toBe('FAILED')
    expect(end.error?.code).toBe('NOT_FOUND')
    await atRest(cluster, token, other, 'ACTIVE')
    for (const driver of cluster.drivers) {
      driver.failNext('exportDisk', { code: 'HYPERVISOR_FAILED', times: 0 })
    }
  })

  it('goes with the server that is deleted while it is made', async () => {
    const id = await active('deleted')
    for (const driver of cluster.drivers) driver.hangNext('exportDisk')
    const { task } = await snapshot({ id, name: 'half' })
    await cluster.must(ACT('serverDelete'), { input: { id } }, token)
    await until('it is gone', async () => (await getServer(cluster, token, id)) === null)
    expect(await taskEnd(cluster, task.id)).toMatchObject({ status: 'CANCELLED' })
    for (const driver of cluster.drivers) driver.hangNext('exportDisk', 0)
    await expectOnlyImages(cluster, [imageId])
  })

  it('takes bytes from nobody but the host', async () => {
    const id = await active('spoofed')
    for (const driver of cluster.drivers) driver.hangNext('exportDisk')
    const { image } = await snapshot({ id, name: 'mine' })
    const put = await fetch(`${cluster.url}/v1/images/${image.id}/file`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${token}` },
      body: new Uint8Array(emptyQcow2()),
    })
    expect(put.status).toBeGreaterThanOrEqual(400)
    expect(await put.text()).toContain('INVALID_STATE')
    const [seen] = await imagesSeen(cluster, token, { serverId: id })
    expect(seen).toMatchObject({ status: 'QUEUED', uploadUrl: null })
    expect(seen?.actions.find(({ name }) => name === 'upload')).toMatchObject({ allowed: false })
    await cluster.must(ACT('serverDelete'), { input: { id } }, token)
    for (const driver of cluster.drivers) driver.hangNext('exportDisk', 0)
  })
})

describe('backups', () => {
  it('keep the newest of their rotation, each server and type its own', async () => {
    const [id, other] = await Promise.all([active('a'), active('b')])
    const backup = async (server: string, backupType: string, rotation: number, name: string) => {
      const input = { id: server, name, backupType, rotation }
      const { serverBackup } = await cluster.must(IMAGE_OF('serverBackup'), { input }, token)
      expect(await taskEnd(cluster, serverBackup.task.id)).toMatchObject({ status: 'SUCCEEDED' })
      return serverBackup.image.id as string
    }
    await backup(id, 'weekly', 1, 'weekly 1')
    await backup(other, 'daily', 2, 'other 1')
    for (const name of ['daily 1', 'daily 2', 'daily 3']) await backup(id, 'daily', 2, name)
    await until('the oldest is gone', async () => {
      const names = (await imagesSeen(cluster, token, { kind: ['BACKUP'] })).map((i) => i.name)
      return names.sort().join() === 'daily 2,daily 3,other 1,weekly 1'
    })
    const [one] = await imagesSeen(cluster, token, { name: { eq: 'daily 3' } })
    expect(one).toMatchObject({ kind: 'BACKUP', backupType: 'daily', server: { id } })
    const none = await ask('serverBackup', { id, name: 'x', backupType: 'daily', rotation: 0 })
    expect(none.errors?.[0]?.extensions.code).toBe('BAD_INPUT')
  })
})

describe('a clone', () => {
  it('is a server of its own with a copy of the disk; its source is as it was', async () => {
    const id = await active('source')
    const asked = await clone({ id, name: 'twin' })
    const { server, task } = asked.data.serverClone
    expect(server).toMatchObject({ status: 'BUILD' })
    expect(server.id).not.toBe(id)
    const twin = await atRest(cluster, token, server.id, 'ACTIVE')
    expect(twin).toMatchObject({ name: 'twin', task: { id: task.id, status: 'SUCCEEDED' } })
    await atRest(cluster, token, id, 'ACTIVE')
    expect(await machineOn(cluster, id)).toMatchObject({ powerState: 'RUNNING', boots: 1 })
    const machine = await machineOn(cluster, server.id)
    const source = await machineOn(cluster, id)
    expect(machine?.powerState).toBe('RUNNING')
    expect(machine?.disk.image).not.toBe(source?.disk.image)
    expect(machine?.disk.sizeBytes).toBe(source?.disk.sizeBytes)
    expect(await imagesSeen(cluster, token, { kind: ['SNAPSHOT', 'BACKUP'] })).toEqual([])
    await expectOnlyImages(cluster, [imageId])
  })

  it('locks its source until the copy is taken, and shows its disk to nobody', async () => {
    const id = await active('locked source')
    for (const driver of cluster.drivers) driver.hangNext('exportDisk')
    const { server } = (await clone({ id, name: 'late' })).data.serverClone
    expect(await getServer(cluster, token, id)).toMatchObject({ taskState: 'clone' })
    const busy = await cluster.gql(ACT('serverPause'), { input: { id } }, token)
    expect(busy.errors?.[0]?.message).toContain('busy: clone runs')
    const hidden = await cluster.cloud.db.image.findFirstOrThrow({ where: { kind: 'SHELVED' } })
    expect((await imagesSeen(cluster, token)).map((one) => one.id)).toEqual([imageId])
    for (const document of ['image(id: $id) { id }', 'node(id: $id) { id }']) {
      const found = await cluster.must(`query ($id: ID!) { ${document} }`, { id: hidden.id }, token)
      expect(Object.values(found)).toEqual([null])
    }
    await cluster.must(ACT('serverDelete'), { input: { id: server.id } }, token)
    // The clone goes, and its source is free.
    await until('it is free', async () => {
      const source = await getServer(cluster, token, id)
      return source?.taskState === null && source.status === 'ACTIVE'
    })
    for (const driver of cluster.drivers) driver.hangNext('exportDisk', 0)
  })

  it('is in ERROR when its source is deleted before the copy is taken', async () => {
    const id = await active('short-lived')
    for (const driver of cluster.drivers) driver.hangNext('exportDisk')
    const { server } = (await clone({ id, name: 'orphan' })).data.serverClone
    await cluster.must(ACT('serverDelete'), { input: { id } }, token)
    const orphan = await atRest(cluster, token, server.id, 'ERROR')
    expect(orphan.fault).toMatchObject({ code: 'CONFLICT' })
    expect(orphan.host).toBeNull()
    await until('the source is gone', async () => (await getServer(cluster, token, id)) === null)
    for (const driver of cluster.drivers) driver.hangNext('exportDisk', 0)
  })

  it('counts against the quota, and a dry run shows where it would go', async () => {
    const id = await active('counted')
    const dry = await clone({ id, name: 'would be', dryRun: true })
    expect(dry.data.serverClone).toMatchObject({ server: null, plan: { allowed: true } })
    const { projectId } = await cluster.cloud.db.server.findUniqueOrThrow({ where: { id } })
    const quota =
      'mutation ($input: QuotaSetInput!) { quotaSet(input: $input) { quota { limit } } }'
    const limitTo = (limit: number | null) =>
      cluster.must(quota, { input: { projectId, resource: 'compute.instances', limit } }, token)
    await limitTo(1)
    const refused = await clone({ id, name: 'too many' })
    expect(refused.errors?.[0]?.extensions.code).toBe('QUOTA_EXCEEDED')
    expect(await getServer(cluster, token, id)).toMatchObject({ taskState: null })
    await limitTo(null)
  })

  it('that can not be copied is in ERROR, and its source is free', async () => {
    const id = await active('stubborn')
    for (const driver of cluster.drivers) {
      driver.failNext('exportDisk', { code: 'HYPERVISOR_FAILED', times: 50 })
    }
    const { server } = (await clone({ id, name: 'broken' })).data.serverClone
    const broken = await atRest(cluster, token, server.id, 'ERROR')
    expect(broken.fault).toMatchObject({ code: 'HYPERVISOR_FAILED' })
    expect(await getServer(cluster, token, id)).toMatchObject({ status: 'ACTIVE', taskState: null })
    for (const driver of cluster.drivers) {
      driver.failNext('exportDisk', { code: 'HYPERVISOR_FAILED', times: 0 })
    }
  })
})
