/**
 * One PostgreSQL server process: started, awaited, stopped, and found again when its parent died.
 *
 * M1 It runs in a session of its own, so that Ctrl-C in a terminal reaches us first and we stop it
 *    last; where `setpriv` exists the kernel ends it when our thread dies (`--pdeathsig`, which
 *    follows the thread that spawned it: start it from the main thread).
 * M2 It listens on a unix socket only. Authentication is `trust` behind a 0700 folder: whoever
 *    could open that folder (root, the server's own user) owns the data files as well, so that a
 *    password would guard nothing.
 * M3 What is left of a dead parent's server is ended, never adopted: it would be nobody's child, and
 *    a server that is told to stop by its kernel can not be taken back.
 */

import type { ChildProcess } from 'node:child_process'
import { execFileSync, spawn } from 'node:child_process'
import { closeSync, openSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { platform } from 'node:os'
import { basename, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import { birthOf } from '../folder-lock.ts'
import { readWhole } from '../whole-file.ts'
import type { PostgresBinaries } from './postgres-binaries.ts'
import { POSTGRES_ENVIRONMENT } from './postgres-binaries.ts'
import { serverSettings } from './postgres-settings.ts'
import type { SystemUser } from './postgres-user.ts'

/** Recovery after a crash may have much to replay. */
const READY_TIMEOUT_MS = 120_000
const READY_POLL_MS = 20
const ANSWER_TIMEOUT_MS = 5_000
/** SIGINT: sessions are ended, a checkpoint is written. */
const FAST_STOP_MS = 20_000
/** SIGQUIT: everything drops dead, the next start recovers from the log. */
const IMMEDIATE_STOP_MS = 5_000
const KILL_MS = 5_000
const GONE_POLL_MS = 20
const PS_TIMEOUT_MS = 5_000
const LOG_TAIL_LINES = 8

export interface PostmasterOptions {
  binaries: PostgresBinaries
  user: SystemUser | null
  dataFolder: string
  socketFolder: string
  logFile: string
  /** False leaves out fsync: only for data that may be lost with the machine. */
  durable: boolean
  maxConnections: number
  /** True lets other databases have copies of tables of this one. */
  replication: boolean
}

export interface Postmaster {
  readonly pid: number
  /** Resolves, never rejects, when the process is gone; to the words for it. */
  readonly exited: Promise<string>
}

/** Starts the server and resolves when it answers a query. */
export async function startPostmaster(
  options: PostmasterOptions,
  signal: AbortSignal,
): Promise<Postmaster> {
  const child = spawnServer(options)
  const exited = new Promise<string>((resolve) => {
    child.once('exit', (code, by) => resolve(by ? `killed by ${by}` : `ended with code ${code}`))
    child.once('error', (error) => resolve(`could not be started: ${error.message}`))
  })
  const life: { end: string | null } = { end: null }
  void exited.then((how) => {
    life.end = how
  })
  const deadline = Date.now() + READY_TIMEOUT_MS
  for (;;) {
    const problem = await tryQuery(options.socketFolder)
    if (problem === null && child.pid !== undefined) return { pid: child.pid, exited }
    if (life.end !== null) throw new Error(`PostgreSQL ${life.end}. ${logTail(options.logFile)}`)
    if (signal.aborted || Date.now() > deadline) {
      await stopPostmaster({ pid: child.pid ?? 0, exited })
      signal.throwIfAborted()
      throw new Error(`PostgreSQL was not ready after ${READY_TIMEOUT_MS} ms: ${problem}`)
    }
    await pause(READY_POLL_MS)
  }
}

function spawnServer(options: PostmasterOptions): ChildProcess {
  const { binaries, user } = options
  const [program = '', ...args] = [
    ...binaries.launcher,
    join(binaries.folder, 'postgres'),
    '-D',
    options.dataFolder,
    ...serverSettings({ ...options, major: binaries.major }).flatMap(([name, value]) => [
      '-c',
      `${name}=${value}`,
    ]),
  ]
  const log = openSync(options.logFile, 'a', 0o600)
  try {
    return spawn(program, args, {
      cwd: '/',
      detached: true,
      env: POSTGRES_ENVIRONMENT,
      stdio: ['ignore', log, log],
      ...(user ? { uid: user.uid, gid: user.gid } : {}),
    })
  } finally {
    closeSync(log)
  }
}

/** Null when the server answers, otherwise what is in the way. */
async function tryQuery(socketFolder: string): Promise<string | null> {
  const client = new pg.Client({
    host: socketFolder,
    user: SUPERUSER,
    database: 'postgres',
    connectionTimeoutMillis: ANSWER_TIMEOUT_MS,
    query_timeout: ANSWER_TIMEOUT_MS,
  })
  client.on('error', () => {})
  try {
    await client.connect()
    await client.query('select 1')
    return null
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  } finally {
    await client.end().catch(() => {})
  }
}

export const SUPERUSER = 'nephograph'

/** Ends the server, at first politely; resolves when the process is gone. */
export async function stopPostmaster(postmaster: Postmaster): Promise<void> {
  const steps: [NodeJS.Signals, number][] = [
    ['SIGINT', FAST_STOP_MS],
    ['SIGQUIT', IMMEDIATE_STOP_MS],
    ['SIGKILL', KILL_MS],
  ]
  for (const [name, waitMs] of steps) {
    sendSignal(postmaster.pid, name)
    const done = new AbortController()
    const late = pause(waitMs, 'late' as const, { signal: done.signal }).catch(
      () => 'late' as const,
    )
    const first = await Promise.race([postmaster.exited, late])
    done.abort()
    if (first !== 'late') return
  }
  throw new Error(`PostgreSQL (process ${postmaster.pid}) could not be ended`)
}

/**
 * Ends every server process that still works in the data folder: a postmaster whose parent was
 * killed, or the sessions of a postmaster that was killed. Afterwards the folder can be opened.
 */
export async function endRemains(dataFolder: string): Promise<number> {
  const before = serverProcesses(dataFolder).length
  if (before > 0) {
    const postmaster = recordedPid(dataFolder)
    const leader = serverProcesses(dataFolder).filter((pid) => pid === postmaster)
    const gone =
      (leader.length > 0 && (await endAll(dataFolder, leader, 'SIGINT', FAST_STOP_MS))) ||
      (await endAll(dataFolder, serverProcesses(dataFolder), 'SIGQUIT', IMMEDIATE_STOP_MS)) ||
      (await endAll(dataFolder, serverProcesses(dataFolder), 'SIGKILL', KILL_MS))
    if (!gone) throw new Error(`an old PostgreSQL in ${dataFolder} could not be ended`)
  }
  forgetStranger(dataFolder)
  return before
}

const PID_FILE = 'postmaster.pid'

async function endAll(
  dataFolder: string,
  pids: number[],
  signal: NodeJS.Signals,
  waitMs: number,
): Promise<boolean> {
  for (const pid of pids) sendSignal(pid, signal)
  const deadline = Date.now() + waitMs
  while (Date.now() < deadline) {
    if (serverProcesses(dataFolder).length === 0) return true
    await pause(GONE_POLL_MS)
  }
  return false
}

function sendSignal(pid: number, signal: NodeJS.Signals): void {
  if (pid <= 0) return
  try {
    process.kill(pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

function recordedPid(dataFolder: string): number | null {
  return Number.parseInt(readWhole(join(dataFolder, PID_FILE)) ?? '', 10) || null
}

/**
 * PostgreSQL's processes of this data folder: each has it as its working directory. Elsewhere than
 * on Linux only the postmaster itself can be told.
 */
function serverProcesses(dataFolder: string): number[] {
  if (platform() !== 'linux') {
    const pid = recordedPid(dataFolder)
    return pid !== null && programOf(pid) === 'postgres' ? [pid] : []
  }
  const folder = statSync(dataFolder)
  const pids = readdirSync('/proc').map(Number).filter(Number.isSafeInteger)
  return pids.filter((pid) => programOf(pid) === 'postgres' && worksIn(pid, folder) === true)
}

/** Null when we may not know. */
function worksIn(pid: number, folder: { dev: number; ino: number }): boolean | null {
  try {
    const cwd = statSync(`/proc/${pid}/cwd`)
    return cwd.dev === folder.dev && cwd.ino === folder.ino
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? false : null
  }
}

/** The short name of a living process's program, or null. */
function programOf(pid: number): string | null {
  try {
    if (platform() === 'linux') return readFileSync(`/proc/${pid}/comm`, 'utf8').trim()
    const name = execFileSync('ps', ['-o', 'comm=', '-p', String(pid)], { timeout: PS_TIMEOUT_MS })
    return basename(name.toString().trim())
  } catch {
    return null
  }
}

/**
 * PostgreSQL refuses to start when the process in its file lives, whatever it is. After a reboot
 * that number may belong to another program; then, and only then, the file goes.
 */
function forgetStranger(dataFolder: string): void {
  const pid = recordedPid(dataFolder)
  if (pid === null || birthOf(pid) === null) return
  const stranger =
    programOf(pid) !== 'postgres' ||
    (platform() === 'linux' && worksIn(pid, statSync(dataFolder)) === false)
  if (stranger) rmSync(join(dataFolder, PID_FILE), { force: true })
}

/** The last words of the server's log, for an error message. */
function logTail(logFile: string): string {
  const lines = readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-LOG_TAIL_LINES)
  return `Its last words (${logFile}):\n${lines.join('\n')}`
}
