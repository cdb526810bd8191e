/** Whether node_modules is what package-lock.json says, and how to make it so. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { runChild } from './progress.mjs'

/**
 * For a clone in which somebody ran `npm ci` by hand, so that it is not done again.
 * @param {string} root
 */
export function packagesMatch(root) {
  const wanted = readLock(join(root, 'package-lock.json'))
  const installed = readLock(join(root, 'node_modules/.package-lock.json'))
  if (!wanted || !installed) return false
  return Object.entries(wanted).every(([path, { version, optional, link }]) => {
    const there = installed[path]
    if (path === '' || link) return true
    return there ? there.version === version : optional === true
  })
}

/**
 * @param {string} file
 * @returns {Record<string, { version?: string, optional?: boolean, link?: boolean }> | null}
 */
function readLock(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages
  } catch {
    return null
  }
}

/**
 * Development packages too: they build what is started.
 * @param {string} root
 */
export function installNpmPackages(root) {
  const args = ['ci', '--include=dev', '--include=optional', '--no-audit', '--no-fund']
  // The npm that runs us, if one does: its version suits this Node.
  const npm = process.env.npm_execpath
  return npm?.endsWith('.js')
    ? runChild(process.execPath, [npm, ...args], { cwd: root })
    : runChild('npm', args, { cwd: root })
}
