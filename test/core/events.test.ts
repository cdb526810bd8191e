/**
 * Cursors follow commit order (DESIGN.md, section 5): whoever reads on from a cursor gets every later
 * event once, in one order, whatever transactions were open meanwhile.
 */
import fc from 'fast-check'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  checkCursor,
  EVENT_CHANNEL,
  type EventRow,
  emit,
  eventHead,
  eventsAfter,
  isBehind,
} from '../../services/core/event.ts'
import { CloudError } from '../../services/errors.ts'
import { newId } from '../../services/id.ts'
import { prune } from '../../workers/conductor/prune.ts'
import { type Cluster, startCluster } from '../support/cluster.ts'
import { allVisible } from '../support/events.ts'
import { flavorId } from '../support/stories.ts'
import { until } from '../support/until.ts'

const WRITERS = 5
const RUNS = 8
/** More than a watch that does not read is kept waiting for; see the relay. */
const TOO_MANY = 10_500

let cloud: Cluster
let token: string
let demo: string
let writers: pg.Client[]
let projectId: string
let demoId: string

beforeAll(async () => {
  cloud = await startCluster({ hosts: 0, config: { roles: ['api'] } })
  token = await cloud.signIn()
  demo = await cloud.signIn('demo')
  const { db } = cloud.cloud
  projectId = (await db.project.findFirstOrThrow({ where: { name: 'admin' } })).id
  demoId = (await db.project.findFirstOrThrow({ where: { name: 'demo' } })).id
  writers = Array.from(
    { length: WRITERS },
    () => new pg.Client({ connectionString: cloud.databaseUrl }),
  )
  await Promise.all(writers.map((writer) => writer.connect()))
})
afterAll(async () => {
  await Promise.all((writers ?? []).map((writer) => writer.end()))
  await cloud?.stop()
})

const write = (writer: pg.Client, id: string) =>
  writer.query(
    `with e as (insert into core.event (type, resource_type, resource_id, project_id)
                values ('image.updated', 'image', $1, $2) returning 1)
     select pg_notify('${EVENT_CHANNEL}', '') from e`,
    [id, projectId],
  )

/** Reads as a watch does, until it is closed. */
function follow(cursor: string, wanted = (_: EventRow): boolean => true) {
  const end = new AbortController()
  const seen: EventRow[] = []
  const done = (async () => {
    for await (const event of cloud.cloud.events.after(cursor, wanted, end.signal)) seen.push(event)
  })()
  return {
    cursor,
    seen,
    async close() {
      end.abort()
      await done
    },
  }
}

describe('the order of events', () => {
  it('does not let a later commit be passed over by an earlier number', async () => {
    const [slow, fast] = writers as [pg.Client, pg.Client]
    const { db } = cloud.cloud
    const head = await eventHead(db)
    const watch = follow(head)
    const [first, second, third] = [newId(), newId(), newId()]
    await slow.query('begin')
    await write(slow, first)
    await write(fast, second)
    // The second is there for all to see, but may not be told: the first would come before it.
    const early = await eventsAfter(db, head)
    expect(early).toMatchObject({ events: [], cursor: head, hidden: true })
    expect(await eventHead(db)).toBe(head)
    await slow.query('commit')
    await write(fast, third)
    await until('all three came', () => watch.seen.length === 3)
    expect(watch.seen.map(({ resourceId }) => resourceId)).toEqual([first, second, third])
    await watch.close()
  })

  /** Steps of writers in any order: each begins, writes and ends as often as told. */
  const step = fc.record({
    writer: fc.nat(WRITERS - 1),
    does: fc.constantFrom('write', 'write', 'commit', 'rollback', 'resume'),
    from: fc.nat(100),
  })

  it('is one, and without a gap from any cursor, whatever is open meanwhile', async () => {
    const run = async (steps: { writer: number; does: string; from: number }[]): Promise<void> => {
      const { db } = cloud.cloud
      const start = await eventHead(db)
      const first = follow(start)
      const watches = [first]
      const open = writers.map((): string[] | null => null)
      const committed = new Set<string>()
      const end = async (i: number, how: string): Promise<void> => {
        await writers[i]?.query(how)
        if (how === 'commit') for (const id of open[i] ?? []) committed.add(id)
        open[i] = null
      }
      for (const { writer, does, from } of steps) {
        if (does === 'resume') {
          const cursors = [start, ...first.seen.map(({ cursor }) => cursor)]
          watches.push(follow(cursors[from % cursors.length] ?? start))
        } else if (does === 'write') {
          const client = writers[writer] as pg.Client
          if (!open[writer]) await client.query('begin')
          const id = newId()
          open[writer] = [...(open[writer] ?? []), id]
          await write(client, id)
        } else if (open[writer]) await end(writer, does)
      }
      for (const i of open.keys()) if (open[i]) await end(i, 'commit')
      await until('everything was told', () => first.seen.length === committed.size)
      const order = first.seen.map(({ cursor }) => cursor)
      expect(new Set(first.seen.map(({ resourceId }) => resourceId))).toEqual(committed)
      expect(order.every((cursor, i) => i === 0 || isBehind(cursor, order[i - 1] ?? ''))).toBe(true)
      for (const { cursor, seen } of watches) {
        const expected = order.slice(order.indexOf(cursor) + 1)
        await until('a watch has caught up', () => seen.length >= expected.length)
        expect(seen.map((event) => event.cursor)).toEqual(expected)
      }
      await Promise.all(watches.map((watch) => watch.close()))
    }
    const steps = fc.array(step, { minLength: 15, maxLength: 40 })
    await fc.assert(fc.asyncProperty(steps, run), { numRuns: RUNS, endOnFailure: true })
  })

  it('holds for many who write at once', async () => {
    const watch = follow(await eventHead(cloud.cloud.db))
    const perWriter = 40
    await Promise.all(
      writers.map(async (writer) => {
        for (let i = 0; i < perWriter; i++) {
          await writer.query('begin')
          await write(writer, newId())
          await write(writer, newId())
          await writer.query('commit')
        }
      }),
    )
    const all = 2 * perWriter * WRITERS
    await until('everything was told', () => watch.seen.length === all)
    const order = watch.seen.map(({ cursor }) => cursor)
    expect(new Set(order).size).toBe(all)
    await watch.close()
  })
})

describe('a cursor', () => {
  const fails = (cursor: string) =>
    checkCursor(cloud.cloud.db, cursor).then(
      () => null,
      (error: CloudError) => error.code,
    )

  it('is refused when it is none of ours', async () => {
    for (const cursor of [
      '',
      'x',
      'Zm9v',
      Buffer.from('1.2.3').toString('base64url'),
      '9'.repeat(99),
    ]) {
      expect(await fails(cursor)).toBe('BAD_INPUT')
    }
    const future = Buffer.from('9000000000000000000.1').toString('base64url')
    expect(await fails(future)).toBe('CURSOR_EXPIRED')
  })

  it('expires with the events behind it; the newest stays', async () => {
    const { db } = cloud.cloud
    const [writer] = writers as [pg.Client]
    /** The cursor of an event, once no open transaction of the server hides it any more. */
    const written = async (after: string): Promise<string> => {
      const id = newId()
      await write(writer, id)
      return until('the event is seen', async () => {
        const last = (await eventsAfter(db, after)).events.at(-1)
        return last?.resourceId === id ? last.cursor : null
      })
    }
    const old = await written(await eventHead(db))
    expect(await fails(old)).toBeNull()
    let newest = old
    for (let i = 0; i < 3; i++) newest = await written(newest)
    await prune(db, new Date(Date.now() + 30 * 24 * 60 * 60_000))
    expect(await db.event.count()).toBe(1)
    expect(await fails(old)).toBe('CURSOR_EXPIRED')
    expect(await fails(newest)).toBeNull()
    await until('it is the head', async () => (await eventHead(db)) === newest)
  })

  it('of a watch is checked as the watch begins', async () => {
    const query = 'subscription ($after: String) { serverChanged(after: $after) { cursor } }'
    for (const [after, code] of [
      ['nonsense', 'BAD_INPUT'],
      [Buffer.from('1.1').toString('base64url'), 'CURSOR_EXPIRED'],
    ] as const) {
      const watch = cloud.watch(query, { after }, token)
      await until('it is refused', () => watch.errors.length > 0)
      expect(JSON.stringify(watch.errors)).toContain(code)
      watch.close()
    }
  })
})

describe('a watch', () => {
  interface Change {
    cursor: string
    kind: string
    id: string
    server: { name: string } | null
  }
  const query = `subscription ($id: ID, $after: String, $filter: ServerFilterInput) {
    serverChanged(id: $id, after: $after, filter: $filter) { cursor kind id server { name } } }`
  const watchServers = (variables: object = {}, who = token) =>
    cloud.watch<Change>(query, variables, who)

  async function put(name: string, project = projectId): Promise<string> {
    const { db } = cloud.cloud
    const [id, at] = [newId(), new Date()]
    const user = await db.user.findFirstOrThrow()
    const size = { vcpus: 1, memoryMiB: 128, diskGiB: 1 }
    const status = { status: 'ACTIVE', powerState: 'RUNNING' }
    const owner = { projectId: project, userId: user.id, flavorId: await flavorId(cloud, token) }
    await db.$transaction(async (tx) => {
      await tx.server.create({
        data: { id, name, ...size, ...status, ...owner, createdAt: at, updatedAt: at },
      })
      await emit(tx, event(id, 'created', project))
    })
    return id
  }

  const event = (id: string, what: string, project = projectId) => ({
    type: `server.${what}`,
    resourceType: 'server' as const,
    resourceId: id,
    projectId: project,
  })

  const rename = (id: string, name: string, project = projectId) =>
    cloud.cloud.db.$transaction(async (tx) => {
      await tx.server.update({ where: { id }, data: { name } })
      await emit(tx, event(id, 'updated', project))
    })

  const remove = (id: string) =>
    cloud.cloud.db.$transaction(async (tx) => {
      await tx.server.delete({ where: { id } })
      await emit(tx, event(id, 'deleted'))
    })

  const told = (watch: { events: Change[] }) =>
    watch.events.map(({ kind, server }) => `${kind} ${server?.name ?? '-'}`)

  it('begins with how things are and goes on with what changes', async () => {
    const id = await put('one')
    await allVisible(cloud.cloud.db)
    const watch = watchServers()
    await watch.next(({ kind }) => kind === 'SNAPSHOT')
    await rename(id, 'uno')
    await watch.next(({ server }) => server?.name === 'uno')
    const other = await put('two')
    await watch.next(({ kind, id: which }) => kind === 'CREATED' && which === other)
    await remove(other)
    await watch.next(({ kind, id: which }) => kind === 'DELETED' && which === other)
    await remove(id)
    await watch.next(({ kind, id: which }) => kind === 'DELETED' && which === id)
    expect(told(watch)).toEqual([
      'SNAPSHOT one',
      'UPDATED uno',
      'CREATED two',
      'DELETED -',
      'DELETED -',
    ])
    watch.close()
  })

  it('misses nothing when it resumes from its cursor', async () => {
    const id = await put('here')
    const first = watchServers({ id })
    await first.next(({ kind }) => kind === 'SNAPSHOT')
    await rename(id, 'seen')
    const last = await first.next(({ kind }) => kind === 'UPDATED')
    first.close()
    await rename(id, 'away 1')
    await rename(id, 'away 2')
    const resumed = watchServers({ id, after: last.cursor })
    await until('both changes came', () => resumed.events.length >= 2)
    await rename(id, 'back')
    await resumed.next(({ server }) => server?.name === 'back')
    expect(resumed.events.map(({ kind }) => kind)).toEqual(['UPDATED', 'UPDATED', 'UPDATED'])
    const cursors = resumed.events.map(({ cursor }) => cursor)
    expect(
      cursors.every((cursor, i) => isBehind(cursor, i ? (cursors[i - 1] ?? '') : last.cursor)),
    ).toBe(true)
    resumed.close()
    const again = watchServers({ id, after: last.cursor })
    await until('the same three came', () => again.events.length >= 3)
    expect(again.events.map(({ cursor }) => cursor)).toEqual(cursors)
    again.close()
    await remove(id)
  })

  it('shows only what its filter lets through, and tells what left it', async () => {
    const [id, other] = [await put('red'), await put('blue')]
    await allVisible(cloud.cloud.db)
    const watch = watchServers({ filter: { name: { contains: 'red' } } })
    await watch.next(({ kind }) => kind === 'SNAPSHOT')
    await rename(other, 'dark red')
    await watch.next(({ server }) => server?.name === 'dark red')
    await rename(id, 'pink')
    await watch.next(({ kind }) => kind === 'DELETED')
    expect(told(watch)).toEqual(['SNAPSHOT red', 'UPDATED dark red', 'DELETED -'])
    expect(watch.events.map((change) => change.id)).toEqual([id, other, id])
    watch.close()
    await remove(id)
    await remove(other)
  })

  it("tells nothing of another project's", async () => {
    const watch = watchServers({}, demo)
    const events = cloud.watch<{ type: string; resourceId: string }>(
      'subscription { events { type resourceId } }',
      {},
      demo,
    )
    const byId = watchServers({ id: await put('secret') }, demo)
    const secret = await put('secret too')
    await rename(secret, 'still secret')
    await remove(secret)
    const own = await put('own', demoId)
    await watch.next(({ id }) => id === own)
    // The watch of all events began at its own time: what it is told is told to the end.
    await until('it is told of its own', async () => {
      await rename(own, `own ${newId()}`, demoId)
      return events.events.length > 0
    })
    expect(new Set(watch.events.map(({ id }) => id))).toEqual(new Set([own]))
    expect(new Set(events.events.map(({ resourceId }) => resourceId))).toEqual(new Set([own]))
    expect(byId.events).toEqual([])
    for (const one of [watch, events, byId]) one.close()
  })
})

describe('a watch that does not read', () => {
  it('gets what it was kept, without a gap, and is told to resume', async () => {
    const { db } = cloud.cloud
    const end = new AbortController()
    const head = await eventHead(db)
    const watch = cloud.cloud.events.after(head, () => true, end.signal)[Symbol.asyncIterator]()
    const [writer] = writers as [pg.Client]
    const reader = follow(head)
    const first = watch.next()
    const insert = (many: number) =>
      writer.query(
        `insert into core.event (type, resource_type, resource_id, project_id)
         select 'image.updated', 'image', gen_random_uuid(), $1 from generate_series(1, $2)`,
        [projectId, many],
      )
    await insert(TOO_MANY)
    await write(writer, newId())
    await until('the other one has read all', () => reader.seen.length === TOO_MANY + 1)
    const cursors = [(await first).value.cursor]
    // There is room again, but what comes now would be behind a gap.
    for (let i = 0; i < 10; i++) cursors.push((await watch.next()).value.cursor)
    await write(writer, newId())
    await until('the other one has read it', () => reader.seen.length === TOO_MANY + 2)
    const failure = await (async () => {
      for (;;) {
        const { value } = await watch.next()
        cursors.push(value.cursor)
      }
    })().catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(CloudError)
    expect(failure).toMatchObject({ code: 'CURSOR_EXPIRED' })
    expect(cursors).toEqual(reader.seen.slice(0, cursors.length).map(({ cursor }) => cursor))
    expect(cursors.length).toBeLessThan(TOO_MANY)
    expect(cursors.length).toBeGreaterThan(1_000)
    await reader.close()
    const resumed = follow(cursors.at(-1) ?? '')
    const rest = TOO_MANY + 2 - cursors.length
    await until('the resumed one has the rest', () => resumed.seen.length === rest)
    await resumed.close()
    end.abort()
  })
})
