/**
 * The books of quotas under every interleaving that chance finds: claims, commits, releases and new
 * limits at once, on a random tree of projects, in transactions of a real database, some of which are
 * rolled back or lose their connection. Counters are the sums of the claims, always; and a claim that
 * was accepted left every project above it within the limit that held then.
 */
import fc from 'fast-check'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Database, openDatabase } from '../../server/database/client.ts'
import { Policy } from '../../services/access/policy.ts'
import { defaultRules } from '../../services/access/rules.ts'
import type { Tx } from '../../services/context.ts'
import { CloudError } from '../../services/errors.ts'
import { newId } from '../../services/id.ts'
import { exceeds, quotasOf } from '../../services/identity/quota.ts'
import { quotaFindings } from '../../services/identity/quota-audit.ts'
import { quotaClaim, quotaCommit, quotaRelease } from '../../services/identity/quota-claim.ts'
import { quotaLimit } from '../../services/identity/quota-set.ts'
import {
  lockRegistered,
  registeredLimitBootstrap,
} from '../../services/identity/registered-limit.ts'
import { quotaAudit, startQuotaAudit } from '../../workers/conductor/quota-audit.ts'
import { type FreshDatabase, freshDatabase } from '../support/database.ts'
import { until } from '../support/until.ts'

const RUNS = 40
const REGION = 'RegionOne'
const RESOURCES = ['compute.cores', 'compute.instances'] as const
const OWNERS = 6

const policy = Policy.of(defaultRules)
const log = pino({ level: 'silent' })

let fresh: FreshDatabase
let database: Database

beforeAll(async () => {
  fresh = await freshDatabase()
  database = openDatabase({ url: fresh.url })
  await registeredLimitBootstrap({ db: database.prisma, now: () => new Date() })
})
afterAll(async () => {
  await database?.close()
  await fresh?.drop()
})

type End = 'commit' | 'abort' | 'kill'
type Act = { end: End } & (
  | { do: 'claim'; project: number; owner: number; cores: number }
  | { do: 'made'; owner: number }
  | { do: 'release'; owner: number }
  | { do: 'limit'; project: number; resource: number; limit: number | null }
)

const end = fc.oneof(
  { weight: 8, arbitrary: fc.constant('commit' as const) },
  { weight: 2, arbitrary: fc.constant('abort' as const) },
  { weight: 1, arbitrary: fc.constant('kill' as const) },
)
const owner = fc.nat(OWNERS - 1)
const project = fc.nat(20)
const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('claim' as const),
      project,
      owner,
      cores: fc.integer({ min: 1, max: 4 }),
      end,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constantFrom('made' as const, 'release' as const), owner, end }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('limit' as const),
      project,
      resource: fc.nat(RESOURCES.length - 1),
      limit: fc.oneof(fc.constant(null), fc.constant(-1), fc.integer({ min: 0, max: 12 })),
      end,
    }),
  },
)
/** Each project's parent, by number among those before it; a tree of at most five levels. */
const tree = fc.array(fc.option(fc.nat(20)), { minLength: 2, maxLength: 7 })
const rounds = fc.array(fc.array(act, { minLength: 2, maxLength: 8 }), {
  minLength: 1,
  maxLength: 4,
})

const MAX_DEPTH = 5

async function grow(parents: (number | null)[]): Promise<string[]> {
  const { prisma } = database
  const times = { createdAt: new Date(), updatedAt: new Date() }
  const named = { name: newId(), nameKey: newId() }
  const domain = await prisma.domain.create({ data: { id: newId(), ...named, ...times } })
  const ids: string[] = []
  const depths: number[] = []
  for (const parent of parents) {
    const at = parent === null || ids.length === 0 ? null : parent % ids.length
    const above = at !== null && (depths[at] ?? 0) + 1 < MAX_DEPTH ? at : null
    const id = newId()
    const parentId = above === null ? null : (ids[above] ?? null)
    const name = { name: id, nameKey: id }
    await prisma.project.create({
      data: { id, domainId: domain.id, parentId, ...name, ...times },
    })
    ids.push(id)
    depths.push(above === null ? 0 : (depths[above] ?? 0) + 1)
  }
  return ids
}

class Aborted extends Error {}

/** Ends as told; only what is expected of such an end, or of a refusal, is no failure. */
async function within(end: End, work: (tx: Tx) => Promise<void>): Promise<void> {
  let killed = false
  try {
    await database.prisma.$transaction(
      async (tx) => {
        await work(tx)
        if (end === 'abort') throw new Aborted()
        if (end === 'kill') {
          killed = true
          await tx.$queryRaw`select pg_terminate_backend(pg_backend_pid())`
        }
      },
      { timeout: 10_000, maxWait: 10_000 },
    )
  } catch (error) {
    if (killed || error instanceof Aborted) return
    if (error instanceof CloudError && ['QUOTA_EXCEEDED', 'BAD_INPUT'].includes(error.code)) return
    throw error
  }
}

async function claim(tx: Tx, projectId: string, ownerId: string, cores: number): Promise<void> {
  // An owner that has claimed is locked by its own row; here the claim itself stands for it.
  await tx.$executeRaw`select pg_advisory_xact_lock(hashtext(${ownerId}))`
  if ((await tx.quotaClaim.count({ where: { ownerId } })) > 0) return
  const amounts = { 'compute.cores': cores, 'compute.instances': 1 }
  const c = { tx, region: REGION, policy, actor: null }
  await quotaClaim(c, { projectId, ownerId, amounts })
  const chain = await tx.$queryRaw<{ id: string }[]>`
    with recursive up (id, parent_id) as (
      select id, parent_id from identity.project where id = ${projectId}::uuid
      union all select p.id, p.parent_id from identity.project p join up on p.id = up.parent_id)
    select id from up`
  const quotas = await quotasOf(
    tx,
    REGION,
    chain.map(({ id }) => id),
  )
  const passed = quotas
    .filter(({ resource }) => resource in amounts)
    .filter(({ treeUsed, limit }) => exceeds(treeUsed, limit))
  expect(passed).toEqual([])
}

function perform(act: Act, projects: string[], owners: string[]): Promise<void> {
  const at = (list: string[], n: number): string => list[n % list.length] ?? ''
  return within(act.end, async (tx) => {
    if (act.do === 'claim') {
      await claim(tx, at(projects, act.project), at(owners, act.owner), act.cores)
    } else if (act.do === 'made') await quotaCommit(tx, at(owners, act.owner))
    else if (act.do === 'release') await quotaRelease(tx, at(owners, act.owner))
    else {
      const resource = RESOURCES[act.resource] ?? RESOURCES[0]
      const projectId = at(projects, act.project)
      await quotaLimit(tx, REGION, { projectId, resource, limit: act.limit })
    }
  })
}

/** Findings without those of owners: no server stands behind the claims here. */
const wrongCounters = async () =>
  (await quotaFindings(database.prisma)).filter(({ ownerId }) => ownerId === null)

/** A limit of a project's own that is above what holds for its parent. */
const aboveParent = () => database.prisma.$queryRaw<object[]>`
  select q.project_id, q.resource, q."limit", coalesce(a."limit", r.default_limit) as above
  from identity.quota q join identity.project p on p.id = q.project_id
    join identity.registered_limit r on r.resource = q.resource
    left join identity.quota a on a.project_id = p.parent_id and a.resource = q.resource
  where p.parent_id is not null and coalesce(a."limit", r.default_limit) >= 0
    and (q."limit" < 0 or q."limit" > coalesce(a."limit", r.default_limit))`

describe('the books of quotas', () => {
  it('are right after any interleaving, and no limit that held was passed', async () => {
    await fc.assert(
      fc.asyncProperty(tree, rounds, async (parents, several) => {
        const projects = await grow(parents)
        const owners = Array.from({ length: OWNERS }, () => newId())
        for (const round of several) {
          await Promise.all(round.map((act) => perform(act, projects, owners)))
          expect(await wrongCounters()).toEqual([])
          expect(await aboveParent()).toEqual([])
        }
        await Promise.all(owners.map((id) => within('commit', (tx) => quotaRelease(tx, id))))
        const left = { treeUsed: { not: 0 } }
        expect(await database.prisma.quota.count({ where: left })).toBe(0)
        expect(await database.prisma.quotaClaim.count()).toBe(0)
      }),
      { numRuns: RUNS, endOnFailure: true },
    )
  }, 300_000)

  /** Begins the second while the first is not committed yet, and says how the second ended. */
  async function behind(
    first: (tx: Tx) => Promise<unknown>,
    second: (tx: Tx) => Promise<unknown>,
  ): Promise<unknown> {
    const { prisma } = database
    const { later } = await prisma.$transaction(async (tx) => {
      await first(tx)
      const later = prisma.$transaction(second).then(
        () => 'done',
        (error: unknown) => (error instanceof CloudError ? error.message : error),
      )
      await until('the second waits', async () => {
        const [row] = await prisma.$queryRaw<{ waiting: bigint }[]>`
          select count(*) as waiting from pg_stat_activity
          where datname = current_database() and wait_event_type = 'Lock'`
        return row?.waiting === 1n
      })
      return { later }
    })
    return later
  }

  const limitTo = (projectId: string, limit: number | null) => (tx: Tx) =>
    quotaLimit(tx, REGION, { projectId, resource: 'compute.cores', limit })

  it('are right when what was just committed is released before that is seen', async () => {
    const [id = ''] = await grow([null])
    const ownerId = newId()
    await within('commit', (tx) => claim(tx, id, ownerId, 2))
    const ended = await behind(
      (tx) => quotaCommit(tx, ownerId),
      (tx) => quotaRelease(tx, ownerId),
    )
    expect(ended).toBe('done')
    const [cores] = await quotasOf(database.prisma, REGION, [id])
    expect(cores).toMatchObject({ used: 0, reserved: 0, treeUsed: 0 })
  })

  it('keep to the hierarchy when both ends of it are set at once', async () => {
    const [top = '', below = ''] = await grow([null, 0])
    expect(await behind(limitTo(top, 3), limitTo(below, 8))).toMatch(/8 is more than .* is 3/)
    await database.prisma.$transaction(limitTo(top, null))
    expect(await behind(limitTo(below, 8), limitTo(top, 3))).toMatch(/3 is less than .* is 8/)
    const lower = async (tx: Tx) => {
      await lockRegistered(tx, 'compute.cores', 'change')
      const where = { resource: 'compute.cores', regionId: null }
      await tx.registeredLimit.updateMany({ where, data: { defaultLimit: 9 } })
    }
    expect(await behind(lower, limitTo(below, 15))).toMatch(/15 is more than .* is 9/)
    const where = { resource: 'compute.cores', regionId: null }
    await database.prisma.registeredLimit.updateMany({ where, data: { defaultLimit: 20 } })
  })

  it('are counted anew where they differ, while claims go on', async () => {
    const { prisma } = database
    const [top = '', below = ''] = await grow([null, 0])
    const owners = Array.from({ length: OWNERS }, () => newId())
    await Promise.all(
      owners.slice(0, 3).map((id) => within('commit', (tx) => claim(tx, below, id, 1))),
    )
    await prisma.quota.updateMany({
      where: { projectId: top, resource: 'compute.cores' },
      data: { treeUsed: 9 },
    })
    await prisma.quota.updateMany({
      where: { projectId: below, resource: 'compute.cores' },
      data: { used: 5, reserved: 4, treeUsed: 9 },
    })
    expect(
      (await wrongCounters()).map(({ what, counter, claimed }) => [what, counter, claimed]),
    ).toEqual([
      ['treeUsed', 9, 3],
      ['reserved', 4, 3],
      ['treeUsed', 9, 3],
      ['used', 5, 0],
    ])
    const told: number[] = []
    const auditing = { db: prisma, log, onFindings: (count: number) => void told.push(count) }
    await Promise.all([
      quotaAudit(auditing),
      ...owners.slice(3).map((id) => within('commit', (tx) => claim(tx, below, id, 1))),
      ...owners.slice(0, 2).map((id) => within('commit', (tx) => quotaCommit(tx, id))),
    ])
    expect(await wrongCounters()).toEqual([])
    expect(told[0]).toBeGreaterThan(0)
    const [cores] = await quotasOf(prisma, REGION, [below])
    expect(cores).toMatchObject({ resource: 'compute.cores', used: 2, reserved: 4, treeUsed: 6 })
    await Promise.all(owners.map((id) => within('commit', (tx) => quotaRelease(tx, id))))
    expect(await wrongCounters()).toEqual([])
  })

  it('are looked at again and again, until the conductor stops', async () => {
    const { prisma: db } = database
    const [id = ''] = await grow([null])
    const told: number[] = []
    const onFindings = (count: number) => void told.push(count)
    const auditing = startQuotaAudit({ db, log, onFindings, everyMs: 5 })
    try {
      await until('a look', async () => told.includes(0))
      const wrong = { projectId: id, resource: 'compute.cores', treeUsed: 3 }
      await db.quota.create({ data: wrong })
      await until('it is found', async () => told.includes(1))
      await until('it is mended', async () => told.at(-1) === 0)
      expect(await wrongCounters()).toEqual([])
    } finally {
      await auditing.stop()
    }
    const looks = told.length
    await db.$queryRaw`select 1 as one`
    expect(told).toHaveLength(looks)
  })
})
