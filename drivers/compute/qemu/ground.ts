/** What the driver stands on: found, probed and tidied once, before the first verb. */
import { realpath, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { DriverError, type Machine } from '../driver.ts'
import { asDriverError } from '../failure.ts'
import type { QemuHost } from './arguments.ts'
import { ImageCache } from './image-cache.ts'
import { memoryIsKept } from './kept-memory.ts'
import {
  exists,
  listMachineFolders,
  type MachinePaths,
  type MachineRecord,
  machinePaths,
  makeDriverFolder,
  type PowerRecord,
  readRecord,
} from './machine-folder.ts'
import { bootId, type Probe, probeQemu } from './probe.ts'
import { findQemuUser, type QemuUser } from './user.ts'

export interface Ground {
  /** The state folder, without symbolic links: so the kernel shows the folder of a process. */
  dir: string
  user: QemuUser | null
  bootId: string
  cache: ImageCache
}

export interface QemuOptions {
  /** The state folder; it belongs to one driver object at a time. */
  dir: string
  /**
   * `isolated` (default): guests get an address and reach nothing. `open`: they also reach the
   * outside, and with it whatever listens on the loopback of this host.
   */
  network?: 'isolated' | 'open'
}

export class HostGround {
  closed = false
  private grounding: Promise<Ground> | null = null
  private probing: Promise<Probe> | null = null

  /** `takeOver` comes after the preparation and before the first verb. */
  constructor(
    private readonly options: QemuOptions,
    private readonly takeOver: (ground: Ground) => Promise<void>,
  ) {}

  /** Rejects when the driver was closed. */
  ground(): Promise<Ground> {
    if (this.closed) {
      return Promise.reject(new DriverError('ABORTED', 'the driver was closed', true))
    }
    this.grounding ??= this.prepare().catch((error) => {
      this.grounding = null
      throw asDriverError(error, 'the state folder of the driver')
    })
    return this.grounding
  }

  async probe(): Promise<{ probe: Probe; host: QemuHost }> {
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

  /** Settles when nothing is being prepared any more. */
  async close(): Promise<void> {
    this.closed = true
    await this.grounding?.catch(() => {})
  }

  private async prepare(): Promise<Ground> {
    const ground = await prepareGround(this.options.dir)
    await this.takeOver(ground)
    return ground
  }
}

/** Makes the folders and removes what an earlier process left half done. */
async function prepareGround(wantedDir: string): Promise<Ground> {
  const user = await findQemuUser()
  await makeDriverFolder(resolve(wantedDir), user)
  const dir = await realpath(wantedDir)
  const inUse = () => imagesInUse(dir)
  const cache = new ImageCache({ dir: join(dir, '_base'), user, inUse })
  await cache.sweep()
  const { ids, rest } = await listMachineFolders(dir)
  for (const path of rest) await rm(path, { recursive: true, force: true })
  for (const id of ids) await sweepMachine(machinePaths(dir, id))
  return { dir, user, bootId: await bootId(), cache }
}

/** Files that only a verb at work needs: whoever was at it is gone. */
async function sweepMachine(paths: MachinePaths): Promise<void> {
  const { exportedDisk, importedDisk, resizedDisk } = paths
  for (const path of [exportedDisk, importedDisk, resizedDisk]) await rm(path, { force: true })
}

/** The state of a machine that has no QEMU, from what was written down. */
export async function stateAtRest(id: string, ground: Ground): Promise<Machine> {
  const paths = machinePaths(ground.dir, id)
  if (!(await exists(paths.disk))) {
    return { id, powerState: 'SHUTDOWN', reason: 'its disk was never completed' }
  }
  if (await memoryIsKept(paths)) return { id, powerState: 'SUSPENDED' }
  const power = await readRecord<PowerRecord>(paths.power)
  if (!power) return { id, powerState: 'SHUTDOWN', reason: 'never started' }
  const { powerState, reason } = power
  if (powerState === 'SHUTDOWN' || powerState === 'CRASHED') return { id, powerState, reason }
  // It ran when this was written, and whoever ended it did not write that down.
  const sameBoot = power.bootId === ground.bootId
  const why = sameBoot ? 'QEMU ended unexpectedly' : 'the host restarted'
  return { id, powerState: 'CRASHED', reason: why }
}

async function imagesInUse(dir: string): Promise<Set<string>> {
  const { ids } = await listMachineFolders(dir)
  const records = await Promise.all(
    ids.map((id) => readRecord<MachineRecord>(machinePaths(dir, id).machine)),
  )
  const images = records.flatMap((record) => [record?.image, record?.rescue, record?.next])
  return new Set(images.flatMap((image) => image?.checksum ?? []))
}
