/**
 * One watch over the events of all cells: what waits for it, where it is, and the reading of the past.
 * The rules are those of events.ts (ME1 to ME3) and of the relay (R2, R3).
 */
import { type EventRow, isBehind } from '../../services/core/event.ts'
import { CloudError } from '../../services/errors.ts'
import { pause } from '../../workers/pause.ts'
import { type EventRelay, MAX_WAITING, type Paged, tooSlow } from '../event-relay.ts'
import { encodePlace, type Place } from './place.ts'

/** How often a cell that does not answer is looked at: in memory, until it does. */
const RETRY_MS = 500

export type RelayOfCell = Pick<
  EventRelay,
  'onEvent' | 'position' | 'answering' | 'head' | 'check' | 'page' | 'stopping'
>

/** An event with where its cell is: the cell's number, and the place of this process. */
export interface Told {
  part: number
  place: Place
  event: Paged
}

interface Following {
  names: readonly string[]
  relays: readonly RelayOfCell[]
  wanted(event: EventRow): boolean
  /** Where to resume. */
  from: Place
  /** Where this process is. */
  here: Place
}

export class Follower {
  private readonly ended = new AbortController()
  private queue: Told[] = []
  /** New events of cells whose past is being read. */
  private readonly held = new Map<number, Told[]>()
  /** Past events that were read, and what to call when they are taken. */
  private readonly past = new Map<number, { events: Paged[]; taken(): void }>()
  /** How many are in `queue` and `held`. */
  private waiting = 0
  private overflow = false
  private failure: unknown
  private wake = (): void => {}
  /** Up to where it was told; no longer looked after once `aligned`. */
  private readonly at: (string | null)[]
  /** It is where this process was at each event. */
  private aligned: boolean

  constructor(private readonly following: Following) {
    const { relays, from, here } = following
    this.at = relays.map((_, part) => from[part] ?? here[part] ?? null)
    for (const [part, relay] of relays.entries()) {
      if (!from[part] || (relay.answering() && !farther(here[part], from[part]))) continue
      this.held.set(part, [])
      this.catchUp(part, relay, from[part]).catch((error: unknown) => {
        this.failure = error
        this.wake()
      })
    }
    this.aligned = this.held.size === 0 && same(this.at, here)
  }

  wants(event: EventRow): boolean {
    return !this.overflow && this.following.wanted(event)
  }

  /** R3 */
  take(told: Told): void {
    if (this.waiting >= MAX_WAITING) this.overflow = true
    else {
      this.waiting++
      this.queue.push(told)
    }
    this.wake()
  }

  end(): void {
    this.ended.abort()
    for (const { taken } of this.past.values()) taken()
    this.wake()
  }

  /** Waits for the next event; undefined at the end. */
  async next(): Promise<Paged | undefined> {
    while (!this.ended.signal.aborted) {
      if (this.failure) throw this.failure
      const event = this.ofThePast() ?? this.ofNow()
      if (event) return event
      if (this.overflow) throw tooSlow()
      // Nothing is awaited between the look and this: no waking is missed.
      await new Promise<void>((resolve) => {
        this.wake = resolve
      })
    }
    return undefined
  }

  private ofThePast(): Paged | undefined {
    for (const [part, { events, taken }] of this.past) {
      const event = events.shift()
      if (event) {
        this.at[part] = event.cursor
        return { ...event, cursor: this.cursor() }
      }
      this.past.delete(part)
      taken()
    }
    return undefined
  }

  private ofNow(): Paged | undefined {
    for (let told = this.queue.shift(); told; told = this.queue.shift()) {
      const held = this.held.get(told.part)
      if (held) {
        held.push(told)
        continue
      }
      this.waiting--
      const event = this.aligned ? told.event : this.aligning(told)
      if (event) return event
    }
    return undefined
  }

  /** ME1 */
  private aligning({ part, place, event }: Told): Paged | undefined {
    // It was told already, here or before the cursor.
    if (!farther(place[part], this.at[part])) return undefined
    for (const [i, position] of place.entries()) {
      if (position && !this.held.has(i) && farther(position, this.at[i])) this.at[i] = position
    }
    this.aligned = this.held.size === 0 && same(this.at, place)
    return this.aligned ? event : { ...event, cursor: this.cursor() }
  }

  private cursor(): string {
    return encodePlace(this.following.names, this.at)
  }

  /** R2 and ME2: reads what the relay had read before this watch was there. */
  private async catchUp(part: number, relay: RelayOfCell, cursor: string): Promise<void> {
    const { signal } = this.ended
    let from = cursor
    let until: string | null = null
    let checked = false
    while (!signal.aborted) {
      try {
        if (!relay.answering()) throw new Error('it does not answer')
        if (!checked) await relay.check(from)
        checked = true
        until ??= relay.position()
        if (!farther(until, from)) break
        const page = await relay.page(from)
        if (page.events.length === 0) break
        const events = page.events
          .filter(this.following.wanted)
          .map((event) => ({ ...event, page }))
        if (events.length > 0) await this.offer(part, events)
        from = page.cursor
      } catch (error) {
        if (error instanceof CloudError) throw error
        await pause(RETRY_MS, signal)
      }
    }
    if (signal.aborted) return
    this.at[part] = from
    this.queue = [...(this.held.get(part) ?? []), ...this.queue]
    this.held.delete(part)
    this.wake()
  }

  /** Resolves when the watch has taken them, or ends. */
  private offer(part: number, events: Paged[]): Promise<void> {
    return new Promise((resolve) => {
      this.past.set(part, { events, taken: resolve })
      this.wake()
      if (this.ended.signal.aborted) resolve()
    })
  }
}

/** Whether the first position is behind the second, or the first one known. */
const farther = (position: string | null | undefined, than: string | null | undefined): boolean =>
  position != null && (than == null || isBehind(position, than))

const same = (a: Place, b: Place): boolean => a.every((position, i) => position === b[i])
