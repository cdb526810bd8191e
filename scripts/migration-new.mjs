#!/usr/bin/env node
/**
 * Writes the migration that takes the database from the migrations so far to the Prisma model:
 *
 *   npm run migration:new -- <name>
 *
 * A scratch PostgreSQL is started, the migrations so far are applied to it, and Prisma's schema
 * engine writes the difference. Read what it wrote: renames come out as drop and add, and what the
 * engine does not see (scripts/schema-engine.mjs) is written by hand.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { loadTypeScript } from './load-typescript.mjs'
import { diff } from './schema-engine.mjs'

const folder = join(dirname(dirname(fileURLToPath(import.meta.url))), 'prisma/migrations')

/** @param {string[]} args */
async function main([name = '', ...rest]) {
  if (!/^[a-z][a-z0-9_]*$/.test(name) || rest.length > 0) {
    console.error('Usage: npm run migration:new -- <name>, in small letters with underscores')
    return 2
  }
  mkdirSync(folder, { recursive: true })
  const { empty, sql } = await withScratchDatabase((url) => diff({ url }))
  if (empty) {
    console.log('The migrations already make the model: nothing to write.')
    return 0
  }
  const timestamp = new Date().toISOString().replace(/\D/g, '').slice(0, 14)
  const file = join(folder, `${timestamp}_${name}`, 'migration.sql')
  mkdirSync(dirname(file))
  writeFileSync(file, `${sql.trim()}\n`)
  console.log(`Written: ${file}\nRead it before you commit it.`)
  return 0
}

/**
 * @template T
 * @param {(url: string) => Promise<T>} work with a database that has every migration so far
 */
async function withScratchDatabase(work) {
  const { startEmbeddedPostgres } = await loadTypeScript('server/database/embedded.ts')
  const { migrate } = await loadTypeScript('server/database/migrate.ts')
  const dataDir = mkdtempSync(join(tmpdir(), 'nephograph-migration-'))
  const silent = { info() {}, warn() {}, error: console.error }
  let server
  try {
    server = await startEmbeddedPostgres({ dataDir, log: silent, durable: false })
    await migrate({ url: server.url, folder })
    return await work(server.url)
  } finally {
    await server?.stop()
    rmSync(dataDir, { recursive: true, force: true })
  }
}

process.exitCode = await main(process.argv.slice(2))
