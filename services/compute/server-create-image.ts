/** The images that servers start from: whether a disk of one can be made, and what a host is told. */
import type { Image } from '../../prisma/generated/client.ts'
import type { Command } from '../command.ts'
import { CloudError, notFound } from '../errors.ts'
import { type ImageForHost, imageForHost } from './image-for-host.ts'

const GIB = 1024 ** 3

export interface BootImage {
  image: ImageForHost
  /** What it asks of hosts: a server keeps a copy. */
  properties: Record<string, string>
  /** The least disk that holds it. */
  leastDiskGiB: number
}

/**
 * An image of the project, or a public one, that a server of this size can start from. A disk of 0 GiB
 * is one that will be as large as it must.
 */
export async function bootImage(
  c: Command,
  projectId: string,
  id: string,
  size: { diskGiB: number; memoryMiB: number },
): Promise<BootImage> {
  const image = await c.tx.image.findFirst({
    where: { id, OR: [{ projectId }, { visibility: 'PUBLIC' }], kind: { not: 'SHELVED' } },
  })
  if (!image || image.taskState === 'delete') throw notFound('image', id)
  const told = imageForHost(image)
  if (!told) {
    const message = `The image is ${image.status}: it has no bytes to boot yet`
    throw new CloudError('INVALID_STATE', message, { allowedStatuses: ['ACTIVE'] })
  }
  const leastDiskGiB = Math.max(Math.ceil(told.virtualSizeBytes / GIB), image.minDiskGiB)
  refuseTooSmall(image, told.virtualSizeBytes, leastDiskGiB, size)
  return {
    image: told,
    properties: (image.properties ?? {}) as Record<string, string>,
    leastDiskGiB,
  }
}

function refuseTooSmall(
  image: Image,
  virtualSizeBytes: number,
  leastDiskGiB: number,
  { diskGiB, memoryMiB }: { diskGiB: number; memoryMiB: number },
): void {
  if (diskGiB > 0 && (virtualSizeBytes > diskGiB * GIB || image.minDiskGiB > diskGiB)) {
    throw tooSmall(`a disk of ${leastDiskGiB} GiB`, diskGiB, `${leastDiskGiB} GiB of disk`)
  }
  if (memoryMiB < image.minMemoryMiB) {
    const least = `${image.minMemoryMiB} MiB of memory`
    throw tooSmall(least, memoryMiB, least)
  }
}

const tooSmall = (needs: string, has: number, least: string): CloudError =>
  new CloudError('BAD_INPUT', `The image needs ${needs}, the flavor has ${has}`, {
    fields: [{ path: 'input.flavorId', message: `needs at least ${least}` }],
  })
