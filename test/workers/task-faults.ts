/**
 * Every step of every registered kind of task fails, is repeated, and loses its owner at every point.
 * Generated from the registry: a new kind needs a row in `makers`, nothing else. It takes its time, so
 * several files import this one, and each walks the kinds that are its share.
 */
import { readdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../../services/id.ts'
import { CallError } from '../../workers/call.ts'
import type { TaskKind } from '../../workers/conductor/task.ts'
import { pause } from '../../workers/pause.ts'
import { taskKinds } from '../../workers/registry.ts'
import { expectBooks } from '../support/books.ts'
import {
  type Change,
  type Deed,
  type Finished,
  meddled,
  startTaskWorld,
  type TaskWorld,
} from '../support/faults.ts'
import { tokenFor } from '../support/people.ts'
import { ACT, CREATE, expectCleanWorld, flavorId, putImage } from '../support/stories.ts'
import { until } from '../support/until.ts'
import { imageMakers } from './makers-images.ts'

/** More statements than any task makes. */
const MAX_STATEMENTS = 100
/** Tasks with a fault each that run side by side. */
const AT_ONCE = 5
/** For a task at each of its statements, on a busy machine. */
const STATEMENTS_TIMEOUT_MS = 180_000
/** Retryable failures that are tried out of a step that may fail often. */
const MAX_FAILURES = 3
/** Between looks for the tasks that another task waits for. */
const LOOK_MS = 20

let world: TaskWorld
let token: string
let imageId: string
let flavor: string
let micro: string

beforeAll(async () => {
  world = await startTaskWorld({ hosts: 3 })
  token = await world.signIn()
  imageId = (await putImage(world, token)).id
  flavor = await flavorId(world, token)
  micro = await flavorId(world, token, 'm1.micro')
})
afterAll(() => world?.stop())

interface Asked {
  id: string
  taskId: string
}

interface Maker {
  /** Makes a resource and asks for a task of the kind. */
  ask(): Promise<Asked>
  /** Whether the resource and what stands behind it are as they must be after such an end. */
  expectEnd(id: string, task: Finished): Promise<void>
}

const makers: Record<string, Maker> = {
  'server.create': {
    ask: create,
    expectEnd: (id, { status, error }) =>
      status === 'SUCCEEDED'
        ? expectServer(id, 'ACTIVE', 'RUNNING')
        : expectFailed(id, error?.code),
  },
  'server.start': {
    ask: async () => act('serverStart', await resting('SHUTOFF')),
    expectEnd: (id) => expectTrue(id),
  },
  'server.stop': {
    ask: async () => act('serverStop', await resting('ACTIVE')),
    expectEnd: (id) => expectTrue(id),
  },
  'server.pause': {
    ask: async () => act('serverPause', await resting('ACTIVE')),
    expectEnd: (id) => expectTrue(id),
  },
  'server.unpause': {
    ask: async () => act('serverUnpause', await resting('PAUSED')),
    expectEnd: (id) => expectTrue(id),
  },
  'server.suspend': {
    ask: async () => act('serverSuspend', await resting('ACTIVE')),
    expectEnd: (id) => expectTrue(id),
  },
  'server.resume': {
    ask: async () => act('serverResume', await resting('SUSPENDED')),
    expectEnd: (id) => expectTrue(id),
  },
  'server.reboot': {
    ask: async () =>
      act('serverReboot', await resting('ACTIVE'), { mode: 'SOFT' }, 'ServerRebootInput'),
    expectEnd: async (id, { status }) => {
      if (status === 'SUCCEEDED') return expectServer(id, 'ACTIVE', 'RUNNING')
      const { status: after, fault } = await rowOf(id)
      expect({ after, fault }).toMatchObject({
        after: 'ERROR',
        fault: { code: expect.any(String) },
      })
    },
  },
  'server.resize': {
    ask: async () => resize(await nano()),
    expectEnd: (id, task) => expectMoved(id, task),
  },
  'server.migrate': {
    ask: async () => act('serverMigrate', await nano()),
    expectEnd: (id, task) => expectMoved(id, task),
  },
  'server.resize-confirm': {
    ask: async () => act('serverResizeConfirm', await resized()),
    expectEnd: async (id, { status }) => {
      if (status === 'SUCCEEDED') return expectServer(id, 'ACTIVE', 'RUNNING')
      expect(await rowOf(id)).toMatchObject({ status: 'VERIFY_RESIZE', taskState: null })
    },
  },
  'server.resize-revert': {
    ask: async () => act('serverResizeRevert', await resized()),
    expectEnd: async (id, { status }) => {
      const row = await rowOf(id)
      if (status === 'SUCCEEDED') {
        expect(row.flavorId).toBe(flavor)
        return expectServer(id, 'ACTIVE', 'RUNNING')
      }
      expect(['VERIFY_RESIZE', 'ERROR']).toContain(row.status)
      expect(row).toMatchObject({ taskState: null, fault: { code: expect.any(String) } })
    },
  },
  'server.live-migrate': {
    ask: async () => act('serverLiveMigrate', await nano(), {}, 'ServerLiveMigrateInput'),
    expectEnd: (id) => expectServer(id, 'ACTIVE', 'RUNNING'),
  },
  'server.migration-abort': {
    ask: async () => {
      const { id } = await act('serverLiveMigrate', await nano(), {}, 'ServerLiveMigrateInput')
      return act('serverMigrationAbort', id)
    },
    expectEnd: (id) => expectServer(id, 'ACTIVE', 'RUNNING'),
  },
  'server.evacuate': {
    ask: evacuate,
    expectEnd: async (id, { status }) => {
      if (status === 'SUCCEEDED') return expectServer(id, 'ACTIVE', 'RUNNING')
      const row = await rowOf(id)
      expect(row).toMatchObject({ status: 'ERROR', taskState: null })
      expect(row.allocations.map(({ hostId }) => hostId)).toEqual(Array(3).fill(row.hostId))
    },
  },
  'host.maintain': {
    ask: emptyHost,
    expectEnd: async (id) => {
      const { db } = world.cloud
      expect(await db.host.findUnique({ where: { id } })).toMatchObject({
        ...{ maintenance: true, enabled: false },
      })
      await db.host.delete({ where: { id } })
    },
  },
  'server.delete': {
    ask: async () => act('serverDelete', await resting('ACTIVE')),
    expectEnd: async (id, { status }) => {
      if (status === 'FAILED') return expectServer(id, 'ACTIVE', null)
      expect(await world.cloud.db.server.count({ where: { id } })).toBe(0)
      await until('no machine is left', async () => (await machinesOf(id)).length === 0)
    },
  },
  ...imageMakers({
    world: () => world,
    token: () => token,
    imageId: () => imageId,
    ...{ act, resting, machinesOf, expectServer, expectFailed, expectTrue },
  }),
  'image.delete': {
    ask: async () => {
      const { id } = await putImage(world, token, 'to delete')
      const query = `mutation ($input: ImageActionInput!) { imageDelete(input: $input) { task { id } } }`
      const { imageDelete } = await world.must(query, { input: { id } }, token)
      return { id, taskId: imageDelete.task.id }
    },
    expectEnd: async (id, { status }) => {
      const rows = await world.cloud.db.image.count({ where: { id, taskState: null } })
      expect(rows).toBe(status === 'FAILED' ? 1 : 0)
      const files = await readdir(join(world.dataDir, 'images'), { recursive: true })
      // A failure may have been noticed after the bytes went: then the row must be there to retry.
      if (rows === 0) expect(files.filter((name) => name.includes(id))).toEqual([])
    },
  },
  'project.delete': {
    ask: fullProject,
    expectEnd: async (id, { status }) => {
      const { db } = world.cloud
      const rows = await db.project.findMany({ where: { OR: [{ id }, { parentId: id }] } })
      if (status !== 'FAILED') return expect(rows).toEqual([])
      expect(rows.map((row) => row.enabled)).toEqual([false, false])
    },
  },
}

/** A project with an image, above one with another: their own tasks are done beside it. */
async function fullProject(): Promise<Asked> {
  const operator = await world.signIn()
  const project = async (parentId: string | null) => {
    const query = `mutation ($input: ProjectCreateInput!) { projectCreate(input: $input) { project { id } } }`
    const input = { name: `project ${newId()}`, parentId }
    const { projectCreate } = await world.must(query, { input }, operator)
    const id = projectCreate.project.id as string
    await putImage(world, tokenFor(world.cloud, { projectId: id, role: 'member' }), 'in it')
    return id
  }
  const id = await project(null)
  const below = await project(id)
  const query = `mutation ($input: ProjectDeleteInput!) { projectDelete(input: $input) { task { id } } }`
  const { projectDelete } = await world.must(query, { input: { id, cascade: true } }, operator)
  const taskId = projectDelete.task.id as string
  void drain([id, below], taskId)
  return { id, taskId }
}

/** Does the tasks of what is in these projects, until the task that waits for them has ended. */
async function drain(projectIds: string[], taskId: string): Promise<void> {
  const { db } = world.cloud
  const hand = world.owner()
  try {
    for (;;) {
      const waiting = await db.task.findUnique({ where: { id: taskId } })
      const where = { projectId: { in: projectIds }, kind: 'image.delete', finishedAt: null }
      const next = await db.task.findFirst({ where })
      if (next) await world.finish(next.id, hand)
      else if (waiting?.finishedAt) return
      else await pause(LOOK_MS)
    }
  } finally {
    hand.leave()
  }
}

async function create(): Promise<Asked> {
  const input = { name: 'a server', flavorId: flavor, imageId }
  const { serverCreate } = await world.must(CREATE, { input }, token)
  return { id: serverCreate.server.id, taskId: serverCreate.task.id }
}

async function act(mutation: string, id: string, more: object = {}, type?: string): Promise<Asked> {
  const answer = await world.must(ACT(mutation, type), { input: { id, ...more } }, token)
  return { id, taskId: answer[mutation].task.id }
}

type Rest = 'ACTIVE' | 'SHUTOFF' | 'PAUSED' | 'SUSPENDED'

/** How a server comes to rest so, from which other rest. */
const ways: Record<Rest, [mutation: string, from: Rest]> = {
  ACTIVE: ['serverStart', 'SHUTOFF'],
  SHUTOFF: ['serverStop', 'ACTIVE'],
  PAUSED: ['serverPause', 'ACTIVE'],
  SUSPENDED: ['serverSuspend', 'ACTIVE'],
}

/** A server at rest with this status: one that an earlier test left, when there is one. */
async function resting(status: Rest): Promise<string> {
  const { db } = world.cloud
  const atRest = { taskState: null, hostId: { not: null } }
  const [mutation, from] = ways[status]
  const found = await db.server.findFirst({ where: { ...atRest, status } })
  if (found) return found.id
  const other = await db.server.findFirst({ where: { ...atRest, status: from } })
  const { id, taskId } = other ? await act(mutation, other.id) : await create()
  expect(await world.finish(taskId)).toMatchObject({ status: 'SUCCEEDED' })
  return other ? id : resting(status)
}

/** A server that runs and has the smallest size. */
async function nano(): Promise<string> {
  const where = { status: 'ACTIVE', taskState: null, hostId: { not: null }, flavorId: flavor }
  const found = await world.cloud.db.server.findFirst({ where })
  if (found) return found.id
  const { id, taskId } = await create()
  expect(await world.finish(taskId)).toMatchObject({ status: 'SUCCEEDED' })
  return id
}

const resize = (id: string): Promise<Asked> =>
  act('serverResize', id, { flavorId: micro }, 'ServerResizeInput')

/** A server that awaits its confirmation. */
async function resized(): Promise<string> {
  const { id, taskId } = await resize(await nano())
  expect(await world.finish(taskId)).toMatchObject({ status: 'SUCCEEDED' })
  return id
}

/** Of a server whose host was dead for a moment. */
async function evacuate(): Promise<Asked> {
  const { db } = world.cloud
  const id = await nano()
  const { hostId } = await db.server.findUniqueOrThrow({ where: { id } })
  const where = { id: hostId ?? '' }
  await db.host.update({ where, data: { forcedDown: true, status: 'DOWN' } })
  const asked = await act('serverEvacuate', id)
  await db.host.update({ where, data: { forcedDown: false } })
  await until('all hosts are up', async () => {
    return (await db.host.count({ where: { status: 'UP' } })) === world.drivers.length
  })
  return asked
}

/** The maintenance of a host on which nothing is. */
async function emptyHost(): Promise<Asked> {
  const at = new Date()
  const id = newId()
  const host = { id, name: `empty ${id}`, driver: 'none', status: 'UP' }
  await world.cloud.db.host.create({ data: { ...host, createdAt: at, updatedAt: at } })
  const query = `mutation ($input: HostMaintainInput!) { hostMaintain(input: $input) { task { id } } }`
  const { hostMaintain } = await world.must(query, { input: { id } }, token)
  return { id, taskId: hostMaintain.task.id }
}

/** Either there, awaiting its confirmation, or where and what it was. */
async function expectMoved(id: string, { status, steps }: Finished): Promise<void> {
  if (status !== 'SUCCEEDED') {
    const stayed = await rowOf(id)
    expect(stayed).toMatchObject({ flavorId: flavor })
    // Only what could not be started again may be off.
    const isBack = !steps.some(({ message }) => message?.startsWith('undo: '))
    if (isBack) return expectServer(id, 'ACTIVE', 'RUNNING')
    await until('one machine is left, where it was', async () => {
      const [one, ...others] = await machinesOf(id)
      return others.length === 0 && one?.host === stayed.host?.name
    })
    return expectTrue(id)
  }
  const row = await rowOf(id)
  expect(row).toMatchObject({ status: 'VERIFY_RESIZE', taskState: null })
  expect(row.allocations).toHaveLength(6)
  const there = { host: row.host?.name, powerState: 'RUNNING' }
  expect(await machinesOf(id)).toContainEqual(there)
}

const rowOf = (id: string) =>
  world.cloud.db.server.findUniqueOrThrow({
    where: { id },
    include: { allocations: true, host: true },
  })

async function machinesOf(id: string) {
  const found = await Promise.all(
    world.drivers.map(async (driver, i) => {
      const machines = await driver.recover()
      return machines
        .filter((machine) => machine.id === id)
        .map(({ powerState }) => ({ host: `sim-${i + 1}`, powerState }))
    }),
  )
  return found.flat()
}

/** The server in this status, at rest, with one machine, on the host that holds its allocations. */
async function expectServer(id: string, status: string, powerState: string | null) {
  const row = await rowOf(id)
  expect(row).toMatchObject({ status, taskState: null })
  expect(row.allocations.map(({ hostId }) => hostId)).toEqual(Array(3).fill(row.hostId))
  if (powerState === null) return
  const one = [{ host: row.host?.name, powerState }]
  await until('one machine, on its host', async () => {
    return JSON.stringify(await machinesOf(id)) === JSON.stringify(one)
  })
}

/** A creation that failed: a cause, and nothing held but the row and its quota. */
async function expectFailed(id: string, code: string | undefined) {
  const row = await rowOf(id)
  expect(row).toMatchObject({ status: 'ERROR', taskState: null, hostId: null, fault: { code } })
  expect(row.allocations).toEqual([])
  await until('no machine is left', async () => (await machinesOf(id)).length === 0)
}

const trueStatus: Record<string, string> = {
  RUNNING: 'ACTIVE',
  PAUSED: 'PAUSED',
  SUSPENDED: 'SUSPENDED',
}

/** Whatever became of the task, the row says what is so. */
async function expectTrue(id: string) {
  const [machine] = await machinesOf(id)
  await until('the status is true', async () => {
    const { status, taskState } = await rowOf(id)
    const wanted = trueStatus[machine?.powerState ?? ''] ?? 'SHUTOFF'
    return taskState === null && status === wanted
  })
}

/** Deletes all servers, by their tasks, and looks for what should not be left. */
async function tidy(): Promise<void> {
  const servers = await world.cloud.db.server.findMany({ select: { id: true } })
  await Promise.all(
    servers.map(async ({ id }) => {
      const { taskId } = await act('serverDelete', id)
      expect(await world.finish(taskId)).toMatchObject({ status: 'SUCCEEDED' })
    }),
  )
  const { db } = world.cloud
  const images = { kind: 'image.delete', finishedAt: null }
  for (const { id } of await db.task.findMany({ where: images })) await world.finish(id)
  let dirt = ''
  const clean = async (): Promise<boolean> =>
    expectCleanWorld(world).then(
      () => true,
      (error: Error) => {
        dirt = error.message
        return false
      },
    )
  await until('the world is clean', clean).catch(() => expect(dirt).toBe(''))
}

const failure = (retryable: boolean): CallError =>
  new CallError('HYPERVISOR_FAILED', 'told to fail', retryable)

/** A meddling that fails so often, before the deed or after it. */
function failing(times: number, when: 'before' | 'after', retryable: boolean) {
  let failed = 0
  return async (go: () => Promise<unknown>): Promise<unknown> => {
    const fails = failed < times
    if (fails) failed++
    if (fails && when === 'before') throw failure(retryable)
    const result = await go()
    if (fails) throw failure(retryable)
    return result
  }
}

/** What a file walks, by its name; `tasks.test.ts` has the rest. */
const shares: Record<string, RegExp> = {
  'tasks-power.test.ts':
    /^server\.(start|stop|reboot|pause|unpause|suspend|resume|change-password)$/,
  'tasks-disks.test.ts': /^server\.(snapshot|backup|clone|rebuild|rescue|unrescue)$/,
  'tasks-shelves.test.ts': /^server\.(shelve.*|unshelve|soft-delete|restore)$/,
  'tasks-moves.test.ts': /^(server\.(resize.*|.*migrate|migration-abort|evacuate)|host\..+)$/,
}

function isMine({ kind }: TaskKind): boolean {
  const share = shares[basename(expect.getState().testPath ?? '')]
  return share ? share.test(kind) : !Object.values(shares).some((other) => other.test(kind))
}

const mine = taskKinds.filter(isMine).map((kind) => [kind.kind, kind] as const)

describe.each(mine)('%s', (name, kind) => {
  it('can be made by this test', () => {
    expect(Object.keys(makers)).toContain(name)
  })
  const maker = makers[name] as Maker
  if (!maker) return

  const deedsOf = (...wanted: Deed[]) =>
    kind.steps.flatMap((step) =>
      wanted.filter((deed) => step[deed]).map((deed) => [step.name, deed, step] as const),
    )
  const forward = deedsOf('do', 'save')
  const backward = deedsOf('undo', 'unsave')
  const [lastName, lastDeed, lastStep] = forward.at(-1) as (typeof forward)[number]

  /** Runs a task to its end with one deed meddled with, and looks at the world. */
  async function runWith(change: (kind: TaskKind) => TaskKind): Promise<Finished> {
    const { id, taskId } = await maker.ask()
    const owner = world.owner()
    const task = await world.finish(taskId, owner, change)
    owner.leave()
    await expectEnd(id, task)
    return task
  }

  async function expectEnd(id: string, task: Finished): Promise<void> {
    await maker.expectEnd(id, task)
    await expectBooks(world)
    if (task.status === 'FAILED') expect(task.error?.message.length).toBeGreaterThan(5)
  }

  /** What a step that fails for good so often means for its task. */
  const endOf = (failsAlways: boolean, skippable: boolean | undefined): string =>
    skippable || (!failsAlways && kind.rounds > 1) ? 'SUCCEEDED' : 'FAILED'

  describe.each(forward)('%s.%s', (_, deed, step) => {
    it.each([
      ['once, before it did anything', 1, 'before'],
      ['once, after it did its work', 1, 'after'],
      ['always', Number.POSITIVE_INFINITY, 'after'],
    ] as const)('fails for good: %s', async (_, times, when) => {
      const meddle = failing(times, when, false)
      const task = await runWith((one) => meddled(one, step.name, deed, meddle))
      expect(task).toMatchObject({ status: endOf(times > 1, step.skippable) })
    })

    it('fails some times and then succeeds, which its attempts show', async () => {
      const times = Math.min(step.tries - 1, MAX_FAILURES)
      const meddle = failing(times, 'after', true)
      const task = await runWith((one) => meddled(one, step.name, deed, meddle))
      expect(task.status).toBe('SUCCEEDED')
      expect(task.round).toBe(0)
      const shown = task.steps.find(({ name }) => name === step.name)
      expect(shown).toMatchObject({ status: 'DONE', attempts: times })
    })

    it('is repeated by another owner when its own dies meanwhile', async () => {
      const { id, taskId } = await maker.ask()
      const mortal = world.owner()
      const underWay: Promise<unknown>[] = []
      const dieWithin = async (go: () => Promise<unknown>) => {
        underWay.push(go().catch(() => {}))
        mortal.die()
        throw failure(true)
      }
      await mortal.work(taskId, (one) => meddled(one, step.name, deed, dieWithin))
      expect(mortal.dead).toBe(true)
      const task = await world.finish(taskId)
      await Promise.all(underWay)
      mortal.leave()
      expect(task.status).toBe('SUCCEEDED')
      await expectEnd(id, task)
    })

    it('changes nothing any more when its owner slept and another one took over', async () => {
      const { id, taskId } = await maker.ask()
      const sleeper = world.owner()
      let after: object | null = null
      const sleep = async (go: () => Promise<unknown>) => {
        const result = deed === 'do' ? await go() : undefined
        const task = await world.finish(taskId)
        expect(task).toMatchObject({ status: 'SUCCEEDED' })
        // What the task left for others to remove is gone by then.
        await expectEnd(id, task)
        after = await everything(id, taskId)
        return deed === 'do' ? result : go()
      }
      await sleeper.work(taskId, (one) => meddled(one, step.name, deed, sleep))
      sleeper.leave()
      expect(after).not.toBeNull()
      expect(await everything(id, taskId)).toEqual(after)
    })
  })

  /** The rows and machines that the task is about. */
  async function everything(id: string, taskId: string): Promise<object> {
    const { db } = world.cloud
    return {
      task: await db.task.findUnique({ where: { id: taskId } }),
      server: await db.server.findUnique({ where: { id }, include: { allocations: true } }),
      image: await db.image.findUnique({ where: { id } }),
      machines: await machinesOf(id),
    }
  }

  /** Runs the task over and over, each time with a fault at the next statement, until it meets none. */
  async function atEveryStatement(
    fault: 'dies' | 'breaks',
    ends: readonly string[],
    { first = 1, change = () => (one) => one }: { first?: number; change?: () => Change } = {},
  ): Promise<void> {
    async function strike(k: number, { id, taskId }: Asked): Promise<boolean> {
      const owner = world.owner((n) => (n === k ? fault : null))
      const changed = change()
      await owner.work(taskId, changed)
      const task = await world.finish(taskId, owner.dead ? undefined : owner, changed)
      owner.leave()
      expect(ends, `${fault} at statement ${k}`).toContain(task.status)
      await expectEnd(id, task)
      return owner.statements >= k
    }
    for (let k = first; k < MAX_STATEMENTS; k += AT_ONCE) {
      const asked: Asked[] = []
      for (let i = 0; i < AT_ONCE; i++) asked.push(await maker.ask())
      const struck = await Promise.all(asked.map((one, i) => strike(k + i, one)))
      if (struck.includes(false)) return
    }
    throw new Error(`the task makes more than ${MAX_STATEMENTS} statements`)
  }

  /** The number of the first statement that a run which unwinds does not make: those after its last deed. */
  async function firstOfTheEnd(): Promise<number> {
    const { id, taskId } = await maker.ask()
    const owner = world.owner()
    let before = 0
    const count = (go: () => Promise<unknown>) => {
      before = owner.statements
      return go()
    }
    const task = await world.finish(taskId, owner, (one) => meddled(one, lastName, lastDeed, count))
    owner.leave()
    await expectEnd(id, task)
    return before + 1
  }

  // What unwinds makes every statement of a straight run too, but for its end.
  if (kind.rounds === 1) {
    it.each(['dies', 'breaks'] as const)(
      'ends well when its owner %s at any statement of its end',
      async (fault) => atEveryStatement(fault, ['SUCCEEDED'], { first: await firstOfTheEnd() }),
      STATEMENTS_TIMEOUT_MS,
    )
  }

  it.each(['dies', 'breaks'] as const)(
    'unwinds well when its owner %s at any statement',
    async (fault) => {
      const failOnce = () => {
        const meddle = failing(1, 'after', false)
        return (one: TaskKind) => meddled(one, lastName, lastDeed, meddle)
      }
      await atEveryStatement(fault, ['SUCCEEDED', endOf(false, lastStep.skippable)], {
        change: failOnce,
      })
    },
    STATEMENTS_TIMEOUT_MS,
  )

  describe.each(backward)('%s.%s', (_, deed, step) => {
    /** The last step fails for good once, and the undoing is meddled with. */
    // What is begun anew comes to a good end then.
    const unwound =
      kind.rounds > 1 ? { status: 'SUCCEEDED', round: 1 } : { status: 'FAILED', round: 0 }
    const unwinding = (meddle: (go: () => Promise<unknown>) => Promise<unknown>) => {
      const fail = failing(1, 'after', false)
      return (one: TaskKind): TaskKind =>
        meddled(meddled(one, lastName, lastDeed, fail), step.name, deed, meddle)
    }

    it('may run twice', async () => {
      let runs = 0
      const twice = async (go: () => Promise<unknown>) => {
        await go()
        runs += 2
        return go()
      }
      const task = await runWith(unwinding(twice))
      expect(task).toMatchObject(unwound)
      expect(runs).toBe(2)
    })

    it.each(['before', 'after'] as const)(
      'is tried again when it failed %s its work',
      async (when) => {
        const task = await runWith(unwinding(failing(1, when, false)))
        expect(task).toMatchObject(unwound)
      },
    )

    if (deed !== 'undo') return
    it('is left to the sweep when it can not be done', async () => {
      const task = await runWith(unwinding(failing(Number.POSITIVE_INFINITY, 'before', false)))
      expect(task).toMatchObject(unwound)
    })
  })

  it('leaves a clean world, once its servers are deleted', tidy)
})
