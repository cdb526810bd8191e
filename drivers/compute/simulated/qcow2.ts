/**
 * The smallest qcow2 that is whole: a header, its tables, and one cluster of data, in which the
 * identity of a simulated disk stands. Facts from QEMU's docs/interop/qcow2.txt.
 */
import { DriverError } from '../driver.ts'

const MAGIC = 0x514649fb
const CLUSTER_BITS = 16
const CLUSTER_BYTES = 2 ** CLUSTER_BITS
const HEADER_BYTES = 104
/** What one table of the second level maps. */
const L2_MAPS_BYTES = (CLUSTER_BYTES / 8) * CLUSTER_BYTES
const SECTOR_BYTES = 512
/** Not shared with a snapshot. */
const COPIED = 1n << 63n
const OFFSET_BITS = 0x00ff_ffff_ffff_fe00n
/** A larger table would map more than 16 TiB. */
const MAX_L1_CLUSTERS = 4

/** `content` becomes the first sector of the disk; it must fit in there. */
export function writeQcow2(virtualSizeBytes: number, content: string): Buffer {
  const data = Buffer.from(content)
  const sizeBytes = Math.max(
    SECTOR_BYTES,
    Math.ceil(virtualSizeBytes / SECTOR_BYTES) * SECTOR_BYTES,
  )
  if (data.length > SECTOR_BYTES) throw new Error('the content is longer than a sector')
  const l1Entries = Math.ceil(sizeBytes / L2_MAPS_BYTES)
  const l1Clusters = Math.ceil((l1Entries * 8) / CLUSTER_BYTES)
  if (l1Clusters > MAX_L1_CLUSTERS) throw new Error('the disk is larger than 16 TiB')
  const [refcountTableAt, refcountBlockAt, l1At] = [
    CLUSTER_BYTES,
    2 * CLUSTER_BYTES,
    3 * CLUSTER_BYTES,
  ]
  const l2At = l1At + l1Clusters * CLUSTER_BYTES
  const dataAt = l2At + CLUSTER_BYTES
  const file = Buffer.alloc(dataAt + CLUSTER_BYTES)
  file.writeUInt32BE(MAGIC, 0)
  file.writeUInt32BE(3, 4)
  file.writeUInt32BE(CLUSTER_BITS, 20)
  file.writeBigUInt64BE(BigInt(sizeBytes), 24)
  file.writeUInt32BE(l1Entries, 36)
  file.writeBigUInt64BE(BigInt(l1At), 40)
  file.writeBigUInt64BE(BigInt(refcountTableAt), 48)
  file.writeUInt32BE(1, 56)
  // Reference counts of 2^4 bits.
  file.writeUInt32BE(4, 96)
  file.writeUInt32BE(HEADER_BYTES, 100)
  file.writeBigUInt64BE(BigInt(refcountBlockAt), refcountTableAt)
  for (let n = 0; n < file.length / CLUSTER_BYTES; n++) {
    file.writeUInt16BE(1, refcountBlockAt + 2 * n)
  }
  file.writeBigUInt64BE(BigInt(l2At) | COPIED, l1At)
  file.writeBigUInt64BE(BigInt(dataAt) | COPIED, l2At)
  data.copy(file, dataAt)
  return file
}

/** Reads such a file, which may have been on a long way: throws IMAGE_INVALID. */
export function readQcow2(file: Buffer): { virtualSizeBytes: number; content: string } {
  if (file.length < HEADER_BYTES || file.readUInt32BE(0) !== MAGIC || file.readUInt32BE(4) !== 3) {
    throw invalid('no qcow2 of version 3')
  }
  if (file.readBigUInt64BE(8) !== 0n) throw invalid('it names a backing file')
  if (file.readBigUInt64BE(72) !== 0n) throw invalid('it needs features that are unknown here')
  if (file.readUInt32BE(20) !== CLUSTER_BITS) throw invalid('its clusters are of another size')
  const virtualSizeBytes = Number(file.readBigUInt64BE(24))
  const l2At = entryAt(file, Number(file.readBigUInt64BE(40)))
  const dataAt = entryAt(file, l2At)
  if (dataAt + SECTOR_BYTES > file.length) throw invalid('it ends too early')
  const sector = file.subarray(dataAt, dataAt + SECTOR_BYTES)
  const end = sector.indexOf(0)
  return { virtualSizeBytes, content: sector.toString('utf8', 0, end < 0 ? SECTOR_BYTES : end) }
}

function entryAt(file: Buffer, offset: number): number {
  if (offset + 8 > file.length) throw invalid('it ends too early')
  return Number(file.readBigUInt64BE(offset) & OFFSET_BITS)
}

const invalid = (why: string) =>
  new DriverError('IMAGE_INVALID', `the disk can not be taken: ${why}`)
