/**
 * Once per run of the suite: a PostgreSQL of its own in a temporary folder, with the migrated
 * database from which `freshDatabase()` clones. NEPHO_TEST_POSTGRES (`/usr/lib/postgresql/15/bin`)
 * runs the suite against another version.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { startEmbeddedPostgres } from '../../server/database/embedded.ts'
import { migrate } from '../../server/database/migrate.ts'
import { birthOf } from '../../server/folder-lock.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    /** The address of the migrated template; nobody may stay connected to it. */
    templateUrl: string
  }
}

/** Every worker opens a pool or two, and a test cluster a few. */
const MAX_CONNECTIONS = 200

const PREFIX = 'nephograph-test-'

/** A run that was killed could not tidy up; its database has ended with it. */
function removeLeftovers(): void {
  for (const name of readdirSync(tmpdir()).filter((name) => name.startsWith(PREFIX))) {
    const owner = Number.parseInt(name.slice(PREFIX.length), 10)
    if (birthOf(owner) === null) rmSync(join(tmpdir(), name), { recursive: true, force: true })
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  removeLeftovers()
  const dataDir = mkdtempSync(join(tmpdir(), `${PREFIX}${process.pid}-`))
  const remove = () => rmSync(dataDir, { recursive: true, force: true })
  const binariesFolder = process.env.NEPHO_TEST_POSTGRES
  try {
    const server = await startEmbeddedPostgres({
      dataDir,
      durable: false,
      maxConnections: MAX_CONNECTIONS,
      replication: true,
      log: { info: () => {}, warn: console.warn, error: console.error },
      ...(binariesFolder ? { binariesFolder } : {}),
    })
    const teardown = async () => {
      await server.stop()
      remove()
    }
    try {
      await migrate({ url: server.url })
    } catch (error) {
      await teardown()
      throw error
    }
    project.provide('templateUrl', server.url)
    return teardown
  } catch (error) {
    remove()
    throw error
  }
}
