/** An image as a host needs to know it to get its bytes; part of the input of calls. */
import type { Db, Tx } from '../context.ts'

export interface ImageForHost {
  id: string
  checksum: string
  format: 'qcow2' | 'raw'
  sizeBytes: number
  virtualSizeBytes: number
}

interface ImageRow {
  id: string
  status: string
  checksum: string | null
  diskFormat: string
  sizeBytes: bigint | null
  virtualSizeBytes: bigint | null
}

/** Null: its bytes are not all there. */
export function imageForHost(image: ImageRow): ImageForHost | null {
  const { id, status, checksum, diskFormat, sizeBytes, virtualSizeBytes } = image
  if (status !== 'ACTIVE' || !checksum) return null
  return {
    id,
    checksum,
    format: diskFormat === 'RAW' ? 'raw' : 'qcow2',
    sizeBytes: Number(sizeBytes),
    virtualSizeBytes: Number(virtualSizeBytes),
  }
}

/** The image with this id, of whatever project; null when it has no bytes, or is on its way out. */
export async function diskImage(db: Db | Tx, id: string | null): Promise<ImageForHost | null> {
  if (!id) return null
  const image = await db.image.findUnique({ where: { id } })
  return image && image.taskState !== 'delete' ? imageForHost(image) : null
}
