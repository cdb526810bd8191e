/**
 * The embedded database: a real PostgreSQL that belongs to this process, in `<data dir>/postgres`.
 *
 * E1 One process owns it (folder lock); a second start is refused with the owner's process id.
 * E2 A data folder is complete or not there: initdb works beside it and the result is renamed.
 * E3 A server that dies is started again, at most `MAX_RESTARTS` times in a row; clients see broken
 *    connections and connect anew to the same address.
 * E4 `stop` leaves no process, in whatever state the server is, and may be called again.
 */
import {
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
} from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import type { Logger } from 'pino'
import { lockFolder } from '../folder-lock.ts'
import { findBinaries, run } from './postgres-binaries.ts'
import { letPass, serverUser } from './postgres-user.ts'
import type { Postmaster, PostmasterOptions } from './postmaster.ts'
import { endRemains, SUPERUSER, startPostmaster, stopPostmaster } from './postmaster.ts'
import { makeSocketFolder } from './socket-folder.ts'

const DATABASE = 'nephograph'
const INITDB_TIMEOUT_MS = 120_000
const MAX_CONNECTIONS = 60
const MAX_RESTARTS = 8
const RESTART_PAUSE_MS = 100
const RESTART_PAUSE_LIMIT_MS = 5_000
/** A server that lived this long was well: its death begins a new row of tries. */
const WELL_AFTER_MS = 60_000
const LOG_LIMIT_BYTES = 8 * 1024 * 1024
const LOG_CHECK_MS = 60_000

export interface EmbeddedOptions {
  dataDir: string
  log: Pick<Logger, 'info' | 'warn' | 'error'>
  /** Told when the server died and could not be started again; nothing is tried after that. */
  onFailure?: (error: Error) => void
  /** False leaves out fsync: for tests only. Default true. */
  durable?: boolean
  /** Default 60. */
  maxConnections?: number
  /** True: it may be home of cells, or a cell. Once it has been, it must stay so. Default false. */
  replication?: boolean
  /** Failed starts in a row before it is given up. Default 8, over some 16 seconds. */
  maxRestarts?: number
  /** Only these binaries (`/usr/lib/postgresql/15/bin`). Default: the npm package's, then Debian's. */
  binariesFolder?: string
}

export interface EmbeddedPostgres {
  /** Good for pg, Prisma's adapter and psql. Holds no secret. */
  url: string
  major: number
  stop(): Promise<void>
}

/** Starts the database of a data directory, making it when there is none yet. */
export async function startEmbeddedPostgres(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  mkdirSync(options.dataDir, { recursive: true, mode: 0o711 })
  const home = join(realpathSync(options.dataDir), 'postgres')
  mkdirSync(home, { recursive: true, mode: 0o711 })
  const lock = await lockFolder(home)
  const stopping = new AbortController()
  try {
    const server = await prepare(home, options)
    const postmaster = await launch(server, stopping.signal, options.log)
    await ensureDatabase(server.socketFolder)
    const supervisor = supervise(server, postmaster, stopping.signal, options)
    const trimmer = setInterval(() => trimLog(server.logFile), LOG_CHECK_MS).unref()
    let stopped: Promise<void> | undefined
    const stop = async () => {
      clearInterval(trimmer)
      stopping.abort()
      try {
        await supervisor
        await endRemains(server.dataFolder)
      } finally {
        removeSocketFolder(server.socketFolder, home)
        lock.release()
      }
    }
    return {
      url: `postgresql://${SUPERUSER}@localhost/${DATABASE}?host=${encodeURIComponent(server.socketFolder)}`,
      major: server.binaries.major,
      stop: () => (stopped ??= stop()),
    }
  } catch (error) {
    lock.release()
    throw new Error('the embedded PostgreSQL could not be started', { cause: error })
  }
}

async function prepare(home: string, options: EmbeddedOptions): Promise<PostmasterOptions> {
  const dataFolder = join(home, 'data')
  const user = serverUser(dataFolder)
  letPass(home, options.dataDir, user)
  const binaries = await findBinaries({
    user,
    major: majorOf(dataFolder),
    copies: home,
    ...(options.binariesFolder ? { folder: options.binariesFolder } : {}),
  })
  const server: PostmasterOptions = {
    binaries,
    user,
    dataFolder,
    socketFolder: makeSocketFolder(home, user),
    logFile: join(home, 'postgres.log'),
    durable: options.durable ?? true,
    maxConnections: options.maxConnections ?? MAX_CONNECTIONS,
    replication: options.replication ?? false,
  }
  if (!existsSync(dataFolder)) await initialise(server)
  return server
}

function majorOf(dataFolder: string): number | null {
  const file = join(dataFolder, 'PG_VERSION')
  return existsSync(file) ? Number(readFileSync(file, 'utf8').trim()) : null
}

async function initialise({
  binaries,
  user,
  dataFolder,
  durable,
}: PostmasterOptions): Promise<void> {
  const partial = `${dataFolder}.partial`
  rmSync(partial, { recursive: true, force: true })
  mkdirSync(partial, { mode: 0o700 })
  if (user) chownSync(partial, user.uid, user.gid)
  // The same order and the same letters everywhere, whatever locales the machine has.
  const locale =
    binaries.major >= 17 ? ['--locale-provider=builtin', '--locale=C.UTF-8'] : ['--locale=C.UTF-8']
  const command = [
    ...binaries.launcher,
    join(binaries.folder, 'initdb'),
    '-D',
    partial,
    '-U',
    SUPERUSER,
    '--auth-local=trust',
    '--auth-host=reject',
    '-E',
    'UTF8',
  ]
  await run([...command, ...locale, ...(durable ? [] : ['--no-sync'])], user, INITDB_TIMEOUT_MS)
  renameSync(partial, dataFolder)
}

async function launch(
  server: PostmasterOptions,
  signal: AbortSignal,
  log: EmbeddedOptions['log'],
): Promise<Postmaster> {
  const ended = await endRemains(server.dataFolder)
  if (ended > 0) log.warn({ processes: ended }, 'ended an old PostgreSQL in this data directory')
  trimLog(server.logFile)
  return startPostmaster(server, signal)
}

async function ensureDatabase(socketFolder: string): Promise<void> {
  const client = new pg.Client({ host: socketFolder, user: SUPERUSER, database: 'postgres' })
  // A lost connection also rejects the statement at hand.
  client.on('error', () => {})
  await client.connect()
  try {
    const there = await client.query('select 1 from pg_database where datname = $1', [DATABASE])
    if (there.rowCount === 0) await client.query(`create database ${DATABASE}`)
  } finally {
    await client.end()
  }
}

/** Keeps a server running until the signal, then stops it. Resolves when no server is left. */
async function supervise(
  server: PostmasterOptions,
  first: Postmaster,
  signal: AbortSignal,
  options: EmbeddedOptions,
): Promise<void> {
  const stopped = new Promise<null>((resolve) => {
    signal.addEventListener('abort', () => resolve(null), { once: true })
  })
  let postmaster: Postmaster | null = first
  const { maxRestarts = MAX_RESTARTS } = options
  let restarts = 0
  let since = Date.now()
  while (!signal.aborted) {
    const how: string | null = postmaster && (await Promise.race([postmaster.exited, stopped]))
    if (signal.aborted) break
    if (postmaster)
      options.log.error({ pid: postmaster.pid, how }, 'PostgreSQL died, starting it again')
    if (postmaster && Date.now() - since > WELL_AFTER_MS) restarts = 0
    postmaster = null
    if (++restarts > maxRestarts) return giveUp(server, maxRestarts, options)
    try {
      await pause(Math.min(RESTART_PAUSE_MS * 2 ** (restarts - 1), RESTART_PAUSE_LIMIT_MS), null, {
        signal,
      })
      postmaster = await launch(server, signal, options.log)
      since = Date.now()
      options.log.warn({ pid: postmaster.pid, restarts }, 'PostgreSQL is back')
    } catch (error) {
      if (!signal.aborted) options.log.error({ err: error, restarts }, 'PostgreSQL did not start')
    }
  }
  if (postmaster) await stopPostmaster(postmaster)
}

function giveUp(server: PostmasterOptions, tries: number, options: EmbeddedOptions): void {
  const error = new Error(
    `PostgreSQL could not be kept running: ${tries} starts in a row failed; its log is ${server.logFile}`,
  )
  options.log.error({ err: error }, 'giving PostgreSQL up')
  options.onFailure?.(error)
}

/** The server appends to this file; emptying it in place keeps its handle good. */
function trimLog(logFile: string): void {
  if (!existsSync(logFile) || statSync(logFile).size < LOG_LIMIT_BYTES) return
  copyFileSync(logFile, `${logFile}.1`)
  truncateSync(logFile)
}

function removeSocketFolder(socketFolder: string, home: string): void {
  if (!socketFolder.startsWith(home)) rmSync(socketFolder, { recursive: true, force: true })
}
