/**
 * Lets a script in plain Node use the project's TypeScript: bundles one file with esbuild into
 * `node_modules/.cache/nephograph/`, packages left outside, and imports the result.
 */
import { createHash } from 'node:crypto'
import { mkdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

/**
 * @param {string} entry a path below the project's root
 * @returns {Promise<any>} the module; its types are those of the file
 */
export async function loadTypeScript(entry) {
  const cache = join(root, 'node_modules/.cache/nephograph')
  const name = createHash('sha256').update(`${entry} ${process.pid}`).digest('hex').slice(0, 16)
  const outfile = join(cache, `load-${name}.mjs`)
  mkdirSync(cache, { recursive: true })
  try {
    await build({
      entryPoints: [join(root, entry)],
      outfile,
      bundle: true,
      format: 'esm',
      platform: 'node',
      target: 'node20',
      packages: 'external',
      keepNames: true, // As in the bundle: type-graphql names types after their classes.
      logLevel: 'silent',
    })
    return await import(pathToFileURL(outfile).href)
  } finally {
    rmSync(outfile, { force: true })
  }
}
