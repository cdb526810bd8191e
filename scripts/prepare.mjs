#!/usr/bin/env node
/**
 * Makes a clone ready: what `npm start`, `npm test`, `npm run check` and `npm run nepho` do first.
 *
 *   node scripts/prepare.mjs --for start|test|check|nepho
 *
 * A1 Needs nothing but Node and npm: no package is imported before they are installed.
 * A2 A step runs when the contents it is made from have changed, and says what it does; when there
 *    is nothing to do, not a word is said.
 * A3 What the host may lack (Debian packages, the guest image) stops nothing: it is said with its
 *    cure, and the cloud runs on simulators.
 */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { takeLock } from './prepare/lock.mjs'
import { installNpmPackages, packagesMatch } from './prepare/packages.mjs'
import { runChild, showStep } from './prepare/progress.mjs'
import { hashInputs, isCurrent, stamp, unstamp } from './prepare/stamp.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const OLDEST_NODE = [20, 19]
const PURPOSES = ['start', 'test', 'check', 'nepho']

/**
 * @typedef {object} Step
 * @property {string} name
 * @property {string} title
 * @property {readonly string[]} for
 * @property {readonly string[]} inputs files and folders whose contents it is made from
 * @property {readonly string[]} [without] folder names among the inputs that are passed over
 * @property {readonly string[]} outputs
 * @property {() => Promise<void>} run
 * @property {() => boolean} [done] a longer look when there is no stamp
 */

/** @param {string} script @param {string[]} args */
const node = (script, ...args) =>
  runChild(process.execPath, [join(root, script), ...args], { cwd: root })

/** @type {readonly Step[]} In the order in which they build on each other. */
const STEPS = [
  {
    name: 'packages',
    title: 'npm packages',
    for: PURPOSES,
    inputs: ['package-lock.json', 'package.json'],
    outputs: ['node_modules/.package-lock.json'],
    run: () => installNpmPackages(root),
    done: () => packagesMatch(root),
  },
  {
    name: 'client',
    title: 'database client',
    for: PURPOSES,
    inputs: ['prisma/schema', 'prisma.config.ts', 'package-lock.json'],
    outputs: ['prisma/generated/client.ts'],
    run: () => node('node_modules/prisma/build/index.js', 'generate'),
  },
  {
    name: 'types',
    title: 'types of the portal’s queries',
    for: ['check'],
    inputs: ['schema/schema.graphql', 'web/tsconfig.json', 'package-lock.json'],
    outputs: ['web/generated/graphql-env.d.ts'],
    run: () =>
      node(
        'node_modules/gql.tada/bin/cli.js',
        'generate-output',
        '--tsconfig',
        'web/tsconfig.json',
      ),
  },
  {
    name: 'server',
    title: 'server',
    for: ['start', 'test', 'nepho'],
    inputs: [
      ...['server', 'services', 'resolvers', 'schema', 'workers', 'drivers', 'prisma/schema'],
      ...['scripts/build-server.mjs', 'tsconfig.json', 'package-lock.json'],
    ],
    outputs: ['dist/server/main.js', 'dist/server/nepho.js'],
    run: () => node('scripts/build-server.mjs'),
  },
  {
    name: 'portal',
    title: 'portal',
    for: ['start', 'test'],
    inputs: ['web', 'tsconfig.json', 'package-lock.json'],
    without: ['generated'],
    outputs: ['dist/web/index.html'],
    run: () =>
      node(
        'node_modules/vite/bin/vite.js',
        'build',
        '--config',
        'web/vite.config.ts',
        '--logLevel',
        'warn',
      ),
  },
]

/** @param {string[]} args */
async function main(args) {
  const purpose = args[0] === '--for' ? (args[1] ?? '') : ''
  if (args.length !== 2 || !PURPOSES.includes(purpose)) {
    console.error(`Usage: node scripts/prepare.mjs --for ${PURPOSES.join('|')}`)
    return 2
  }
  const problem = nodeProblem()
  if (problem) {
    console.error(problem)
    return 1
  }
  const steps = STEPS.filter((step) => step.for.includes(purpose))
  try {
    if (steps.some((step) => !isUpToDate(step))) await runSteps(steps)
    if (['start', 'test'].includes(purpose) && driversSetting() !== 'simulated')
      await prepareHost(purpose)
    return 0
  } catch (error) {
    console.error(`\nNephograph could not be prepared: ${wordsOf(error)}`)
    return 1
  }
}

/** @param {readonly Step[]} steps */
async function runSteps(steps) {
  const giveBack = await takeLock(join(root, 'dist/prepare.lock'), (owner) => {
    console.log(`  … waiting for process ${owner}, which is preparing this clone`)
  })
  try {
    for (const step of steps) {
      if (isUpToDate(step)) continue // Looked at again: another process may have done it meanwhile.
      const hash = hashInputs(root, step)
      unstamp(root, step.name)
      await showStep(step.title, step.run)
      stamp(root, step.name, hash)
    }
  } finally {
    giveBack()
  }
}

/** @param {Step} step */
function isUpToDate(step) {
  const hash = hashInputs(root, step)
  if (isCurrent(root, step, hash)) return true
  if (!step.done?.()) return false
  stamp(root, step.name, hash)
  return true
}

function nodeProblem() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const [oldestMajor = 0, oldestMinor = 0] = OLDEST_NODE
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return null
  return `Nephograph needs Node ${OLDEST_NODE.join('.')} or newer, and this is ${process.version} (${process.execPath}).`
}

/** The drivers that are asked for; the file is read without a YAML parser, which may not be there yet. */
function driversSetting() {
  if (process.env.NEPHO_DRIVERS) return process.env.NEPHO_DRIVERS
  const file = resolve(process.env.NEPHO_CONFIG || 'nephograph.yaml')
  const line = existsSync(file) ? /^drivers:\s*["']?(\w+)/m.exec(readFileSync(file, 'utf8')) : null
  return line?.[1] ?? 'auto'
}

/** What real drivers need on this host (A3). @param {string} purpose */
async function prepareHost(purpose) {
  if (process.platform !== 'linux') return
  await orSay('Debian packages', () => preparePackages(purpose === 'test' ? 'test' : 'runtime'))
  await orSay('guest image', prepareGuestImage)
}

/**
 * @param {string} what
 * @param {() => Promise<string | undefined>} work resolves to what is wrong
 */
async function orSay(what, work) {
  const problem = await work().catch(wordsOf)
  if (problem) console.log(`  ! ${what}: ${problem}`)
}

/** @param {'runtime' | 'test'} kind */
async function preparePackages(kind) {
  const { installPackages, installRefusal, missingPackages } = await import('./debian-packages.mjs')
  const missing = missingPackages(kind)
  if (missing.length === 0) return undefined
  const cure = `install them with: sudo node scripts/debian-packages.mjs${kind === 'test' ? ' --test' : ''}`
  const refusal = installRefusal()
  if (refusal)
    return `${missing.join(' ')} missing; ${refusal}. What needs them is simulated. On Debian, ${cure}`
  let left
  await showStep(`Debian packages (${missing.join(' ')})`, async () => {
    const result = await installPackages(kind, { log: () => {} })
    if (!result.ok)
      left = `${result.missing.join(' ')} missing: ${result.reason}. What needs them is simulated; ${cure}`
  })
  return left
}

async function prepareGuestImage() {
  const { buildGuestImage } = await import('./guest-image.mjs')
  const there = existsSync(join(root, 'dist/guest-image/manifest.json'))
  const work = async () => {
    await buildGuestImage({ log: () => {} })
  }
  try {
    await (there ? work() : showStep('guest image', work))
  } catch (error) {
    return `none could be built: ${wordsOf(error)}. Upload an image of your own, or try again: node scripts/guest-image.mjs`
  }
  return undefined
}

/** @param {unknown} error */
function wordsOf(error) {
  return error instanceof Error ? error.message : String(error)
}

process.exitCode = await main(process.argv.slice(2))
