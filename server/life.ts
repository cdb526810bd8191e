/**
 * The life of the process: what has to be undone at its end, and the one way in which it ends.
 *
 * L1 What was begun is undone in the reverse order, once, whoever asks for the end.
 * L2 Told to stop while it starts, it waits for the present step of the start, which breaks off at its
 *    signal: nothing that is just coming up is left behind.
 * L3 It ends with 0 when it was told to, with 1 when it could not start or go on.
 */
import { settledWithin } from '../workers/pause.ts'

/** The longest step of a start is the making of a database. */
const START_END_MS = 60_000

export interface Life {
  /** Aborted when the process is told to stop. */
  signal: AbortSignal
  onStop(undo: () => unknown): void
  /** Ends the process; `why` is for the terminal. */
  end(why: string, code: number): Promise<void>
}

/** Starts, and ends at a signal or when the start fails. A third signal ends the process as it is. */
export function live(
  start: (life: Life) => Promise<void>,
  say: (line: string) => void,
  startFailed: (error: unknown) => void,
): void {
  const stopping = new AbortController()
  const undos: (() => unknown)[] = []
  let starting: Promise<void> = Promise.resolve()
  let asked = 0

  const life: Life = {
    signal: stopping.signal,
    onStop: (undo) => void undos.push(undo),
    async end(why, code) {
      asked++
      if (asked === 2) say('Still stopping: guests are asked to shut down. Once more ends it now.')
      if (asked >= 3) process.exit(1)
      if (asked > 1) return
      say(`${why}: stopping`)
      stopping.abort()
      await settledWithin(START_END_MS, starting)
      for (const undo of undos.splice(0).reverse()) {
        try {
          await undo()
        } catch (error) {
          say(`could not stop cleanly: ${(error as Error).message}`)
        }
      }
      process.exit(code)
    },
  }
  process.on('SIGINT', () => void life.end('Interrupted', 0))
  process.on('SIGTERM', () => void life.end('Terminated', 0))
  starting = start(life)
  starting.catch((error: unknown) => {
    if (stopping.signal.aborted) return
    startFailed(error)
    void life.end('Not started', 1)
  })
}
