/**
 * The database for a sub-command that works on it: the one that is asked for, the embedded one that a
 * running cloud has, or the embedded one started for as long as the work takes. The folder's lock sees to
 * it that no cloud starts on it meanwhile.
 */
import { mkdirSync } from 'node:fs'
import type { Config } from '../config.ts'
import { startEmbeddedPostgres } from '../database/embedded.ts'
import { runningPostgres } from '../database/running.ts'
import { lockFolder } from '../folder-lock.ts'

const quiet = { info: () => {}, warn: () => {}, error: () => {} }

export async function withDatabase<T>(
  { databaseUrl, dataDir }: Pick<Config, 'databaseUrl' | 'dataDir'>,
  work: (url: string) => Promise<T>,
): Promise<T> {
  const url = databaseUrl?.reveal() ?? runningPostgres(dataDir)
  if (url) return work(url)
  mkdirSync(dataDir, { recursive: true, mode: 0o711 })
  const lock = await lockFolder(dataDir)
  try {
    const postgres = await startEmbeddedPostgres({ dataDir, log: quiet })
    try {
      return await work(postgres.url)
    } finally {
      await postgres.stop()
    }
  } finally {
    lock.release()
  }
}
