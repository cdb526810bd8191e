import { defineConfig } from 'prisma/config'

// The CLI insists on a schema engine binary that it would download, and only checks that the file
// exists: `generate`, `validate` and `format` run on wasm. Migrations are ours (scripts/migration-new.mjs).
process.env.PRISMA_SCHEMA_ENGINE_BINARY ??= process.execPath

export default defineConfig({
  schema: 'prisma/schema',
  migrations: { path: 'prisma/migrations' },
})
