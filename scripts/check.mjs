#!/usr/bin/env node
/**
 * All that can be said of the tree without running it: npm run check. Every check runs, also after
 * one has failed; the exit status says whether all held.
 */
import { spawnSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const bin = (name) => join(root, 'node_modules/.bin', name)
const folders = [
  'services',
  'schema',
  'resolvers',
  'workers',
  'drivers',
  'server',
  'web',
  'scripts',
  'test',
]

/** @type {readonly [what: string, command: string, args: string[]][]} */
const checks = [
  ['format', bin('biome'), ['check', '.']],
  ['lint', bin('oxlint'), ['--type-aware', '--deny-warnings']],
  ['types', bin('tsc'), ['-p', '.']],
  ['arrows between folders', bin('depcruise'), ['--config', '.dependency-cruiser.cjs', ...folders]],
  ['dead code', bin('knip'), []],
  ['server builds', process.execPath, [join(root, 'scripts/build-server.mjs')]],
  ['portal builds', bin('vite'), ['build', '--config', 'web/vite.config.ts', '--logLevel', 'warn']],
]

let failed = 0
for (const [what, command, args] of checks) {
  const began = Date.now()
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: root, encoding: 'utf8' })
  const seconds = ((Date.now() - began) / 1000).toFixed(1)
  console.log(`${status === 0 ? 'ok   ' : 'FAIL '} ${what} (${seconds} s)`)
  if (status === 0) continue
  failed++
  console.log(`${stdout}${stderr}`.slice(-20_000))
}
console.log(failed ? `${failed} of ${checks.length} checks failed` : `${checks.length} checks held`)
process.exitCode = failed ? 1 : 0
