/**
 * Looks at uploaded bytes and says what they are, before anything else opens them.
 *
 * I1 The bytes are hostile. They are read at places that are checked against the size first;
 *    nothing they say is followed out of them, executed, or believed without a bound.
 * I2 The declared format decides how a disk will be opened, never what the bytes look like. So both
 *    must agree: a raw image that looks like another format is refused too, since whoever probes it
 *    later would open something else than what was inspected (CVE-2024-32498).
 * I3 An image stands alone: nothing outside of it, no backing file, no data file, no key.
 * I4 Work is bounded by the size of what was uploaded and by `InspectionLimits`.
 * I5 A refusal is an answer in words; only a failing reader throws.
 */
import { formatOf } from './disk-signatures.ts'
import { type ImageBytes, type InspectionLimits, Refusal } from './image-bytes.ts'
import { checkQcow2Header } from './qcow2-header.ts'
import { checkQcow2Tables } from './qcow2-tables.ts'

export type Inspection =
  | { ok: true; format: 'qcow2' | 'raw'; virtualSizeBytes: number }
  | { ok: false; reason: string }

export const inspectionLimits: InspectionLimits = {
  virtualSizeBytes: 16 * 1024 ** 4,
  snapshots: 16,
  tableBytes: 1024 ** 3,
}

/**
 * Whether the bytes are a whole, self-contained image of the declared format, and how large a
 * disk.
 */
export async function inspectImage(
  bytes: ImageBytes,
  declared: 'qcow2' | 'raw',
  limits: InspectionLimits = inspectionLimits,
): Promise<Inspection> {
  try {
    const virtualSizeBytes = await checkImage(bytes, declared, limits)
    return { ok: true, format: declared, virtualSizeBytes }
  } catch (error) {
    if (error instanceof Refusal) return { ok: false, reason: error.message }
    throw error
  }
}

async function checkImage(
  bytes: ImageBytes,
  declared: 'qcow2' | 'raw',
  limits: InspectionLimits,
): Promise<number> {
  if (bytes.sizeBytes === 0) throw new Refusal('The image is empty: no bytes were uploaded')
  const found = await formatOf(bytes)
  if (declared === 'raw') {
    if (found) {
      throw new Refusal(
        `The image is declared as raw, but its bytes are ${found}: ` +
          'a raw image must not be readable as another format',
      )
    }
    checkVirtualSize(bytes.sizeBytes, limits)
    return bytes.sizeBytes
  }
  if (found !== 'qcow2') {
    throw new Refusal(`The image is declared as qcow2, but its bytes are ${found ?? 'not a qcow2'}`)
  }
  const header = await checkQcow2Header(bytes, limits)
  checkVirtualSize(header.virtualSizeBytes, limits)
  await checkQcow2Tables(bytes, header, limits)
  return header.virtualSizeBytes
}

function checkVirtualSize(virtualSizeBytes: number, limits: InspectionLimits): void {
  if (virtualSizeBytes === 0) throw new Refusal('The disk of the image has a size of 0')
  if (virtualSizeBytes > limits.virtualSizeBytes) {
    throw new Refusal(
      `The disk of the image is larger than ${limits.virtualSizeBytes} bytes, which is the limit`,
    )
  }
}
