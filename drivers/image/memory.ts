/**
 * The simulator: the image store's contract in memory, and the definition of its semantics. It is
 * for tests and for clouds that forget everything; it is the one store that S1 cannot be asked
 * of, so it has a bound.
 *
 * What every image store means:
 *
 * - Staged and committed are two things: an image can be read while its successor is being staged,
 *   and `commit` puts the one in the place of the other.
 * - `append` of nothing begins an upload too. It keeps `limitBytes` at most and then refuses
 *   (TOO_LARGE); what came before stays, and so does what arrived before an upload broke off
 *   (ABORTED) or space ran out (NO_SPACE).
 * - `commit` of what is committed already is success; of what never was, NOT_FOUND.
 * - `read` answers with both ends of its range included, as HTTP counts; a stream that is being
 *   read stays whole when the image is deleted.
 * - `discard` and `delete` of what is not there are success; `delete` forgets what is staged too.
 * - An id that is not a UUID in lower case is NOT_FOUND.
 */

import { Readable } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import {
  type ImageStore,
  ImageStoreError,
  type ImageStoreErrorCode,
  type StagedFile,
} from './driver.ts'
import { checkId, full, noSuchImage, tooLarge, wrongOffset } from './failure.ts'
import { received, Writers } from './writers.ts'

const DEFAULT_CAPACITY_BYTES = 256 * 1024 * 1024
const STREAM_CHUNK_BYTES = 64 * 1024
export type ImageStoreVerb = 'append' | 'inspectStaged' | 'commit' | 'discard' | 'read' | 'delete'

export interface MemoryImageStoreOptions {
  /** How many bytes are kept in all, staged and committed; NO_SPACE beyond. */
  capacityBytes?: number
  /** How long each verb takes before it begins, in milliseconds. */
  delayMs?: number
}

export interface ImageStoreFault {
  code: ImageStoreErrorCode
  /** How many calls fail; 1 if not said. */
  times?: number
  /** Of an `append`: how many bytes are taken first; none if not said. */
  afterBytes?: number
}

interface Kept {
  chunks: Buffer[]
  sizeBytes: number
  changedAt: Date
}

export class MemoryImageStore implements ImageStore {
  readonly name = 'memory'
  readonly #staged = new Map<string, Kept>()
  readonly #committed = new Map<string, Kept>()
  readonly #faults = new Map<ImageStoreVerb, ImageStoreFault & { times: number }>()
  readonly #writers = new Writers()
  readonly #capacityBytes: number
  readonly #delayMs: number
  #usedBytes = 0

  constructor({
    capacityBytes = DEFAULT_CAPACITY_BYTES,
    delayMs = 0,
  }: MemoryImageStoreOptions = {}) {
    this.#capacityBytes = capacityBytes
    this.#delayMs = delayMs
  }

  /** The next calls of a verb fail. */
  fail(verb: ImageStoreVerb, fault: ImageStoreFault): void {
    this.#faults.set(verb, { ...fault, times: fault.times ?? 1 })
  }

  async stagedBytes(id: string): Promise<number> {
    checkId(id)
    return this.#staged.get(id)?.sizeBytes ?? 0
  }

  async append(
    id: string,
    offset: number,
    bytes: Readable,
    limitBytes: number,
    signal: AbortSignal,
  ): Promise<number> {
    const fault = await this.#begin('append', id)
    if (fault && fault.afterBytes === undefined) throw failed(fault)
    return this.#writers.write(id, signal, async (ended) => {
      const kept = this.#staged.get(id) ?? { chunks: [], sizeBytes: 0, changedAt: new Date() }
      if (kept.sizeBytes !== offset) throw wrongOffset(id, offset, kept.sizeBytes)
      this.#staged.set(id, kept)
      const faultAt =
        fault?.afterBytes === undefined ? Number.POSITIVE_INFINITY : offset + fault.afterBytes
      for await (const data of received(id, bytes, ended)) {
        const room = Math.min(offset + limitBytes, faultAt) - kept.sizeBytes
        const free = this.#capacityBytes - this.#usedBytes
        const taken = data.subarray(0, Math.min(room, free))
        this.#keep(kept, taken)
        if (fault && kept.sizeBytes === faultAt) throw failed(fault)
        if (taken.length < data.length) throw room <= free ? tooLarge(id, limitBytes) : full()
      }
      return kept.sizeBytes
    })
  }

  async inspectStaged(id: string): Promise<StagedFile> {
    await this.#beginOrFail('inspectStaged', id)
    const kept = this.#staged.get(id)
    if (!kept) throw noSuchImage(id)
    const bytes = Buffer.concat(kept.chunks)
    return {
      sizeBytes: bytes.length,
      readAt: async (offset, length) => Buffer.from(bytes.subarray(offset, offset + length)),
      stream: () => streamOf(bytes),
      close: async () => {},
    }
  }

  async commit(id: string): Promise<void> {
    await this.#beginOrFail('commit', id)
    await this.#writers.end(id)
    const kept = this.#staged.get(id)
    if (!kept) {
      if (this.#committed.has(id)) return
      throw noSuchImage(id)
    }
    this.#forget(this.#committed, id)
    this.#staged.delete(id)
    this.#committed.set(id, kept)
  }

  async discard(id: string): Promise<void> {
    await this.#beginOrFail('discard', id)
    await this.#writers.end(id)
    this.#forget(this.#staged, id)
  }

  async read(id: string, range?: { start: number; end: number }): Promise<Readable> {
    await this.#beginOrFail('read', id)
    const kept = this.#committed.get(id)
    if (!kept) throw noSuchImage(id)
    const bytes = Buffer.concat(kept.chunks)
    return streamOf(range ? bytes.subarray(range.start, range.end + 1) : bytes)
  }

  async delete(id: string): Promise<void> {
    await this.#beginOrFail('delete', id)
    await this.#writers.end(id)
    this.#forget(this.#staged, id)
    this.#forget(this.#committed, id)
  }

  async list(): ReturnType<ImageStore['list']> {
    const described = (state: 'staged' | 'committed', all: Map<string, Kept>) =>
      [...all].map(([id, { sizeBytes, changedAt }]) => ({ id, state, sizeBytes, changedAt }))
    return [...described('staged', this.#staged), ...described('committed', this.#committed)]
  }

  #keep(kept: Kept, data: Buffer): void {
    // A copy: what arrives may be a piece of something much larger.
    if (data.length > 0) kept.chunks.push(Buffer.from(data))
    kept.sizeBytes += data.length
    kept.changedAt = new Date()
    this.#usedBytes += data.length
  }

  #forget(all: Map<string, Kept>, id: string): void {
    this.#usedBytes -= all.get(id)?.sizeBytes ?? 0
    all.delete(id)
  }

  /** Waits as long as a verb takes, and tells how this call has to fail. */
  async #begin(verb: ImageStoreVerb, id: string): Promise<ImageStoreFault | undefined> {
    checkId(id)
    if (this.#delayMs > 0) await pause(this.#delayMs)
    const fault = this.#faults.get(verb)
    if (!fault || fault.times <= 0) return undefined
    fault.times -= 1
    return fault
  }

  async #beginOrFail(verb: ImageStoreVerb, id: string): Promise<void> {
    const fault = await this.#begin(verb, id)
    if (fault) throw failed(fault)
  }
}

function failed(fault: ImageStoreFault): ImageStoreError {
  return new ImageStoreError(fault.code, 'The simulated image store was told to fail')
}

function streamOf(bytes: Buffer): Readable {
  const chunks = function* () {
    for (let at = 0; at < bytes.length; at += STREAM_CHUNK_BYTES) {
      yield bytes.subarray(at, at + STREAM_CHUNK_BYTES)
    }
  }
  return Readable.from(chunks(), { objectMode: false })
}
