/** What the driver stands on: found and tidied once, before the first verb. */
import { realpath, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Machine } from '../driver.ts'
import { ImageCache } from './image-cache.ts'
import {
  exists,
  listMachineFolders,
  type MachineRecord,
  machinePaths,
  makeDriverFolder,
  type PowerRecord,
  readRecord,
} from './machine-folder.ts'
import { bootId } from './probe.ts'
import { findQemuUser, type QemuUser } from './user.ts'

export interface Ground {
  /** The state folder, without symbolic links: so the kernel shows the folder of a process. */
  dir: string
  user: QemuUser | null
  bootId: string
  cache: ImageCache
}

/** Makes the folders and removes what an earlier process left half done. */
export async function prepareGround(wantedDir: string): Promise<Ground> {
  const user = await findQemuUser()
  await makeDriverFolder(resolve(wantedDir), user)
  const dir = await realpath(wantedDir)
  const inUse = () => imagesInUse(dir)
  const cache = new ImageCache({ dir: join(dir, '_base'), user, inUse })
  await cache.sweep()
  for (const path of (await listMachineFolders(dir)).rest) {
    await rm(path, { recursive: true, force: true })
  }
  return { dir, user, bootId: await bootId(), cache }
}

/** The state of a machine that has no QEMU, from what was written down. */
export async function stateAtRest(id: string, ground: Ground): Promise<Machine> {
  const paths = machinePaths(ground.dir, id)
  if (!(await exists(paths.disk))) {
    return { id, powerState: 'SHUTDOWN', reason: 'its disk was never completed' }
  }
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
