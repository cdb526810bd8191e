/**
 * `nepho simulate`: the cloud with as many simulated hosts and servers as one likes, in a data directory
 * of its own. It is the product itself: every host has its agent, and every server was asked for over
 * the API, took its quota and was placed.
 */
import { spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { adminPassword } from '../admin-password.ts'
import { projectRoot } from '../project-root.ts'
import { readReady } from '../ready-file.ts'
import { fill } from './simulate-fill.ts'
import type { Say } from './terminal.ts'

export interface SimulateOptions {
  hosts: number
  servers: number
  /** Requests at once. */
  clients: number
  dataDir: string
  /** As the settings simulatedDelays and simulatedFaults take them. */
  delay?: string
  fault?: string
  env: NodeJS.ProcessEnv
}

const LOOK_MS = 250
/** A host's start costs some milliseconds. */
const READY_MS = 60_000
const READY_MS_PER_HOST = 60

/** Resolves with the exit status when the cloud has been stopped. */
export async function simulate(options: SimulateOptions, say: Say): Promise<number> {
  const { hosts, dataDir, delay, fault } = options
  mkdirSync(dataDir, { recursive: true, mode: 0o711 })
  say(`${hosts} simulated hosts; their cloud is kept in ${dataDir}`)
  const child = spawn(process.execPath, ['--enable-source-maps', mainFile()], {
    stdio: 'inherit',
    env: {
      // Thousands of agents have too much to tell.
      NEPHO_LOG_LEVEL: 'warn',
      ...options.env,
      NODE_ENV: 'production',
      NEPHO_DATA_DIR: dataDir,
      NEPHO_DRIVERS: 'simulated',
      NEPHO_SIMULATED_HOSTS: String(hosts),
      ...(delay && { NEPHO_SIMULATED_DELAYS: delay }),
      ...(fault && { NEPHO_SIMULATED_FAULTS: fault }),
    },
  })
  const ended = new Promise<number>((resolve) => child.once('exit', (code) => resolve(code ?? 1)))
  const over = new AbortController()
  void ended.then(() => over.abort())
  // The terminal tells both of us; the child stops in order, and we wait for it.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      over.abort()
      child.kill(signal)
    })
  }
  const patience = READY_MS + hosts * READY_MS_PER_HOST
  const url = await urlOf(child.pid, dataDir, over.signal, patience)
  if (url) {
    const { password } = adminPassword(dataDir, undefined)
    await fill({ ...options, url, password, end: over.signal }, say).catch((error: Error) => {
      if (!over.signal.aborted) say(`  the servers could not be made: ${error.message}`)
    })
  }
  return ended
}

const mainFile = (): string => join(projectRoot(), 'dist', 'server', 'main.js')

/** The API's address once everything of that process answers; null when it does not. */
async function urlOf(
  pid: number | undefined,
  dataDir: string,
  end: AbortSignal,
  timeoutMs: number,
): Promise<string | null> {
  for (const until = Date.now() + timeoutMs; Date.now() < until; await sleep(LOOK_MS)) {
    if (end.aborted) return null
    const ready = readReady(dataDir)
    // One that was killed may have left its own.
    if (ready?.pid === pid) return ready?.url ?? null
  }
  return null
}
