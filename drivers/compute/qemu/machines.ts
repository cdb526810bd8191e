/**
 * The machines of one host: what every verb of the QEMU driver needs, whichever ability it belongs
 * to. What a machine is stands in its folder (machine-folder.ts) and in the kernel's process table,
 * never only in this object.
 *
 * D1 Verbs on one machine run one after the other; `recover` and `watch` never wait in that row.
 * D2 The first verb waits until the machines that run already have been taken over, so that there
 *    is never a second connection to a QEMU, nor a second QEMU of a machine.
 * D4 A machine that goes down by itself is reported at once, and its QEMU ended right after that,
 *    ahead of any verb that the report leads to.
 *
 * An ability is a file with one factory, `export const pausing = (machines: QemuMachines): Pausing
 * => ({ ... })`, and a line in `abilities` of ../qemu.ts. Each of its verbs is a call of
 * `machines.verb(name, id, signal, work)`, which puts it in the row and turns what goes wrong into a
 * DriverError. In `work`:
 *   `record(id, paths)`   what the machine is made of, or MACHINE_NOT_FOUND; `changeRecord` for more
 *   `running(id)`         its LiveMachine, or null when it is off; `runningOrRefuse` where off is an error
 *   `boot`, `powerDown`, `finish`   turn it on, ask its guest to go, end its QEMU
 *   `remember`            writes down the power state, for when no QEMU can be asked
 */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { throwIfAborted } from '../deadline.ts'
import { DriverError, type Machine, type MachineSpec } from '../driver.ts'
import { asDriverError } from '../failure.ts'
import { OneAtATime } from '../one-at-a-time.ts'
import type { QemuHost, QemuMachine } from './arguments.ts'
import { describeMachine } from './description.ts'
import { type Ground, HostGround, type QemuOptions, stateAtRest } from './ground.ts'
import { type BootRecord, forgetMemory } from './kept-memory.ts'
import { type BootOptions, LiveMachine } from './machine.ts'
import {
  exists,
  listMachineFolders,
  type MachinePaths,
  type MachineRecord,
  machinePaths,
  type PowerRecord,
  readRecord,
  writeRecord,
} from './machine-folder.ts'
import type { Probe } from './probe.ts'
import { findMachineProcesses } from './process.ts'
import { settle } from './settling.ts'
import { makeTaps } from './tap.ts'

const TEND_EVERY_MS = 2_000

/** Lets the guest's file systems go on. */
export type Thaw = () => Promise<void>

export class QemuMachines {
  /**
   * Holds a guest's file systems still for the moment of a copy; null when nobody in it answers.
   * The ability to talk to guests sets it.
   */
  holdStill: ((live: LiveMachine, signal: AbortSignal) => Promise<Thaw | null>) | null = null
  private readonly live = new Map<string, LiveMachine>()
  private readonly booting = new Set<string>()
  private readonly row = new OneAtATime()
  private readonly watchers = new Set<(machine: Machine) => void>()
  private readonly host: HostGround
  private tending: NodeJS.Timeout | null = null

  constructor(options: QemuOptions) {
    this.host = new HostGround(options, async ({ dir }) => {
      await this.adopt(dir)
      this.tending ??= setInterval(() => this.tend(), TEND_EVERY_MS).unref()
    })
  }

  /** Runs a verb when its turn on this machine comes. Whatever it throws leaves as a DriverError. */
  verb<T>(
    name: string,
    id: string,
    signal: AbortSignal,
    work: (ground: Ground, paths: MachinePaths) => Promise<T>,
  ): Promise<T> {
    return this.guard(`${name} of machine ${id}`, (ground) => {
      const paths = machinePaths(ground.dir, id)
      return this.row.run(id, signal, () =>
        work(ground, paths).catch((error: unknown) => {
          // What an abort tears down fails in its own words; the caller is told of the abort.
          throwIfAborted(signal, name)
          throw error
        }),
      )
    })
  }

  /** For what does not wait in the row. */
  async guard<T>(doing: string, work: (ground: Ground) => Promise<T>): Promise<T> {
    try {
      return await work(await this.ground())
    } catch (error) {
      throw asDriverError(error, doing)
    }
  }

  /** What the machine is made of. Throws MACHINE_NOT_FOUND. */
  async record(id: string, paths: MachinePaths): Promise<MachineRecord> {
    const record = await readRecord<MachineRecord>(paths.machine)
    if (!record) throw notFound(id, 'is not on this host')
    return record
  }

  /** Changes what the machine is made of; a field that becomes undefined is dropped. */
  async changeRecord(
    id: string,
    paths: MachinePaths,
    change: Partial<MachineRecord>,
  ): Promise<MachineRecord> {
    const record = { ...(await this.record(id, paths)), ...change }
    await writeRecord(paths.machine, record)
    return record
  }

  /** The machine if a QEMU of it is known, on or down; no verb's turn is needed to ask. */
  known(id: string): LiveMachine | undefined {
    return this.live.get(id)
  }

  /** The machine if its QEMU runs and its guest is on; what is down already is cleared away. */
  async running(id: string): Promise<LiveMachine | null> {
    const live = this.live.get(id)
    if (!live?.down) return live ?? null
    await this.finish(live)
    return null
  }

  /** It runs, and is not paused. */
  async isRunning(id: string): Promise<boolean> {
    const live = await this.running(id)
    return live !== null && (await live.state()).powerState === 'RUNNING'
  }

  /** Ends what runs of a machine at once. */
  async turnOff(id: string, reason: string): Promise<void> {
    const live = await this.running(id)
    if (live) await this.finish(live, reason)
  }

  /** The machine, on. Throws MACHINE_NOT_FOUND, and REFUSED with `why` when it is off. */
  async runningOrRefuse(id: string, paths: MachinePaths, why: string): Promise<LiveMachine> {
    await this.record(id, paths)
    const live = await this.running(id)
    if (live) return live
    throw new DriverError('REFUSED', `machine ${id} is off: ${why}`)
  }

  async boot(machine: MachineSpec, paths: MachinePaths, signal: AbortSignal): Promise<LiveMachine> {
    const record = await this.record(machine.id, paths)
    if (!(await exists(paths.disk))) throw notFound(machine.id, 'has no disk')
    // It belongs to the disk as it was; a boot changes that.
    await forgetMemory(paths)
    return this.bootAs(await describeMachine(machine, record, paths), paths, signal)
  }

  /** Starts a QEMU of exactly this description. What fails or is aborted leaves no process. */
  async bootAs(
    machine: QemuMachine,
    paths: MachinePaths,
    signal: AbortSignal,
    options: BootOptions & { host?: QemuHost } = {},
  ): Promise<LiveMachine> {
    const { user } = await this.ground()
    const host = options.host ?? (await this.probe()).host
    this.booting.add(machine.id)
    try {
      // Before QEMU exists: should its end be missed, this tells that it was no shutdown.
      await this.remember(paths, { powerState: 'RUNNING' })
      await writeRecord(paths.booted, { machine, host } satisfies BootRecord)
      await makeTaps(machine.ports ?? [], user)
      const live = await LiveMachine.boot(machine, paths, { ...host, user }, signal, options)
      this.keep(live)
      return live
    } catch (error) {
      const off = { powerState: 'SHUTDOWN', reason: 'did not start' } as const
      await this.remember(paths, off).catch(() => {})
      throw error
    } finally {
      this.booting.delete(machine.id)
    }
  }

  /** Asks the guest to shut down, when that is wanted; true when it did. */
  async powerDown(
    live: LiveMachine,
    graceful: boolean,
    { timeoutMs }: { timeoutMs: number },
    signal: AbortSignal,
  ): Promise<boolean> {
    live.ending = true
    try {
      return graceful && (await live.powerDown(timeoutMs, signal))
    } catch (error) {
      // We ask no more; should the guest obey later, then that is news again.
      live.ending = false
      if (live.down) this.report(live)
      throw error
    }
  }

  /** False when its QEMU is of no more use. */
  async reset(live: LiveMachine, signal: AbortSignal): Promise<boolean> {
    try {
      await live.reset(signal)
      // The guest may have gone down just before the reset; that QEMU is of no more use.
      if (live.down) return false
      live.ending = false
      return true
    } catch (error) {
      if (signal.aborted) {
        live.ending = false
        throw error
      }
      return false
    }
  }

  /** Ends the QEMU of a machine and writes down how it went, for those who ask later. */
  async finish(
    live: LiveMachine,
    reason?: string,
    powerState: 'SHUTDOWN' | 'SUSPENDED' = 'SHUTDOWN',
  ): Promise<void> {
    const paths = machinePaths((await this.ground()).dir, live.id)
    const asked = { powerState, reason }
    // First, so that it is known whenever we are killed; while QEMU exists, that is the truth.
    // A full disk must not keep a machine on: without a record it counts as off.
    await this.remember(paths, reason || !live.down ? asked : live.down).catch(() =>
      rm(paths.power, { force: true }),
    )
    try {
      await live.end()
    } catch (error) {
      // Should it die later after all, that is news.
      live.ending = live.down !== null
      throw error
    }
    if (this.live.get(live.id) === live) this.live.delete(live.id)
  }

  /** Writes down the power state, for when no QEMU can be asked. */
  async remember(paths: MachinePaths, power: Omit<PowerRecord, 'bootId'>): Promise<void> {
    if (!(await exists(paths.folder))) return
    const { bootId } = await this.ground()
    await writeRecord(paths.power, { ...power, bootId } satisfies PowerRecord)
  }

  /** From now on this is the machine of its id, and its end is news. */
  keep(live: LiveMachine): void {
    if (this.host.closed) return live.leaveAlone()
    this.live.set(live.id, live)
    live.onPauseChanged = (machine) => this.tell(machine)
    void live.whenDown.then(() => {
      if (!live.ending && !this.host.closed) this.report(live)
    })
  }

  /** What the driver stands on; the first caller waits until running machines are taken over. */
  ground(): Promise<Ground> {
    return this.host.ground()
  }

  /** What QEMU can do on this host. */
  probe(): Promise<{ probe: Probe; host: QemuHost }> {
    return this.host.probe()
  }

  /** Forgets a machine whose QEMU is gone. */
  forget(id: string): void {
    this.live.delete(id)
  }

  /** Every machine that has a folder or a QEMU, as it is now. */
  async states(): Promise<Machine[]> {
    const ground = await this.ground()
    await this.adopt(ground.dir)
    const { ids } = await listMachineFolders(ground.dir)
    const all = new Set([...ids, ...this.live.keys()])
    return Promise.all([...all].map((id) => this.stateOf(id, ground)))
  }

  watch(onChange: (machine: Machine) => void): () => void {
    // A wrapper, so that a function which watches twice is called twice.
    const watcher = (machine: Machine) => onChange(machine)
    this.watchers.add(watcher)
    return () => this.watchers.delete(watcher)
  }

  async close(): Promise<void> {
    await this.host.close()
    if (this.tending) clearInterval(this.tending)
    for (const live of this.live.values()) live.leaveAlone()
    this.live.clear()
    this.watchers.clear()
  }

  /** A machine went down by itself (D4). */
  private report(live: LiveMachine): void {
    const { id, down } = live
    live.ending = true
    const clearAway = () => (this.live.get(id) === live ? this.finish(live) : Promise.resolve())
    // What cannot be ended now stays known as down, and the next verb tries again.
    this.row.run(id, null, clearAway).catch(() => {})
    if (down) this.tell({ id, ...down })
  }

  private tell(machine: Machine): void {
    for (const watcher of [...this.watchers]) watcher(machine)
  }

  private async stateOf(id: string, ground: Ground): Promise<Machine> {
    const live = this.live.get(id)
    if (live) return live.state()
    // Its record says already that it runs, and no QEMU answers yet: that is no crash.
    const atRest = await stateAtRest(id, ground)
    if (!this.booting.has(id) || atRest.powerState === 'SUSPENDED') return atRest
    return { id, powerState: 'SHUTDOWN', reason: 'starting' }
  }

  /** Takes over every QEMU of ours that we do not know yet (D2). */
  private async adopt(dir: string): Promise<void> {
    const strangers = [...findMachineProcesses(join(dir, 'machines'))].filter(
      ([id]) => !this.live.has(id) && !this.row.busy(id),
    )
    const adoptOne = async (id: string, pid: number) => {
      if (this.live.has(id)) return
      const paths = machinePaths(dir, id)
      const live = await LiveMachine.adopt(id, paths, pid)
      if (!live) return
      // Of a QEMU that does not answer nothing can be put right; the next agent tries again.
      const over = await settle(live, paths).catch(() => false)
      if (over) await live.end()
      else this.keep(live)
    }
    await Promise.all(strangers.map(([id, pid]) => this.row.run(id, null, () => adoptOne(id, pid))))
  }

  private tend(): void {
    for (const live of this.live.values()) live.tend().catch(() => {})
  }
}

function notFound(id: string, what: string): DriverError {
  return new DriverError('MACHINE_NOT_FOUND', `machine ${id} ${what}`)
}
