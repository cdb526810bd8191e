/** One preparation at a time in a clone: the others wait. Works before there are any packages. */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

const POLL_MS = 200
const WAIT_MS = 40 * 60_000

/**
 * @param {string} file
 * @param {(owner: number) => void} onWait told once when somebody else is at work
 * @returns {Promise<() => void>} gives the lock back
 */
export async function takeLock(file, onWait) {
  mkdirSync(dirname(file), { recursive: true })
  const deadline = Date.now() + WAIT_MS
  let told = false
  while (!claim(file)) {
    const owner = ownerOf(file)
    if (owner !== null && !isAlive(owner)) {
      removeStale(file, owner)
      continue
    }
    if (owner !== null && !told) onWait(owner)
    told ||= owner !== null
    if (Date.now() > deadline) throw new Error(`process ${owner} has been preparing for too long`)
    await pause(POLL_MS)
  }
  const giveBack = () => rmSync(file, { force: true })
  process.once('exit', giveBack)
  return () => {
    process.off('exit', giveBack)
    giveBack()
  }
}

/** @param {string} file */
function claim(file) {
  try {
    writeFileSync(file, `${process.pid}\n`, { flag: 'wx' })
    return true
  } catch (error) {
    if (error.code === 'EEXIST') return false
    throw error
  }
}

/** @param {string} file */
function ownerOf(file) {
  try {
    return Number.parseInt(readFileSync(file, 'utf8'), 10) || null
  } catch {
    return null // It was given back just now, or is being written.
  }
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

/**
 * Moved aside before it is removed: only one of several that found it stale succeeds, and what
 * turns out to be somebody's new lock is put back.
 * @param {string} file
 * @param {number} owner
 */
function removeStale(file, owner) {
  const aside = `${file}.${process.pid}`
  try {
    renameSync(file, aside)
  } catch {
    return
  }
  if (ownerOf(aside) === owner) rmSync(aside, { force: true })
  else renameSync(aside, file)
}
