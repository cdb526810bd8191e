// A process that owns an embedded PostgreSQL: started by database.test.ts, and killed by it.
// node embedded-owner.mjs <data dir>; prints one line of JSON: { url } or { refused }.
import { loadTypeScript } from '../../scripts/load-typescript.mjs'

const { startEmbeddedPostgres } = await loadTypeScript('server/database/embedded.ts')
const log = { info() {}, warn() {}, error() {} }
try {
  const server = await startEmbeddedPostgres({ dataDir: process.argv[2], log })
  process.once('SIGTERM', () => server.stop())
  console.log(JSON.stringify({ url: server.url }))
} catch (error) {
  console.log(JSON.stringify({ refused: error.cause?.message ?? error.message }))
}
