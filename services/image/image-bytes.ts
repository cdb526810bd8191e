/** How an inspection reads: always within the bytes that are there, and refusing in words. */

/** Random access to what was uploaded. Fewer bytes than asked for are the end. */
export interface ImageBytes {
  sizeBytes: number
  readAt(offset: number, length: number): Promise<Uint8Array>
}

export interface InspectionLimits {
  /** The largest disk that an image may be of. */
  virtualSizeBytes: number
  /** Internal snapshots in a qcow2: each is a disk of its own that nobody asked for. */
  snapshots: number
  /** How much of the mapping tables of a qcow2 is looked through; what is beyond is not checked. */
  tableBytes: number
}

export interface ByteRange {
  offset: number
  bytes: number
}

/** Thrown inside the inspection only; its message becomes the reason. */
export class Refusal extends Error {}

export function truncated(what: string): Refusal {
  return new Refusal(`The qcow2 is truncated: its ${what} lies beyond the end of the file`)
}

export function checkRange(image: ImageBytes, { offset, bytes }: ByteRange, what: string): void {
  if (!(offset >= 0 && bytes >= 0 && offset + bytes <= image.sizeBytes)) throw truncated(what)
}

/** Exactly so many bytes; the end of the file within them is a refusal. */
export async function readExactly(
  image: ImageBytes,
  range: ByteRange,
  what: string,
): Promise<DataView> {
  checkRange(image, range, what)
  const data = await image.readAt(range.offset, range.bytes)
  if (data.byteLength !== range.bytes) throw truncated(what)
  return new DataView(data.buffer, data.byteOffset, data.byteLength)
}
