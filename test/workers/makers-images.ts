/** Makers for the tasks that make images of servers, put them away, mend them, and delete them softly. */
import { expect } from 'vitest'
import type { Finished, TaskWorld } from '../support/faults.ts'
import { ACT } from '../support/stories.ts'
import { until } from '../support/until.ts'

interface Asked {
  id: string
  taskId: string
}

interface Maker {
  ask(): Promise<Asked>
  expectEnd(id: string, task: Finished): Promise<void>
}

/** What task-faults.ts has for all kinds. */
export interface MakerTools {
  world(): TaskWorld
  token(): string
  imageId(): string
  act(mutation: string, id: string, more?: object, type?: string): Promise<Asked>
  resting(status: 'ACTIVE'): Promise<string>
  machinesOf(id: string): Promise<unknown[]>
  expectServer(id: string, status: string, powerState: string | null): Promise<void>
  expectFailed(id: string, code: string | undefined): Promise<void>
  /** Whatever became of the task, the row says what is so. */
  expectTrue(id: string): Promise<void>
}

/** How servers and images are made ready, and looked at afterwards. */
function imageWorld(tools: MakerTools) {
  const { act, resting, expectServer } = tools
  const db = () => tools.world().cloud.db
  const active = () => resting('ACTIVE')
  const rowOf = (id: string) =>
    db().server.findUniqueOrThrow({ where: { id }, include: { allocations: true } })

  /** A server at rest with this status, made by this action from an ACTIVE one when there is none. */
  async function restingIn(status: string, ask: (id: string) => Promise<Asked>): Promise<string> {
    const found = await db().server.findFirst({ where: { status, taskState: null } })
    if (found) return found.id
    const { id, taskId } = await ask(await active())
    expect(await tools.world().finish(taskId)).toMatchObject({ status: 'SUCCEEDED' })
    return id
  }

  const shelve = (id: string) => act('serverShelve', id)
  const softDelete = async (id: string): Promise<Asked> => {
    const { compute } = tools.world().cloud
    compute.softDeleteSeconds = 3600
    try {
      return await act('serverDelete', id)
    } finally {
      compute.softDeleteSeconds = 0
    }
  }

  /** The image of the latest task of this kind, unless it is on its way out. */
  async function imageOf(resourceId: string, kind: string) {
    const task = await db().task.findFirstOrThrow({
      where: { resourceId, kind },
      orderBy: { id: 'desc' },
    })
    const { imageId: id } = task.input as { imageId: string }
    return db().image.findFirst({ where: { id, taskState: null } })
  }

  /** Images that stand for nothing any more: none but those on their way out. */
  const expectNoHidden = async (serverId: string): Promise<void> => {
    const where = { serverId, kind: 'SHELVED', taskState: null }
    expect(await db().image.count({ where })).toBe(0)
  }

  async function expectOffloaded(id: string): Promise<void> {
    const row = await rowOf(id)
    expect(row).toMatchObject({ status: 'SHELVED_OFFLOADED', taskState: null, hostId: null })
    expect(row.allocations).toEqual([])
    const image = await db().image.findUnique({ where: { id: row.shelvedImageId ?? '' } })
    expect(image).toMatchObject({ status: 'ACTIVE', kind: 'SHELVED', taskState: null })
    await until('no machine is left', async () => (await tools.machinesOf(id)).length === 0)
  }

  const snapshotEnd = (kind: string) => async (id: string, task: Finished) => {
    await expectServer(id, 'ACTIVE', 'RUNNING')
    const image = await imageOf(id, kind)
    if (task.status === 'SUCCEEDED') expect(image?.status).toBe('ACTIVE')
    else expect(image).toBeNull()
  }
  const shelveEnd = (before: string) => async (id: string) => {
    const { status } = await rowOf(id)
    if (status === 'SHELVED_OFFLOADED') return expectOffloaded(id)
    await expectNoHidden(id)
    return before === 'ACTIVE' ? tools.expectTrue(id) : expectServer(id, before, null)
  }
  const made = { shelve, softDelete, restingIn, active }
  return { db, rowOf, ...made, expectNoHidden, expectOffloaded, snapshotEnd, shelveEnd }
}

export function imageMakers(tools: MakerTools): Record<string, Maker> {
  const { act, expectServer } = tools
  const { db, rowOf, shelve, softDelete, restingIn, active, ...looks } = imageWorld(tools)
  const { expectNoHidden, expectOffloaded, snapshotEnd, shelveEnd } = looks
  return {
    'server.snapshot': {
      ask: async () =>
        act('serverSnapshot', await active(), { name: 'snap' }, 'ServerSnapshotInput'),
      expectEnd: snapshotEnd('server.snapshot'),
    },
    'server.backup': {
      ask: async () => {
        const more = { name: 'backup', backupType: 'daily', rotation: 2 }
        return act('serverBackup', await active(), more, 'ServerBackupInput')
      },
      expectEnd: async (id, task) => {
        await snapshotEnd('server.backup')(id, task)
        const kept = { serverId: id, kind: 'BACKUP', taskState: null }
        expect(await db().image.count({ where: kept })).toBeLessThanOrEqual(2)
      },
    },
    'server.clone': {
      ask: async () => {
        const input = { id: await active(), name: 'a clone' }
        const mutation = ACT('serverClone', 'ServerCloneInput')
        const { serverClone } = await tools.world().must(mutation, { input }, tools.token())
        return { id: serverClone.server.id, taskId: serverClone.task.id }
      },
      expectEnd: async (id, { status, error }) => {
        if (status === 'SUCCEEDED') await expectServer(id, 'ACTIVE', 'RUNNING')
        else await tools.expectFailed(id, error?.code)
        await expectNoHidden(id)
        const { taskId } = await rowOf(id)
        const where = { taskId, taskState: 'clone' }
        expect(await db().server.count({ where })).toBe(0)
      },
    },
    'server.shelve': {
      ask: async () => shelve(await active()),
      expectEnd: shelveEnd('ACTIVE'),
    },
    'server.shelve-in-place': {
      ask: async () => act('serverShelveInPlace', await active()),
      expectEnd: async (id, { status }) =>
        status === 'SUCCEEDED' ? expectServer(id, 'SHELVED', 'SHUTDOWN') : tools.expectTrue(id),
    },
    'server.shelve-offload': {
      ask: async () => {
        const inPlace = (id: string) => act('serverShelveInPlace', id)
        return act('serverShelveOffload', await restingIn('SHELVED', inPlace))
      },
      expectEnd: shelveEnd('SHELVED'),
    },
    'server.unshelve': {
      ask: async () => act('serverUnshelve', await restingIn('SHELVED_OFFLOADED', shelve)),
      expectEnd: async (id, { status }) => {
        if (status === 'FAILED') return expectOffloaded(id)
        await expectServer(id, 'ACTIVE', 'RUNNING')
        await expectNoHidden(id)
      },
    },
    'server.rebuild': {
      ask: async () => {
        const more = { imageId: tools.imageId() }
        return act('serverRebuild', await active(), more, 'ServerRebuildInput')
      },
      expectEnd: async (id, { status }) => {
        if (status === 'SUCCEEDED') return expectServer(id, 'ACTIVE', 'RUNNING')
        await expectServer(id, 'ERROR', null)
      },
    },
    'server.rescue': {
      ask: async () => act('serverRescue', await active()),
      expectEnd: (id, { status }) =>
        expectServer(id, status === 'SUCCEEDED' ? 'RESCUE' : 'ACTIVE', 'RUNNING'),
    },
    'server.unrescue': {
      ask: async () => {
        const rescue = (id: string) => act('serverRescue', id)
        return act('serverUnrescue', await restingIn('RESCUE', rescue))
      },
      expectEnd: (id, { status }) =>
        expectServer(id, status === 'SUCCEEDED' ? 'ACTIVE' : 'RESCUE', 'RUNNING'),
    },
    'server.change-password': {
      ask: async () => {
        const more = { password: 'correct horse' }
        return act('serverChangePassword', await active(), more, 'ServerChangePasswordInput')
      },
      expectEnd: async (id) => {
        await expectServer(id, 'ACTIVE', 'RUNNING')
        const { taskId } = await rowOf(id)
        const task = await db().task.findUniqueOrThrow({ where: { id: taskId ?? '' } })
        expect(task.input).not.toHaveProperty('password')
      },
    },
    'server.soft-delete': {
      ask: async () => softDelete(await active()),
      expectEnd: (id, { status }) =>
        status === 'SUCCEEDED'
          ? expectServer(id, 'SOFT_DELETED', 'SHUTDOWN')
          : tools.expectTrue(id),
    },
    'server.restore': {
      ask: async () => act('serverRestore', await restingIn('SOFT_DELETED', softDelete)),
      expectEnd: (id, { status }) =>
        status === 'SUCCEEDED'
          ? expectServer(id, 'ACTIVE', 'RUNNING')
          : expectServer(id, 'SOFT_DELETED', null),
    },
  }
}
