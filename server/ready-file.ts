/** `ready.json` in the data directory: there while everything of a process answers, for whoever waits. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { readWhole, writeWhole } from './whole-file.ts'

/** The addresses are null in a process without the API. */
export interface Ready {
  url: string | null
  graphql: string | null
  websocket: string | null
  pid: number
  drivers: { compute: string | null }
}

const READABLE_BY_ALL = 0o644

export const readyFile = (dataDir: string): string => join(dataDir, 'ready.json')

/** Null when it is not there; what a killed process left behind names a process that is gone. */
export function readReady(dataDir: string): Ready | null {
  const text = readWhole(readyFile(dataDir))
  return text === null ? null : JSON.parse(text)
}

export function writeReady(dataDir: string, ready: Ready): void {
  writeWhole(readyFile(dataDir), `${JSON.stringify(ready, null, 2)}\n`, READABLE_BY_ALL)
}

export const removeReady = (dataDir: string): void => rmSync(readyFile(dataDir), { force: true })
