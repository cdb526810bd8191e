/**
 * What tells one disk format from another: a few bytes at a known place. Facts of the formats'
 * own specifications.
 */
import type { ImageBytes } from './image-bytes.ts'

interface Signature {
  format: string
  /** Where it stands; counted from the end when negative. */
  at: number
  bytes: string
}

/** The names are put into refusals: "its bytes are ...". Signatures are written as latin1. */
const signatures: Signature[] = [
  { format: 'qcow2', at: 0, bytes: 'QFI\xfb' },
  { format: 'a QED image', at: 0, bytes: 'QED\0' },
  { format: 'a VMDK image', at: 0, bytes: 'KDMV' },
  { format: 'a VMDK image', at: 0, bytes: 'COWD' },
  { format: 'a VMDK descriptor', at: 0, bytes: '# Disk DescriptorFile' },
  { format: 'a VHDX image', at: 0, bytes: 'vhdxfile' },
  { format: 'a VHD image', at: 0, bytes: 'conectix' },
  // A VHD of fixed size is a raw disk with a footer of 512 bytes, of 511 in old versions.
  { format: 'a VHD image', at: -512, bytes: 'conectix' },
  { format: 'a VHD image', at: -511, bytes: 'conectix' },
  // The number 0xbeda107f with its least significant byte first.
  { format: 'a VDI image', at: 64, bytes: '\x7f\x10\xda\xbe' },
  { format: 'a Parallels image', at: 0, bytes: 'WithoutFreeSpace' },
  { format: 'a Parallels image', at: 0, bytes: 'WithouFreSpacExt' },
  { format: 'a Bochs image', at: 0, bytes: 'Bochs Virtual HD Image' },
  { format: 'a DMG image', at: -512, bytes: 'koly' },
  { format: 'an ISO 9660 image', at: 0x8001, bytes: 'CD001' },
  { format: 'an ISO 9660 image', at: 0x8801, bytes: 'CD001' },
  { format: 'an ISO 9660 image', at: 0x9001, bytes: 'CD001' },
  { format: 'a UDF image', at: 0x8001, bytes: 'BEA01' },
  { format: 'encrypted (LUKS)', at: 0, bytes: 'LUKS\xba\xbe' },
  { format: 'compressed (gzip)', at: 0, bytes: '\x1f\x8b\x08' },
  { format: 'compressed (xz)', at: 0, bytes: '\xfd7zXZ\0' },
  { format: 'compressed (zstd)', at: 0, bytes: '\x28\xb5\x2f\xfd' },
  { format: 'compressed (bzip2)', at: 0, bytes: 'BZh' },
  { format: 'compressed (lz4)', at: 0, bytes: '\x04\x22\x4d\x18' },
  { format: 'compressed (7z)', at: 0, bytes: '7z\xbc\xaf\x27\x1c' },
  { format: 'a zip archive', at: 0, bytes: 'PK\x03\x04' },
  { format: 'a tar archive', at: 257, bytes: 'ustar' },
]

const longestSignature = Math.max(...signatures.map((s) => s.bytes.length))

/**
 * The first format whose signature is there; undefined for a plain disk, or for what nobody
 * knows.
 */
export async function formatOf(bytes: ImageBytes): Promise<string | undefined> {
  for (const place of new Set(signatures.map((s) => s.at))) {
    const offset = place < 0 ? bytes.sizeBytes + place : place
    if (offset < 0 || offset >= bytes.sizeBytes) continue
    const length = Math.min(longestSignature, bytes.sizeBytes - offset)
    const there = Buffer.from(await bytes.readAt(offset, length)).toString('latin1')
    const found = signatures.find((s) => s.at === place && there.startsWith(s.bytes))
    if (found) return found.format
  }
  return undefined
}
