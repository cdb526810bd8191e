/** Every pair of status and action, through the API: the tables are what the cloud does. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  offeredServerActions,
  serverActions,
  serverStatuses,
} from '../../services/compute/server.states.ts'
import { newId } from '../../services/id.ts'
import { imageActions, imageStatuses } from '../../services/image/image.states.ts'
import { checkTable } from '../../services/transition.ts'
import { startTaskWorld, type TaskWorld } from '../support/faults.ts'
import {
  ACT,
  CREATE,
  emptyQcow2,
  expectCleanWorld,
  flavorId,
  getServer,
  putImage,
} from '../support/stories.ts'
import { until } from '../support/until.ts'

let world: TaskWorld
let token: string
let imageId: string
let flavor: string
let row: { projectId: string; userId: string; hostId: string }

beforeAll(async () => {
  world = await startTaskWorld()
  token = await world.signIn()
  imageId = (await putImage(world, token)).id
  flavor = await flavorId(world, token)
  const { db } = world.cloud
  const project = await db.project.findFirstOrThrow({ where: { name: 'admin' } })
  const user = await db.user.findFirstOrThrow()
  const host = await db.host.findFirstOrThrow()
  row = { projectId: project.id, userId: user.id, hostId: host.id }
})
afterAll(() => world?.stop())

async function putServer(status: string, more: { taskState?: string; hostId?: null } = {}) {
  const at = new Date()
  const size = { vcpus: 1, memoryMiB: 128, diskGiB: 1 }
  const id = newId()
  const data = { id, ...row, ...size, name: 'put', status, powerState: 'NOSTATE', flavorId: flavor }
  await world.cloud.db.server.create({ data: { ...data, ...more, createdAt: at, updatedAt: at } })
  return id
}

type Offered = (typeof offeredServerActions)[number]

const mutations: Record<Offered, { name: string; more?: object; type?: string }> = {
  start: { name: 'serverStart' },
  stop: { name: 'serverStop' },
  reboot: { name: 'serverReboot', more: { mode: 'SOFT' }, type: 'ServerRebootInput' },
  rebootHard: { name: 'serverReboot', more: { mode: 'HARD' }, type: 'ServerRebootInput' },
  delete: { name: 'serverDelete' },
}

const act = (action: Offered, id: string) => {
  const { name, more, type } = mutations[action]
  return world.gql(ACT(name, type), { input: { id, ...more } }, token)
}

const offers = async (id: string, action: Offered) => {
  const server = await getServer(world, token, id)
  return server?.actions.find(({ name }) => name === action)
}

describe('servers', () => {
  const pairs = serverStatuses.flatMap((status) =>
    offeredServerActions.map((action) => [status, action] as const),
  )

  it.each(pairs)('%s: %s', async (status, action) => {
    const id = await putServer(status)
    const { from, during } = serverActions[action]
    const offer = await offers(id, action)
    const answer = await act(action, id)
    if (from.includes(status)) {
      expect(offer).toEqual({ name: action, allowed: true, reason: null })
      expect(answer.errors).toBeUndefined()
      const { server, task } = Object.values(answer.data)[0] as { server: object; task: object }
      expect(server).toMatchObject({ status: during ?? status, taskState: action })
      expect(task).toMatchObject({ kind: expect.stringMatching(/^server\./) })
    } else {
      expect(offer).toMatchObject({ allowed: false })
      expect(offer?.reason).toContain(status)
      const error = answer.errors?.[0]
      expect(error?.extensions).toMatchObject({
        code: 'INVALID_STATE',
        details: { allowedStatuses: [...from] },
      })
      expect(error?.message).toContain(offer?.reason)
      expect(await world.cloud.db.server.findUnique({ where: { id } })).toMatchObject({
        ...{ status, taskState: null, taskId: null, version: 1 },
      })
    }
  })

  it.each(offeredServerActions)(
    'a busy one refuses %s, or is interrupted by it',
    async (action) => {
      const status = serverActions[action].from[0] ?? 'ACTIVE'
      for (const taskState of ['stop', action]) {
        const id = await putServer(status, { taskState })
        const offer = await offers(id, action)
        const { errors } = await act(action, id)
        if (serverActions[action].interrupts) {
          expect(offer?.allowed).toBe(true)
          expect(errors).toBeUndefined()
        } else {
          const reason = taskState === action ? `${action} runs already` : 'busy: stop runs'
          expect(offer).toMatchObject({ allowed: false, reason })
          expect(errors?.[0]?.extensions.code).toBe('INVALID_STATE')
          expect(errors?.[0]?.message).toContain(reason)
        }
      }
    },
  )

  it.each(offeredServerActions)(
    'one that was never placed knows what it lacks for %s',
    async (action) => {
      const { from, placed } = serverActions[action]
      const id = await putServer(from.at(-1) ?? 'ERROR', { hostId: null })
      const offer = await offers(id, action)
      expect(offer?.allowed).toBe(!placed)
      const { errors } = await act(action, id)
      if (placed) expect(errors?.[0]?.message).toContain('never placed')
      else expect(errors).toBeUndefined()
    },
  )

  it('refuses what was decided on another version', async () => {
    const id = await putServer('ACTIVE')
    const input = (ifVersion: number) => ({ input: { id, ifVersion } })
    const old = await world.gql(ACT('serverStop'), input(7), token)
    expect(old.errors?.[0]?.extensions.code).toBe('CONFLICT')
    expect((await world.gql(ACT('serverStop'), input(1), token)).errors).toBeUndefined()
  })

  it('finds none that is of another project, or of nobody', async () => {
    const demo = await world.signIn('demo')
    const id = await putServer('ACTIVE')
    for (const [who, what] of [
      [demo, id],
      [token, newId()],
    ]) {
      const { errors } = await world.gql(ACT('serverStop'), { input: { id: what } }, who)
      expect(errors?.[0]?.extensions.code).toBe('NOT_FOUND')
    }
  })
})

describe('images', () => {
  async function putRow(status: string, taskState: string | null = null) {
    const at = new Date()
    const { id, projectId } = { id: newId(), projectId: row.projectId }
    const fixed = { name: 'put', diskFormat: 'QCOW2', visibility: 'PRIVATE' }
    const data = { id, projectId, ...fixed, status, taskState, createdAt: at, updatedAt: at }
    await world.cloud.db.image.create({ data })
    return id
  }

  const offered = async (id: string) => {
    const query = 'query ($id: ID!) { image(id: $id) { actions { name allowed reason } } }'
    const { image } = await world.must(query, { id }, token)
    const named = image.actions as { name: string; allowed: boolean; reason: string | null }[]
    return Object.fromEntries(named.map((action) => [action.name, action]))
  }

  const remove = (id: string) =>
    world.gql(
      'mutation ($input: ImageActionInput!) { imageDelete(input: $input) { image { status } task { kind } } }',
      { input: { id } },
      token,
    )

  const upload = (id: string) =>
    fetch(`${world.url}/v1/images/${id}/file`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${token}` },
      body: new Uint8Array(emptyQcow2()),
    })

  it.each(imageStatuses)('%s: delete', async (status) => {
    const id = await putRow(status)
    expect((await offered(id)).delete).toMatchObject({ allowed: true, reason: null })
    const { data, errors } = await remove(id)
    expect(errors).toBeUndefined()
    expect(data.imageDelete).toEqual({ image: { status }, task: { kind: 'image.delete' } })
    expect((await remove(id)).errors).toBeUndefined()
  })

  it.each(imageStatuses)('%s: upload', async (status) => {
    const id = await putRow(status)
    const allowed = imageActions.upload.from.includes(status)
    expect((await offered(id)).upload).toMatchObject({ allowed })
    const response = await upload(id)
    const image = await world.cloud.db.image.findUniqueOrThrow({ where: { id } })
    expect(image.status).toBe(allowed ? 'ACTIVE' : status)
    if (allowed) expect(response.status).toBeLessThan(300)
    else expect(await response.text()).toContain('INVALID_STATE')
  })

  it('a busy one says so', async () => {
    const id = await putRow('QUEUED', 'delete')
    expect((await offered(id)).upload).toMatchObject({
      allowed: false,
      reason: 'busy: delete runs',
    })
    expect(await (await upload(id)).text()).toContain('INVALID_STATE')
    expect((await world.cloud.db.image.findUniqueOrThrow({ where: { id } })).status).toBe('QUEUED')
  })
})

describe('deletion', () => {
  it.each(['create', 'start'] as const)('interrupts a creation whose %s hangs', async (verb) => {
    await world.cloud.db.server.deleteMany()
    await world.cloud.db.task.deleteMany()
    for (const driver of world.drivers) driver.hangNext(verb)
    const input = { name: 'hangs', flavorId: flavor, imageId }
    const { serverCreate } = await world.must(CREATE, { input }, token)
    const { id } = serverCreate.server
    const position = verb === 'create' ? 1 : 2
    const creating = world.owner().work(serverCreate.task.id)
    await until('the verb hangs', async () => {
      const task = await world.cloud.db.task.findUnique({ where: { id: serverCreate.task.id } })
      return task?.position === position
    })
    const { serverDelete } = await world.must(ACT('serverDelete'), { input: { id } }, token)
    expect(serverDelete.server).toMatchObject({ id, status: 'BUILD', taskState: 'delete' })
    const cancelled = await world.cloud.db.task.findUnique({ where: { id: serverCreate.task.id } })
    expect(cancelled).toMatchObject({ status: 'CANCELLED', dueAt: null, leaseOwner: null })
    expect(await world.finish(serverDelete.task.id)).toMatchObject({ status: 'SUCCEEDED' })
    await creating
    for (const driver of world.drivers) driver.hangNext(verb, 0)
    await expectCleanWorld(world)
  })
})

describe('a table', () => {
  const base = { rule: 'compute.server.stop', during: null, onFailure: null } as const

  it('must lead to every status and out of it', () => {
    const go = { ...base, from: ['A'], to: 'B' } as const
    const back = { ...base, from: ['B'], to: 'A' } as const
    expect(() => checkTable('x', ['A', 'B'], 'A', { go, back })).not.toThrow()
    expect(() => checkTable('x', ['A', 'B'], 'A', { go })).toThrow('no action leaves B')
    expect(() =>
      checkTable('x', ['A', 'B', 'C'], 'A', { go, back, c: { ...back, from: ['C'] } }),
    ).toThrow('nothing leads to C')
  })
})
