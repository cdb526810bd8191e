/** What a machine boots from, and how it comes to be. */
import { DriverError, type ImageSource, type MachineSpec } from '../driver.ts'
import { writeConfigDrive } from './config-drive.ts'
import type { BaseImage } from './disk-arguments.ts'
import type { Ground } from './ground.ts'
import { createOverlay } from './image.ts'
import { memoryIsKept } from './kept-memory.ts'
import { exists, type MachinePaths, type MachineRecord, writeRecord } from './machine-folder.ts'
import type { QemuMachines } from './machines.ts'

export const GIB = 1024 ** 3

export const baseOf = ({ checksum, format }: ImageSource): BaseImage => ({ checksum, format })

/**
 * Gets an image whose place another one still has. Until it takes that place it stands in the
 * record as `next`, so that it is not evicted; when it cannot be had, nothing has changed.
 */
export async function fetchNext(
  record: MachineRecord,
  image: ImageSource,
  { cache }: Ground,
  paths: MachinePaths,
  signal: AbortSignal,
): Promise<number> {
  await writeRecord(paths.machine, { ...record, next: baseOf(image) })
  try {
    return await cache.ensure(image, signal)
  } catch (error) {
    await writeRecord(paths.machine, record).catch(() => {})
    throw error
  }
}

/** Makes the root disk on an image of the cache, and the config drive before it, if there is one. */
export async function makeRootDisk(
  machine: MachineSpec,
  image: { base: BaseImage; virtualSizeBytes: number },
  { user }: Ground,
  paths: MachinePaths,
  signal: AbortSignal,
): Promise<void> {
  await replaceConfigDrive(machine, user, paths, signal)
  const sizeBytes = Math.max(image.virtualSizeBytes, machine.diskGiB * GIB)
  await createOverlay(paths.disk, image.base, sizeBytes, user, signal)
}

export async function replaceConfigDrive(
  { configDrive }: MachineSpec,
  user: Ground['user'],
  paths: MachinePaths,
  signal: AbortSignal,
): Promise<void> {
  if (configDrive) await writeConfigDrive(paths.configDrive, configDrive, user, signal)
}

export async function isInRescue(record: MachineRecord, paths: MachinePaths): Promise<boolean> {
  return record.rescue !== undefined && (await exists(paths.rescueDisk))
}

/** Throws REFUSED unless the root disk is at rest: kept memory belongs to the disk as it was. */
export async function refuseUnlessAtRest(
  id: string,
  machines: QemuMachines,
  paths: MachinePaths,
): Promise<void> {
  const record = await machines.record(id, paths)
  if (await isInRescue(record, paths)) {
    throw new DriverError('REFUSED', `machine ${id} is being rescued`)
  }
  if (await machines.running(id)) throw new DriverError('REFUSED', `machine ${id} is not off`)
  if (await memoryIsKept(paths)) {
    throw new DriverError('REFUSED', `machine ${id} is suspended, not off`)
  }
}
