/**
 * Reads just enough of an image to know the size of its disk and that it names no other file. No
 * program opens an image before that: qemu-img itself follows what a header names.
 */
import { type FileHandle, open } from 'node:fs/promises'
import { DriverError } from '../driver.ts'

const HEADER_BYTES = 104
const MAGIC = 0x514649fb
const INCOMPATIBLE_DATA_FILE = 1n << 2n
const SECTOR_BYTES = 512

/** Throws IMAGE_INVALID for a base that is not what it says or does not stand alone. */
export async function readBaseHeader(
  path: string,
  format: 'qcow2' | 'raw',
): Promise<{ virtualSizeBytes: number }> {
  const file = await open(path, 'r')
  try {
    const { size } = await file.stat()
    // QEMU rounds a raw file up to whole sectors.
    if (format === 'raw') return { virtualSizeBytes: Math.ceil(size / SECTOR_BYTES) * SECTOR_BYTES }
    return await readQcow2Header(file)
  } finally {
    await file.close()
  }
}

/** The same of a qcow2 that is open. */
export async function readQcow2Header(file: FileHandle): Promise<{ virtualSizeBytes: number }> {
  const header = Buffer.alloc(HEADER_BYTES)
  await file.read(header, 0, HEADER_BYTES, 0)
  return { virtualSizeBytes: parseQcow2(header) }
}

function parseQcow2(header: Buffer): number {
  const version = header.readUInt32BE(4)
  if (header.readUInt32BE(0) !== MAGIC || (version !== 2 && version !== 3)) {
    throw new DriverError('IMAGE_INVALID', 'the image is no qcow2 of version 2 or 3')
  }
  if (header.readBigUInt64BE(8) !== 0n) {
    throw new DriverError('IMAGE_INVALID', 'the image names a backing file')
  }
  if (version === 3 && (header.readBigUInt64BE(72) & INCOMPATIBLE_DATA_FILE) !== 0n) {
    throw new DriverError('IMAGE_INVALID', 'the image keeps its data in another file')
  }
  if (header.readUInt32BE(32) !== 0) {
    throw new DriverError('IMAGE_INVALID', 'the image is encrypted')
  }
  const size = header.readBigUInt64BE(24)
  if (size > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw new DriverError('IMAGE_INVALID', 'the image says that its disk is larger than any disk')
  }
  return Number(size)
}
