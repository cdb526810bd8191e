/**
 * An upload that failed tidied up as if the image were still its own: when it had stood still and
 * another one had taken over, it removed the bytes of that one, which then failed too.
 */
import { request as httpRequest } from 'node:http'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Cluster, startCluster } from '../support/cluster.ts'
import { newProject, tokenFor } from '../support/people.ts'
import { until } from '../support/until.ts'

let cloud: Cluster
let token: string
beforeAll(async () => {
  cloud = await startCluster({ hosts: 0 })
  const projectId = await newProject(cloud.cloud, 'work')
  token = tokenFor(cloud.cloud, { projectId, role: 'member' })
})
afterAll(() => cloud?.stop())

const noise = (bytes: number) => Buffer.alloc(bytes, 'not a disk of any known format. ')

async function newImage(): Promise<string> {
  const document =
    'mutation ($input: ImageCreateInput!) { imageCreate(input: $input) { image { id } } }'
  const input = { name: 'data', diskFormat: 'RAW' }
  return (await cloud.must(document, { input }, token)).imageCreate.image.id
}

const rowOf = (id: string) => cloud.cloud.db.image.findUnique({ where: { id } })
const saving = (id: string) =>
  until('the upload runs', async () => (await rowOf(id))?.status === 'SAVING')

/** A PUT whose body is written piece by piece; the status, or 0 when the socket ended. */
function begin(id: string, bytes: number) {
  const headers = { authorization: `Bearer ${token}`, 'content-length': bytes }
  const request = httpRequest(`${cloud.url}/v1/images/${id}/file`, { method: 'PUT', headers })
  const answered = new Promise<number>((resolve) => {
    request.once('response', (response) => resolve(response.resume().statusCode ?? 0))
    request.once('error', () => resolve(0))
  })
  return { request, answered }
}

it('an upload that stood still does not hurt the one that took over', async () => {
  const id = await newImage()
  const stale = begin(id, 2048)
  stale.request.write(noise(1024))
  await saving(id)
  const updatedAt = new Date(Date.now() - 120_000)
  await cloud.cloud.db.image.update({ where: { id }, data: { updatedAt } })
  const fresh = begin(id, 4096)
  fresh.request.write(noise(1024))
  expect([0, 409]).toContain(await stale.answered)
  fresh.request.end(noise(3072))
  expect(await fresh.answered).toBe(201)
  expect(await rowOf(id)).toMatchObject({ status: 'ACTIVE', sizeBytes: 4096n })
  stale.request.destroy()
})
