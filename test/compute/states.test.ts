/** Every pair of status and action, through the API: the tables are what the cloud does. */
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  offeredServerActions,
  serverActions,
  serverStatuses,
} from '../../services/compute/server.states.ts'
import { newId } from '../../services/id.ts'
import { imageActions, imageStatuses } from '../../services/image/image.states.ts'
import { statesDocument } from '../../services/states-document.ts'
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
let micro: string
let row: { projectId: string; userId: string; hostId: string }

beforeAll(async () => {
  world = await startTaskWorld()
  token = await world.signIn()
  imageId = (await putImage(world, token)).id
  flavor = await flavorId(world, token)
  micro = await flavorId(world, token, 'm1.micro')
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
  // What is on no host lies in an image, where it can come back from at all.
  const disk = { imageId, shelvedImageId: more.hostId === null ? imageId : null }
  const times = { createdAt: at, updatedAt: at }
  await world.cloud.db.server.create({ data: { ...data, ...disk, ...more, ...times } })
  if (moving[status]) await putMigration(id, moving[status])
  return id
}

type Offered = (typeof offeredServerActions)[number]

const mutations: Record<Offered, { name: string; more?: object | (() => object); type?: string }> =
  {
    start: { name: 'serverStart' },
    stop: { name: 'serverStop' },
    pause: { name: 'serverPause' },
    unpause: { name: 'serverUnpause' },
    suspend: { name: 'serverSuspend' },
    resume: { name: 'serverResume' },
    lock: { name: 'serverLock', type: 'ServerLockInput' },
    unlock: { name: 'serverUnlock' },
    forceDelete: { name: 'serverForceDelete' },
    reboot: { name: 'serverReboot', more: { mode: 'SOFT' }, type: 'ServerRebootInput' },
    rebootHard: { name: 'serverReboot', more: { mode: 'HARD' }, type: 'ServerRebootInput' },
    delete: { name: 'serverDelete' },
    rescue: { name: 'serverRescue' },
    unrescue: { name: 'serverUnrescue' },
    rebuild: { name: 'serverRebuild', more: () => ({ imageId }), type: 'ServerRebuildInput' },
    shelve: { name: 'serverShelve' },
    shelveInPlace: { name: 'serverShelveInPlace' },
    shelveOffload: { name: 'serverShelveOffload' },
    unshelve: { name: 'serverUnshelve' },
    snapshot: { name: 'serverSnapshot', more: { name: 'snap' }, type: 'ServerSnapshotInput' },
    backup: {
      name: 'serverBackup',
      more: { name: 'backup', backupType: 'daily', rotation: 1 },
      type: 'ServerBackupInput',
    },
    clone: { name: 'serverClone', more: { name: 'clone' }, type: 'ServerCloneInput' },
    changePassword: {
      name: 'serverChangePassword',
      more: { password: 'a new one' },
      type: 'ServerChangePasswordInput',
    },
    restore: { name: 'serverRestore' },
    resize: { name: 'serverResize', more: () => ({ flavorId: micro }), type: 'ServerResizeInput' },
    resizeConfirm: { name: 'serverResizeConfirm' },
    resizeRevert: { name: 'serverResizeRevert' },
    migrate: { name: 'serverMigrate' },
    liveMigrate: { name: 'serverLiveMigrate', type: 'ServerLiveMigrateInput' },
    migrationAbort: { name: 'serverMigrationAbort' },
    evacuate: { name: 'serverEvacuate' },
  }

/** What is on its way has a migration. */
const moving: Record<string, string> = { VERIFY_RESIZE: 'FINISHED', MIGRATING: 'RUNNING' }

async function putMigration(serverId: string, status: string): Promise<void> {
  const at = new Date()
  const ends = { sourceHostId: row.hostId, destinationHostId: row.hostId }
  const sizes = { oldFlavorId: flavor, newFlavorId: flavor, beforeStatus: 'ACTIVE', oldSize: {} }
  const { projectId } = row
  const data = { id: newId(), serverId, projectId, kind: 'MIGRATION', status, ...ends, ...sizes }
  await world.cloud.db.migration.create({ data: { ...data, createdAt: at, updatedAt: at } })
}

/** Only servers of dead hosts are evacuated. */
async function putOnDeadHost(id: string): Promise<void> {
  const { db } = world.cloud
  const at = new Date()
  const dead = { name: 'dead', driver: 'none', status: 'DOWN', createdAt: at, updatedAt: at }
  const { id: hostId } =
    (await db.host.findUnique({ where: { name: 'dead' } })) ??
    (await db.host.create({ data: { id: newId(), ...dead } }))
  await db.server.updateMany({ where: { id, hostId: { not: null } }, data: { hostId } })
}

const act = async (action: Offered, id: string) => {
  if (action === 'evacuate') await putOnDeadHost(id)
  const { name, more, type } = mutations[action]
  const rest = typeof more === 'function' ? more() : more
  return world.gql(ACT(name, type), { input: { id, ...rest } }, token)
}

const offers = async (id: string, action: Offered) => {
  const server = await getServer(world, token, id)
  return server?.actions.find(({ name }) => name === action)
}

// First: what the pairs below put into the rows has no machines and no claims behind it.
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

describe('servers', () => {
  const pairs = serverStatuses.flatMap((status) =>
    offeredServerActions.map((action) => [status, action] as const),
  )

  it.each(pairs)('%s: %s', async (status, action) => {
    const id = await putServer(status)
    const { from, during, immediate } = serverActions[action]
    const offer = await offers(id, action)
    const answer = await act(action, id)
    if (from.includes(status)) {
      expect(offer).toEqual({ name: action, allowed: true, reason: null })
      expect(answer.errors).toBeUndefined()
      const { server, task } = Object.values(answer.data)[0] as { server: object; task: object }
      // A clone's answer is about the clone: it is the one that is being made.
      const taskState = immediate ? null : action === 'clone' ? 'create' : action
      const now = action === 'clone' ? 'BUILD' : (during ?? status)
      expect(server).toMatchObject({ status: now, taskState })
      if (immediate) expect(task).toBeNull()
      else expect(task).toMatchObject({ kind: expect.stringMatching(/^server\./) })
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
        if (serverActions[action].interrupts || serverActions[action].immediate) {
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

describe('docs/states.md', () => {
  it('shows the tables as they are (npm run schema writes it)', () => {
    const page = readFileSync(new URL('../../docs/states.md', import.meta.url), 'utf8')
    expect(page).toBe(statesDocument())
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
