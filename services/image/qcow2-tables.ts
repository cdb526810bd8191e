/**
 * Walks the tables of a qcow2 to find out whether everything they point to is there.
 *
 * T1 Tables are read in pieces of a fixed size and forgotten: memory does not grow with the image.
 * T2 Tables that do not overlap are together no larger than the file. Whoever makes us read more has
 *    made them overlap, and is refused.
 */
import { type ImageBytes, type InspectionLimits, Refusal } from './inspect.ts'
import { type Qcow2Header, readExactly, truncated } from './qcow2-header.ts'

const PIECE_BYTES = 64 * 1024
const WORD = 2 ** 32
const SECTOR_BYTES = 512

interface Walk {
  bytes: ImageBytes
  header: Qcow2Header
  limits: InspectionLimits
  readBytes: number
}

export async function checkQcow2Tables(
  bytes: ImageBytes,
  header: Qcow2Header,
  limits: InspectionLimits,
): Promise<void> {
  const walk: Walk = { bytes, header, limits, readBytes: 0 }
  await checkRefcountTable(walk)
  await checkMapping(walk)
}

async function checkRefcountTable(walk: Walk): Promise<void> {
  const { offset, bytes } = walk.header.refcountTable
  for await (const { high, low } of entries(walk, offset, bytes, 8, 'refcount table')) {
    if (high === 0 && low === 0) continue
    if (low % SECTOR_BYTES !== 0) throw corrupt('refcount table')
    checkCluster(walk, high * WORD + low, walk.header.clusterBytes, 'refcount block')
  }
}

/** L1 and L2: each guest cluster that is mapped must be in the file. */
async function checkMapping(walk: Walk): Promise<void> {
  const { header } = walk
  const bytesPerL2 = (header.clusterBytes / header.l2EntryBytes) * header.clusterBytes
  const usedBytes = Math.ceil(header.virtualSizeBytes / bytesPerL2) * 8
  let guestOffset = 0
  for await (const { high, low } of entries(walk, header.l1.offset, usedBytes, 8, 'L1 table')) {
    const l2 = (high & 0x00ff_ffff) * WORD + low
    // Bit 63 says that the table is not shared; all other bits around the offset are reserved.
    if ((high & 0x7f00_0000) !== 0 || low % SECTOR_BYTES !== 0) throw corrupt('L1 table')
    if (l2 !== 0) {
      checkCluster(walk, l2, header.clusterBytes, 'L2 table')
      // Beyond the limit the rest is believed (I4): a missing cluster is then found by its reader.
      if (walk.readBytes > walk.limits.tableBytes) return
      await checkL2(walk, l2, guestOffset)
    }
    guestOffset += bytesPerL2
  }
}

async function checkL2(walk: Walk, offset: number, firstGuestOffset: number): Promise<void> {
  const { virtualSizeBytes, clusterBytes, l2EntryBytes } = walk.header
  const clusters = Math.ceil((virtualSizeBytes - firstGuestOffset) / clusterBytes)
  const usedBytes = Math.min(clusterBytes, clusters * l2EntryBytes)
  let guestOffset = firstGuestOffset
  for await (const entry of entries(walk, offset, usedBytes, l2EntryBytes, 'L2 table')) {
    if (entry.high !== 0 || entry.low !== 0) {
      checkL2Entry(walk, entry, Math.min(clusterBytes, virtualSizeBytes - guestOffset))
    }
    guestOffset += clusterBytes
  }
}

function checkL2Entry(walk: Walk, { high, low }: Entry, neededBytes: number): void {
  const { version, clusterBytes, l2EntryBytes } = walk.header
  if ((high & 0x4000_0000) !== 0) return checkCompressed(walk, high, low)
  const zeroFlag = version === 3 && l2EntryBytes === 8 ? 1 : 0
  if ((high & 0x3f00_0000) !== 0 || ((low % SECTOR_BYTES) & ~zeroFlag) !== 0)
    throw corrupt('L2 table')
  const reads = (low & zeroFlag) !== 0 ? 0 : neededBytes
  const data = (high & 0x00ff_ffff) * WORD + (low - (low % SECTOR_BYTES))
  if (data === 0) return
  if (data % clusterBytes !== 0) throw corrupt('L2 table')
  // The rest of a cluster that the disk ends in need not be there; a zeroed one need not be at all.
  if (reads > 0) checkCluster(walk, data, reads, 'data')
}

/** The number of sectors stands in the upper bits; the last of them may be cut by the file's end. */
function checkCompressed(walk: Walk, high: number, low: number): void {
  const clusterBits = Math.log2(walk.header.clusterBytes)
  // The descriptor has 62 bits: clusterBits - 8 of them count sectors.
  const offsetBits = 62 - (clusterBits - 8)
  const highOffset = (high & 0x3fff_ffff) % 2 ** (offsetBits - 32)
  const sectors = Math.floor((high & 0x3fff_ffff) / 2 ** (offsetBits - 32)) + 1
  const start = highOffset * WORD + low
  const end = start - (start % SECTOR_BYTES) + sectors * SECTOR_BYTES
  const fileEnd = Math.ceil(walk.bytes.sizeBytes / SECTOR_BYTES) * SECTOR_BYTES
  if (start >= walk.bytes.sizeBytes || end > fileEnd) throw truncated('compressed data')
}

function checkCluster(walk: Walk, offset: number, neededBytes: number, what: string): void {
  if (offset % walk.header.clusterBytes !== 0) throw corrupt(what)
  if (offset + neededBytes > walk.bytes.sizeBytes) throw truncated(what)
}

function corrupt(what: string): Refusal {
  return new Refusal(`The qcow2 is corrupt: its ${what} has an entry that cannot be`)
}

interface Entry {
  high: number
  low: number
}

/** The first 8 bytes of each entry of a table, as two numbers: BigInts would take ten times as long. */
async function* entries(
  walk: Walk,
  offset: number,
  length: number,
  entryBytes: number,
  what: string,
): AsyncGenerator<Entry> {
  for (let done = 0; done < length; done += PIECE_BYTES) {
    const piece = await readExactly(
      walk.bytes,
      offset + done,
      Math.min(PIECE_BYTES, length - done),
      what,
    )
    walk.readBytes += piece.byteLength
    if (walk.readBytes > walk.bytes.sizeBytes) throw new Refusal('The tables of the qcow2 overlap')
    for (let at = 0; at + 8 <= piece.byteLength; at += entryBytes) {
      yield { high: piece.getUint32(at), low: piece.getUint32(at + 4) }
    }
  }
}
