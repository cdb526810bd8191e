/** How far a task is, as its host tells it: only of the step at hand, and no flood of events. */
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { taskCancel, taskCreate, taskProgress } from '../../services/core/task.ts'
import { newId } from '../../services/id.ts'
import { type Cluster, startCluster } from '../support/cluster.ts'

let cluster: Cluster
beforeAll(async () => {
  cluster = await startCluster({ hosts: 0 })
})
afterAll(() => cluster?.stop())

/** A task of a kind that nobody here works on, so that it stays as it is. */
async function newTask(): Promise<string> {
  const draft = {
    ...{ kind: 'test.idle', projectId: null, userId: null, requestId: null, input: {} },
    ...{ resourceType: 'server' as const, resourceId: newId(), steps: ['first', 'second'] },
    deadlineMs: 60_000,
  }
  const id = await cluster.cloud.db.$transaction((tx) => taskCreate(tx, draft, []))
  // Due far away: no sweep touches it.
  const dueAt = new Date(Date.now() + 3_600_000)
  await cluster.cloud.db.task.update({ where: { id }, data: { dueAt } })
  return id
}

const tell = (taskId: string, more: object = {}) =>
  taskProgress(cluster.cloud.db, {
    ...{ taskId, round: 0, step: 'first', doneBytes: 1, totalBytes: 10 },
    ...more,
  })

const look = (id: string) => cluster.cloud.db.task.findUniqueOrThrow({ where: { id } })
const eventsOf = (resourceId: string) =>
  cluster.cloud.db.event.count({ where: { resourceId, type: 'task.updated' } })

describe('progress', () => {
  it('is written once in a second, with an event', async () => {
    const id = await newTask()
    const before = await eventsOf(id)
    expect(await tell(id, { doneBytes: 3 * 1024 ** 3 })).toBe(true)
    expect(await tell(id, { doneBytes: 4 * 1024 ** 3 })).toBe(false)
    expect((await look(id)).progress).toMatchObject({ doneBytes: 3 * 1024 ** 3, totalBytes: 10 })
    expect(await eventsOf(id)).toBe(before + 1)
    await cluster.cloud.db.$executeRaw`
      update core.task set progress = progress || jsonb_build_object('at', now() - interval '1 s')
      where id = ${id}::uuid`
    expect(await tell(id, { doneBytes: 5 })).toBe(true)
    expect(await eventsOf(id)).toBe(before + 2)
  })

  it('is not of another step, another round, an ended task, or none', async () => {
    const id = await newTask()
    expect(await tell(id, { step: 'second' })).toBe(false)
    expect(await tell(id, { step: '' })).toBe(false)
    expect(await tell(id, { round: 1 })).toBe(false)
    expect(await tell(randomUUID())).toBe(false)
    await cluster.cloud.db.$transaction((tx) => taskCancel(tx, id))
    expect(await tell(id)).toBe(false)
    expect((await look(id)).progress).toBeNull()
  })
})
