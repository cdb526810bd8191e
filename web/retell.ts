/**
 * Leaves the last word to the watches. An answer that was asked for before a change may be read before
 * it and arrive after it; the cache would keep the older of the two, and the page would show for ever
 * what is over. What was told while an answer was on its way is therefore told again after it.
 *
 * RT1 Each answer is followed by all that was told since it was asked for, once each: of one resource
 *     the last.
 * RT2 What is told again may itself be older than the answer. Then a newer change is on its way, since
 *     a watch tells of every one.
 * RT3 Nothing is kept while nothing is asked.
 */
import type { Sink } from './socket.ts'

type Result = Parameters<Sink['next']>[0]

interface Told {
  at: number
  sink: Sink
  result: Result
}

export interface Retelling {
  /** A query or mutation goes out. */
  asked(operation: number): void
  /** An answer to it is about to be taken in. */
  answered(operation: number): void
  /** No answer to it will be taken in any more. */
  dropped(operation: number): void
  /** The sink of a watch, heard. */
  hear(sink: Sink): Sink
}

export function createRetelling(): Retelling {
  let clock = 0
  let watches = 0
  /** When each answer that is still to come was asked for; one query may be asked several times. */
  const pending = new Map<number, number[]>()
  const told = new Map<string, Told>()

  function forget(): void {
    const oldest = Math.min(...[...pending.values()].flat())
    for (const [key, { at }] of told) if (at <= oldest) told.delete(key)
  }

  function again(since: number): void {
    const missed = [...told.values()].filter(({ at }) => at > since)
    // Later: the answer itself comes first.
    if (missed.length > 0) {
      queueMicrotask(() => {
        for (const { sink, result } of missed) sink.next(result)
      })
    }
  }

  return {
    asked(operation) {
      pending.set(operation, [...(pending.get(operation) ?? []), clock])
    },
    answered(operation) {
      const times = pending.get(operation)
      const [since] = times ?? []
      if (!times || since === undefined) return
      again(since)
      // Which of several this one is, nobody knows: the oldest time counts until the last has come.
      if (times.length > 1) times.pop()
      else pending.delete(operation)
      forget()
    },
    dropped(operation) {
      pending.delete(operation)
      forget()
    },
    hear(sink) {
      const watch = ++watches
      return {
        next(result) {
          if (pending.size > 0 && result.data) {
            const at = ++clock
            const change = Object.values(result.data)[0] as { id?: string } | null | undefined
            const key = `${watch} ${change?.id ?? at}`
            told.delete(key)
            told.set(key, { at, sink, result })
          }
          sink.next(result)
        },
      }
    },
  }
}
