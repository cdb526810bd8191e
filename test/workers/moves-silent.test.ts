/**
 * Moves whose other host goes silent at the worst moment: nothing is started at one end while the other
 * end may run it, and what is known to be dead is not waited for.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { CallError } from '../../workers/call.ts'
import { expectBooks } from '../support/books.ts'
import { meddled, startTaskWorld, type TaskWorld } from '../support/faults.ts'
import { expectOneMachine, LONG_MS, machinesOf } from '../support/moves.ts'
import { ACT, flavorId, putImage } from '../support/stories.ts'
import { until } from '../support/until.ts'

let world: TaskWorld
let token: string
let imageId: string
let id: string
let from: string

beforeAll(async () => {
  world = await startTaskWorld({ hosts: 2 })
  token = await world.signIn()
  imageId = (await putImage(world, token)).id
}, LONG_MS)
afterAll(() => world?.stop())

beforeEach(async () => {
  const input = { name: 'mover', flavorId: await flavorId(world, token), imageId }
  const made = await world.must(
    `mutation ($input: ServerCreateInput!) {
      serverCreate(input: $input) { server { id } task { id } } }`,
    { input },
    token,
  )
  id = made.serverCreate.server.id
  expect(await world.finish(made.serverCreate.task.id)).toMatchObject({ status: 'SUCCEEDED' })
  from = (await row()).host?.name ?? ''
}, LONG_MS)

const row = () =>
  world.cloud.db.server.findUniqueOrThrow({
    where: { id },
    include: { host: true, migrations: { orderBy: { id: 'desc' } } },
  })

async function begin(name: string, type?: string): Promise<string> {
  const answer = await world.must(ACT(name, type), { input: { id } }, token)
  return answer[name].task.id
}

const other = () => (from === 'sim-1' ? 'sim-2' : 'sim-1')

/** Its reports are old news from now on, and nobody calls it. */
const silence = (name: string) =>
  world.cloud.db.host.update({ where: { name }, data: { status: 'DOWN', sequence: 2n ** 40n } })

const wake = async (name: string) => {
  await world.cloud.db.host.update({ where: { name }, data: { sequence: 0, forcedDown: false } })
  await until('it is up', async () => {
    const { status } = await world.cloud.db.host.findUniqueOrThrow({ where: { name } })
    return status === 'UP'
  })
}

const declareDead = (name: string) =>
  world.cloud.db.host.update({ where: { name }, data: { forcedDown: true } })

/** The deed is done, its answer is lost for good, and the host is not heard of any more. */
const lostWith = (step: string, name: string) => (kind: Parameters<typeof meddled>[0]) =>
  meddled(kind, step, 'do', async (go) => {
    await go()
    await silence(name)
    throw new CallError('HYPERVISOR_FAILED', 'told to fail', false)
  })

/** One claim; the task waits for the silent host, and says so. */
async function expectWaits(taskId: string, change?: Parameters<TaskWorld['finish']>[2]) {
  const owner = world.owner()
  // Far more tries than any step has.
  for (let i = 0; i < 25; i++) {
    await world.cloud.db.task.updateMany({ where: { id: taskId }, data: { dueAt: new Date(0) } })
    await owner.work(taskId, i === 0 ? change : undefined)
  }
  owner.leave()
  const task = await world.cloud.db.task.findUniqueOrThrow({ where: { id: taskId } })
  expect(task).toMatchObject({ finishedAt: null, waitingFor: expect.stringContaining('silent') })
  const running = (await machinesOf(world, id)).filter(({ powerState }) => powerState === 'RUNNING')
  expect(running).toEqual([{ host: other(), powerState: 'RUNNING' }])
}

describe('a live migration whose destination has it and went silent', () => {
  const begun = async () => {
    const taskId = await begin('serverLiveMigrate', 'ServerLiveMigrateInput')
    await expectWaits(taskId, lostWith('transfer', other()))
    return taskId
  }

  it('has arrived, once the destination says so', async () => {
    const taskId = await begun()
    await wake(other())
    await world.finish(taskId)
    expect(await row()).toMatchObject({
      ...{ status: 'ACTIVE', taskState: null, host: { name: other() } },
      migrations: [{ status: 'COMPLETED' }],
    })
    await expectOneMachine(world, id, other())
    await expectBooks(world)
  })

  it('goes on where it was, once the destination is said to be dead', async () => {
    const taskId = await begun()
    await declareDead(other())
    await world.finish(taskId)
    expect(await row()).toMatchObject({
      ...{ status: 'ACTIVE', taskState: null, host: { name: from } },
      migrations: [{ status: 'FAILED' }],
    })
    await wake(other())
    await expectOneMachine(world, id, from)
    await expectBooks(world)
  })

  it('is aborted no sooner', async () => {
    const taskId = await begun()
    const abort = await begin('serverMigrationAbort')
    await expectWaits(abort)
    await wake(other())
    await world.finish(abort)
    await world.finish(taskId).catch(() => {})
    expect(await row()).toMatchObject({ status: 'ACTIVE', host: { name: other() } })
    await expectOneMachine(world, id, other())
    await expectBooks(world)
  })
})

it('a migration whose destination booted it and went silent waits for its end', async () => {
  const taskId = await begin('serverMigrate')
  await expectWaits(taskId, lostWith('boot', other()))
  await declareDead(other())
  expect(await world.finish(taskId)).toMatchObject({ status: 'FAILED' })
  expect(await row()).toMatchObject({ status: 'ACTIVE', host: { name: from } })
  await wake(other())
  await expectOneMachine(world, id, from)
})

it('a migration whose destination went silent before that goes on where it was', async () => {
  const taskId = await begin('serverMigrate')
  await world.finish(taskId, world.owner(), lostWith('move', other()))
  expect(await row()).toMatchObject({ status: 'ACTIVE', host: { name: from } })
  await wake(other())
  await expectOneMachine(world, id, from)
})

it('a revert is refused while the host that has it is silent, and the server stays', async () => {
  expect(await world.finish(await begin('serverMigrate'))).toMatchObject({ status: 'SUCCEEDED' })
  await silence(other())
  const revert = await world.finish(await begin('serverResizeRevert'))
  expect(revert).toMatchObject({ status: 'FAILED', error: { code: 'UNAVAILABLE' } })
  expect(await row()).toMatchObject({ status: 'VERIFY_RESIZE', host: { name: other() } })
  await wake(other())
  expect(await world.finish(await begin('serverResizeRevert'))).toMatchObject({
    status: 'SUCCEEDED',
  })
  await expectOneMachine(world, id, from)
  await expectBooks(world)
})
