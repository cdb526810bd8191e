/**
 * The image store on a file system: `<dir>/staged/<id>` while an upload runs,
 * `<dir>/committed/<id>` afterwards.
 *
 * F1 A name is made of a checked UUID only: no id can lead out of the folder.
 * F2 What `append` has answered is on the disk, and `commit` is one rename: a crash leaves an
 *    upload that can be resumed or a whole image, never a part of one that can be read.
 * F3 An upload that breaks off keeps what it got.
 * F4 One writer per upload: a newer `append`, `commit`, `discard` or `delete` ends the older one.
 *    Of two processes, the one whose bytes are not where it left off gives up (OFFSET).
 */
import { constants } from 'node:fs'
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import path from 'node:path'
import type { Readable } from 'node:stream'
import type { ImageStore, StagedFile } from './driver.ts'
import { checkId, full, isImageId, noSuchImage, tooLarge, wrongOffset } from './failure.ts'
import { received, Writers } from './writers.ts'

export interface FileImageStoreOptions {
  /** Made when it is not there; holds nothing but this store. */
  dir: string
}

const STATES = ['staged', 'committed'] as const
const FOLDER_MODE = 0o700
const FILE_MODE = 0o600
const FULL = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])

type State = (typeof STATES)[number]

export class FileImageStore implements ImageStore {
  readonly name = 'file'
  readonly #dir: string
  readonly #writers = new Writers()
  #prepared: Promise<void> | undefined

  constructor({ dir }: FileImageStoreOptions) {
    this.#dir = path.resolve(dir)
  }

  async stagedBytes(id: string): Promise<number> {
    return (await this.#find('staged', id))?.size ?? 0
  }

  async append(
    id: string,
    offset: number,
    bytes: Readable,
    limitBytes: number,
    signal: AbortSignal,
  ): Promise<number> {
    const file = this.#path('staged', id)
    await this.#prepare()
    return this.#writers.write(id, signal, async (ended) => {
      const handle = await open(
        file,
        constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW,
        FILE_MODE,
      )
      try {
        const staged = (await handle.stat()).size
        if (staged !== offset) throw wrongOffset(id, offset, staged)
        try {
          return await appendAll(handle, { id, offset, bytes, limitBytes, signal: ended })
        } finally {
          await handle.datasync()
          if (offset === 0) await this.#syncFolder('staged')
        }
      } catch (error) {
        throw FULL.has(errorCode(error)) ? full(error) : error
      } finally {
        await handle.close()
      }
    })
  }

  async inspectStaged(id: string): Promise<StagedFile> {
    const handle = await this.#open('staged', id)
    const { size } = await handle.stat()
    return {
      sizeBytes: size,
      readAt: (offset, length) => readUpTo(handle, offset, length),
      stream: () => handle.createReadStream({ start: 0, autoClose: false }),
      close: () => handle.close(),
    }
  }

  async commit(id: string): Promise<void> {
    const staged = this.#path('staged', id)
    const committed = this.#path('committed', id)
    await this.#writers.end(id)
    if (!(await this.#find('staged', id))) {
      // Done before: doing it twice is doing it once.
      if (await this.#find('committed', id)) return
      throw noSuchImage(id)
    }
    const handle = await this.#open('staged', id)
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(staged, committed)
    for (const state of STATES) await this.#syncFolder(state)
  }

  async discard(id: string): Promise<void> {
    await this.#remove('staged', id)
  }

  async read(id: string, range?: { start: number; end: number }): Promise<Readable> {
    const handle = await this.#open('committed', id)
    // The stream closes the handle at its end, or when it is destroyed.
    return handle.createReadStream(range ?? { start: 0 })
  }

  async delete(id: string): Promise<void> {
    await this.#remove('staged', id)
    await this.#remove('committed', id)
  }

  async list(): ReturnType<ImageStore['list']> {
    await this.#prepare()
    const found: Awaited<ReturnType<ImageStore['list']>> = []
    for (const state of STATES) {
      for (const id of await readdir(path.join(this.#dir, state))) {
        const file = isImageId(id) ? await this.#find(state, id) : undefined
        // It may have been committed or deleted since the folder was read.
        if (file) found.push({ id, state, sizeBytes: file.size, changedAt: file.mtime })
      }
    }
    return found
  }

  async #remove(state: State, id: string): Promise<void> {
    const file = this.#path(state, id)
    await this.#writers.end(id)
    await rm(file, { force: true })
  }

  async #open(state: State, id: string): Promise<FileHandle> {
    try {
      return await open(this.#path(state, id), constants.O_RDONLY | constants.O_NOFOLLOW)
    } catch (error) {
      throw errorCode(error) === 'ENOENT' ? noSuchImage(id, error) : error
    }
  }

  async #find(state: State, id: string): Promise<{ size: number; mtime: Date } | undefined> {
    try {
      return await stat(this.#path(state, id))
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return undefined
      throw error
    }
  }

  /** F1. */
  #path(state: State, id: string): string {
    checkId(id)
    return path.join(this.#dir, state, id)
  }

  async #prepare(): Promise<void> {
    this.#prepared ??= (async () => {
      for (const state of STATES) {
        await mkdir(path.join(this.#dir, state), { recursive: true, mode: FOLDER_MODE })
      }
    })()
    await this.#prepared.catch((error) => {
      this.#prepared = undefined
      throw error
    })
  }

  /** Makes new and renamed names survive a power failure. */
  async #syncFolder(state: State): Promise<void> {
    const folder = await open(path.join(this.#dir, state), constants.O_RDONLY)
    try {
      await folder.sync()
    } finally {
      await folder.close()
    }
  }
}

interface Appending {
  id: string
  offset: number
  bytes: Readable
  limitBytes: number
  signal: AbortSignal
}

async function appendAll(handle: FileHandle, appending: Appending): Promise<number> {
  const { id, bytes, limitBytes, signal } = appending
  let position = appending.offset
  for await (const data of received(id, bytes, signal)) {
    const room = appending.offset + limitBytes - position
    const { size } = await handle.stat()
    // F4, across processes.
    if (size !== position) throw wrongOffset(id, position, size)
    position = await writeAll(handle, data.subarray(0, room), position)
    if (data.length > room) throw tooLarge(id, limitBytes)
  }
  return position
}

async function writeAll(handle: FileHandle, data: Buffer, position: number): Promise<number> {
  let written = 0
  while (written < data.length) {
    // A disk that is nearly full takes a part first and refuses the rest.
    const { bytesWritten } = await handle.write(
      data,
      written,
      data.length - written,
      position + written,
    )
    written += bytesWritten
  }
  return position + written
}

/** Fewer bytes than asked for only at the end of the file. */
async function readUpTo(handle: FileHandle, offset: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length)
  let filled = 0
  while (filled < length) {
    const { bytesRead } = await handle.read(buffer, filled, length - filled, offset + filled)
    if (bytesRead === 0) break
    filled += bytesRead
  }
  return buffer.subarray(0, filled)
}

function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}
