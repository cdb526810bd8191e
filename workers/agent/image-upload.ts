/**
 * The bytes of an image from a host to the API: PUT with a ticket that is good once, for this image,
 * for some minutes. It never gets into a log or an error.
 */
import { type IncomingMessage, request as overHttp } from 'node:http'
import { request as overHttps } from 'node:https'
import { type Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { CallError } from '../call.ts'
import type { DiskOnItsWay } from './disk-transfer.ts'

const CREATED = 201
/** No byte moves, or the answer does not come: a large image takes its time to be inspected. */
const SILENCE_TIMEOUT_MS = 30 * 60_000
const MAX_ANSWER_BYTES = 64 * 1024
/** Refusals that another try, with another ticket, would meet again. */
const FINAL = new Set([
  'BAD_INPUT',
  'FORBIDDEN',
  'NOT_FOUND',
  'INVALID_STATE',
  'TOO_LARGE',
  'IMAGE_INVALID',
])

/** Resolves when the API has the image. Rejects with a `CallError`: the API's code, or UNAVAILABLE. */
export async function putImage(
  { path, ticket }: { path: string; ticket: string },
  apiUrl: string,
  { bytes, sizeBytes, onMoved }: DiskOnItsWay,
  signal: AbortSignal,
): Promise<void> {
  const url = new URL(path, apiUrl)
  const ask = url.protocol === 'https:' ? overHttps : overHttp
  const request = ask(url, {
    method: 'PUT',
    headers: {
      authorization: `Ticket ${ticket}`,
      'content-type': 'application/octet-stream',
      'content-length': sizeBytes,
    },
    timeout: SILENCE_TIMEOUT_MS,
    signal,
  })
  request.once('timeout', () => request.destroy(new Error('nothing moved for too long')))
  const answer = new Promise<IncomingMessage>((resolve, reject) => {
    request.once('response', resolve).on('error', reject)
  })
  const sending = pipeline(bytes, counter(onMoved), request)
  try {
    // A refusal may come before all is sent; then the sending breaks, and that is no news.
    const response = await Promise.race([answer, sending.then(() => answer)]).catch(
      // What broke the sending may be a refusal that is on its way.
      (error: unknown) => Promise.race([answer, later(error)]),
    )
    if (response.statusCode === CREATED) return void response.resume()
    throw refusal(response.statusCode ?? 0, await textOf(response))
  } catch (error) {
    if (error instanceof CallError) throw error
    if (signal.aborted) throw new CallError('ABORTED', 'the image is not sent any more', true)
    const { message } = error as Error
    const told = `the image could not be sent: ${message}`
    throw new CallError('UNAVAILABLE', told, true, undefined, { cause: error })
  } finally {
    request.destroy()
    bytes.destroy()
    await sending.catch(() => {})
  }
}

const ANSWER_GRACE_MS = 1_000

function later(error: unknown): Promise<never> {
  return new Promise((_, reject) => {
    setTimeout(() => reject(error), ANSWER_GRACE_MS).unref()
  })
}

function counter(onMoved: (doneBytes: number) => void): Transform {
  let done = 0
  return new Transform({
    transform(piece: Buffer, _encoding, passOn) {
      done += piece.length
      onMoved(done)
      passOn(null, piece)
    },
  })
}

async function textOf(response: Readable): Promise<string> {
  let text = ''
  for await (const part of response as AsyncIterable<Buffer>) {
    text += part.toString('utf8')
    if (text.length > MAX_ANSWER_BYTES) break
  }
  return text
}

function refusal(status: number, body: string): CallError {
  const { code, message } = errorIn(body)
  const told = `the image was refused: ${status} ${message ?? ''}`.trim()
  return FINAL.has(code ?? '')
    ? new CallError(code ?? '', told, false)
    : new CallError('UNAVAILABLE', told, true)
}

function errorIn(body: string): { code?: string; message?: string } {
  try {
    const { errors } = JSON.parse(body) as { errors?: { extensions?: Record<string, unknown> }[] }
    const { code, message } = errors?.[0]?.extensions ?? {}
    return {
      ...(typeof code === 'string' && { code }),
      ...(typeof message === 'string' && { message }),
    }
  } catch {
    return {}
  }
}
