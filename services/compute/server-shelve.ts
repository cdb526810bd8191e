/**
 * Shelving: a server is put away and takes no place on any host, its disk as an image that nobody else
 * sees. From the moment at which that image is complete (`shelvedImageId`), it is the server's disk:
 * what a host still has of it is only to be removed. Its quota stays claimed.
 */
import type { Command } from '../command.ts'
import { CloudError } from '../errors.ts'
import { newId } from '../id.ts'
import { diskImage } from './image-for-host.ts'
import type { LockedServer } from './server.ts'
import { type Prepared, serverAction } from './server-action.ts'
import { imageFor } from './server-image.ts'

export const serverShelve = serverAction('shelve', 'server.shelve', toImage)
export const serverShelveOffload = serverAction('shelveOffload', 'server.shelve-offload', toImage)
export const serverShelveInPlace = serverAction('shelveInPlace', 'server.shelve-in-place')
export const serverUnshelve = serverAction('unshelve', 'server.unshelve', fromImage)
export const serverRestore = serverAction('restore', 'server.restore', fromImage)

async function toImage(c: Command, server: LockedServer): Promise<Prepared> {
  const imageId = newId()
  await imageFor(c, server, { id: imageId, name: server.name, kind: 'SHELVED' })
  return { task: { imageId } }
}

/** What lies on a host is only booted there; otherwise it is placed anew, with its image as its disk. */
async function fromImage(c: Command, server: LockedServer): Promise<Prepared> {
  if (server.hostId) return {}
  if (await diskImage(c.tx, server.shelvedImageId)) return {}
  throw new CloudError('INVALID_STATE', 'The image that it was put into is gone')
}
