/**
 * Small files that are whole or not there, whatever is killed when, and that somebody else may write or
 * remove at any moment.
 */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

/** What is in it; null when it is not there. To ask first whether it is there would be too early. */
export function readWhole(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

/** In place of what was there; on the disk when it returns. By default only its owner may read it. */
export function writeWhole(path: string, text: string, mode = 0o600): void {
  const beside = `${path}.new`
  writeFileSync(beside, text, { mode, flush: true })
  renameSync(beside, path)
  const folder = openSync(dirname(path), 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}
