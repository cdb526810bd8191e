/**
 * The bytes of images: PUT and GET `/v1/images/<id>/file`, streamed from the socket to the store and
 * back, never held.
 *
 * D1 A whole PUT is all or nothing: when it breaks off, nothing of it is left and the image is QUEUED.
 * D2 A PUT with `Content-Range: bytes <from>-<to>/<total>` is a part: it begins where the last one
 *    ended, what arrived is kept, and the last part finishes the image. HEAD tells what is there.
 * D3 What has arrived is inspected before it is an image: hostile until then.
 * D4 Agents read with a ticket, people with their token.
 */
import { createHash } from 'node:crypto'
import { pipeline } from 'node:stream/promises'
import { Writable } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { type ImageStore, ImageStoreError } from '../../drivers/image/driver.ts'
import type { Cloud, Context } from '../../services/context.ts'
import { CloudError, type ErrorCode } from '../../services/errors.ts'
import { isId } from '../../services/id.ts'
import { inspectImage } from '../../services/image/inspect.ts'
import {
  type Download,
  downloadByTicket,
  downloadByToken,
  type Upload,
  uploadBegin,
  uploadFail,
  uploadFinish,
  uploadPause,
} from '../../services/image/upload.ts'
import type { RequestInfo } from '../http/request.ts'
import { type ByteRange, contentRange, rangeOf } from './range.ts'

export interface ImageRoutes {
  cloud: Cloud
  store: ImageStore
  contextFor(info: RequestInfo): Promise<Context>
}

/** The largest image that is accepted. */
const MAX_IMAGE_BYTES = 1024 ** 4
const TICKET = /^Ticket +(\S+)$/i
const PATH = '/v1/images/:id/file'

type ById = FastifyRequest<{ Params: { id: string } }>

export function imageRoutes(app: FastifyInstance, routes: ImageRoutes): void {
  app.addContentTypeParser('*', (_request, payload, done) => done(null, payload))
  app.put(PATH, { bodyLimit: MAX_IMAGE_BYTES }, (request: ById, reply) => put(routes, request, reply))
  app.get(PATH, { exposeHeadRoute: false }, (request: ById, reply) => get(routes, request, reply))
  app.head(PATH, (request: ById, reply) => head(routes, request, reply))
}

async function contextOf({ contextFor }: ImageRoutes, request: ById): Promise<Context> {
  if (!isId(request.params.id)) throw new CloudError('NOT_FOUND', 'There is no such image')
  const gone = new AbortController()
  request.raw.once('close', () => gone.abort())
  return contextFor({
    headers: request.headers,
    requestId: request.id,
    remoteAddress: request.ip,
    transport: 'http',
    signal: gone.signal,
  })
}

async function put(routes: ImageRoutes, request: ById, reply: FastifyReply): Promise<unknown> {
  const { store } = routes
  const { id } = request.params
  const ctx = await contextOf(routes, request)
  const range = contentRange(request.headers['content-range'])
  const length = Number(request.headers['content-length'] ?? Number.NaN)
  const expected = range?.total ?? length
  if (expected > MAX_IMAGE_BYTES) throw tooLarge(expected)
  const upload = await uploadBegin(ctx, id)
  try {
    if (!range) await store.discard(id)
    const staged = await receive(store, request, id, range)
    if (range && staged < range.total) {
      await uploadPause(ctx, upload)
      return reply.code(202).send({ stagedBytes: staged, totalBytes: range.total })
    }
    const found = await finish(store, upload)
    await uploadFinish(ctx, upload, found)
    return reply.code(201).send({ id, sizeBytes: found.sizeBytes, checksum: found.checksum })
  } catch (error) {
    const refusal = refusalOf(error)
    const resumable = range !== null && ['CONFLICT', 'UNAVAILABLE'].includes(refusal.code)
    if (resumable) await uploadPause(ctx, upload)
    else {
      await store.discard(id)
      await uploadFail(ctx, upload, refusal.code, refusal.message)
    }
    throw refusal
  }
}

/** Streams the body behind what is staged; the number of bytes staged then. */
async function receive(
  store: ImageStore,
  request: ById,
  id: string,
  range: ByteRange | null,
): Promise<number> {
  const offset = range?.start ?? 0
  const limit = range ? range.end - range.start + 1 : MAX_IMAGE_BYTES
  const broken = new AbortController()
  request.raw.once('aborted', () => broken.abort())
  const staged = await store.append(id, offset, request.raw, limit, broken.signal)
  if (!request.raw.complete) {
    throw new CloudError('UNAVAILABLE', `The body broke off after ${staged - offset} bytes`)
  }
  if (range && staged !== range.end + 1) {
    throw new CloudError('BAD_INPUT', `The part has ${staged - offset} bytes, its Content-Range says ${limit}`)
  }
  return staged
}

/** Inspects and hashes what is staged, then makes it readable. */
async function finish(store: ImageStore, upload: Upload) {
  const { imageId, diskFormat } = upload
  const staged = await store.inspectStaged(imageId)
  try {
    const claimed = diskFormat === 'RAW' ? 'raw' : 'qcow2'
    const found = await inspectImage(staged, claimed)
    if (!found.ok) throw new CloudError('IMAGE_INVALID', found.reason)
    const hash = createHash('sha512')
    const sink = new Writable({
      write(chunk: Buffer, _encoding, done) {
        hash.update(chunk)
        done()
      },
    })
    await pipeline(staged.stream(), sink)
    await store.commit(imageId)
    const { virtualSizeBytes } = found
    return { sizeBytes: staged.sizeBytes, virtualSizeBytes, checksum: hash.digest('hex') }
  } finally {
    await staged.close()
  }
}

async function head(routes: ImageRoutes, request: ById, reply: FastifyReply): Promise<unknown> {
  const { store } = routes
  const { id } = request.params
  const ctx = await contextOf(routes, request)
  const image = await ctx.db.image.findFirst({ where: { id, projectId: ctx.actor?.projectId ?? '' } })
  if (image && image.status !== 'ACTIVE') {
    return reply.code(200).header('upload-offset', String(await store.stagedBytes(id))).send()
  }
  const download = await downloadByToken(ctx, id)
  return reply.code(200).headers(headersOf(download)).header('content-length', download.sizeBytes).send()
}

async function get(routes: ImageRoutes, request: ById, reply: FastifyReply): Promise<unknown> {
  const { cloud, store } = routes
  const { id } = request.params
  const ticket = TICKET.exec(request.headers.authorization ?? '')?.[1]
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

const codes: Record<ImageStoreError['code'], ErrorCode> = {
  NOT_FOUND: 'NOT_FOUND',
  OFFSET: 'CONFLICT',
  TOO_LARGE: 'TOO_LARGE',
  NO_SPACE: 'UNAVAILABLE',
  ABORTED: 'UNAVAILABLE',
}

function refusalOf(error: unknown): Error & { code: ErrorCode } {
  if (error instanceof CloudError) return error
  if (error instanceof ImageStoreError) {
    return new CloudError(codes[error.code], error.message, undefined, { cause: error })
  }
  return Object.assign(new Error('The upload failed', { cause: error }), { code: 'INTERNAL' as const })
}

const tooLarge = (requested: number): CloudError =>
  new CloudError('TOO_LARGE', 'The image is larger than is accepted', {
    limit: MAX_IMAGE_BYTES,
    requested,
  })
