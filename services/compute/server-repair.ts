/** Mending servers: a new disk in place of their own, or a boot from another one beside it. */
import type { Command } from '../command.ts'
import type { Context } from '../context.ts'
import { CloudError } from '../errors.ts'
import type { ImageForHost } from './image-for-host.ts'
import type { LockedServer, ServerResult, ServerTaskInput } from './server.ts'
import { type Prepared, type ServerActionRequest, serverAction } from './server-action.ts'
import { bootImage } from './server-create-image.ts'

const GIB = 1024 ** 3

/** Of tasks that boot from, or make a disk of, an image. */
export interface RepairTaskInput extends ServerTaskInput {
  image: ImageForHost
  /** Of a rebuild: what the image asks of hosts. */
  properties?: Record<string, string>
}

export interface ServerRebuild extends ServerActionRequest {
  imageId: string
  name?: string | null
}

export const serverRebuild = serverAction(
  'rebuild',
  'server.rebuild',
  async (c, server, { imageId, name }: ServerRebuild) => {
    const { image, properties } = await bootImage(c, server.projectId, imageId, server)
    return {
      task: { image, properties },
      ...(name && { set: { name } }),
      audit: { imageId, ...(name && { name }) },
    }
  },
)

export interface ServerRescueWith extends ServerActionRequest {
  imageId?: string | null
}

const rescue = serverAction('rescue', 'server.rescue', rescueImage)

/** With the image that the server was made of. */
export const serverRescue = (ctx: Context, input: ServerActionRequest): Promise<ServerResult> =>
  rescue(ctx, input)
export const serverRescueWith = (
  ctx: Context,
  input: ServerRescueWith & { imageId: string },
): Promise<ServerResult> => rescue(ctx, input)
export const serverUnrescue = serverAction('unrescue', 'server.unrescue')

async function rescueImage(
  c: Command,
  server: LockedServer,
  input: ServerRescueWith,
): Promise<Prepared> {
  const imageId = input.imageId ?? server.imageId
  if (!imageId) {
    const message = 'The image that it was made of is deleted: name one with serverRescueWith'
    throw new CloudError('BAD_INPUT', message, {
      fields: [{ path: 'input.imageId', message: 'is needed: the server has no image of its own' }],
    })
  }
  // 0: the disk of the rescue is beside its own, and as large as its image.
  const size = { diskGiB: 0, memoryMiB: server.memoryMiB }
  const { image } = await bootImage(c, server.projectId, imageId, size)
  // Beside its own disk there is room for one as large, and no allocation for more.
  if (image.virtualSizeBytes > Math.max(1, server.diskGiB) * GIB) {
    throw new CloudError('BAD_INPUT', 'The image is larger than the disk of the server', {
      fields: [{ path: 'input.imageId', message: `holds more than ${server.diskGiB} GiB` }],
    })
  }
  return { task: { image }, audit: { imageId } }
}
