/**
 * The product as people run it, on a data directory of its own: every role in one process, embedded
 * PostgreSQL, simulators below. It is ended by its process id, whatever happens.
 */
import { spawn } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { makeClient, until } from './client.mjs'
import { cpuSecondsOf, memoryMiBOf, processTree } from './processes.mjs'

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
export const PASSWORD = 'correct horse battery staple'
/** An hour of work must not be lost to a hung start. */
const READY_TIMEOUT_MS = 120_000
const STOP_TIMEOUT_MS = 60_000
/** What `npm start` runs, without npm. */
const SERVER = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  .scripts.start.replace(/^exec /, '')
  .split(' ')

const running = new Set()

/** Ends what still runs, each by its own process id, and leaves no folder. */
export async function stopEverything() {
  await Promise.all([...running].map((stop) => stop()))
  for (const dataDir of dataDirs) removeDataDir(dataDir)
}

export const simulated = { ...process.env, NEPHO_DRIVERS: 'simulated' }

const dataDirs = new Set()

export function makeDataDir() {
  const dataDir = mkdtempSync(join(tmpdir(), 'nephograph-bench-'))
  dataDirs.add(dataDir)
  return dataDir
}

export function removeDataDir(dataDir) {
  rmSync(dataDir, { recursive: true, force: true })
  dataDirs.delete(dataDir)
}

/**
 * @param {string} dataDir
 * @param {readonly string[]} command
 * @param {NodeJS.ProcessEnv} env
 */
export async function startProduct(dataDir, command = SERVER, env = simulated) {
  const began = performance.now()
  const log = openSync(join(dataDir, 'bench.log'), 'a')
  const [program, ...args] = command
  const child = spawn(program, args, {
    cwd: root,
    stdio: ['ignore', log, log],
    env: {
      ...env,
      NEPHO_DATA_DIR: dataDir,
      NEPHO_PORT: '0',
      NEPHO_ADMIN_PASSWORD: PASSWORD,
    },
  })
  closeSync(log)
  let ended = null
  const exited = new Promise((resolve) => {
    child.once('error', (error) => resolve((ended = error.message)))
    child.once('exit', (code, signal) => resolve((ended = `ended with ${code ?? signal}`)))
  })
  const stop = async () => {
    if (ended === null) child.kill('SIGTERM')
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS)
    await exited
    clearTimeout(timer)
    running.delete(stop)
  }
  running.add(stop)
  try {
    const ready = await until('ready.json', () => readReady(dataDir, () => ended), {
      everyMs: 5,
      timeoutMs: READY_TIMEOUT_MS,
    })
    const readyMs = performance.now() - began
    const client = makeClient(ready.url)
    await client.signIn(PASSWORD)
    return {
      ...{ pid: child.pid, url: ready.url, websocket: ready.websocket, client, began, readyMs },
      cpuSeconds: () => cpuSecondsOf(child.pid),
      memoryMiB: () => memoryMiBOf(child.pid),
      processes: () => processTree(child.pid).length,
      statements: async () => {
        const { text } = await client.get('/metrics')
        return Number(/^nephograph_sql_statements_total (\d+)/m.exec(text)?.[1])
      },
      /** Plain pg on the same server. @param {number} connections */
      sql: (connections) => new pg.Pool({ ...addressOf(dataDir), max: connections }),
      async stop() {
        client.close()
        await stop()
      },
    }
  } catch (error) {
    await stop()
    throw error
  }
}

/** @typedef {Awaited<ReturnType<typeof startProduct>>} Product */

async function readReady(dataDir, ended) {
  const how = ended()
  if (how !== null) {
    const log = readFileSync(join(dataDir, 'bench.log'), 'utf8').slice(-2000)
    throw new Error(`the product ${how}: ${log}`)
  }
  try {
    return JSON.parse(readFileSync(join(dataDir, 'ready.json'), 'utf8'))
  } catch (error) {
    if (error.code === 'ENOENT') return null
    throw error
  }
}

/** PostgreSQL writes the folder of its socket into the fifth line of this file. */
function addressOf(dataDir) {
  const lines = readFileSync(join(dataDir, 'postgres/data/postmaster.pid'), 'utf8').split('\n')
  return { host: lines[4], user: 'nephograph', database: 'nephograph' }
}
