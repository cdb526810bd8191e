/**
 * The ground that the verbs of the simulator stand on: its machines, their journal, the row of verbs
 * on each, who watches, and which consoles are open.
 */
import { DriverError, type Machine } from '../driver.ts'
import { asDriverError } from '../failure.ts'
import { OneAtATime } from '../one-at-a-time.ts'
import { Journal } from './journal.ts'
import type { Knobs, SimulatedVerb } from './knobs.ts'
import type { SimulatedMachine } from './machine.ts'

/** Somebody looks at a machine: told of each change, with null when it is gone. */
export type Onlooker = (now: SimulatedMachine | null, before: SimulatedMachine) => void

export class SimulatedHost {
  private kept = new Map<string, SimulatedMachine>()
  private readonly row = new OneAtATime()
  private readonly watchers = new Set<(machine: Machine) => void>()
  private readonly onlookers = new Map<string, Set<Onlooker>>()
  private readonly journal: Journal<SimulatedMachine> | null
  private loading: Promise<void> | null = null

  constructor(
    dir: string | undefined,
    readonly knobs: Knobs,
  ) {
    this.journal = dir ? new Journal<SimulatedMachine>(dir, () => this.kept) : null
  }

  /** Does a verb in the machine's row, with what the knobs say of it. */
  async verb<T>(
    verb: SimulatedVerb,
    id: string,
    signal: AbortSignal,
    work: () => Promise<T>,
  ): Promise<T> {
    await this.load()
    return this.row.run(id, signal, async () => {
      await this.knobs.enter(verb, signal)
      const result = await work()
      this.knobs.failIfTold(verb, 'after')
      return result
    })
  }

  /** A verb that only looks: it waits for no other. */
  async look<T>(verb: SimulatedVerb, work: () => T | Promise<T>, signal?: AbortSignal): Promise<T> {
    await this.load()
    await this.knobs.enter(verb, signal ?? new AbortController().signal)
    const result = await work()
    this.knobs.failIfTold(verb, 'after')
    return result
  }

  all(): SimulatedMachine[] {
    return [...this.kept.values()]
  }

  has(id: string): boolean {
    return this.kept.has(id)
  }

  find(id: string): SimulatedMachine {
    const found = this.kept.get(id)
    if (!found) throw new DriverError('MACHINE_NOT_FOUND', `machine ${id} is not on this host`)
    return found
  }

  async keep(machine: SimulatedMachine): Promise<void> {
    const before = this.kept.get(machine.id)
    this.kept.set(machine.id, machine)
    if (before) this.show(machine, before)
    await this.journal?.append(machine).catch(failJournal)
  }

  async forget(id: string): Promise<void> {
    const before = this.kept.get(id)
    if (!before) return
    this.kept.delete(id)
    this.show(null, before)
    await this.journal?.append({ id, gone: true }).catch(failJournal)
  }

  load(): Promise<void> {
    if (!this.journal) return DONE
    this.loading ??= this.journal.load().then(
      (machines) => {
        this.kept = machines
      },
      (error) => {
        this.loading = null
        failJournal(error)
      },
    )
    return this.loading
  }

  watch(watcher: (machine: Machine) => void): () => void {
    this.watchers.add(watcher)
    return () => this.watchers.delete(watcher)
  }

  /** What nobody asked for has happened. */
  tell(machine: Machine): void {
    for (const watcher of [...this.watchers]) watcher(machine)
  }

  /** Tells of each change of a machine until the returned function is called. */
  lookOn(id: string, onlooker: Onlooker): () => void {
    const onlookers = this.onlookers.get(id) ?? new Set()
    this.onlookers.set(id, onlookers.add(onlooker))
    return () => {
      onlookers.delete(onlooker)
      if (onlookers.size === 0 && this.onlookers.get(id) === onlookers) this.onlookers.delete(id)
    }
  }

  close(): void {
    this.watchers.clear()
  }

  private show(now: SimulatedMachine | null, before: SimulatedMachine): void {
    for (const onlooker of [...(this.onlookers.get(before.id) ?? [])]) onlooker(now, before)
  }
}

const DONE = Promise.resolve()

function failJournal(error: unknown): never {
  throw asDriverError(error, 'the journal of the simulator')
}
