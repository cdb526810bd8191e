// A process that writes and removes its ready.json over and over, and leaves the last one there:
// started by whole-file.test.ts. node ready-writer.mjs <data dir>
import { loadTypeScript } from '../../scripts/load-typescript.mjs'

const TIMES = 300
const LONG = 'x'.repeat(9_000)

const { removeReady, writeReady } = await loadTypeScript('server/ready-file.ts')
const [, , dataDir] = process.argv
for (let i = 0; i <= TIMES; i++) {
  removeReady(dataDir)
  const { pid } = process
  writeReady(dataDir, {
    url: null,
    graphql: null,
    websocket: null,
    pid,
    drivers: { compute: LONG },
  })
}
