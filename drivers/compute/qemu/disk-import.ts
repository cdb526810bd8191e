/**
 * A root disk that comes as bytes, perhaps from another host: hostile until it was looked at.
 *
 * N1 The bytes go to a file that only the agent may open. No program opens it before its header was
 *    read and names no other file; then QEMU's user checks that its tables fit together.
 * N2 The disk takes its name whole and last; a machine that was not there before is gone again when
 *    that fails.
 */
import { chmod, chown, type FileHandle, open, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Readable } from 'node:stream'
import { within } from '../deadline.ts'
import { DriverError, type MachineSpec } from '../driver.ts'
import { isOutOfSpace } from '../failure.ts'
import { refuseWithoutRoom, renameDurably } from './durably.ts'
import type { Ground } from './ground.ts'
import { checkDisk, growDisk } from './image.ts'
import type { MachinePaths } from './machine-folder.ts'
import { readQcow2Header } from './qcow2-header.ts'
import { GIB } from './root-disk.ts'

/** A source that brings no byte for so long is given up. */
const STALL_TIMEOUT_MS = 60_000
const HEADER_BYTES = 4096
/** The tables of a qcow2, beside its disk; with room to spare. */
const TABLES_MIN_BYTES = 64 * 1024 * 1024
const TABLES_SHARE = 8
/** How often the room on the disk is looked at. */
const ROOM_EVERY_BYTES = 64 * 1024 * 1024
const WHAT = 'the bytes of a disk'

/** Throws IMAGE_INVALID, IMAGE_UNAVAILABLE when the bytes break off, and NO_SPACE. */
export async function takeDisk(
  machine: MachineSpec,
  bytes: () => Promise<Readable>,
  { user }: Ground,
  paths: MachinePaths,
  signal: AbortSignal,
): Promise<void> {
  const partial = paths.importedDisk
  await rm(partial, { force: true })
  try {
    const virtualSizeBytes = await receive(bytes, partial, signal)
    if (user) await chown(partial, user.uid, user.gid)
    await chmod(partial, 0o600)
    await checkDisk(partial, user, signal)
    const wantedBytes = machine.diskGiB * GIB
    if (wantedBytes > virtualSizeBytes) await growDisk(partial, null, wantedBytes, user, signal)
    await renameDurably(partial, paths.disk)
  } finally {
    await rm(partial, { force: true })
  }
}

/** The size of the disk that they hold. */
async function receive(
  bytes: () => Promise<Readable>,
  path: string,
  signal: AbortSignal,
): Promise<number> {
  const deadline = { timeoutMs: STALL_TIMEOUT_MS, signal, what: WHAT }
  const opening = bytes()
  const file = await open(path, 'wx+', 0o600)
  try {
    const source = await within(opening, deadline)
    await write(source, file, dirname(path), signal).finally(() => source.destroy())
    await file.sync()
    const { virtualSizeBytes } = await readQcow2Header(file)
    return virtualSizeBytes
  } catch (error) {
    // Should it open after we gave up, nobody would read it.
    opening.then((late) => late.destroy()).catch(() => {})
    throw asSourceError(error)
  } finally {
    await file.close()
  }
}

async function write(
  source: Readable,
  file: FileHandle,
  folder: string,
  signal: AbortSignal,
): Promise<void> {
  const chunks = source[Symbol.asyncIterator]()
  let size = 0
  let limitBytes = Number.POSITIVE_INFINITY
  for (;;) {
    const next = await within(chunks.next(), { timeoutMs: STALL_TIMEOUT_MS, signal, what: WHAT })
    if (next.done) return
    const chunk = Buffer.from(next.value)
    await file.appendFile(chunk)
    const before = size
    size += chunk.length
    if (before < HEADER_BYTES && size >= HEADER_BYTES) limitBytes = await limitOf(file)
    const isTime = Math.floor(size / ROOM_EVERY_BYTES) > Math.floor(before / ROOM_EVERY_BYTES)
    if (isTime) await refuseWithoutRoom('the next piece of a disk', ROOM_EVERY_BYTES, folder)
    if (size > limitBytes) {
      throw new DriverError('IMAGE_INVALID', 'more bytes came than the disk can have')
    }
  }
}

/** What is no qcow2 is refused at its beginning, and not when a disk is full of it. */
async function limitOf(file: FileHandle): Promise<number> {
  const { virtualSizeBytes } = await readQcow2Header(file)
  return virtualSizeBytes + Math.floor(virtualSizeBytes / TABLES_SHARE) + TABLES_MIN_BYTES
}

function asSourceError(error: unknown): unknown {
  if (isOutOfSpace(error)) return error
  if (error instanceof DriverError && error.code !== 'TIMEOUT') return error
  const options = { cause: error }
  return new DriverError('IMAGE_UNAVAILABLE', 'a disk broke off on its way', true, options)
}
