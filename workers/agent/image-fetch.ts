/**
 * The bytes of an image over HTTP, for a host that does not have them yet. The ticket is good once,
 * for this image; it never gets into a log or an error.
 */
import { Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import { DriverError, type ImageSource } from '../../drivers/compute/driver.ts'
import { within } from '../pause.ts'

const HEADERS_TIMEOUT_MS = 30_000
const FETCH_TIMEOUT_MS = 60 * 60_000

/** What a call says of an image. */
export interface ImageInput extends Omit<ImageSource, 'fetch'> {
  /** On the API's data plane, from its root. */
  path: string
  ticket: string
}

/** The image as a driver takes it; nothing is fetched before the driver asks. */
export function imageSource({ path, ticket, ...image }: ImageInput, apiUrl: string): ImageSource {
  const url = new URL(path, apiUrl)
  return { ...image, fetch: (signal) => fetchImage(url, ticket, image, signal) }
}

async function fetchImage(
  url: URL,
  ticket: string,
  { id, sizeBytes }: Pick<ImageSource, 'id' | 'sizeBytes'>,
  signal: AbortSignal,
): Promise<Readable> {
  const giveUp = new AbortController()
  const ended = AbortSignal.any([signal, giveUp.signal, AbortSignal.timeout(FETCH_TIMEOUT_MS)])
  try {
    const asking = fetch(url, {
      headers: { authorization: `Ticket ${ticket}` },
      // A ticket is for our API, not for where somebody points.
      redirect: 'error',
      signal: ended,
    })
    const response = await within(HEADERS_TIMEOUT_MS, asking, () => new Error('it does not answer'))
    if (response.status !== 200 || !response.body) {
      throw new Error(`it answered ${response.status}`)
    }
    const body = response.body as ReadableStream<Uint8Array>
    return Readable.from(chunks(body, id, sizeBytes, signal), { objectMode: false })
  } catch (error) {
    giveUp.abort()
    throw unavailable(id, error, signal)
  }
}

/**
 * The body as it comes, its failures in the driver's words, and not a byte more than was promised.
 */
async function* chunks(
  body: ReadableStream<Uint8Array>,
  id: string,
  sizeBytes: number,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  let received = 0
  try {
    for await (const chunk of body) {
      received += chunk.length
      if (received > sizeBytes) break
      yield chunk
    }
  } catch (error) {
    throw unavailable(id, error, signal)
  }
  if (received > sizeBytes) {
    throw new DriverError('IMAGE_INVALID', `image ${id} is larger than its ${sizeBytes} bytes`)
  }
}

function unavailable(id: string, error: unknown, signal: AbortSignal): DriverError {
  if (signal.aborted) return new DriverError('ABORTED', `image ${id} is not needed any more`, true)
  // fetch says only 'fetch failed'; the reason is its cause.
  const { cause } = error as { cause?: unknown }
  const reason = cause instanceof Error ? cause.message : (error as Error).message
  const message = `image ${id} could not be fetched: ${reason}`
  return new DriverError('IMAGE_UNAVAILABLE', message, true, { cause: error })
}
