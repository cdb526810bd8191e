/**
 * The compute agent: one per host, the only one who drives its machines. It is told by calls,
 * reports facts, and holds the bus and its host, nothing else: no database.
 *
 * Start: remember, bring back what should run, report the host, take calls. Stop: the other way
 * round.
 */
import type { KeyObject } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { Logger } from 'pino'
import type { ComputeDriver } from '../../drivers/compute/driver.ts'
import type { Bus } from '../bus.ts'
import { serveCalls } from '../call.ts'
import { settledWithin } from '../pause.ts'
import { bringGuestsBack, stopGuests } from './guests.ts'
import { Journal } from './journal.ts'
import { Reporter } from './reports.ts'
import { VerbRunner } from './verb-runner.ts'
import { makeVerbs } from './verbs.ts'
import { OpenConsoles } from './verbs-console.ts'

const HEARTBEAT_MS = 5_000
/** Also the calls that wait for a machine or a place: a reading call must not queue behind them. */
const CALLS_AT_ONCE = 256
/** What a verb gets to end by itself when the agent stops. */
const VERB_GRACE_MS = 2_000
const GUEST_STOP_TIMEOUT_MS = 20_000
const BOOT_ID_FILE = '/proc/sys/kernel/random/boot_id'

export interface AgentSettings {
  bus: Bus
  /** The agent's own: it is closed when the agent stops. */
  driver: ComputeDriver
  hostName: string
  /** A folder of this agent's own; it outlives the agent. */
  stateDir: string
  /** Where images are fetched and put, and streams opened: `<apiUrl><path>`. */
  apiUrl: string
  heartbeatMs?: number
  /** The host's own, with which it joined; without one its reports are not signed. */
  key?: KeyObject | null
  /** What guests get to shut down when they are stopped with the agent, before they are forced. */
  guestStopTimeoutMs?: number
  /** What differs after each boot of the host; by default the kernel's boot id. */
  bootId?: string
  /** Ends the bringing back of guests; the next start goes on with it. */
  signal?: AbortSignal
  log: Logger
}

export interface Agent {
  /**
   * `leave`: the guests go on running and a later agent finds them. `stop`: they are shut down, and
   * the next start brings them back.
   */
  stop(options: { guests: 'stop' | 'leave' }): Promise<void>
}

/** Resolves when the host has been reported and calls are taken. */
export async function startAgent(settings: AgentSettings): Promise<Agent> {
  const { bus, driver, hostName, stateDir, apiUrl, heartbeatMs = HEARTBEAT_MS } = settings
  const log = settings.log.child({ host: hostName })
  const journal = await Journal.open(stateDir, log)
  const bootId = settings.bootId ?? (await readBootId())
  const hostRebooted = journal.host.bootId !== null && journal.host.bootId !== bootId
  const failures = await bringGuestsBack({ driver, journal, log }, hostRebooted, settings.signal)
  // Only now: an agent that is killed before goes on bringing back at its next start.
  journal.host.bootId = bootId
  journal.host.startedAt = Math.max(Date.now(), journal.host.startedAt + 1)
  await journal.saveHost()

  const runner = new VerbRunner(journal)
  const agentStartedAt = new Date(journal.host.startedAt).toISOString()
  const reporter = new Reporter({
    ...{ bus, driver, journal, runner, failures, log },
    ...{ hostName, bootId, agentStartedAt, heartbeatMs },
    key: settings.key ?? null,
  })
  await reporter.start()
  const consoles = new OpenConsoles()
  const onProgress = (...told: Parameters<Reporter['progress']>) => reporter.progress(...told)
  const verbs = makeVerbs({ driver, runner, apiUrl, onProgress }, consoles)
  const serving = await serveCalls(bus, `agent.compute.${hostName}`, verbs, {
    concurrency: CALLS_AT_ONCE,
    log,
  }).catch(async (error: unknown) => {
    await reporter.stop()
    throw error
  })
  log.info({ driver: driver.name }, 'the agent is ready')

  return {
    async stop({ guests }) {
      consoles.close()
      const stopped = serving.stop()
      await settledWithin(VERB_GRACE_MS, stopped)
      await runner.stop()
      await stopped
      await reporter.stop()
      if (guests === 'stop') {
        const timeoutMs = settings.guestStopTimeoutMs ?? GUEST_STOP_TIMEOUT_MS
        await stopGuests({ driver, journal, log }, timeoutMs)
      }
      await journal.settled()
      await driver.close()
      log.info({ guests }, 'the agent has stopped')
    },
  }
}

/** Where there is no such file nothing is known of reboots. */
async function readBootId(): Promise<string> {
  try {
    return (await readFile(BOOT_ID_FILE, 'utf8')).trim()
  } catch {
    return 'unknown'
  }
}
