/** A PostgreSQL in a temporary folder, with the migrated database from which others are cloned. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startEmbeddedPostgres } from '../../server/database/embedded.ts'
import { migrate } from '../../server/database/migrate.ts'

/** Folders of runs, by the process that made them. */
export const PREFIX = 'nephograph-test-'
/** Every worker opens a pool or two, and a test cluster a few. */
const MAX_CONNECTIONS = 200

export interface TestPostgres {
  /** The address of the migrated template; nobody may stay connected to it. */
  url: string
  stop(): Promise<void>
}

export async function startTestPostgres({ replication = false } = {}): Promise<TestPostgres> {
  const dataDir = mkdtempSync(join(tmpdir(), `${PREFIX}${process.pid}-`))
  const remove = () => rmSync(dataDir, { recursive: true, force: true })
  const binariesFolder = process.env.NEPHO_TEST_POSTGRES
  try {
    const server = await startEmbeddedPostgres({
      dataDir,
      durable: false,
      maxConnections: MAX_CONNECTIONS,
      replication,
      log: { info: () => {}, warn: console.warn, error: console.error },
      ...(binariesFolder ? { binariesFolder } : {}),
    })
    const stop = async () => {
      await server.stop()
      remove()
    }
    try {
      await migrate({ url: server.url })
    } catch (error) {
      await stop()
      throw error
    }
    return { url: server.url, stop }
  } catch (error) {
    remove()
    throw error
  }
}
