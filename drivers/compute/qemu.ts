/**
 * The compute driver that runs `qemu-system-x86_64` itself, through QMP and without libvirt.
 *
 * What a machine is stands in its folder (machine-folder.ts) and in the kernel's process table,
 * never only in this object: a QEMU runs in a session of its own and serves its control socket
 * itself, so a new driver object over the same folder finds every machine again (C3, C4).
 *
 * D1 Verbs on one machine run one after the other; `recover` and `watch` never wait in that row.
 * D2 The first verb waits until the machines that run already have been taken over, so that there
 *    is never a second connection to a QEMU, nor a second QEMU of a machine.
 * D3 `machine.json` is written before the image is fetched (so the image is not evicted) and the
 *    disk appears last; `create` that finds the disk has nothing to do (C1, C5).
 * D4 A machine that goes down by itself is reported at once, and its QEMU ended right after that,
 *    ahead of any verb that the report leads to.
 */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { throwIfAborted } from './deadline.ts'
import {
  type Capability,
  type ComputeDriver,
  DriverError,
  type ImageSource,
  type Inventory,
  type Machine,
  type MachineSpec,
  type RebootOptions,
  type StopOptions,
} from './driver.ts'
import { asDriverError } from './failure.ts'
import { OneAtATime } from './one-at-a-time.ts'
import type { QemuHost } from './qemu/arguments.ts'
import { readConsole } from './qemu/console-log.ts'
import { type Ground, prepareGround, stateAtRest } from './qemu/ground.ts'
import { createOverlay } from './qemu/image.ts'
import { LiveMachine } from './qemu/machine.ts'
import {
  exists,
  listMachineFolders,
  type MachinePaths,
  type MachineRecord,
  machinePaths,
  makeMachineFolder,
  type PowerRecord,
  readRecord,
  removeMachineFolder,
  writeRecord,
} from './qemu/machine-folder.ts'
import { hostInventory, type Probe, probeQemu, qemuCapabilities } from './qemu/probe.ts'
import { findMachineProcesses } from './qemu/process.ts'

const TEND_EVERY_MS = 2_000
const GIB = 1024 ** 3

export interface QemuOptions {
  /** The state folder; it belongs to one driver object at a time. */
  dir: string
  /**
   * `isolated` (default): guests get an address and reach nothing. `open`: they also reach the
   * outside, and with it whatever listens on the loopback of this host.
   */
  network?: 'isolated' | 'open'
}

export class QemuComputeDriver implements ComputeDriver {
  readonly name = 'qemu'
  private readonly live = new Map<string, LiveMachine>()
  private readonly booting = new Set<string>()
  private readonly row = new OneAtATime()
  private readonly watchers = new Set<(machine: Machine) => void>()
  private grounding: Promise<Ground> | null = null
  private probing: Promise<Probe> | null = null
  private tending: NodeJS.Timeout | null = null
  private closed = false

  constructor(private readonly options: QemuOptions) {}

  async capabilities(): Promise<Capability[]> {
    const { dir, user } = await this.ground()
    const { probe, host } = await this.probe()
    return qemuCapabilities(dir, probe, host, user)
  }

  async inventory(): Promise<Inventory> {
    return hostInventory((await this.ground()).dir)
  }

  create(machine: MachineSpec, image: ImageSource, signal: AbortSignal): Promise<void> {
    return this.verb('create', machine.id, signal, async ({ cache, user }, paths) => {
      if (await exists(paths.disk)) return
      await makeMachineFolder(paths, user)
      const record: MachineRecord = { image: { checksum: image.checksum, format: image.format } }
      await writeRecord(paths.machine, record)
      const virtualSizeBytes = await cache.ensure(image, signal)
      const sizeBytes = Math.max(virtualSizeBytes, machine.diskGiB * GIB)
      await createOverlay(paths, record, sizeBytes, user, signal)
    })
  }

  start(machine: MachineSpec, signal: AbortSignal): Promise<void> {
    return this.verb('start', machine.id, signal, async (ground, paths) => {
      const live = await this.running(machine.id)
      if (live) return live.resume(signal)
      await this.boot(machine, ground, paths, signal)
    })
  }

  stop(id: string, options: StopOptions, signal: AbortSignal): Promise<void> {
    return this.verb('stop', id, signal, async (_, paths) => {
      await machineRecord(id, paths)
      const live = await this.running(id)
      if (!live) return this.remember(paths, { powerState: 'SHUTDOWN' })
      const obeyed = await this.powerDown(live, options.mode === 'graceful', options, signal)
      await this.finish(live, obeyed ? 'guest shut down' : 'powered off')
    })
  }

  reboot(machine: MachineSpec, options: RebootOptions, signal: AbortSignal): Promise<void> {
    return this.verb('reboot', machine.id, signal, async (ground, paths) => {
      await machineRecord(machine.id, paths)
      const live = await this.running(machine.id)
      if (live) {
        const obeyed = await this.powerDown(live, options.mode === 'soft', options, signal)
        if (!obeyed && (await this.reset(live, signal))) return
        await this.finish(live, 'powered off to reboot')
      }
      await this.boot(machine, ground, paths, signal)
    })
  }

  destroy(id: string, signal: AbortSignal): Promise<void> {
    return this.verb('destroy', id, signal, async (_, paths) => {
      const live = this.live.get(id)
      // Its disks go away with it: nothing is worth waiting for.
      await live?.kill()
      this.live.delete(id)
      await removeMachineFolder(paths)
    })
  }

  consoleLog(id: string, lines: number): Promise<string> {
    return this.guard(`console log of machine ${id}`, async ({ dir }) => {
      const paths = machinePaths(dir, id)
      await machineRecord(id, paths)
      // Of a QEMU that does not answer there is at least what it said before.
      const drained = this.live.get(id)?.drain()
      await drained?.catch(() => {})
      return readConsole(paths.console, lines)
    })
  }

  recover(): Promise<Machine[]> {
    return this.guard('recovery of the machines', async (ground) => {
      await this.adopt(ground.dir)
      const { ids } = await listMachineFolders(ground.dir)
      const all = new Set([...ids, ...this.live.keys()])
      return Promise.all([...all].map((id) => this.stateOf(id, ground)))
    })
  }

  watch(onChange: (machine: Machine) => void): () => void {
    // A wrapper, so that a function which watches twice is called twice.
    const watcher = (machine: Machine) => onChange(machine)
    this.watchers.add(watcher)
    return () => this.watchers.delete(watcher)
  }

  async close(): Promise<void> {
    this.closed = true
    if (this.tending) clearInterval(this.tending)
    await this.grounding?.catch(() => {})
    for (const live of this.live.values()) live.leaveAlone()
    this.live.clear()
    this.watchers.clear()
  }

  private verb<T>(
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

  private async guard<T>(doing: string, work: (ground: Ground) => Promise<T>): Promise<T> {
    try {
      return await work(await this.ground())
    } catch (error) {
      throw asDriverError(error, doing)
    }
  }

  private async stateOf(id: string, ground: Ground): Promise<Machine> {
    const live = this.live.get(id)
    if (live) return live.state()
    // Its record says already that it runs, and no QEMU answers yet: that is no crash.
    if (this.booting.has(id)) return { id, powerState: 'SHUTDOWN', reason: 'starting' }
    return stateAtRest(id, ground)
  }

  /** The machine if its QEMU runs and its guest is on; what is down already is cleared away. */
  private async running(id: string): Promise<LiveMachine | null> {
    const live = this.live.get(id)
    if (!live?.down) return live ?? null
    await this.finish(live)
    return null
  }

  private async boot(
    machine: MachineSpec,
    ground: Ground,
    paths: MachinePaths,
    signal: AbortSignal,
  ): Promise<void> {
    const { image } = await machineRecord(machine.id, paths)
    if (!(await exists(paths.disk))) throw notFound(machine.id, 'has no disk')
    const { host: qemuHost } = await this.probe()
    const { id, vcpus, memoryMiB } = machine
    const description = { id, vcpus, memoryMiB, base: image }
    this.booting.add(id)
    try {
      // Before QEMU exists: should its end be missed, this tells that it was no shutdown.
      await this.remember(paths, { powerState: 'RUNNING' })
      const host = { ...qemuHost, user: ground.user }
      this.keep(await LiveMachine.boot(description, paths, host, signal))
    } catch (error) {
      const off = { powerState: 'SHUTDOWN', reason: 'did not start' } as const
      await this.remember(paths, off).catch(() => {})
      throw error
    } finally {
      this.booting.delete(id)
    }
  }

  /** Asks the guest to shut down, when that is wanted; true when it did. */
  private async powerDown(
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

  private async reset(live: LiveMachine, signal: AbortSignal): Promise<boolean> {
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
  private async finish(live: LiveMachine, reason?: string): Promise<void> {
    const paths = machinePaths((await this.ground()).dir, live.id)
    const asked = { powerState: 'SHUTDOWN', reason } as const
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

  private async remember(paths: MachinePaths, power: Omit<PowerRecord, 'bootId'>): Promise<void> {
    if (!(await exists(paths.folder))) return
    const { bootId } = await this.ground()
    await writeRecord(paths.power, { ...power, bootId } satisfies PowerRecord)
  }

  private keep(live: LiveMachine): void {
    if (this.closed) return live.leaveAlone()
    this.live.set(live.id, live)
    live.onPauseChanged = (machine) => this.tell(machine)
    void live.whenDown.then(() => {
      if (!live.ending && !this.closed) this.report(live)
    })
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

  private ground(): Promise<Ground> {
    if (this.closed) {
      return Promise.reject(new DriverError('ABORTED', 'the driver was closed', true))
    }
    this.grounding ??= this.prepare().catch((error) => {
      this.grounding = null
      throw asDriverError(error, 'the state folder of the driver')
    })
    return this.grounding
  }

  private async prepare(): Promise<Ground> {
    const ground = await prepareGround(this.options.dir)
    await this.adopt(ground.dir)
    this.tending ??= setInterval(() => this.tend(), TEND_EVERY_MS).unref()
    return ground
  }

  /** Takes over every QEMU of ours that we do not know yet (D2). */
  private async adopt(dir: string): Promise<void> {
    const strangers = [...findMachineProcesses(join(dir, 'machines'))].filter(
      ([id]) => !this.live.has(id) && !this.row.busy(id),
    )
    const adoptOne = async (id: string, pid: number) => {
      if (this.live.has(id)) return
      const live = await LiveMachine.adopt(id, machinePaths(dir, id), pid)
      if (live) this.keep(live)
    }
    await Promise.all(strangers.map(([id, pid]) => this.row.run(id, null, () => adoptOne(id, pid))))
  }

  private tend(): void {
    for (const live of this.live.values()) live.tend().catch(() => {})
  }

  private async probe(): Promise<{ probe: Probe; host: QemuHost }> {
    const { dir, user } = await this.ground()
    this.probing ??= probeQemu(dir, user).catch((error) => {
      this.probing = null
      throw asDriverError(error, 'the probe of QEMU')
    })
    const probe = await this.probing
    const { accelerator, sandbox } = probe
    const network = this.options.network ?? 'isolated'
    return { probe, host: { accelerator, sandbox, network } }
  }
}

async function machineRecord(id: string, paths: MachinePaths): Promise<MachineRecord> {
  const record = await readRecord<MachineRecord>(paths.machine)
  if (!record) throw notFound(id, 'is not on this host')
  return record
}

function notFound(id: string, what: string): DriverError {
  return new DriverError('MACHINE_NOT_FOUND', `machine ${id} ${what}`)
}
