/**
 * The bytes of images: `/v1/images/<id>/file`. PUT is upload.ts; GET and HEAD are here, streamed
 * from the store. Agents read with a ticket, people with their token.
 */
import type { FastifyInstance, FastifyReply } from 'fastify'
import { ticketOf } from '../../services/identity/ticket.ts'
import {
  type Download,
  downloadByTicket,
  downloadByToken,
  uploadIsOpen,
} from '../../services/image/upload.ts'
import { rangeOf } from './range.ts'
import { type ById, contextOf, type ImageRoutes, idOf } from './request.ts'
import { MAX_IMAGE_BYTES, put } from './upload.ts'

const PATH = '/v1/images/:id/file'

export function imageRoutes(app: FastifyInstance, routes: ImageRoutes): void {
  app.addContentTypeParser('*', (_request, payload, done) => done(null, payload))
  app.put(PATH, { bodyLimit: MAX_IMAGE_BYTES }, (request: ById, reply) =>
    put(routes, request, reply),
  )
  app.get(PATH, { exposeHeadRoute: false }, (request: ById, reply) => get(routes, request, reply))
  app.head(PATH, (request: ById, reply) => head(routes, request, reply))
}

async function head(routes: ImageRoutes, request: ById, reply: FastifyReply): Promise<unknown> {
  const { store } = routes
  const id = idOf(request)
  const ctx = await contextOf(routes, request)
  if (await uploadIsOpen(ctx, id)) {
    return reply
      .code(200)
      .header('upload-offset', String(await store.stagedBytes(id)))
      .send()
  }
  const download = await downloadByToken(ctx, id)
  return reply
    .code(200)
    .headers(headersOf(download))
    .header('content-length', download.sizeBytes)
    .send()
}

async function get(routes: ImageRoutes, request: ById, reply: FastifyReply): Promise<unknown> {
  const { cloud, store } = routes
  const id = idOf(request)
  const ticket = ticketOf(request.headers.authorization)
  const image = ticket
    ? await downloadByTicket(cloud, id, ticket)
    : await downloadByToken(await contextOf(routes, request), id)
  const range = rangeOf(request.headers.range, image.sizeBytes)
  if (range === 'unsatisfiable') {
    return reply.code(416).header('content-range', `bytes */${image.sizeBytes}`).send()
  }
  reply.headers(headersOf(image))
  if (!range) {
    reply.header('content-length', image.sizeBytes)
    return reply.send(await store.read(id))
  }
  const { start, end } = range
  reply.code(206).header('content-length', end - start + 1)
  reply.header('content-range', `bytes ${start}-${end}/${image.sizeBytes}`)
  return reply.send(await store.read(id, range))
}

const headersOf = (image: Download) => ({
  'content-type': 'application/octet-stream',
  'accept-ranges': 'bytes',
  etag: `"${image.checksum.slice(0, 32)}"`,
  'content-disposition': `attachment; filename*=UTF-8''${encodeURIComponent(`${image.name}.${image.diskFormat.toLowerCase()}`)}`,
})
