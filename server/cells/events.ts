/**
 * The events of all cells as one source: each cell's in its own order, in one sequence for all watches of
 * this process.
 *
 * ME1 An event's cursor is where this process was in all cells when it handed the event on, so that all
 *     watches share one object. A watch that is elsewhere (it reads a cell's past, or is ahead of us) gets
 *     a cursor of its own, until it is where we are.
 * ME2 A watch that resumes reads the past of each cell by itself; a cell's new events are held until that is
 *     done, those of the others are not: a cell that does not answer stalls alone.
 * ME3 A cell without a position, in a cursor or here, is told of from where the relay is, or begins.
 */
import type { EventSource } from '../../services/context.ts'
import type { EventPage, EventRow } from '../../services/core/event.ts'
import { CloudError } from '../../services/errors.ts'
import { within } from '../../workers/pause.ts'
import type { Paged } from '../event-relay.ts'
import { Follower, type RelayOfCell, type Told } from './follower.ts'
import { decodePlace, encodePlace, type Place } from './place.ts'

/** What a cell has for its head, or to check a cursor. */
const ANSWER_MS = 1_000

/** Home's relay first: what is given out names each cell. Ends when one of the relays stops. */
export function mergeEvents(parts: readonly { name: string; relay: RelayOfCell }[]): EventSource {
  const names = parts.map(({ name }) => name)
  const relays = parts.map(({ relay }) => relay)
  const followers = new Set<Follower>()
  /** What was handed on; a relay that has handed nothing on is where it began. */
  const handed: (string | null)[] = relays.map(() => null)
  const here = (): Place => relays.map((relay, i) => handed[i] ?? relay.position())

  function hand(part: number, event: EventRow, page: EventPage): void {
    handed[part] = event.cursor
    let told: Told | undefined
    for (const follower of followers) {
      if (!follower.wants(event)) continue
      if (!told) {
        const place = here()
        told = { part, place, event: { ...event, cursor: encodePlace(names, place), page } }
      }
      follower.take(told)
    }
  }
  for (const [part, relay] of relays.entries()) {
    relay.onEvent((event, page) => hand(part, event, page))
    relay.stopping.addEventListener('abort', () => {
      for (const follower of followers) follower.end()
    })
  }

  async function* after(
    cursor: string,
    wanted: (event: EventRow) => boolean,
    signal: AbortSignal,
  ): AsyncGenerator<Paged> {
    const from = decodePlace(names, cursor)
    if (signal.aborted || relays.some(({ stopping }) => stopping.aborted)) return
    const follower = new Follower({ names, relays, wanted, from, here: here() })
    const end = (): void => follower.end()
    followers.add(follower)
    signal.addEventListener('abort', end)
    try {
      for (;;) {
        const event = await follower.next()
        if (!event) return
        yield event
      }
    } finally {
      followers.delete(follower)
      signal.removeEventListener('abort', end)
      end()
    }
  }

  return {
    after,
    async head() {
      const heads = await Promise.all(
        relays.map(async (relay) =>
          relay.answering()
            ? ((await askedSoon(relay.head())) ?? relay.position())
            : relay.position(),
        ),
      )
      return encodePlace(names, heads)
    },
    async check(cursor) {
      const from = decodePlace(names, cursor)
      await Promise.all(
        relays.map(async (relay, i) => {
          const position = from[i]
          // What can't be asked now is checked when it can be read.
          if (position && relay.answering()) await askedSoon(relay.check(position))
        }),
      )
    },
  }
}

/** Null when there is no answer; what is wrong with the request is thrown. */
async function askedSoon<T>(answer: Promise<T>): Promise<T | null> {
  try {
    return await within(ANSWER_MS, answer, () => new Error('no answer'))
  } catch (error) {
    if (error instanceof CloudError) throw error
    return null
  }
}
