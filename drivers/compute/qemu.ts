/**
 * The compute driver that runs `qemu-system-x86_64` itself, through QMP and without libvirt.
 *
 * A QEMU runs in a session of its own and serves its control socket itself, so a new driver object
 * over the same folder finds every machine again (C3, C4). What all verbs share, and the rules D1,
 * D2 and D4, stand in qemu/machines.ts; each ability has a file of its own beside it.
 *
 * D3 `machine.json` is written before the image is fetched (so the image is not evicted) and the
 *    disk appears last; `create` that finds the disk has nothing to do (C1, C5).
 */
import type { ComputeAbilities } from './abilities.ts'
import type {
  Capability,
  ComputeDriver,
  ImageSource,
  Inventory,
  Machine,
  MachineSpec,
  RebootOptions,
  StopOptions,
} from './driver.ts'
import { readConsole } from './qemu/console-log.ts'
import { consoles } from './qemu/consoles.ts'
import { diskCopying } from './qemu/disks.ts'
import type { QemuOptions } from './qemu/ground.ts'
import { guest } from './qemu/guest.ts'
import { hotplugging } from './qemu/hotplug.ts'
import { forgetMemory } from './qemu/kept-memory.ts'
import { forgetUnconfirmed, liveMigrating } from './qemu/live-migration.ts'
import {
  exists,
  type MachineRecord,
  machinePaths,
  makeMachineFolder,
  readRecord,
  removeMachineFolder,
  writeRecord,
} from './qemu/machine-folder.ts'
import { QemuMachines } from './qemu/machines.ts'
import { pausing } from './qemu/pausing.ts'
import { hostInventory, qemuCapabilities } from './qemu/probe.ts'
import { rebuilding } from './qemu/rebuilding.ts'
import { rescuing } from './qemu/rescuing.ts'
import { resizing } from './qemu/resizing.ts'
import { baseOf, makeRootDisk } from './qemu/root-disk.ts'
import { suspending } from './qemu/suspending.ts'
import { removeTaps } from './qemu/tap.ts'

export type { QemuOptions } from './qemu/ground.ts'

export class QemuComputeDriver implements ComputeDriver {
  readonly name = 'qemu'
  readonly abilities: ComputeAbilities
  private readonly machines: QemuMachines

  constructor(options: QemuOptions) {
    const machines = new QemuMachines(options)
    this.machines = machines
    this.abilities = {
      pausing: pausing(machines),
      suspending: suspending(machines),
      rescuing: rescuing(machines),
      rebuilding: rebuilding(machines),
      resizing: resizing(machines),
      disks: diskCopying(machines),
      liveMigration: liveMigrating(machines),
      hotplug: hotplugging(machines),
      guest: guest(machines),
      consoles: consoles(machines),
    }
  }

  async capabilities(): Promise<Capability[]> {
    const { dir, user } = await this.machines.ground()
    const { probe, host } = await this.machines.probe()
    return qemuCapabilities(dir, probe, host, user)
  }

  async inventory(): Promise<Inventory> {
    return hostInventory((await this.machines.ground()).dir)
  }

  create(machine: MachineSpec, image: ImageSource, signal: AbortSignal): Promise<void> {
    return this.machines.verb('create', machine.id, signal, async (ground, paths) => {
      if (await exists(paths.disk)) return
      await makeMachineFolder(paths, ground.user)
      const base = baseOf(image)
      await writeRecord(paths.machine, { image: base } satisfies MachineRecord)
      const virtualSizeBytes = await ground.cache.ensure(image, signal)
      await makeRootDisk(machine, { base, virtualSizeBytes }, ground, paths, signal)
    })
  }

  start(machine: MachineSpec, signal: AbortSignal): Promise<void> {
    return this.machines.verb('start', machine.id, signal, async (_, paths) => {
      const live = await this.machines.running(machine.id)
      if (live) {
        await forgetUnconfirmed(this.machines, paths)
        return live.resume(signal)
      }
      await this.machines.boot(machine, paths, signal)
    })
  }

  stop(id: string, options: StopOptions, signal: AbortSignal): Promise<void> {
    const { machines } = this
    return machines.verb('stop', id, signal, async (_, paths) => {
      await machines.record(id, paths)
      const live = await machines.running(id)
      if (!live) {
        await forgetMemory(paths)
        return machines.remember(paths, { powerState: 'SHUTDOWN' })
      }
      const obeyed = await machines.powerDown(live, options.mode === 'graceful', options, signal)
      await machines.finish(live, obeyed ? 'guest shut down' : 'powered off')
    })
  }

  reboot(machine: MachineSpec, options: RebootOptions, signal: AbortSignal): Promise<void> {
    const { machines } = this
    return machines.verb('reboot', machine.id, signal, async (_, paths) => {
      await machines.record(machine.id, paths)
      const live = await machines.running(machine.id)
      if (live) {
        const obeyed = await machines.powerDown(live, options.mode === 'soft', options, signal)
        await forgetUnconfirmed(machines, paths)
        if (!obeyed && (await machines.reset(live, signal))) return
        await machines.finish(live, 'powered off to reboot')
      }
      await machines.boot(machine, paths, signal)
    })
  }

  destroy(id: string, signal: AbortSignal): Promise<void> {
    return this.machines.verb('destroy', id, signal, async (_, paths) => {
      // Its disks go away with it: nothing is worth waiting for.
      await this.machines.known(id)?.kill()
      this.machines.forget(id)
      const record = await readRecord<MachineRecord>(paths.machine)
      await removeTaps(record?.ports ?? [])
      await removeMachineFolder(paths)
    })
  }

  consoleLog(id: string, lines: number): Promise<string> {
    return this.machines.guard(`console log of machine ${id}`, async ({ dir }) => {
      const paths = machinePaths(dir, id)
      await this.machines.record(id, paths)
      // Of a QEMU that does not answer there is at least what it said before.
      const drained = this.machines.known(id)?.drain()
      await drained?.catch(() => {})
      return readConsole(paths.console, lines)
    })
  }

  recover(): Promise<Machine[]> {
    return this.machines.guard('recovery of the machines', () => this.machines.states())
  }

  watch(onChange: (machine: Machine) => void): () => void {
    return this.machines.watch(onChange)
  }

  close(): Promise<void> {
    return this.machines.close()
  }
}
