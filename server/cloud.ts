/**
 * The composition: builds the pieces of the roles that this process has, in the order in which they
 * need each other, and takes them down in the reverse order. What a role is made of is in `roles/`.
 */
import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import type { Logger } from 'pino'
import type { Cloud } from '../services/context.ts'
import type { Agent } from '../workers/agent/agent.ts'
import type { Bus } from '../workers/bus.ts'
import { type Caller, makeCaller } from '../workers/call.ts'
import { startScheduler } from '../workers/scheduler.ts'
import type { CellOptions } from './cells/cells.ts'
import { startCenter } from './center.ts'
import type { Config } from './config.ts'
import type { ComputeConfig } from './config-compute.ts'
import type { IdentityConfig } from './config-identity.ts'
import type { Role } from './config-process.ts'
import type { AgentHost } from './drivers.ts'
import { startAgents } from './roles/agent.ts'
import { startApi } from './roles/api.ts'
import { startConducting } from './roles/conductor.ts'

export interface CloudOptions {
  config: Pick<Config, 'host' | 'port' | 'dataDir' | 'roles' | 'apiUrl'> &
    IdentityConfig &
    ComputeConfig
  log: Logger
  bus: Bus
  /** Needed by every role but the agent. */
  databaseUrl: string | null
  /** Nobody else works on this database: what a dead process held can be taken at once. */
  alone: boolean
  adminPassword: string
  hosts: AgentHost[]
  webDir: string
  /** Told to stop while it starts: guests that are not back yet stay for the next start. */
  signal?: AbortSignal
  heartbeatMs?: number
  leaseMs?: number
  onStatement?: (sql: string) => void
  /** Cells besides the first, for the api role. */
  cells?: readonly CellOptions[]
}

/** What the start of every role is given. */
export interface Start extends CloudOptions {
  heartbeatMs: number
  /** This process, as tasks and callers name it. */
  owner: string
  caller: Caller
  /** Takes a piece down again, after all that were put up later. */
  onStop(close: Close): void
}

type Guests = 'stop' | 'leave'
type Close = (guests: Guests) => Promise<unknown>

export interface RunningCloud {
  /** Null without the api role. */
  url: string | null
  cloud: Cloud | null
  /** Resolves when the hosts of this process take servers. */
  hostsUp: Promise<void>
  /** How many of them do not yet. */
  hostsLeft(): number
  stop(options?: { guests: Guests }): Promise<void>
}

const HEARTBEAT_MS = 5_000

export async function startCloud(options: CloudOptions): Promise<RunningCloud> {
  const { config, log, bus, databaseUrl, hosts } = options
  const closers: Close[] = []
  const stop: RunningCloud['stop'] = async ({ guests } = { guests: 'leave' }) => {
    for (const close of closers.splice(0).reverse()) {
      await close(guests).catch((err) => log.error({ err }, 'could not stop cleanly'))
    }
  }
  try {
    const has = (role: Role): boolean => config.roles.includes(role)
    const owner = `${hostname()}/${process.pid}/${randomUUID().slice(0, 8)}`
    const caller = await makeCaller(bus, { name: owner, log })
    closers.push(() => caller.close())
    const onStop: Start['onStop'] = (close) => void closers.push(close)
    const start: Start = { heartbeatMs: HEARTBEAT_MS, ...options, owner, caller, onStop }
    const center = databaseUrl === null ? null : await startCenter(start, databaseUrl)
    const url = center && has('api') ? await startApi(start, center) : null
    const awaited = has('agent') && has('conductor') ? hosts.map(({ name }) => name) : []
    const { seen, allSeen, left } = rollCall(awaited)
    if (center && has('scheduler')) {
      const scheduler = await startScheduler(bus, center.cloud.placement, log)
      onStop(() => scheduler.stop())
    }
    // Stopped after the conductor: until then its tasks in hand can still come to their ends.
    const agents: Agent[] = []
    onStop((guests) => Promise.all(agents.map((agent) => agent.stop({ guests }))))
    if (center && has('conductor')) await startConducting(start, center, seen)
    if (has('agent')) await startAgents(start, { center, url, agents })
    const cloud = center?.cloud ?? null
    return { url, cloud, hostsUp: allSeen, hostsLeft: left, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** Resolves when each of the names was seen; at once when there is none. */
function rollCall(names: readonly string[]) {
  const missing = new Set(names)
  let complete = (): void => {}
  const allSeen = new Promise<void>((resolve) => {
    complete = resolve
  })
  if (missing.size === 0) complete()
  const seen = (name: string): void => {
    missing.delete(name)
    if (missing.size === 0) complete()
  }
  return { seen, allSeen, left: () => missing.size }
}
