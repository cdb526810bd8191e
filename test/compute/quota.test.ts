/** What is counted: never above a limit, never lost, never kept, whatever happens side by side. */
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CallError } from '../../workers/call.ts'
import { expectBooks } from '../support/books.ts'
import { type Change, meddled, startTaskWorld, type TaskWorld } from '../support/faults.ts'
import { ACT, CREATE, expectCleanWorld, flavorId, putImage } from '../support/stories.ts'

const RUNS = 4
const LIMIT = 2

let world: TaskWorld
let demo: string
let imageId: string
let flavor: string

beforeAll(async () => {
  // Room for two of the smallest servers on each host, so that placement refuses too.
  const inventory = { vcpus: 4, memoryMiB: 1024, diskGiB: 2 }
  world = await startTaskWorld({ simulated: { inventory } })
  demo = await world.signIn('demo')
  operator = await world.signIn()
  projectId = (await world.cloud.db.project.findFirstOrThrow({ where: { name: 'demo' } })).id
  imageId = (await putImage(world, demo)).id
  flavor = await flavorId(world, demo)
})
afterAll(() => world?.stop())

let operator: string
let projectId: string

const limitTo = (limit: number) =>
  world.must(
    'mutation ($input: QuotaSetInput!) { quotaSet(input: $input) { quota { limit } } }',
    { input: { projectId, resource: 'compute.instances', limit } },
    operator,
  )

const instances = () =>
  world.cloud.db.quota.findFirst({
    where: { projectId, resource: 'compute.instances' },
    select: { used: true, reserved: true, treeUsed: true },
  })

const create = () =>
  world.gql(CREATE, { input: { name: 'counted', flavorId: flavor, imageId } }, demo)

async function removeAll(): Promise<void> {
  for (const { id } of await world.cloud.db.server.findMany()) {
    const { serverDelete } = await world.must(ACT('serverDelete'), { input: { id } }, demo)
    await world.finish(serverDelete.task.id)
  }
}

describe('a quota', () => {
  it('lets through as many as it may, however many come at once', async () => {
    await limitTo(LIMIT)
    const answers = await Promise.all(Array.from({ length: 4 }, create))
    const refused = answers.filter(({ errors }) => errors)
    expect(refused).toHaveLength(2)
    for (const { errors } of refused) {
      expect(errors?.[0]?.extensions).toMatchObject({
        code: 'QUOTA_EXCEEDED',
        details: { resource: 'compute.instances', limit: LIMIT, used: LIMIT, requested: 1 },
      })
    }
    await expectBooks(world)
    await removeAll()
    await expectCleanWorld(world)
  })

  it('has no limit at -1', async () => {
    await limitTo(-1)
    const answers = await Promise.all(Array.from({ length: 4 }, create))
    expect(answers.filter(({ errors }) => errors)).toEqual([])
    await removeAll()
  })

  it('is reserved while its owner is made, used from then on, and given back with it', async () => {
    const answer = await create()
    expect(await instances()).toEqual({ used: 0, reserved: 1, treeUsed: 1 })
    await world.finish(answer.data.serverCreate.task.id)
    expect(await instances()).toEqual({ used: 1, reserved: 0, treeUsed: 1 })
    await expectBooks(world)
    await removeAll()
    expect(await instances()).toEqual({ used: 0, reserved: 0, treeUsed: 0 })
  })

  it('is used by what could not be made, until that is deleted', async () => {
    const answer = await create()
    const { id } = answer.data.serverCreate.task
    const owner = world.owner(() => null)
    await owner.work(id, failing('always'))
    await world.finish(id)
    owner.leave()
    const server = await world.cloud.db.server.findFirstOrThrow()
    expect(server.status).toBe('ERROR')
    expect(await instances()).toEqual({ used: 1, reserved: 0, treeUsed: 1 })
    await expectBooks(world)
    await removeAll()
    await expectCleanWorld(world)
  })

  it('is reserved by what is deleted before it is made, and then given back', async () => {
    await create()
    await removeAll()
    expect(await instances()).toEqual({ used: 0, reserved: 0, treeUsed: 0 })
    await expectBooks(world)
  })
})

/** What may happen to a creation, or which server is deleted. */
type Act =
  | { do: 'create'; fails: 'never' | 'once' | 'always'; dies: number }
  | { do: 'delete'; which: number; dies: number }

const acts = fc.array(
  fc.array(
    fc.oneof(
      fc.record({
        do: fc.constant('create' as const),
        fails: fc.constantFrom('never' as const, 'once' as const, 'always' as const),
        dies: fc.nat(20),
      }),
      fc.record({ do: fc.constant('delete' as const), which: fc.nat(5), dies: fc.nat(20) }),
    ),
    { minLength: 2, maxLength: 4 },
  ),
  { minLength: 2, maxLength: 4 },
)

describe('the books', () => {
  it('are right after any interleaving of creations, deletions, failures and deaths', async () => {
    await limitTo(4)
    const run = async (rounds: Act[][]): Promise<void> => {
      for (const round of rounds) {
        const servers = await world.cloud.db.server.findMany({ orderBy: { id: 'asc' } })
        await Promise.all(round.map((act) => perform(act, servers)))
        await expectBooks(world)
      }
      await removeAll()
      await expectCleanWorld(world)
    }
    await fc.assert(fc.asyncProperty(acts, run), { numRuns: RUNS, endOnFailure: true })
  })
})

async function perform(act: Act, servers: { id: string }[]): Promise<void> {
  const id = act.do === 'delete' ? servers[act.which % servers.length]?.id : undefined
  if (act.do === 'delete' && !id) return
  const answer =
    act.do === 'create'
      ? await create()
      : await world.gql(ACT('serverDelete'), { input: { id } }, demo)
  const code = answer.errors?.[0]?.extensions.code
  // Somebody beside us took the last of the quota, or deleted it first.
  if (code) return expect(['QUOTA_EXCEEDED', 'NOT_FOUND']).toContain(code)
  const payload = Object.values(answer.data)[0] as { task: { id: string } }
  const owner = world.owner((n) => (n === act.dies ? 'dies' : null))
  await owner.work(payload.task.id, act.do === 'create' ? failing(act.fails) : undefined)
  await world.finish(payload.task.id)
  owner.leave()
}

const failing =
  (fails: 'never' | 'once' | 'always'): Change =>
  (kind) => {
    let left = { never: 0, once: 1, always: Number.POSITIVE_INFINITY }[fails]
    return meddled(kind, 'boot', 'do', async (go) => {
      if (left-- > 0) throw new CallError('HYPERVISOR_FAILED', 'told to fail', false)
      return go()
    })
  }
