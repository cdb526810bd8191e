/** Files that must be whole after a power cut, and the room they need. */
import { constants } from 'node:fs'
import { open, rename, stat, statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { DriverError } from '../driver.ts'

/** What the kernel counts the room of a file in. */
const BLOCK_BYTES = 512

/** Gives a finished file its name: what stands under `to` is whole, whenever the power goes. */
export async function renameDurably(from: string, to: string): Promise<void> {
  await sync(from)
  await rename(from, to)
  await syncFolder(dirname(to))
}

export async function syncFolder(path: string): Promise<void> {
  await sync(path)
}

export async function freeBytes(path: string): Promise<number> {
  const disk = await statfs(path)
  return disk.bavail * disk.bsize
}

export const inMiB = (bytes: number): string => `${Math.ceil(bytes / 1024 ** 2)} MiB`

/**
 * Throws NO_SPACE. A full disk would hold every guest of this host still; so what will not fit is
 * not begun.
 */
export async function refuseWithoutRoom(
  what: string,
  neededBytes: number,
  folder: string,
): Promise<void> {
  const free = await freeBytes(folder)
  if (free >= neededBytes) return
  const text = `${what} may need ${inMiB(neededBytes)} and the host's disk has ${inMiB(free)} left`
  throw new DriverError('NO_SPACE', text, true)
}

/** What files take up, holes left out. */
export async function bytesOf(paths: string[]): Promise<number> {
  const found = await Promise.all(paths.map((path) => stat(path)))
  return found.reduce((sum, { blocks }) => sum + blocks * BLOCK_BYTES, 0)
}

async function sync(path: string): Promise<void> {
  // A QEMU owns its run folder: it may have put a link where its disk was.
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW)
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}
