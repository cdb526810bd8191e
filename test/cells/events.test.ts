/** The events of several databases as one source (server/cells/events.ts). */
import pg from 'pg'
import { pino } from 'pino'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { mergeEvents } from '../../server/cells/events.ts'
import { type Database, openDatabase } from '../../server/database/client.ts'
import { type EventRelay, MAX_WAITING, startEventRelay } from '../../server/event-relay.ts'
import type { EventSource } from '../../services/context.ts'
import { type EventRow, emit, eventHead } from '../../services/core/event.ts'
import { newId } from '../../services/id.ts'
import { type FreshDatabase, freshDatabase } from '../support/database.ts'
import { until } from '../support/until.ts'

const log = pino({ level: 'silent' })
const names = ['home', 'far']

let databases: FreshDatabase[] = []
let clients: Database[] = []
/** What a test started, to be stopped after it. */
let running: { stop(): Promise<unknown> }[] = []

beforeAll(async () => {
  databases = [await freshDatabase(), await freshDatabase()]
  clients = databases.map(({ url }) => openDatabase({ url, poolSize: 4 }))
})
afterEach(async () => {
  for (const one of running.splice(0).reverse()) await one.stop()
  for (const part of databases.keys()) await allow(part, true)
})
afterAll(async () => {
  await Promise.all(clients.map((client) => client.close()))
  await Promise.all(databases.map((database) => database.drop()))
})

const dbOf = (part: number) => (clients[part] as Database).prisma

/** Writes an event in a cell; its resource. */
async function write(part: number, type = 'image.updated'): Promise<string> {
  const id = newId()
  await dbOf(part).$transaction((tx) =>
    emit(tx, { type, resourceType: 'image', resourceId: id, projectId: newId() }),
  )
  return id
}

/** Whether a cell's database takes connections; when not, those that it has are ended. */
async function allow(part: number, allowed: boolean): Promise<void> {
  const url = new URL((databases[part] as FreshDatabase).url)
  const name = url.pathname.slice(1)
  url.pathname = '/postgres'
  const client = new pg.Client({ connectionString: url.href })
  await client.connect()
  try {
    await client.query(`alter database "${name}" allow_connections ${allowed}`)
    if (allowed) return
    const ending = 'select pg_terminate_backend(pid) from pg_stat_activity where datname = $1'
    await client.query(ending, [name])
  } finally {
    await client.end()
  }
}

interface Process {
  source: EventSource
  relays: EventRelay[]
}

/** As an API process has it: relays of its own, merged. */
async function startProcess(parts = [0, 1]): Promise<Process> {
  const relays: EventRelay[] = []
  for (const part of parts) {
    const { url } = databases[part] as FreshDatabase
    const relay = await startEventRelay(dbOf(part), url, log, { mayBeDown: part > 0 })
    running.push(relay)
    relays.push(relay)
  }
  const named = relays.map((relay, i) => ({ name: names[parts[i] ?? 0] ?? '', relay }))
  return { source: mergeEvents(named), relays }
}

/** Reads as a watch does, until it is closed. */
function follow(source: EventSource, cursor: string) {
  const end = new AbortController()
  const seen: EventRow[] = []
  let failure: unknown
  const done = (async () => {
    for await (const event of source.after(cursor, () => true, end.signal)) seen.push(event)
  })().catch((error: unknown) => {
    failure = error
  })
  const stop = async (): Promise<void> => {
    end.abort()
    await done
  }
  running.push({ stop })
  const ids = (): string[] => seen.map(({ resourceId }) => resourceId)
  return { seen, ids, failure: () => failure, done, stop }
}

type Watch = ReturnType<typeof follow>

const sees = (watch: Watch, ids: string[]): Promise<void> =>
  until('it is told', () => ids.every((id) => watch.ids().includes(id)))

const only = (all: string[], some: string[]): string[] => all.filter((id) => some.includes(id))

const fails = (source: EventSource, cursor: string) =>
  source.check(cursor).then(
    () => null,
    (error: { code: string }) => error.code,
  )

describe('the events of two cells', () => {
  it('come in one sequence, those of a cell in its order, as one object for all', async () => {
    const { source } = await startProcess()
    const head = await source.head()
    const [one, other] = [follow(source, head), follow(source, head)]
    const written: string[][] = [[], []]
    for (let i = 0; i < 20; i++) {
      for (const part of [0, 1]) written[part]?.push(await write(part))
      // Else one of the relays might read all at once.
      if (i === 9) await sees(one, written.flat())
    }
    await sees(one, written.flat())
    await sees(other, written.flat())
    for (const ids of written) expect(only(one.ids(), ids)).toEqual(ids)
    expect(one.seen).toHaveLength(40)
    // Those of neither came only after the other's.
    expect(one.ids()).not.toEqual(written.flat())
    expect(one.seen.slice(-10).every((event, i) => event === other.seen.at(i - 10))).toBe(true)
  })

  it('go on from any cursor in another process, each once', async () => {
    const { source } = await startProcess()
    const first = follow(source, await source.head())
    const written: string[] = []
    for (let i = 0; i < 12; i++) written.push(await write(i % 2))
    await sees(first, written)
    const { source: second } = await startProcess()
    const live: string[] = []
    const resumed = first.seen.map((event) => follow(second, event.cursor))
    for (let i = 0; i < 6; i++) live.push(await write(i % 2))
    for (const [i, watch] of resumed.entries()) {
      const rest = [...first.ids().slice(i + 1, written.length), ...live]
      await sees(watch, rest)
      expect(watch.ids().toSorted()).toEqual(rest.toSorted())
      // And from each cursor of a watch that was elsewhere, what it had not been told.
      const middle = watch.seen[2]
      if (!middle || i % 4 !== 0) continue
      const again = follow(source, middle.cursor)
      const left = watch.ids().slice(3)
      await sees(again, left)
      expect(again.ids().toSorted()).toEqual(left.toSorted())
    }
  })

  it('are told once by a watch that knows more than its process', async () => {
    const { source } = await startProcess()
    const head = await source.head()
    const watch = follow(source, head)
    await sees(watch, [await write(1)])
    const ahead = watch.seen.at(-1)?.cursor ?? ''
    const { source: behind, relays } = await startProcess()
    // What its relay has handed on is as before the event.
    const [home, far] = relays as [EventRelay, EventRelay]
    const listeners: Parameters<EventRelay['onEvent']>[0][] = []
    const lagging = mergeEvents([
      { name: 'home', relay: home },
      {
        name: 'far',
        relay: {
          ...far,
          position: () => head.split('far=')[1] ?? null,
          onEvent: (listener) => void listeners.push(listener),
        },
      },
    ])
    const late = follow(lagging, ahead)
    const page = await far.page(head.split('far=')[1] ?? '')
    for (const event of page.events) for (const listener of listeners) listener(event, page)
    const id = await write(0)
    await sees(late, [id])
    expect(late.ids()).toEqual([id])
    const resumed = follow(behind, late.seen[0]?.cursor ?? '')
    const next = await write(1)
    await sees(resumed, [next])
    expect(resumed.ids()).toEqual([next])
  })

  it('of a cell that is new begin with now; one that is gone is passed over', async () => {
    const { source } = await startProcess([0])
    const alone = await source.head()
    await write(1, 'image.created')
    const { source: both } = await startProcess()
    // As given by home alone before there were cells, too.
    for (const given of [() => alone, () => eventHead(dbOf(0))]) {
      const cursor = await given()
      expect(await fails(both, cursor)).toBeNull()
      const watch = follow(both, cursor)
      const ids = [await write(0), await write(1)]
      await sees(watch, ids)
      expect(watch.ids().toSorted()).toEqual(ids.toSorted())
    }
    const { source: left } = await startProcess([0])
    const head = await both.head()
    expect(await fails(left, head)).toBeNull()
    const watch = follow(left, head)
    await sees(watch, [await write(0)])
    expect(watch.seen[0]?.cursor).not.toContain('far')
  })
})

describe('a cell that is down', () => {
  it('as the process starts is told of when it comes; the others are told of meanwhile', async () => {
    const { source: before } = await startProcess()
    const known = await before.head()
    const missed = await write(1)
    await allow(1, false)
    const { source, relays } = await startProcess()
    expect(relays[1]?.position()).toBeNull()
    const head = await source.head()
    expect(head).not.toContain('far')
    expect(await fails(source, known)).toBeNull()
    const [fresh, resumed] = [follow(source, head), follow(source, known)]
    const meanwhile = await write(0)
    await sees(fresh, [meanwhile])
    await sees(resumed, [meanwhile])
    // Its own cursor still says where it was in the cell that is down.
    expect(resumed.seen[0]?.cursor).toContain(known.split(';')[1])
    await allow(1, true)
    await until('it answers', () => relays[1]?.answering() ?? false)
    const back = await write(1)
    await sees(fresh, [back])
    await sees(resumed, [missed, back])
    expect(fresh.ids()).toEqual([meanwhile, back])
    expect(resumed.ids()).toEqual([meanwhile, missed, back])
  })

  it('in between stalls alone, and nothing of it is lost', async () => {
    const { source, relays } = await startProcess()
    const start = await source.head()
    const watch = follow(source, start)
    const ids = [await write(1)]
    await sees(watch, ids)
    await allow(1, false)
    await until('it does not answer', () => !relays[1]?.answering())
    ids.push(await write(0))
    await sees(watch, ids)
    const head = await source.head()
    expect(head.split(';')).toHaveLength(2)
    expect(await fails(source, head)).toBeNull()
    expect(await fails(source, start)).toBeNull()
    // Of its past nothing can be read: it may not be skipped.
    const resumed = follow(source, start)
    ids.push(await write(0))
    await sees(watch, ids)
    await sees(resumed, ids.slice(1))
    const [, startOfFar] = start.split(';')
    for (const { cursor } of resumed.seen) expect(cursor.split(';')[1]).toBe(startOfFar)
    const third = follow(source, resumed.seen.at(-1)?.cursor ?? '')
    await allow(1, true)
    await until('it answers', () => relays[1]?.answering() ?? false)
    ids.push(await write(1))
    await sees(watch, ids)
    expect(watch.ids()).toEqual(ids)
    await sees(resumed, ids)
    expect(resumed.seen).toHaveLength(ids.length)
    await sees(third, [ids[0] ?? '', ids[3] ?? ''])
    expect(third.ids()).toEqual([ids[0], ids[3]])
  })
})

describe('a cursor of several cells', () => {
  it('is refused when it is none of ours, and when its events are gone', async () => {
    const { source } = await startProcess()
    const head = await source.head()
    const good = head.split(';')[1] ?? ''
    for (const cursor of [
      '',
      ';',
      'x',
      'home=',
      'home=x',
      `${head};`,
      `${head};${good}`,
      `${good}=1`,
      'gone=x',
      '__proto__=x',
      `${'gone='.padEnd(20_000, 'x')};${head}`,
    ]) {
      expect([cursor.slice(0, 50), await fails(source, cursor)]).toEqual([
        cursor.slice(0, 50),
        'BAD_INPUT',
      ])
      const watch = follow(source, cursor)
      await watch.done
      expect(watch.failure()).toMatchObject({ code: 'BAD_INPUT' })
    }
    const future = Buffer.from('9000000000000000000.1').toString('base64url')
    expect(await fails(source, `home=${future}`)).toBe('CURSOR_EXPIRED')
    expect(await fails(source, `far=${future}`)).toBe('CURSOR_EXPIRED')
    const old = Buffer.from('1.1').toString('base64url')
    expect(await fails(source, `far=${old}`)).toBe('CURSOR_EXPIRED')
    // Also where nobody asked before.
    const watch = follow(source, `far=${old}`)
    await watch.done
    expect(watch.failure()).toMatchObject({ code: 'CURSOR_EXPIRED' })
  })
})

describe('a watch that does not read', () => {
  it('gets what it was kept, without a gap, and resumes where it ended', async () => {
    const { source } = await startProcess()
    const head = await source.head()
    const end = new AbortController()
    running.push({ stop: async () => end.abort() })
    const slow = source.after(head, () => true, end.signal)[Symbol.asyncIterator]()
    const reader = follow(source, head)
    const first = slow.next()
    const each = MAX_WAITING / 2 + 500
    await Promise.all(
      [0, 1].map(
        (part) =>
          dbOf(part).$executeRaw`
          insert into core.event (type, resource_type, resource_id)
          select 'image.updated', 'image', gen_random_uuid() from generate_series(1, ${each}::int)`,
      ),
    )
    await until('the other one has read all', () => reader.seen.length === 2 * each)
    const got = [(await first).value as EventRow]
    const failure = await (async () => {
      for (;;) got.push((await slow.next()).value as EventRow)
    })().catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'CURSOR_EXPIRED' })
    expect(got.length).toBeGreaterThan(1_000)
    expect(got.length).toBeLessThan(2 * each)
    expect(got.map(({ cursor }) => cursor)).toEqual(
      reader.seen.slice(0, got.length).map(({ cursor }) => cursor),
    )
    const { source: elsewhere } = await startProcess()
    const resumed = follow(elsewhere, got.at(-1)?.cursor ?? '')
    const rest = reader.ids().slice(got.length)
    await until('the resumed one has the rest', () => resumed.seen.length >= rest.length)
    expect(resumed.ids().toSorted()).toEqual(rest.toSorted())
  })
})

it('ends with its relays', async () => {
  const { source, relays } = await startProcess()
  const watch = follow(source, await source.head())
  await relays[1]?.stop()
  await watch.done
  expect(watch.failure()).toBeUndefined()
})
