/**
 * Whether a step is up to date: its stamp holds the hash of everything it was made from, and its
 * outputs are there. Stamps lie in node_modules, so that they go when node_modules goes.
 */
import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'

const FOLDER = 'node_modules/.cache/nephograph'

/**
 * @param {string} root
 * @param {{ inputs: readonly string[], without?: readonly string[] }} step `without`: folder names that are passed over
 */
export function hashInputs(root, { inputs, without = [] }) {
  const hash = createHash('sha256').update(process.version)
  for (const input of inputs) hashPath(hash, root, input, without)
  return hash.digest('hex')
}

/**
 * @param {import('node:crypto').Hash} hash
 * @param {string} root
 * @param {string} path below the root
 * @param {readonly string[]} without
 */
function hashPath(hash, root, path, without) {
  const whole = join(root, path)
  const stat = statSync(whole, { throwIfNoEntry: false })
  if (!stat) return
  if (!stat.isDirectory()) {
    hash.update(`${path}\0${stat.size}\0`).update(readFileSync(whole))
    return
  }
  for (const name of readdirSync(whole).sort()) {
    if (!without.includes(name)) hashPath(hash, root, join(path, name), without)
  }
}

/**
 * @param {string} root
 * @param {{ name: string, outputs: readonly string[] }} step
 * @param {string} hash
 */
export function isCurrent(root, { name, outputs }, hash) {
  const file = join(root, FOLDER, name)
  if (!existsSync(file) || readFileSync(file, 'utf8') !== hash) return false
  return outputs.every((output) => existsSync(join(root, output)))
}

/**
 * @param {string} root
 * @param {string} name
 * @param {string} hash
 */
export function stamp(root, name, hash) {
  const file = join(root, FOLDER, name)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, hash)
}

/**
 * Before a step runs: half of a new output under an old stamp must not pass for whole.
 * @param {string} root
 * @param {string} name
 */
export function unstamp(root, name) {
  rmSync(join(root, FOLDER, name), { force: true })
}
