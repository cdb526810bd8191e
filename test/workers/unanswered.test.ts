/** A call that nobody answers must not make the next reports of the host old news. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { CallError } from '../../workers/call.ts'
import { startTaskWorld, type TaskWorld } from '../support/faults.ts'
import { ACT, flavorId, putImage } from '../support/stories.ts'
import { until } from '../support/until.ts'

let world: TaskWorld
beforeAll(async () => {
  world = await startTaskWorld({ hosts: 1 })
})
afterAll(() => world?.stop())

it('a server whose stop was never answered still follows its machine', async () => {
  const token = await world.signIn()
  const { id: imageId } = await putImage(world, token)
  const input = { name: 'follower', flavorId: await flavorId(world, token), imageId }
  const made = await world.must(
    `mutation ($input: ServerCreateInput!) {
      serverCreate(input: $input) { server { id } task { id } } }`,
    { input },
    token,
  )
  const id: string = made.serverCreate.server.id
  await world.finish(made.serverCreate.task.id)
  const stop = (await world.must(ACT('serverStop'), { input: { id } }, token)).serverStop.task.id
  const { caller } = world
  const unanswered = async () => {
    throw new CallError('TIMEOUT', 'nobody answers', false)
  }
  world.caller = { ...caller, call: unanswered }
  const task = await world.finish(stop)
  world.caller = caller
  expect(task).toMatchObject({ status: 'FAILED', error: { code: 'TIMEOUT' } })
  const status = async () =>
    (await world.cloud.db.server.findUniqueOrThrow({ where: { id } })).status
  expect(await status()).toBe('ACTIVE')
  await world.drivers[0]?.powerOff(id)
  await until('its row follows', async () => (await status()) === 'SHUTOFF')
})
