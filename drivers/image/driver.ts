/**
 * The contract of an image store: where the bytes of images live.
 *
 * S1 Bytes stream; a store never holds an image in memory.
 * S2 What is being written is not readable until `commit`; what is discarded leaves nothing.
 * S3 Every verb is idempotent.
 */
import type { Readable } from 'node:stream'

export interface ImageStore {
  readonly name: string
  /** Bytes already written for an unfinished upload; 0 when there are none. */
  stagedBytes(id: string): Promise<number>
  /**
   * Appends at `offset`, which must equal `stagedBytes`, at most `limitBytes` (TOO_LARGE beyond).
   * Resolves with the new number of staged bytes.
   */
  append(
    id: string,
    offset: number,
    bytes: Readable,
    limitBytes: number,
    signal: AbortSignal,
  ): Promise<number>
  /** A readable path of what is staged, for inspection. */
  inspectStaged(id: string): Promise<StagedFile>
  /** Makes what is staged readable under the id. */
  commit(id: string): Promise<void>
  /** Forgets the staged bytes of an upload. */
  discard(id: string): Promise<void>
  /** Both ends of the range are included, as in HTTP. */
  read(id: string, range?: { start: number; end: number }): Promise<Readable>
  delete(id: string): Promise<void>
  /** The ids of all that is kept, staged or committed, for the sweep of what has no row. */
  list(): Promise<
    { id: string; state: 'staged' | 'committed'; sizeBytes: number; changedAt: Date }[]
  >
}

export interface StagedFile {
  sizeBytes: number
  /**
   * Random access to the bytes, for a format inspection that never executes or follows anything.
   */
  readAt(offset: number, length: number): Promise<Buffer>
  /** The whole, from the start, for the checksum. */
  stream(): Readable
  close(): Promise<void>
}

export type ImageStoreErrorCode = 'NOT_FOUND' | 'OFFSET' | 'TOO_LARGE' | 'NO_SPACE' | 'ABORTED'

export class ImageStoreError extends Error {
  constructor(
    readonly code: ImageStoreErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options)
    this.name = 'ImageStoreError'
  }
}
