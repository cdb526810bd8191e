/**
 * The relay: reads events as they become visible and hands them to the watches of this process.
 *
 * R1 One reader per process, whatever the number of watches; a notification wakes it, a timer makes
 *    sure, and events that an open transaction still hides are looked for again soon.
 * R2 A watch that resumes reads the past itself, up to where the relay is, and goes on from there:
 *    no gap and nothing twice.
 *    Reads are `READ_GAP_MS` apart: a busy cloud is read in pages, not event by event.
 *    A database that may be down at the start is read from its head on, once it is there.
 * R3 What a slow watch has not taken is bounded; past it the watch ends, to be resumed.
 */
import { setMaxListeners } from 'node:events'
import pg from 'pg'
import type { Logger } from 'pino'
import type { Db, EventSource } from '../services/context.ts'
import {
  checkCursor,
  EVENT_CHANNEL,
  EVENT_PAGE,
  type EventPage,
  type EventRow,
  eventHead,
  eventsAfter,
  isBehind,
} from '../services/core/event.ts'
import { CloudError } from '../services/errors.ts'
import { pause, settledWithin } from '../workers/pause.ts'

export type Paged = EventRow & { page: EventPage }

const POLL_MS = 1_000
/** How soon hidden events are looked for again: from first to most. */
const HIDDEN_MS = { first: 2, most: 50 }
/** From the beginning of one read to the next; an event after a quiet while is read at once. */
const READ_GAP_MS = 10
const RECONNECT_MS = 1_000
/** How long the start waits for a database that may be down. */
const START_MS = 2_000
/** Events that a watch has not taken yet, at most. */
export const MAX_WAITING = 10_000

export interface EventRelay extends EventSource {
  /** Called with every event, before the watches get it. */
  onEvent(listener: (event: EventRow, page: EventPage) => void): void
  /** Up to where events were handed on; null while the database was never reached. */
  position(): string | null
  /** Whether the last reading succeeded; then there is a position. */
  answering(): boolean
  /** The first events after a cursor, as they are in the database. */
  page(cursor: string): Promise<EventPage>
  /** Aborts as the relay stops. */
  stopping: AbortSignal
  stop(): Promise<void>
}

interface Watcher {
  wanted(event: EventRow): boolean
  waiting: Paged[]
  overflow: boolean
  wake(): void
}

export async function startEventRelay(
  db: Db,
  databaseUrl: string,
  log: Logger,
  { mayBeDown = false }: { mayBeDown?: boolean } = {},
): Promise<EventRelay> {
  const stopping = new AbortController()
  // Every watch listens to it.
  setMaxListeners(0, stopping.signal)
  const watchers = new Set<Watcher>()
  const listeners: ((event: EventRow, page: EventPage) => void)[] = []
  let position = mayBeDown ? null : await eventHead(db)
  let answering = !mayBeDown
  let wake = (): void => {}
  const stopListening = listen(databaseUrl, log, stopping.signal, () => wake())

  function hand(page: EventPage): void {
    for (const event of page.events) {
      for (const listener of listeners) listener(event, page)
      // One object for all watches: they share what they make of it.
      const paged = { ...event, page }
      for (const watcher of watchers) {
        if (watcher.overflow || !watcher.wanted(event)) continue
        if (watcher.waiting.length >= MAX_WAITING) watcher.overflow = true
        else watcher.waiting.push(paged)
        watcher.wake()
      }
    }
    position = page.cursor
  }

  let tried = (): void => {}
  const firstTry = new Promise<void>((resolve) => {
    tried = resolve
  })

  async function readForEver(): Promise<void> {
    let hiddenMs = HIDDEN_MS.first
    while (!stopping.signal.aborted) {
      const woken = new AbortController()
      wake = () => woken.abort(null)
      const began = performance.now()
      let waitMs = POLL_MS
      try {
        position ??= await eventHead(db)
        const page = await eventsAfter(db, position)
        answering = true
        hand(page)
        if (page.events.length === EVENT_PAGE) continue
        if (page.hidden) waitMs = hiddenMs
        hiddenMs = page.hidden ? Math.min(2 * hiddenMs, HIDDEN_MS.most) : HIDDEN_MS.first
      } catch (err) {
        // A cell may be down for long.
        if (answering || !mayBeDown) log.warn({ err }, 'events could not be read')
        answering = false
      } finally {
        tried()
      }
      await pause(waitMs, woken.signal)
      const gapMs = began + READ_GAP_MS - performance.now()
      if (gapMs > 0) await pause(gapMs, stopping.signal)
    }
  }
  const reading = readForEver()
  if (mayBeDown) await settledWithin(START_MS, firstTry)

  /** Where the relay is, once it is somewhere. */
  async function begun(signal: AbortSignal): Promise<string | null> {
    for (;;) {
      if (position !== null || signal.aborted || stopping.signal.aborted) return position
      await pause(POLL_MS, signal)
    }
  }

  async function* after(
    cursor: string,
    wanted: (event: EventRow) => boolean,
    signal: AbortSignal,
  ): AsyncGenerator<Paged> {
    const watcher: Watcher = { wanted, waiting: [], overflow: false, wake: () => {} }
    const wakeUp = (): void => watcher.wake()
    // Events come in order: after the first new one there are no old ones.
    let caughtUp = false
    watchers.add(watcher)
    signal.addEventListener('abort', wakeUp)
    stopping.signal.addEventListener('abort', wakeUp)
    try {
      yield* past(cursor, watcher)
      while (!signal.aborted && !stopping.signal.aborted) {
        const event = watcher.waiting.shift()
        if (event) {
          caughtUp ||= isBehind(event.cursor, cursor)
          if (caughtUp) yield event
          continue
        }
        if (watcher.overflow) throw tooSlow()
        await new Promise<void>((resolve) => {
          watcher.wake = resolve
        })
      }
    } finally {
      watchers.delete(watcher)
      signal.removeEventListener('abort', wakeUp)
      stopping.signal.removeEventListener('abort', wakeUp)
    }

    /** R2: what the relay had read before this watch was there. */
    async function* past(from: string, to: Watcher): AsyncGenerator<Paged> {
      const until = (await begun(signal)) ?? from
      while (isBehind(until, from) && !signal.aborted) {
        const page = await eventsAfter(db, from)
        if (page.events.length === 0) break
        for (const event of page.events) if (wanted(event)) yield { ...event, page }
        from = page.cursor
      }
      cursor = from
      to.waiting = to.waiting.filter((event) => isBehind(event.cursor, from))
    }
  }

  return {
    after,
    head: () => eventHead(db),
    check: (cursor) => checkCursor(db, cursor),
    page: (cursor) => eventsAfter(db, cursor),
    position: () => position,
    answering: () => answering,
    stopping: stopping.signal,
    onEvent: (listener) => void listeners.push(listener),
    async stop() {
      stopping.abort()
      wake()
      await Promise.all([reading, stopListening()])
    },
  }
}

export const tooSlow = (): CloudError =>
  new CloudError('CURSOR_EXPIRED', 'The watch was read too slowly: resume it from its last cursor')

/** Keeps one connection that listens; calls back for every notification and after every reconnect. */
function listen(
  connectionString: string,
  log: Logger,
  stopping: AbortSignal,
  onNotice: () => void,
): () => Promise<void> {
  let client: pg.Client | undefined
  const working = (async () => {
    while (!stopping.aborted) {
      const broken = new AbortController()
      client = new pg.Client({ connectionString, application_name: 'nephograph relay' })
      client.on('notification', onNotice)
      client.on('error', () => broken.abort())
      client.on('end', () => broken.abort())
      try {
        await client.connect()
        await client.query(`listen ${EVENT_CHANNEL}`)
        onNotice()
        await untilAborted(AbortSignal.any([broken.signal, stopping]))
      } catch (err) {
        log.warn({ err }, 'cannot listen for events: they are polled')
      }
      await client.end().catch(() => {})
      await pause(RECONNECT_MS, stopping)
    }
  })()
  return () => working
}

const untilAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
