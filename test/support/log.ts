import { type Logger, pino } from 'pino'

/** A logger that keeps what it is told, so that a test can look for a line or for its absence. */
export function makeTestLog(): { log: Logger; lines: string[] } {
  const lines: string[] = []
  const log = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) })
  return { log, lines }
}
