/**
 * The simulator: the compute contract without a hypervisor, and the definition of its semantics. It
 * runs the whole cloud on a laptop, and a test bends it with knobs.
 *
 * What every compute driver means:
 *
 * - A machine exists from `create` to `destroy`. It is made SHUTDOWN, and so it lies until `start`.
 * - `create` and `start` of what is there already change nothing, whatever the description says:
 *   the id is the machine.
 * - `start`, `stop`, `reboot` and `consoleLog` of a machine that does not exist are
 *   MACHINE_NOT_FOUND; `destroy` of it is success.
 * - `stop` ends in SHUTDOWN from every state. A guest that ignores the power button is forced off
 *   when `timeoutMs` has gone by; that is success too.
 * - `reboot` ends in RUNNING from every state; a machine that is off is started.
 * - `watch` tells only what nobody asked for through a verb: a guest that shut itself down
 *   (SHUTDOWN) or a machine that was lost (CRASHED). `recover` tells the same afterwards.
 * - Verbs on one machine run one after the other. A verb whose signal fires throws ABORTED.
 *
 * It costs a map entry per machine and nothing while idle: no timer, no file handle, no console
 * text.
 */
import { pause, throwIfAborted } from './deadline.ts'
import {
  type Capability,
  type ComputeDriver,
  DriverError,
  type DriverErrorCode,
  type ImageSource,
  type Inventory,
  type Machine,
  type MachineSpec,
  type PowerState,
  type RebootOptions,
  type StopOptions,
} from './driver.ts'
import { asDriverError } from './failure.ts'
import { lastLines } from './last-lines.ts'
import { OneAtATime } from './one-at-a-time.ts'
import { bootLog } from './simulated/boot-log.ts'
import { Journal } from './simulated/journal.ts'

const DEFAULT_INVENTORY: Inventory = { vcpus: 16, memoryMiB: 64 * 1024, diskGiB: 1000 }
const VERBS = ['create', 'start', 'stop', 'reboot', 'destroy', 'consoleLog', 'recover'] as const

export type SimulatedVerb = (typeof VERBS)[number]

export interface SimulatedOptions {
  /**
   * Keeps the machines there, so that a restarted process finds them; without it only in memory.
   */
  dir?: string
  inventory?: Inventory
  /** How long verbs take, in milliseconds: all of them, or each its own. */
  delayMs?: number | Partial<Record<SimulatedVerb, number>>
}

export interface Fault {
  code: DriverErrorCode
  /** How many calls fail; 1 if not said. */
  times?: number
  retryable?: boolean
  /** `before` (if not said): the verb does nothing. `after`: it does its work, then fails. */
  when?: 'before' | 'after'
}

interface SimulatedMachine {
  id: string
  name: string
  vcpus: number
  memoryMiB: number
  powerState: PowerState
  reason?: string
  boots: number
  /** The guest ignores its power button. */
  deaf?: boolean
}

export class SimulatedComputeDriver implements ComputeDriver {
  readonly name = 'simulated'
  private machines = new Map<string, SimulatedMachine>()
  private readonly row = new OneAtATime()
  private readonly watchers = new Set<(machine: Machine) => void>()
  private readonly faults = new Map<SimulatedVerb, Required<Fault>>()
  private readonly hangs = new Map<SimulatedVerb, number>()
  private readonly journal: Journal<SimulatedMachine> | null
  private loading: Promise<void> | null = null

  constructor(private readonly options: SimulatedOptions = {}) {
    const kept = () => this.machines
    this.journal = options.dir ? new Journal<SimulatedMachine>(options.dir, kept) : null
  }

  async capabilities(): Promise<Capability[]> {
    return [
      { name: 'hypervisor', value: 'simulated' },
      { name: 'accelerator', value: 'none' },
      { name: 'architecture', value: 'x86_64' },
      { name: 'vcpusMax', value: '255' },
    ]
  }

  async inventory(): Promise<Inventory> {
    return { ...(this.options.inventory ?? DEFAULT_INVENTORY) }
  }

  /** No bytes are fetched: there is no guest that would read them. */
  create(machine: MachineSpec, _image: ImageSource, signal: AbortSignal): Promise<void> {
    return this.verb('create', machine.id, signal, async () => {
      if (this.machines.has(machine.id)) return
      const { id, name, vcpus, memoryMiB } = machine
      await this.keep({ id, name, vcpus, memoryMiB, powerState: 'SHUTDOWN', boots: 0 })
    })
  }

  start(machine: MachineSpec, signal: AbortSignal): Promise<void> {
    return this.verb('start', machine.id, signal, async () => {
      const found = this.find(machine.id)
      if (found.powerState !== 'RUNNING') await this.boot(found, machine)
    })
  }

  stop(id: string, options: StopOptions, signal: AbortSignal): Promise<void> {
    return this.verb('stop', id, signal, async () => {
      const found = this.find(id)
      if (found.powerState === 'SHUTDOWN') return
      const reason = await this.powerDown(found, options.mode === 'graceful', options, signal)
      await this.keep({ ...found, powerState: 'SHUTDOWN', reason })
    })
  }

  reboot(machine: MachineSpec, options: RebootOptions, signal: AbortSignal): Promise<void> {
    return this.verb('reboot', machine.id, signal, async () => {
      const found = this.find(machine.id)
      await this.powerDown(found, options.mode === 'soft', options, signal)
      await this.boot(found, machine)
    })
  }

  destroy(id: string, signal: AbortSignal): Promise<void> {
    return this.verb('destroy', id, signal, async () => {
      if (this.machines.delete(id)) {
        await this.journal?.append({ id, gone: true }).catch(failJournal)
      }
    })
  }

  consoleLog(id: string, lines: number): Promise<string> {
    return this.verb('consoleLog', id, new AbortController().signal, async () => {
      const found = this.find(id)
      return lastLines(bootLog({ ...found, running: found.powerState === 'RUNNING' }), lines)
    })
  }

  async recover(): Promise<Machine[]> {
    await this.load()
    await this.enter('recover', new AbortController().signal)
    return [...this.machines.values()].map(describe)
  }

  watch(onChange: (machine: Machine) => void): () => void {
    const watcher = (machine: Machine) => onChange(machine)
    this.watchers.add(watcher)
    return () => this.watchers.delete(watcher)
  }

  async close(): Promise<void> {
    this.watchers.clear()
  }

  /** Knob: the next calls of a verb fail. */
  failNext(verb: SimulatedVerb, fault: Fault): void {
    this.faults.set(verb, { times: 1, retryable: false, when: 'before', ...fault })
  }

  /** Knob: the next calls of a verb never end, unless their signal fires. */
  hangNext(verb: SimulatedVerb, times = 1): void {
    this.hangs.set(verb, times)
  }

  /** Knob: the hypervisor of a running machine dies. */
  crash(id: string, reason = 'killed by signal 9'): Promise<void> {
    return this.goDown(id, 'CRASHED', reason)
  }

  /** Knob: the guest shuts itself down. */
  powerOff(id: string): Promise<void> {
    return this.goDown(id, 'SHUTDOWN', 'guest shut down')
  }

  /** Knob: the guest ignores its power button from now on, or heeds it again. */
  async setDeaf(id: string, deaf: boolean): Promise<void> {
    await this.load()
    await this.keep({ ...this.find(id), deaf })
  }

  private async goDown(id: string, powerState: PowerState, reason: string): Promise<void> {
    await this.load()
    const found = this.find(id)
    if (found.powerState !== 'RUNNING') return
    await this.keep({ ...found, powerState, reason })
    for (const watcher of [...this.watchers]) watcher({ id, powerState, reason })
  }

  private async verb<T>(
    verb: SimulatedVerb,
    id: string,
    signal: AbortSignal,
    work: () => Promise<T>,
  ): Promise<T> {
    await this.load()
    return this.row.run(id, signal, async () => {
      await this.enter(verb, signal)
      const result = await work()
      this.failIfTold(verb, 'after')
      return result
    })
  }

  /** The delay, hang or failure that a verb begins with. */
  private async enter(verb: SimulatedVerb, signal: AbortSignal): Promise<void> {
    throwIfAborted(signal, verb)
    const hangs = this.hangs.get(verb) ?? 0
    if (hangs > 0) {
      this.hangs.set(verb, hangs - 1)
      await untilAborted(signal)
    }
    const { delayMs = 0 } = this.options
    const delay = typeof delayMs === 'number' ? delayMs : (delayMs[verb] ?? 0)
    if (delay > 0) await pause(delay, signal)
    this.failIfTold(verb, 'before')
  }

  private failIfTold(verb: SimulatedVerb, when: 'before' | 'after'): void {
    const fault = this.faults.get(verb)
    if (!fault || fault.when !== when || fault.times <= 0) return
    fault.times--
    throw new DriverError(fault.code, `simulated failure of ${verb}`, fault.retryable)
  }

  private async powerDown(
    machine: SimulatedMachine,
    graceful: boolean,
    { timeoutMs }: { timeoutMs: number },
    signal: AbortSignal,
  ): Promise<string> {
    if (!graceful) return 'powered off'
    if (machine.powerState !== 'RUNNING') return 'powered off'
    if (!machine.deaf) return 'guest shut down'
    await pause(timeoutMs, signal)
    return 'powered off'
  }

  private async boot(found: SimulatedMachine, machine: MachineSpec): Promise<void> {
    const { name, vcpus, memoryMiB } = machine
    const { reason: _, ...rest } = found
    const boots = found.boots + 1
    await this.keep({ ...rest, name, vcpus, memoryMiB, powerState: 'RUNNING', boots })
  }

  private find(id: string): SimulatedMachine {
    const found = this.machines.get(id)
    if (!found) throw new DriverError('MACHINE_NOT_FOUND', `machine ${id} is not on this host`)
    return found
  }

  private async keep(machine: SimulatedMachine): Promise<void> {
    this.machines.set(machine.id, machine)
    await this.journal?.append(machine).catch(failJournal)
  }

  private load(): Promise<void> {
    if (!this.journal) return DONE
    this.loading ??= this.journal.load().then(
      (machines) => {
        this.machines = machines
      },
      (error) => {
        this.loading = null
        failJournal(error)
      },
    )
    return this.loading
  }
}

const DONE = Promise.resolve()

function describe({ id, powerState, reason }: SimulatedMachine): Machine {
  return reason === undefined ? { id, powerState } : { id, powerState, reason }
}

function failJournal(error: unknown): never {
  throw asDriverError(error, 'the journal of the simulator')
}

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const onAbort = () => reject(new DriverError('ABORTED', 'aborted while it hung', true))
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
  })
}
