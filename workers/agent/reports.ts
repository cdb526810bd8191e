/**
 * What an agent reports: the whole host at a steady beat, and each machine that changes by itself
 * at once.
 *
 * F1 `sequence` grows with each report of one agent, `agentStartedAt` with each agent of a host:
 *    of two reports the later one is known, in whatever order they arrive.
 * F2 A machine that a verb touched while it was looked at is reported `busy`: what was seen may be
 *    what was before the verb.
 * F3 One report at a time. A beat that falls into a slow one is skipped; of several changes of one
 *    machine the last is told. A lost report costs one beat.
 * F4 The progress of a verb is told at most once in `PROGRESS_EVERY_MS`; it may be lost.
 */
import type { KeyObject } from 'node:crypto'
import type { Logger } from 'pino'
import type {
  Capability,
  ComputeDriver,
  Inventory,
  Machine,
  PowerState,
} from '../../drivers/compute/driver.ts'
import type { Bus } from '../bus.ts'
import { within } from '../pause.ts'
import { storable } from '../storable.ts'
import type { Journal, MachineRecord } from './journal.ts'
import { signed } from './signature.ts'
import { traitsOf } from './traits.ts'
import type { VerbRunner } from './verb-runner.ts'

export const REPORT_QUEUE = 'conductor.reports'
/** A report with a longer reason, or value of a capability, is believed by nobody. */
export const MAX_TEXT_LETTERS = 4_000

const LIST_TIMEOUT_MS = 10_000
/** After so many beats a host report is old news. */
const REPORT_LIFE_BEATS = 3
const CHANGE_LIFE_MS = 60_000
const PRUNE_EVERY_BEATS = 100
const PROGRESS_EVERY_MS = 1_000
const PROGRESS_LIFE_MS = 5_000
/** Verbs whose last progress is remembered. */
const MAX_PROGRESS = 1_000
const DOWN: PowerState = 'SHUTDOWN'

export type Report = HostReport | MachineReport | ProgressReport

export interface HostReport extends ReportHead {
  kind: 'host'
  driver: string
  bootId: string
  inventory: Inventory
  capabilities: Capability[]
  /** What placement may ask for (traits.ts). */
  traits: string[]
  /** All machines of the host; null when they could not be listed. */
  machines: ReportedMachine[] | null
  /** What keeps the agent from knowing its host; null when nothing does. */
  problem: string | null
}

export interface MachineReport extends ReportHead {
  kind: 'machine'
  machine: ReportedMachine
}

/** How far a verb is. */
export interface ProgressReport extends ReportHead {
  kind: 'progress'
  /** Of the call that asked for it. */
  callId: string
  doneBytes: number
  totalBytes: number
}

interface ReportHead {
  /** Its name. */
  host: string
  /** ISO 8601. */
  agentStartedAt: string
  sequence: number
  /** ISO 8601, the host's clock. */
  at: string
}

export interface ReportedMachine {
  id: string
  powerState: PowerState
  reason?: string
  /** The highest that a call for it has shown; null: the agent remembers nothing of it. */
  fence: number | null
  /** A verb runs on it. */
  busy: boolean
}

export interface ReporterSettings {
  bus: Bus
  driver: ComputeDriver
  journal: Journal
  runner: VerbRunner
  hostName: string
  bootId: string
  agentStartedAt: string
  heartbeatMs: number
  /** Signs the reports; null: they go without a signature. */
  key: KeyObject | null
  /** Why machines could not be brought back, by id: the driver doesn't know. */
  failures: Map<string, string>
  log: Logger
}

export class Reporter {
  private readonly changed = new Map<string, { machine: Machine; moves: number }>()
  /** When the progress of a call was last told, by its id. */
  private readonly progressed = new Map<string, number>()
  private facts: { inventory: Inventory; capabilities: Capability[]; traits: string[] } | null =
    null
  private sequence = 0
  private beats = 0
  private beatDue = false
  private stopped = false
  private sending: Promise<void> = Promise.resolve()
  private timer: NodeJS.Timeout | undefined
  private unwatch: (() => void) | undefined

  constructor(private readonly settings: ReporterSettings) {}

  /**
   * Reports the host for the first time, then goes on. Rejects when the host can't be described.
   */
  async start(): Promise<void> {
    const { driver, heartbeatMs } = this.settings
    const [inventory, capabilities] = await Promise.all([driver.inventory(), driver.capabilities()])
    this.facts = {
      inventory,
      capabilities: capabilities.map((each) => ({ ...each, value: tellable(each.value) })),
      traits: traitsOf(driver, capabilities),
    }
    this.unwatch = driver.watch((machine) => this.machineChanged(machine))
    // Agents that start together must not speak together for ever.
    this.timer = setTimeout(() => {
      this.timer = setInterval(() => this.beat(), heartbeatMs)
      this.beat()
    }, Math.random() * heartbeatMs)
    this.beat()
    await this.sending
  }

  async stop(): Promise<void> {
    this.stopped = true
    clearTimeout(this.timer)
    this.unwatch?.()
    await this.sending
  }

  /** Tells how far a verb is, if that was not told a moment ago. */
  progress(callId: string, doneBytes: number, totalBytes: number): void {
    const now = Date.now()
    const toldAt = this.progressed.get(callId)
    if (toldAt !== undefined && now - toldAt < PROGRESS_EVERY_MS) return
    this.progressed.delete(callId)
    this.progressed.set(callId, now)
    const [oldest] = this.progressed.keys()
    if (this.progressed.size > MAX_PROGRESS && oldest) this.progressed.delete(oldest)
    this.send(async () => {
      const told = { callId, doneBytes, totalBytes }
      await this.publish({ kind: 'progress', ...this.head(), ...told }, PROGRESS_LIFE_MS)
    })
  }

  private beat(): void {
    if (this.beatDue) return
    this.beatDue = true
    this.send(async () => {
      this.beatDue = false
      const { heartbeatMs } = this.settings
      await this.publish(await this.describeHost(), REPORT_LIFE_BEATS * heartbeatMs)
    })
  }

  private machineChanged(machine: Machine): void {
    const { id, powerState, reason } = machine
    this.settings.log.info({ machineId: id, powerState, reason }, 'a machine changed by itself')
    const moves = this.settings.runner.movesOf(id)
    const isWaiting = this.changed.has(id)
    this.changed.set(id, { machine, moves })
    if (isWaiting) return
    this.send(async () => {
      const last = this.changed.get(id) ?? { machine, moves }
      this.changed.delete(id)
      const told = this.describe(last.machine, last.moves)
      await this.publish({ kind: 'machine', ...this.head(), machine: told }, CHANGE_LIFE_MS)
    })
  }

  private send(report: () => Promise<void>): void {
    this.sending = this.sending.then(async () => {
      if (this.stopped) return
      try {
        await report()
      } catch (error) {
        this.settings.log.warn({ err: error }, 'a report could not be sent')
      }
    })
  }

  private async publish(report: Report, expiresInMs: number): Promise<void> {
    const { bus, key, hostName } = this.settings
    await bus.publish(REPORT_QUEUE, key ? signed(key, hostName, report) : report, { expiresInMs })
  }

  private async describeHost(): Promise<HostReport> {
    const { driver, journal, runner, bootId, log } = this.settings
    if (!this.facts) throw new Error('the host has not been looked at')
    const moves = new Map(journal.all().map(({ id }) => [id, runner.movesOf(id)]))
    const facts = { ...this.facts, driver: driver.name, bootId }
    try {
      const late = (): Error => new Error('it took too long')
      const found = await within(LIST_TIMEOUT_MS, driver.recover(), late)
      this.beats += 1
      if (this.beats % PRUNE_EVERY_BEATS === 0) await this.forgetOthers(found)
      const machines = found.map((machine) => this.describe(machine, moves.get(machine.id) ?? 0))
      return { kind: 'host', ...this.head(), ...facts, machines, problem: null }
    } catch (error) {
      log.error({ err: error }, 'the machines could not be listed')
      const problem = `the machines could not be listed: ${(error as Error).message}`
      return { kind: 'host', ...this.head(), ...facts, machines: null, problem }
    }
  }

  private async forgetOthers(found: Machine[]): Promise<void> {
    const { journal, log } = this.settings
    try {
      await journal.prune(new Set(found.map(({ id }) => id)))
    } catch (error) {
      log.error({ err: error }, 'old records could not be removed')
    }
  }

  private head(): ReportHead {
    const { hostName: host, agentStartedAt } = this.settings
    this.sequence += 1
    return { host, agentStartedAt, sequence: this.sequence, at: new Date().toISOString() }
  }

  /** `movesBefore`: the machine's moves when the looking began. */
  private describe(machine: Machine, movesBefore: number): ReportedMachine {
    const { journal, runner, failures } = this.settings
    const { id } = machine
    const record = journal.find(id)
    const moves = runner.movesOf(id)
    const busy = runner.isBusy(id) || moves !== movesBefore
    if (record && !busy) this.noteState(record, machine.powerState)
    if (moves > 0) failures.delete(id)
    const failure = failures.get(id)
    const seen = failure === undefined ? machine : { id, powerState: DOWN, reason: failure }
    const { reason, ...state } = seen
    const why = reason === undefined ? {} : { reason: tellable(reason) }
    return { ...state, ...why, fence: record?.fence ?? null, busy }
  }

  /** What went down by itself isn't brought back when the host starts anew. */
  private noteState(record: MachineRecord, powerState: PowerState): void {
    const { journal, log } = this.settings
    const running = powerState === 'RUNNING' || powerState === 'PAUSED'
    if (record.running === running) return
    record.running = running
    journal.save(record.id).catch((error: unknown) => {
      log.error({ machineId: record.id, err: error }, 'the state of a machine could not be saved')
    })
  }
}

/** It must not cost the host its report. */
const tellable = (text: string): string => storable(text, MAX_TEXT_LETTERS)
