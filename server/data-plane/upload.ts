/**
 * The bytes of an image as they come in: PUT, streamed from the socket to the store, never held.
 *
 * D1 A whole PUT is all or nothing: when it breaks off, nothing of it is left and the image is QUEUED.
 * D2 A PUT with `Content-Range: bytes <from>-<to>/<total>` is a part: it begins where the last one
 *    ended, what arrived is kept, and the last part finishes the image. HEAD tells what is there.
 * D3 What has arrived is inspected before it is an image: hostile until then.
 * D4 An upload that is not this one's any more (deleted, taken over) leaves the bytes to their owner.
 * D5 A ticket is good for one whole PUT: there is no next part with it.
 */
import { createHash } from 'node:crypto'
import { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { FastifyReply } from 'fastify'
import { type ImageStore, ImageStoreError } from '../../drivers/image/driver.ts'
import type { Context } from '../../services/context.ts'
import { CloudError, type ErrorCode } from '../../services/errors.ts'
import { ticketOf } from '../../services/identity/ticket.ts'
import { inspectImage } from '../../services/image/inspect.ts'
import {
  type Upload,
  uploadBegin,
  uploadBeginByTicket,
  uploadFail,
  uploadFinish,
  uploadOwner,
  uploadPause,
  uploadRenew,
} from '../../services/image/upload.ts'
import { type ByteRange, contentRange } from './range.ts'
import { type ById, contextOf, type ImageRoutes, idOf } from './request.ts'

/** The largest image that is accepted. */
export const MAX_IMAGE_BYTES = 1024 ** 4
/** How often an upload says that it goes on, and how long it may stand still. */
const RENEW_MS = 10_000
const STALLED_MS = 60_000
/** Refusals of a part after which what arrived is still good. */
const KEPT_AFTER: ReadonlySet<ErrorCode> = new Set([
  'BAD_INPUT',
  'CONFLICT',
  'TOO_LARGE',
  'UNAVAILABLE',
])

/** Takes the bytes of an image, or a part of them. */
export async function put(
  routes: ImageRoutes,
  request: ById,
  reply: FastifyReply,
): Promise<unknown> {
  const { store } = routes
  const id = idOf(request)
  const ctx = await contextOf(routes, request)
  const range = announced(request)
  const ticket = ticketOf(request.headers.authorization)
  if (ticket && range) throw new CloudError('BAD_INPUT', 'A ticket is for a whole image') // D5
  const upload = ticket ? await uploadBeginByTicket(ctx, id, ticket) : await uploadBegin(ctx, id)
  const progress: Progress = { hashedBytes: 0, ended: new AbortController() }
  const timer = attend(ctx, upload, request, progress)
  try {
    if (!range) await store.discard(id)
    const staged = await receive(store, request, range, progress)
    if (range && staged < range.total) {
      await uploadPause(ctx, upload, staged)
      return reply.code(202).send({ stagedBytes: staged, totalBytes: range.total })
    }
    const found = await finish(store, upload, progress)
    await uploadFinish(ctx, upload, found)
    return reply.code(201).send({ id, sizeBytes: found.sizeBytes, checksum: found.checksum })
  } catch (error) {
    throw await giveUp(store, ctx, upload, range, refusalOf(error))
  } finally {
    clearInterval(timer)
  }
}

/** The part that is sent, or null for the whole; refused when its numbers can not be. */
function announced(request: ById): ByteRange | null {
  const range = contentRange(request.headers['content-range'])
  const length = Number(request.headers['content-length'] ?? Number.NaN)
  const expected = range?.total ?? length
  if (expected > MAX_IMAGE_BYTES) throw tooLarge(expected)
  if (range && !Number.isNaN(length) && length !== lengthOf(range)) throw lyingRange(range, length)
  return range
}

interface Progress {
  hashedBytes: number
  /** Aborted when the upload must end: it stands still, or is not ours any more. */
  ended: AbortController
}

/** Renews the upload while bytes move (U1 of upload.ts). */
function attend(ctx: Context, upload: Upload, request: ById, progress: Progress): NodeJS.Timeout {
  const moved = (): number => request.raw.socket.bytesRead + progress.hashedBytes
  let [seen, seenAt] = [moved(), Date.now()]
  const look = async () => {
    if (seen === moved()) {
      if (Date.now() - seenAt > STALLED_MS) progress.ended.abort()
      return
    }
    ;[seen, seenAt] = [moved(), Date.now()]
    if (!(await uploadRenew(ctx, upload))) progress.ended.abort()
  }
  return setInterval(
    () => void look().catch((err) => ctx.log.warn({ err }, 'not renewed')),
    RENEW_MS,
  )
}

/** D1, D2: leaves of an upload what its kind leaves. The error to answer with. */
async function giveUp(
  store: ImageStore,
  ctx: Context,
  upload: Upload,
  range: ByteRange | null,
  refusal: Error & { code: ErrorCode },
): Promise<Error> {
  const id = upload.imageId
  const owner = await uploadOwner(ctx, upload)
  if (owner === 'another')
    return new CloudError('CONFLICT', 'A later upload took over from this one')
  if (owner === 'nobody') {
    // The task that deletes may have passed by before these bytes came.
    await store.delete(id)
    return new CloudError('NOT_FOUND', 'The image was deleted meanwhile')
  }
  if (range && KEPT_AFTER.has(refusal.code)) {
    await uploadPause(ctx, upload, await store.stagedBytes(id))
  } else {
    await store.discard(id)
    await uploadFail(ctx, upload, refusal.code, refusal.message)
  }
  return refusal
}

/** Streams the body behind what is staged; the number of bytes staged then. */
async function receive(
  store: ImageStore,
  request: ById,
  range: ByteRange | null,
  { ended }: Progress,
): Promise<number> {
  const offset = range?.start ?? 0
  const limit = range ? lengthOf(range) : MAX_IMAGE_BYTES
  request.raw.once('aborted', () => ended.abort())
  const staged = await store.append(idOf(request), offset, request.raw, limit, ended.signal)
  if (!request.raw.complete) {
    throw new CloudError('UNAVAILABLE', `The body broke off after ${staged - offset} bytes`)
  }
  if (range && staged !== range.end + 1) throw lyingRange(range, staged - offset)
  return staged
}

/** Inspects and hashes what is staged, then makes it readable. */
async function finish(store: ImageStore, upload: Upload, progress: Progress) {
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
        progress.hashedBytes += chunk.length
        done()
      },
    })
    await pipeline(staged.stream(), sink, { signal: progress.ended.signal })
    await store.commit(imageId)
    const { virtualSizeBytes } = found
    return { sizeBytes: staged.sizeBytes, virtualSizeBytes, checksum: hash.digest('hex') }
  } finally {
    await staged.close()
  }
}

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
  return Object.assign(new Error('The upload failed', { cause: error }), {
    code: 'INTERNAL' as const,
  })
}

const lengthOf = ({ start, end }: ByteRange): number => end - start + 1

const lyingRange = (range: ByteRange, bytes: number): CloudError =>
  new CloudError(
    'BAD_INPUT',
    `The part has ${bytes} bytes, its Content-Range says ${lengthOf(range)}`,
  )

const tooLarge = (requested: number): CloudError =>
  new CloudError('TOO_LARGE', 'The image is larger than is accepted', {
    limit: MAX_IMAGE_BYTES,
    requested,
  })
