/** Finds the embedded database of a data directory while another process runs it. */
import { join } from 'node:path'
import { birthOf } from '../folder-lock.ts'
import { readWhole } from '../whole-file.ts'
import { SUPERUSER } from './postmaster.ts'

const DATABASE = 'nephograph'
/** In `postmaster.pid` (PostgreSQL, miscadmin.h): the process, and the folder of its socket. */
const PID_LINE = 0
const SOCKET_LINE = 4

/** Its address; null when it does not run. Throws when we may not look. */
export function runningPostgres(dataDir: string): string | null {
  const text = readWhole(join(dataDir, 'postgres', 'data', 'postmaster.pid'))
  const lines = text?.split('\n') ?? []
  const socketFolder = lines[SOCKET_LINE]
  if (!socketFolder || birthOf(Number(lines[PID_LINE])) === null) return null
  return `postgresql://${SUPERUSER}@localhost/${DATABASE}?host=${encodeURIComponent(socketFolder)}`
}
