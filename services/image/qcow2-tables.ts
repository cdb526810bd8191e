/**
 * Walks the tables of a qcow2 to find out whether everything they point to is there.
 *
 * T1 Tables are read in pieces of a fixed size and forgotten: memory does not grow with the image.
 * T2 Tables that do not overlap are together no larger than the file. Whoever makes us read more
 *    has made them overlap, and is refused.
 */
import {
  type ByteRange,
  type ImageBytes,
  type InspectionLimits,
  Refusal,
  readExactly,
  truncated,
} from './image-bytes.ts'
import type { Qcow2Header } from './qcow2-header.ts'

const PIECE_BYTES = 64 * 1024
const WORD = 2 ** 32
const SECTOR_BYTES = 512
const SUBCLUSTERS = 32

interface Walk {
  image: ImageBytes
  header: Qcow2Header
  limits: InspectionLimits
  readBytes: number
}

/** The two halves of a 64-bit entry: BigInts would take ten times as long. */
type Entry = [high: number, low: number]

export async function checkQcow2Tables(
  image: ImageBytes,
  header: Qcow2Header,
  limits: InspectionLimits,
): Promise<void> {
  const walk: Walk = { image, header, limits, readBytes: 0 }
  await checkRefcountTable(walk)
  await checkMapping(walk)
}

async function checkRefcountTable(walk: Walk): Promise<void> {
  for await (const piece of pieces(walk, walk.header.refcountTable, 'refcount table')) {
    for (let at = 0; at + 8 <= piece.byteLength; at += 8) {
      const [high, low] = entryAt(piece, at)
      if (high === 0 && low === 0) continue
      if (low % SECTOR_BYTES !== 0) throw corrupt('refcount table')
      checkCluster(walk, high * WORD + low, walk.header.clusterBytes, 'refcount block')
    }
  }
}

/** L1 and L2: each guest cluster that is mapped must be in the file. */
async function checkMapping(walk: Walk): Promise<void> {
  const { header } = walk
  const bytesPerL2 = (header.clusterBytes / header.l2EntryBytes) * header.clusterBytes
  const used = { ...header.l1, bytes: Math.ceil(header.virtualSizeBytes / bytesPerL2) * 8 }
  let guestOffset = 0
  for await (const piece of pieces(walk, used, 'L1 table')) {
    for (let at = 0; at + 8 <= piece.byteLength; at += 8) {
      const [high, low] = entryAt(piece, at)
      // Bit 63 says that the table is not shared; all other bits around the offset are reserved.
      if ((high & 0x7f00_0000) !== 0 || low % SECTOR_BYTES !== 0) throw corrupt('L1 table')
      const offset = offsetOf(high, low)
      if (offset !== 0) {
        checkCluster(walk, offset, header.clusterBytes, 'L2 table')
        // What is beyond the limit is believed: its reader will miss a missing cluster.
        if (walk.readBytes > walk.limits.tableBytes) return
        await checkL2(walk, offset, guestOffset)
      }
      guestOffset += bytesPerL2
    }
  }
}

async function checkL2(walk: Walk, offset: number, firstGuestOffset: number): Promise<void> {
  const { virtualSizeBytes, clusterBytes, l2EntryBytes } = walk.header
  const clusters = Math.ceil((virtualSizeBytes - firstGuestOffset) / clusterBytes)
  const bytes = Math.min(clusterBytes, clusters * l2EntryBytes)
  let guestOffset = firstGuestOffset
  for await (const piece of pieces(walk, { offset, bytes }, 'L2 table')) {
    for (let at = 0; at + l2EntryBytes <= piece.byteLength; at += l2EntryBytes) {
      const entry = entryAt(piece, at)
      if (entry[0] !== 0 || entry[1] !== 0) {
        // The rest of a cluster that the disk ends in need not be there.
        const inDisk = Math.min(clusterBytes, virtualSizeBytes - guestOffset)
        const written =
          l2EntryBytes === 16 ? writtenBytes(piece.getUint32(at + 12), clusterBytes) : inDisk
        checkL2Entry(walk, entry, Math.min(inDisk, written))
      }
      guestOffset += clusterBytes
    }
  }
}

/** With extended entries a bit per subcluster tells which were ever written. */
function writtenBytes(allocated: number, clusterBytes: number): number {
  return (SUBCLUSTERS - Math.clz32(allocated)) * (clusterBytes / SUBCLUSTERS)
}

function checkL2Entry(walk: Walk, [high, low]: Entry, neededBytes: number): void {
  const { version, clusterBytes, l2EntryBytes } = walk.header
  if ((high & 0x4000_0000) !== 0) return checkCompressed(walk, high, low)
  const zeroFlag = version === 3 && l2EntryBytes === 8 ? 1 : 0
  if ((high & 0x3f00_0000) !== 0 || ((low % SECTOR_BYTES) & ~zeroFlag) !== 0)
    throw corrupt('L2 table')
  const data = offsetOf(high, low - (low % SECTOR_BYTES))
  if (data % clusterBytes !== 0) throw corrupt('L2 table')
  // A cluster that is marked as zero is not read, whatever is there.
  const isRead = data !== 0 && neededBytes > 0 && (low & zeroFlag) === 0
  if (isRead) checkCluster(walk, data, neededBytes, 'data')
}

/**
 * The number of sectors stands in the upper bits; the last of them may be cut by the file's end.
 */
function checkCompressed({ image, header }: Walk, high: number, low: number): void {
  // The descriptor has 62 bits: clusterBits - 8 of them count sectors, the lower ones are the
  // offset.
  const offsetBits = 62 - (Math.log2(header.clusterBytes) - 8)
  const highOffsets = 2 ** (offsetBits - 32)
  const upper = high & 0x3fff_ffff
  const start = (upper % highOffsets) * WORD + low
  const sectors = Math.floor(upper / highOffsets) + 1
  const end = start - (start % SECTOR_BYTES) + sectors * SECTOR_BYTES
  const fileEnd = Math.ceil(image.sizeBytes / SECTOR_BYTES) * SECTOR_BYTES
  if (start >= image.sizeBytes || end > fileEnd) throw truncated('compressed data')
}

function checkCluster(walk: Walk, offset: number, neededBytes: number, what: string): void {
  if (offset % walk.header.clusterBytes !== 0) throw corrupt(what)
  if (offset + neededBytes > walk.image.sizeBytes) throw truncated(what)
}

function corrupt(what: string): Refusal {
  return new Refusal(`The qcow2 is corrupt: its ${what} has an entry that cannot be`)
}

function entryAt(piece: DataView, at: number): Entry {
  return [piece.getUint32(at), piece.getUint32(at + 4)]
}

/** Bits 9 to 55 of an entry. */
function offsetOf(high: number, low: number): number {
  return (high & 0x00ff_ffff) * WORD + low
}

async function* pieces(walk: Walk, table: ByteRange, what: string): AsyncGenerator<DataView> {
  for (let done = 0; done < table.bytes; done += PIECE_BYTES) {
    const bytes = Math.min(PIECE_BYTES, table.bytes - done)
    walk.readBytes += bytes
    if (walk.readBytes > walk.image.sizeBytes) throw new Refusal('The tables of the qcow2 overlap')
    yield await readExactly(walk.image, { offset: table.offset + done, bytes }, what)
  }
}
