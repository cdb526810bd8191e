/**
 * Reading what a QEMU owns. Its run folder is its own, so a QEMU that a guest has taken over may put
 * there what it likes: a link to a file of the host in place of its disk. What is opened here is a
 * plain file that belongs to QEMU's user.
 */
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { DriverError } from '../driver.ts'
import type { QemuUser } from './user.ts'

const VIRTUAL_SIZE_AT = 24

/** Throws HYPERVISOR_FAILED for what is no such file, or is not there. */
export async function openRunFile(path: string, user: QemuUser | null): Promise<FileHandle> {
  // Without blocking: there may be a pipe that nobody ever writes to.
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
  const file = await open(path, flags)
  const found = await file.stat()
  if (found.isFile() && (!user || found.uid === user.uid)) return file
  await file.close()
  throw new DriverError('HYPERVISOR_FAILED', 'a disk of the machine is not the one that was made')
}

/** The size of the disk that a qcow2 says it holds. */
export async function virtualSizeOf(path: string, user: QemuUser | null): Promise<number> {
  const file = await openRunFile(path, user)
  try {
    const { buffer } = await file.read(Buffer.alloc(8), 0, 8, VIRTUAL_SIZE_AT)
    return Number(buffer.readBigUInt64BE())
  } finally {
    await file.close()
  }
}
