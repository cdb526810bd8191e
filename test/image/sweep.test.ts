/** The sweep of an image store that several databases share: each removes only what it knows. */
import { Readable } from 'node:stream'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { MemoryImageStore } from '../../drivers/image/memory.ts'
import { taskCreate } from '../../services/core/task.ts'
import { newId } from '../../services/id.ts'
import { sweepImages } from '../../workers/image/agent.ts'
import { type Cluster, startCluster } from '../support/cluster.ts'
import { makeTestLog } from '../support/log.ts'
import { newProject } from '../support/people.ts'

let cloud: Cluster
let projectId: string
beforeAll(async () => {
  cloud = await startCluster({ hosts: 0, config: { roles: ['api'] } })
  projectId = await newProject(cloud.cloud, 'work')
})
afterAll(() => cloud?.stop())

const store = new MemoryImageStore()

async function bytesOf(id: string, state: 'staged' | 'committed'): Promise<string> {
  const bytes = Readable.from([Buffer.from('bytes')])
  await store.append(id, 0, bytes, 100, new AbortController().signal)
  if (state === 'committed') await store.commit(id)
  return id
}

async function rowOf(status: string): Promise<string> {
  const times = { createdAt: new Date(), updatedAt: new Date() }
  const of = { projectId, name: status, diskFormat: 'RAW', status, visibility: 'PRIVATE' }
  return (await cloud.cloud.db.image.create({ data: { id: newId(), ...of, ...times } })).id
}

/** An image that was here once. */
async function deleted(): Promise<string> {
  const resourceId = newId()
  await cloud.cloud.db.$transaction((tx) =>
    taskCreate(
      tx,
      {
        ...{ kind: 'image.delete', projectId, userId: null, requestId: null, input: {} },
        ...{ resourceType: 'image', resourceId, steps: ['bytes'], deadlineMs: 600_000 },
      },
      [],
    ),
  )
  return resourceId
}

it('leaves the uploads of another cell alone, and removes what was deleted or given up here', async () => {
  const others = [await bytesOf(newId(), 'staged'), await bytesOf(newId(), 'committed')]
  const ours = [
    await bytesOf(await rowOf('SAVING'), 'staged'),
    await bytesOf(await rowOf('ACTIVE'), 'committed'),
  ]
  await bytesOf(await rowOf('QUEUED'), 'staged')
  await bytesOf(await deleted(), 'staged')
  await bytesOf(await deleted(), 'committed')
  const { log, lines } = makeTestLog()
  await sweepImages(store, cloud.cloud.db, log, new Date(Date.now() + 60_000))
  const left = (await store.list()).map(({ id }) => id)
  expect(left.sort()).toEqual([...others, ...ours].sort())
  const told = lines.flatMap((line) => (JSON.parse(line) as { unknown: string[] }).unknown)
  expect(told.sort()).toEqual(others.sort())
})
