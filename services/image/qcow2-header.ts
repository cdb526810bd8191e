/**
 * The header of a qcow2 and what it points to directly: mapping table, reference counts, snapshots,
 * header extensions. Facts from QEMU's docs/interop/qcow2.txt. Numbers in the file are big-endian.
 */
import {
  type ByteRange,
  checkRange,
  type ImageBytes,
  type InspectionLimits,
  Refusal,
  readExactly,
} from './image-bytes.ts'

export interface Qcow2Header {
  version: number
  virtualSizeBytes: number
  clusterBytes: number
  /** 8 bytes, or 16 with extended L2 entries. */
  l2EntryBytes: number
  l1: ByteRange
  refcountTable: ByteRange
}

const SHORT_HEADER_BYTES = 72
const LONG_HEADER_BYTES = 104
const MIN_CLUSTER_BITS = 9
const MAX_CLUSTER_BITS = 21
const MIN_EXTENDED_CLUSTER_BITS = 14
const MAX_REFCOUNT_ORDER = 6
/** QEMU's own bounds of the tables. */
const MAX_L1_BYTES = 32 * 1024 ** 2
const MAX_REFCOUNT_TABLE_BYTES = 8 * 1024 ** 2
const MAX_EXTENSIONS = 64
const SNAPSHOT_FIXED_BYTES = 40
const MAX_SNAPSHOT_EXTRA_BYTES = 1024

const DIRTY = 0
const CORRUPT = 1
const EXTERNAL_DATA = 2
const COMPRESSION_TYPE = 3
const EXTENDED_L2 = 4
const KNOWN_INCOMPATIBLE = [DIRTY, CORRUPT, EXTERNAL_DATA, COMPRESSION_TYPE, EXTENDED_L2]
const MAX_COMPRESSION_TYPE = 1

const EXTENSION_END = 0
const EXTENSION_ENCRYPTION = 0x0537be77
const EXTENSION_DATA_FILE = 0x44415441
const EXTENSION_BITMAPS = 0x23852875

export async function checkQcow2Header(
  bytes: ImageBytes,
  limits: InspectionLimits,
): Promise<Qcow2Header> {
  const head = await readHead(bytes)
  const version = head.getUint32(4)
  if (version !== 2 && version !== 3) {
    throw new Refusal(`The qcow2 has version ${version}; versions 2 and 3 are accepted`)
  }
  const clusterBits = head.getUint32(20)
  if (clusterBits < MIN_CLUSTER_BITS || clusterBits > MAX_CLUSTER_BITS) {
    throw new Refusal(`The qcow2 has clusters of 2^${clusterBits} bytes; 9 to 21 bits are allowed`)
  }
  const clusterBytes = 2 ** clusterBits
  const features = version === 2 ? new Set<number>() : incompatibleFeatures(head)
  checkFeatures(features, clusterBits)
  checkStandsAlone(head)
  const headerBytes = version === 2 ? SHORT_HEADER_BYTES : longHeaderBytes(head, clusterBytes)
  if (version === 3) checkVersion3(head, headerBytes, features)
  await checkExtensions(bytes, headerBytes, clusterBytes)

  const virtualSizeBytes = size(head, 24, 'The disk of the qcow2')
  const l2EntryBytes = features.has(EXTENDED_L2) ? 16 : 8
  const l1 = table(bytes, head, {
    at: 40,
    bytes: head.getUint32(36) * 8,
    clusterBytes,
    name: 'L1 table',
  })
  if (l1.bytes > MAX_L1_BYTES) throw new Refusal('The L1 table of the qcow2 is larger than 32 MiB')
  const mappedBytes = (l1.bytes / 8) * (clusterBytes / l2EntryBytes) * clusterBytes
  if (mappedBytes < virtualSizeBytes) {
    throw new Refusal(
      `The qcow2 says that its disk has ${virtualSizeBytes} bytes, ` +
        `but its L1 table has room for ${mappedBytes} only`,
    )
  }
  const refcountTable = refcounts(bytes, head, clusterBytes)
  await checkSnapshots(bytes, head, clusterBytes, limits)
  return { version, virtualSizeBytes, clusterBytes, l2EntryBytes, l1, refcountTable }
}

async function readHead(bytes: ImageBytes): Promise<DataView> {
  const length = Math.min(bytes.sizeBytes, LONG_HEADER_BYTES + 8)
  const head = await readExactly(bytes, { offset: 0, bytes: length }, 'header')
  const version = head.byteLength >= 8 ? head.getUint32(4) : 0
  const needed = version === 2 ? SHORT_HEADER_BYTES : LONG_HEADER_BYTES
  if (head.byteLength < needed) {
    throw new Refusal(`The qcow2 ends within its header, after ${head.byteLength} bytes`)
  }
  return head
}

function incompatibleFeatures(head: DataView): Set<number> {
  const features = new Set<number>()
  const word = head.getBigUint64(72)
  for (let bit = 0; bit < 64; bit += 1) if ((word >> BigInt(bit)) & 1n) features.add(bit)
  return features
}

function checkFeatures(features: Set<number>, clusterBits: number): void {
  if (features.has(EXTERNAL_DATA)) {
    throw new Refusal('The qcow2 keeps its data in another file; an image must stand alone')
  }
  if (features.has(CORRUPT)) {
    throw new Refusal('The qcow2 is marked as corrupt: repair it with qemu-img check -r all')
  }
  if (features.has(DIRTY)) {
    throw new Refusal('The qcow2 was not closed cleanly: repair it with qemu-img check -r all')
  }
  const unknown = [...features].filter((bit) => !KNOWN_INCOMPATIBLE.includes(bit))
  if (unknown.length > 0) {
    throw new Refusal(`The qcow2 needs features that are unknown here (bits ${unknown.join(', ')})`)
  }
  if (features.has(EXTENDED_L2) && clusterBits < MIN_EXTENDED_CLUSTER_BITS) {
    throw new Refusal('The qcow2 has extended L2 entries in clusters of less than 16 KiB')
  }
}

function checkStandsAlone(head: DataView): void {
  if (head.getBigUint64(8) !== 0n || head.getUint32(16) !== 0) {
    // Its name is not repeated: it may be anything, and nobody needs it to understand.
    throw new Refusal('The qcow2 has a backing file; an image must stand alone')
  }
  if (head.getUint32(32) !== 0) {
    throw new Refusal('The qcow2 is encrypted; there is no key for it here')
  }
}

function longHeaderBytes(head: DataView, clusterBytes: number): number {
  const length = head.getUint32(100)
  if (length < LONG_HEADER_BYTES || length % 8 !== 0 || length > clusterBytes) {
    throw new Refusal(`The header of the qcow2 claims a length of ${length} bytes`)
  }
  return length
}

function checkVersion3(head: DataView, headerBytes: number, features: Set<number>): void {
  const refcountOrder = head.getUint32(96)
  if (refcountOrder > MAX_REFCOUNT_ORDER) {
    throw new Refusal(`The qcow2 has reference counts of 2^${refcountOrder} bits; 64 are the most`)
  }
  const present = headerBytes > LONG_HEADER_BYTES && head.byteLength > LONG_HEADER_BYTES
  const compression = present ? head.getUint8(LONG_HEADER_BYTES) : 0
  if (compression > MAX_COMPRESSION_TYPE || features.has(COMPRESSION_TYPE) !== compression > 0) {
    throw new Refusal(`The qcow2 claims compression of type ${compression}, which is not known`)
  }
}

/** The list between the header and the end of the first cluster. */
async function checkExtensions(
  bytes: ImageBytes,
  headerBytes: number,
  clusterBytes: number,
): Promise<void> {
  const end = Math.min(clusterBytes, bytes.sizeBytes)
  const malformed = new Refusal('The header extensions of the qcow2 are malformed')
  let at = headerBytes
  for (let count = 0; at + 8 <= end; count += 1) {
    if (count === MAX_EXTENSIONS) throw new Refusal('The qcow2 has too many header extensions')
    const head = await readExactly(bytes, { offset: at, bytes: 8 }, 'header extensions')
    const type = head.getUint32(0)
    const length = head.getUint32(4)
    if (type === EXTENSION_END) return
    at += 8
    if (length > end - at) throw malformed
    if (type === EXTENSION_DATA_FILE) {
      throw new Refusal('The qcow2 names an external data file; an image must stand alone')
    }
    if (type === EXTENSION_ENCRYPTION) {
      throw new Refusal('The qcow2 is encrypted; there is no key for it here')
    }
    if (type === EXTENSION_BITMAPS) {
      if (length !== 24) throw malformed
      const bitmaps = await readExactly(bytes, { offset: at, bytes: 24 }, 'header extensions')
      checkRange(bytes, range(bitmaps, 16, size(bitmaps, 8, 'The bitmaps')), 'bitmap directory')
    }
    at += Math.ceil(length / 8) * 8
  }
}

interface TableField {
  /** Where in the header the offset stands. */
  at: number
  bytes: number
  clusterBytes: number
  name: string
}

function table(bytes: ImageBytes, head: DataView, field: TableField): ByteRange {
  const found = range(head, field.at, field.bytes)
  if (found.bytes === 0) return found
  if (found.offset === 0 || found.offset % field.clusterBytes !== 0) {
    throw new Refusal(`The ${field.name} of the qcow2 does not begin at a cluster`)
  }
  checkRange(bytes, found, field.name)
  return found
}

function refcounts(bytes: ImageBytes, head: DataView, clusterBytes: number): ByteRange {
  const tableBytes = head.getUint32(56) * clusterBytes
  if (tableBytes === 0) throw new Refusal('The qcow2 has no refcount table')
  if (tableBytes > MAX_REFCOUNT_TABLE_BYTES) {
    throw new Refusal('The refcount table of the qcow2 is larger than 8 MiB')
  }
  return table(bytes, head, { at: 48, bytes: tableBytes, clusterBytes, name: 'refcount table' })
}

/**
 * The snapshots are counted and their tables must lie in the file; their disks are not looked
 * into.
 */
async function checkSnapshots(
  bytes: ImageBytes,
  head: DataView,
  clusterBytes: number,
  limits: InspectionLimits,
): Promise<void> {
  const count = head.getUint32(60)
  if (count === 0) return
  if (count > limits.snapshots) {
    throw new Refusal(`The qcow2 has ${count} internal snapshots; ${limits.snapshots} are allowed`)
  }
  const first = {
    at: 64,
    bytes: count * SNAPSHOT_FIXED_BYTES,
    clusterBytes,
    name: 'snapshot table',
  }
  let { offset } = table(bytes, head, first)
  for (let index = 0; index < count; index += 1) {
    const entry = await readExactly(
      bytes,
      { offset, bytes: SNAPSHOT_FIXED_BYTES },
      'snapshot table',
    )
    const extraBytes = entry.getUint32(36)
    if (extraBytes > MAX_SNAPSHOT_EXTRA_BYTES) {
      throw new Refusal('The snapshot table of the qcow2 is malformed')
    }
    const l1 = range(entry, 0, entry.getUint32(8) * 8)
    if (l1.bytes > MAX_L1_BYTES) throw new Refusal('A snapshot of the qcow2 has too large a table')
    if (l1.bytes > 0) checkRange(bytes, l1, 'L1 table of a snapshot')
    const names = entry.getUint16(12) + entry.getUint16(14)
    const entryBytes = Math.ceil((SNAPSHOT_FIXED_BYTES + extraBytes + names) / 8) * 8
    checkRange(bytes, { offset, bytes: entryBytes }, 'snapshot table')
    offset += entryBytes
  }
}

function range(view: DataView, at: number, length: number): ByteRange {
  return { offset: Number(view.getBigUint64(at)), bytes: length }
}

/** A 64-bit number that must be one that a disk can have. */
function size(view: DataView, at: number, what: string): number {
  const value = view.getBigUint64(at)
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new Refusal(`${what} is impossibly large`)
  return Number(value)
}
