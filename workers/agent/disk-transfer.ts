/**
 * A disk over a stream: one line of JSON that says how long it is, then its bytes. The other side
 * answers one letter when it has made a machine of them, or had it already; so the source knows, and
 * a stream that broke off is never taken for a disk.
 */
import { once } from 'node:events'
import { type Duplex, Readable } from 'node:stream'
import { DriverError } from '../../drivers/compute/driver.ts'
import { CallError } from '../call.ts'

const TAKEN = 'y'
const MAX_HEADER_BYTES = 1024

export interface DiskOnItsWay {
  bytes: Readable
  sizeBytes: number
  /** Told after each piece. */
  onMoved(doneBytes: number): void
}

/** Resolves when the other side has taken the disk. */
export async function offerDisk(
  line: Duplex,
  { bytes, sizeBytes, onMoved }: DiskOnItsWay,
  signal: AbortSignal,
): Promise<void> {
  const answer = answered(line)
  // Told by the end of the sending, if that is what it fails with.
  answer.catch(() => {})
  const over = new AbortController()
  const either = AbortSignal.any([signal, over.signal])
  answer.then(
    () => over.abort(),
    () => over.abort(),
  )
  try {
    await send(line, Buffer.from(`${JSON.stringify({ sizeBytes })}\n`), either)
    let done = 0
    for await (const piece of bytes as AsyncIterable<Buffer>) {
      if (either.aborted) break
      await send(line, piece, either)
      done += piece.length
      onMoved(done)
    }
  } catch (error) {
    if (signal.aborted) throw abortedError()
    if (!either.aborted) throw broken(error)
  } finally {
    bytes.destroy()
  }
  if (signal.aborted) throw abortedError()
  const giveUp = (): void => void line.destroy(abortedError())
  signal.addEventListener('abort', giveUp, { once: true })
  try {
    await answer
  } finally {
    signal.removeEventListener('abort', giveUp)
  }
}

/** Writes, and waits for room. */
async function send(line: Duplex, piece: Buffer, signal: AbortSignal): Promise<void> {
  if (line.destroyed) throw broken()
  if (!line.write(piece)) await once(line, 'drain', { signal })
}

async function answered(line: Duplex): Promise<void> {
  try {
    for await (const said of line.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      if (said.toString('latin1', 0, 1) === TAKEN) return
      break
    }
  } catch (error) {
    throw broken(error)
  }
  throw broken()
}

/**
 * Hands the disk that comes over a stream to `take`, and says when it was taken. A machine that is
 * there already takes no bytes: that is said too.
 */
export async function takeDisk(
  open: () => Promise<Duplex>,
  take: (bytes: () => Promise<Readable>) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  let line: Duplex | undefined
  const opened = async (): Promise<Duplex> => {
    line = await open()
    line.on('error', () => {})
    return line
  }
  try {
    await take(async () => Readable.from(diskFrom(await opened(), signal), { objectMode: false }))
    // It is here, whether or not the source still hears of it.
    await farewell(line ?? (await opened()))
  } finally {
    line?.destroy()
  }
}

async function farewell(line: Duplex): Promise<void> {
  if (line.destroyed) return
  const over = Promise.race([once(line, 'finish'), once(line, 'close')]).catch(() => {})
  line.end(TAKEN)
  await over
}

/** Exactly as many bytes as were announced, or a failure. */
async function* diskFrom(line: Duplex, signal: AbortSignal): AsyncGenerator<Buffer> {
  let header = Buffer.alloc(0)
  let left: number | null = null
  try {
    for await (const piece of line.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      let bytes = piece
      if (left === null) {
        header = Buffer.concat([header, bytes])
        const end = header.indexOf('\n')
        if (end < 0 && header.length > MAX_HEADER_BYTES) throw invalid('it has no header')
        if (end < 0) continue
        left = sizeOf(header.subarray(0, end))
        bytes = header.subarray(end + 1)
      }
      if (bytes.length > left) throw invalid('it is longer than was said')
      left -= bytes.length
      if (bytes.length > 0) yield bytes
      if (left === 0) return
    }
  } catch (error) {
    if (error instanceof DriverError) throw error
    if (signal.aborted) throw new DriverError('ABORTED', 'the disk is not taken any more', true)
    throw unavailable(error)
  }
  throw unavailable()
}

function sizeOf(header: Buffer): number {
  try {
    const { sizeBytes } = JSON.parse(header.toString('utf8')) as { sizeBytes?: unknown }
    if (Number.isSafeInteger(sizeBytes) && (sizeBytes as number) > 0) return sizeBytes as number
  } catch {
    // It is told below.
  }
  throw invalid('its header is wrong')
}

const invalid = (why: string): DriverError =>
  new DriverError('IMAGE_INVALID', `the disk from the other host can not be taken: ${why}`)

const unavailable = (cause?: unknown): DriverError =>
  new DriverError('IMAGE_UNAVAILABLE', 'the disk broke off on its way', true, { cause })

const broken = (cause?: unknown): CallError =>
  new CallError('UNAVAILABLE', 'the other host did not take the disk', true, undefined, { cause })

const abortedError = (): CallError =>
  new CallError('ABORTED', 'the disk is not sent any more', true)
