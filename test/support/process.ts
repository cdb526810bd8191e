/**
 * The built product (`dist/server/main.js`) in processes of their own: started, signalled by pid, and
 * brought back on the same data directory. NEPHO_TEST_SERVER runs another bundle below the project.
 *
 * P1 Nothing outlives the test: each process dies with us, `endProducts` kills what still runs and then,
 *    by pid, what works in its folder (PostgreSQL, QEMU), and removes the folder.
 * P2 A process belongs to a folder when it works in it or names it in its command line.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type Ready, readReady } from '../../server/ready-file.ts'
import { readWhole } from '../../server/whole-file.ts'
import { PASSWORD } from './cluster.ts'
import { until } from './until.ts'

const ROOT = new URL('../..', import.meta.url).pathname
const SERVER = process.env.NEPHO_TEST_SERVER ?? join(ROOT, 'dist/server/main.js')
const NEPHO = join(dirname(SERVER), 'nepho.js')
const DIE_WITH_TEST = ['--pdeathsig', 'KILL', '--']
const READY_TIMEOUT_MS = 90_000
const NEPHO_TIMEOUT_MS = 60_000
const GONE_TIMEOUT_MS = 60_000
const OUTPUT_TAIL_CHARACTERS = 200_000

export interface ProductOptions {
  dataDir: string
  roles?: string
  env?: Record<string, string>
  /** The network namespace that it runs in; by default ours. */
  namespace?: string
}

export interface Product {
  readonly pid: number
  readonly dataDir: string
  /** Resolves, never rejects, with the exit code or the signal. */
  readonly exited: Promise<number | NodeJS.Signals>
  /** How it ended; null while it lives. */
  ended(): number | NodeJS.Signals | null
  /** The last words on standard output and standard error. */
  output(): string
  /** Resolves when its `ready.json` is there; rejects with its last words when it ends before. */
  ready(): Promise<Ready>
  /** Signals the process and resolves when it has gone. */
  end(signal: NodeJS.Signals): Promise<number | NodeJS.Signals>
}

const products = new Set<Product>()
const folders = new Set<string>()

/** A new folder for data directories, which goes with `endProducts`. */
export function productFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'nephograph-process-'))
  folders.add(folder)
  return folder
}

export function startProduct({ dataDir, roles, env, namespace }: ProductOptions): Product {
  const more = roles ? ['--roles', roles] : []
  const program = [process.execPath, '--enable-source-maps', SERVER, ...more]
  const command = [...inNamespace(namespace), ...program]
  const child = spawn('setpriv', [...DIE_WITH_TEST, ...command], {
    cwd: ROOT,
    env: {
      PATH: process.env.PATH,
      NEPHO_PORT: '0',
      NEPHO_DATA_DIR: dataDir,
      NEPHO_DRIVERS: 'simulated',
      NEPHO_ADMIN_PASSWORD: PASSWORD,
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const output = collect(child)
  let end: number | NodeJS.Signals | null = null
  const exited = new Promise<number | NodeJS.Signals>((resolve) => {
    child.once('exit', (code, signal) => resolve((end = signal ?? code ?? -1)))
    child.once('error', () => resolve((end = -1)))
  })
  const product: Product = {
    pid: child.pid ?? 0,
    dataDir,
    exited,
    ended: () => end,
    output,
    ready: () =>
      until(
        `${roles ?? 'the product'} is ready`,
        () => {
          const ready = readReady(dataDir)
          if (ready?.pid === child.pid) return ready
          if (end !== null) throw new Error(`it ended with ${end}:\n${output().slice(-4_000)}`)
          return null
        },
        READY_TIMEOUT_MS,
      ),
    end: async (signal) => {
      if (end === null) child.kill(signal)
      await until(`process ${child.pid} has gone`, () => end !== null, GONE_TIMEOUT_MS)
      return exited
    },
  }
  products.add(product)
  return product
}

/** `ip` replaces itself by the program: the pid is the program's. */
const inNamespace = (name?: string): string[] => (name ? ['ip', 'netns', 'exec', name] : [])

interface NephoOptions {
  dataDir: string
  args: string[]
  input?: string
  namespace?: string
}

/** Runs the command `nepho`; resolves to what it said, rejects with it when it fails. */
export function runNepho({ dataDir, args, input = '', namespace }: NephoOptions): Promise<string> {
  const command = [...inNamespace(namespace), process.execPath, NEPHO, ...args]
  return new Promise((resolve, reject) => {
    const env = { PATH: process.env.PATH, NEPHO_DATA_DIR: dataDir }
    const child = execFile(
      'setpriv',
      [...DIE_WITH_TEST, ...command],
      { cwd: ROOT, env, timeout: NEPHO_TIMEOUT_MS },
      (error, stdout, stderr) =>
        error ? reject(new Error(stderr || error.message)) : resolve(stdout),
    )
    child.stdin?.end(input)
  })
}

function collect(child: ChildProcess): () => string {
  let text = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      text = (text + chunk).slice(-OUTPUT_TAIL_CHARACTERS)
    })
  }
  return () => text
}

/** After each file, and after a test that failed: ends everything (P1). */
export async function endProducts(): Promise<void> {
  for (const product of products) await product.end('SIGKILL')
  products.clear()
  for (const folder of folders) {
    await until(
      `nothing works in ${folder}`,
      () => {
        const left = processesIn(folder)
        for (const { pid } of left) kill(pid)
        return left.length === 0
      },
      GONE_TIMEOUT_MS,
    )
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  }
  folders.clear()
}

export interface Found {
  pid: number
  command: string
}

/** The living processes of a folder, by P2; ourselves not counted. */
export function processesIn(folder: string): Found[] {
  const pids = readdirSync('/proc').map(Number).filter(Number.isSafeInteger)
  return pids.flatMap((pid) => {
    if (pid === process.pid) return []
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
      const cwd = readlinkSync(`/proc/${pid}/cwd`)
      return cwd.startsWith(folder) || command.includes(folder) ? [{ pid, command }] : []
    } catch {
      return [] // It has just gone, or is a zombie.
    }
  })
}

export function kill(pid: number, signal: NodeJS.Signals = 'SIGKILL'): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** Of the embedded PostgreSQL in a data directory: its pid and where it listens. */
export function postmasterOf(dataDir: string): { pid: number; url: string } | null {
  const text = readWhole(join(dataDir, 'postgres', 'data', 'postmaster.pid')) ?? ''
  const [pid = '', , , , socket = ''] = text.split('\n')
  const url = `postgresql://nephograph@localhost/nephograph?host=${encodeURIComponent(socket)}`
  return socket ? { pid: Number(pid), url } : null
}
