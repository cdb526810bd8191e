import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * The folder of the project's package.json. Sources and the bundle in `dist/` lie at different
 * depths below it, so what is read at run time (migrations, portal) is found from here.
 */
export function projectRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  for (;;) {
    const file = join(folder, 'package.json')
    if (existsSync(file) && JSON.parse(readFileSync(file, 'utf8')).name === 'nephograph')
      return folder
    const parent = dirname(folder)
    if (parent === folder) throw new Error(`no package.json of nephograph above ${import.meta.url}`)
    folder = parent
  }
}
