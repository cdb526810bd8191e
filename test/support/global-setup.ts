/**
 * Once per run of the suite: a PostgreSQL of its own in a temporary folder, with the migrated
 * database from which `freshDatabase()` clones. NEPHO_TEST_POSTGRES (`/usr/lib/postgresql/15/bin`)
 * runs the suite against another version.
 */
import { readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { birthOf } from '../../server/folder-lock.ts'
import { PREFIX, startTestPostgres } from './postgres.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    /** The address of the migrated template; nobody may stay connected to it. */
    templateUrl: string
  }
}

/** A run that was killed could not tidy up; its database has ended with it. */
function removeLeftovers(): void {
  for (const name of readdirSync(tmpdir()).filter((name) => name.startsWith(PREFIX))) {
    const owner = Number.parseInt(name.slice(PREFIX.length), 10)
    if (birthOf(owner) === null) rmSync(join(tmpdir(), name), { recursive: true, force: true })
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  removeLeftovers()
  const { url, stop } = await startTestPostgres()
  project.provide('templateUrl', url)
  return stop
}
