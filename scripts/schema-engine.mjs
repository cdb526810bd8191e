/**
 * Prisma's own schema engine as WebAssembly, called directly, because Prisma's CLI wants a binary
 * that it downloads. It compares a live database with the Prisma model and writes the SQL between
 * them: used to write migrations and to test that the migrated database is the model.
 *
 * What it does not see, neither as drift nor to protect: check and exclusion constraints, partial
 * and expression indexes, triggers, functions, views, row security, comments, deferrable keys.
 *
 * S1 Its entry point needs a flag of Node for wasm imports, so we instantiate it by hand, once per
 *    process: a second instance would share the glue code's memory views.
 * S2 PostgreSQL's catalogues hold columns of type "char" (oid 18), which Prisma's adapter refuses
 *    and the engine wants as characters. We pass them to the adapter as text under a marked name,
 *    and give the engine the column back under its name and as characters.
 * S3 It knows no shadow database here, so the comparison starts from a real database that our own
 *    runner has migrated.
 * S4 Its `applyMigrations` splits files at every semicolon, functions included: server/database/migrate.ts applies.
 * S5 It takes no connection address; it reads through the adapter.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { PrismaPg } from '@prisma/adapter-pg'
import { bindMigrationAwareSqlAdapterFactory, ColumnTypeEnum } from '@prisma/driver-adapter-utils'
import pg from 'pg'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const CHAR_OID = 18
const TEXT_OID = 25
const CHAR_MARK = '\u0001'
const EXIT_DIFFERENT = 2

/** @typedef {{ path: string, content: string }} SchemaFile */

/**
 * The model's files, in one stable order.
 * @param {string} [folder]
 * @returns {SchemaFile[]}
 */
export function readSchemaFiles(folder = join(root, 'prisma/schema')) {
  const names = readdirSync(folder).filter((name) => name.endsWith('.prisma'))
  return names.sort().map((name) => {
    const path = join(folder, name)
    return { path, content: readFileSync(path, 'utf8') }
  })
}

/**
 * What would have to be done to the database to make it the model.
 * @param {{ url: string, files?: SchemaFile[], externalTables?: string[] }} options `externalTables`
 *   (`schema.table`) are neither compared nor dropped.
 * @returns {Promise<{ empty: boolean, sql: string }>}
 */
export async function diff({ url, files = readSchemaFiles(), externalTables = [] }) {
  const { SchemaEngine } = await loadEngine()
  const pool = new CataloguePool({ connectionString: url, max: 2 })
  try {
    const adapter = bindMigrationAwareSqlAdapterFactory(new CatalogueAdapter(pool))
    const datamodels = files.map(({ path, content }) => [path, content])
    const engine = await SchemaEngine.new({ datamodels }, () => {}, adapter)
    const result = await engine.diff({
      from: { tag: 'schemaDatasource', files, configDir: root },
      to: { tag: 'schemaDatamodel', files },
      script: true,
      exitCode: true,
      filters: { externalTables, externalEnums: [] },
    })
    const empty = result.exitCode !== EXIT_DIFFERENT
    return { empty, sql: empty ? '' : (result.stdout ?? '') }
  } finally {
    await pool.end()
  }
}

/** @type {Promise<any> | undefined} */
let engine

function loadEngine() {
  engine ??= instantiate() // S1
  return engine
}

async function instantiate() {
  const require = createRequire(import.meta.url)
  const folder = dirname(require.resolve('@prisma/schema-engine-wasm'))
  const glue = await import(pathToFileURL(join(folder, 'schema_engine_bg.js')).href)
  Object.assign(globalThis, {
    PRISMA_WASM_PANIC_REGISTRY: {
      message: '',
      /** @param {string} message */
      set_message(message) {
        this.message = message
      },
    },
  })
  const bytes = readFileSync(join(folder, 'schema_engine_bg.wasm'))
  const { instance } = await WebAssembly.instantiate(bytes, { './schema_engine_bg.js': glue })
  glue.__wbg_set_wasm(instance.exports)
  const start = /** @type {() => void} */ (instance.exports.__wbindgen_start)
  start()
  return glue
}

/** S2: tells the adapter that "char" columns are text, under a marked name. */
class CataloguePool extends pg.Pool {
  /** @param {any[]} args */
  async query(...args) {
    // @ts-expect-error The adapter calls the promise form only.
    const result = await super.query(...args)
    for (const field of result?.fields ?? []) {
      if (field.dataTypeID !== CHAR_OID) continue
      field.dataTypeID = TEXT_OID
      field.name = CHAR_MARK + field.name
    }
    return result
  }
}

/** S2: gives the marked columns to the engine as characters; as text it would panic. */
class CatalogueAdapter extends PrismaPg {
  async connect() {
    const adapter = await super.connect()
    const queryRaw = adapter.queryRaw.bind(adapter)
    adapter.queryRaw = async (query) => {
      const result = await queryRaw(query)
      result.columnNames.forEach((name, index) => {
        if (!name.startsWith(CHAR_MARK)) return
        result.columnNames[index] = name.slice(CHAR_MARK.length)
        result.columnTypes[index] = ColumnTypeEnum.Character
      })
      return result
    }
    return adapter
  }
}
