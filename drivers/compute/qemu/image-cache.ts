/**
 * The images on this host that disks stand on: `<dir>/_base/<sha512>`, read-only, shared by every
 * machine made from the same bytes.
 *
 * I1 A file under its checksum is whole: bytes go to a `.partial` beside it, are hashed while they
 *    stream, then fsynced and renamed.
 * I2 Creates that need the same image at the same time share one fetch. It is aborted when the last
 *    of them has gone, and not when the first has.
 * I3 A base stands alone. A qcow2 that names a backing or a data file could show its machine any
 *    file of the host; such an image is refused, whatever was checked elsewhere.
 * I4 The cache needs no care: when the disk has no room for a new image, the images that no machine
 *    stands on go first.
 */
import { createHash, randomUUID } from 'node:crypto'
import { chmod, chown, open, readdir, rm, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { within } from '../deadline.ts'
import { DriverError, type ImageSource } from '../driver.ts'
import { isOutOfSpace } from '../failure.ts'
import { freeBytes, inMiB, renameDurably } from './durably.ts'
import { checkImage } from './image.ts'
import { exists } from './machine-folder.ts'
import { readBaseHeader } from './qcow2-header.ts'
import type { QemuUser } from './user.ts'

/** A fetch that brings no byte for this long is given up. */
const STALL_TIMEOUT_MS = 60_000
const CHECKSUM = /^[0-9a-f]{128}$/
const PARTIAL = '.partial'

interface Fetching {
  done: Promise<void>
  abort: AbortController
  waiting: number
}

export interface ImageCacheOptions {
  dir: string
  user: QemuUser | null
  /** The checksums that machines stand on; they are never evicted. */
  inUse(): Promise<Set<string>>
}

export class ImageCache {
  private readonly fetching = new Map<string, Fetching>()

  constructor(private readonly options: ImageCacheOptions) {}

  path(checksum: string): string {
    return join(this.options.dir, checksum)
  }

  /** Removes what fetches of an earlier process left half done. */
  async sweep(): Promise<void> {
    for (const name of await readdir(this.options.dir)) {
      if (name.endsWith(PARTIAL)) await rm(join(this.options.dir, name), { force: true })
    }
  }

  /**
   * Makes sure that the image is cached and sound, and returns the size of the disk it holds, in
   * bytes. Throws IMAGE_INVALID, IMAGE_UNAVAILABLE, NO_SPACE or ABORTED.
   */
  async ensure(image: ImageSource, signal: AbortSignal): Promise<number> {
    if (!CHECKSUM.test(image.checksum)) {
      throw new DriverError('IMAGE_INVALID', `image ${image.id} has no SHA-512 checksum`)
    }
    const path = this.path(image.checksum)
    if (!(await exists(path))) await this.share(image, signal)
    const { virtualSizeBytes } = await readBaseHeader(path, image.format)
    if (image.format === 'qcow2' && virtualSizeBytes !== image.virtualSizeBytes) {
      const says = `${virtualSizeBytes} bytes and not ${image.virtualSizeBytes}`
      throw new DriverError('IMAGE_INVALID', `image ${image.id} holds a disk of ${says}`)
    }
    // The time of use orders what is evicted first.
    const now = new Date()
    await utimes(path, now, now)
    return virtualSizeBytes
  }

  private async share(image: ImageSource, signal: AbortSignal): Promise<void> {
    const fetching = this.fetching.get(image.checksum) ?? this.begin(image)
    fetching.waiting++
    try {
      // A fetch that stalls ends itself, so this needs no time limit of its own.
      await untilAborted(fetching.done, signal, `image ${image.id}`)
    } finally {
      if (--fetching.waiting === 0) fetching.abort.abort()
    }
  }

  private begin(image: ImageSource): Fetching {
    const abort = new AbortController()
    const done = this.fetch(image, abort.signal).finally(() => {
      if (this.fetching.get(image.checksum) === fetching) this.fetching.delete(image.checksum)
    })
    done.catch(() => {})
    const fetching = { done, abort, waiting: 0 }
    this.fetching.set(image.checksum, fetching)
    // Whoever comes after the last waiter left starts afresh instead of joining a dying fetch.
    abort.signal.addEventListener('abort', () => this.fetching.delete(image.checksum))
    return fetching
  }

  private async fetch(image: ImageSource, signal: AbortSignal): Promise<void> {
    await this.makeRoom(image)
    const { dir, user } = this.options
    const partial = join(dir, `${image.checksum}.${randomUUID()}${PARTIAL}`)
    try {
      await this.download(image, partial, signal)
      await readBaseHeader(partial, image.format)
      if (user) await chown(partial, -1, user.gid)
      await chmod(partial, 0o440)
      // Only now, since the header names no other file, may a program open it.
      await checkImage(partial, image.format, user, signal)
      await renameDurably(partial, this.path(image.checksum))
    } catch (error) {
      throw asFetchError(error, image)
    } finally {
      await rm(partial, { force: true })
    }
  }

  private async download(image: ImageSource, partial: string, signal: AbortSignal): Promise<void> {
    const what = `image ${image.id}`
    const source = await openSource(image, signal)
    const chunks = source[Symbol.asyncIterator]()
    const hash = createHash('sha512')
    const file = await open(partial, 'wx', 0o400)
    let size = 0
    try {
      for (;;) {
        const next = await within(chunks.next(), { timeoutMs: STALL_TIMEOUT_MS, signal, what })
        if (next.done) break
        const chunk = Buffer.from(next.value)
        size += chunk.length
        if (size > image.sizeBytes) break
        hash.update(chunk)
        await file.appendFile(chunk)
      }
      if (size !== image.sizeBytes) throw wrongSize(image, size)
      if (hash.digest('hex') !== image.checksum) {
        throw new DriverError('IMAGE_INVALID', `${what} arrived with another SHA-512 checksum`)
      }
      await file.sync()
    } finally {
      source.destroy()
      await file.close()
    }
  }

  private async makeRoom(image: ImageSource): Promise<void> {
    if ((await freeBytes(this.options.dir)) >= image.sizeBytes) return
    const inUse = await this.options.inUse()
    for (const checksum of await this.leastRecentlyUsed()) {
      if (inUse.has(checksum)) continue
      await rm(this.path(checksum), { force: true })
      if ((await freeBytes(this.options.dir)) >= image.sizeBytes) return
    }
    const free = await freeBytes(this.options.dir)
    const needs = `needs ${inMiB(image.sizeBytes)} and the host's disk has ${inMiB(free)} left`
    throw new DriverError('NO_SPACE', `the image ${needs}`, true)
  }

  private async leastRecentlyUsed(): Promise<string[]> {
    const names = (await readdir(this.options.dir)).filter((name) => CHECKSUM.test(name))
    const used = await Promise.all(
      names.map(async (name) => ({ name, at: (await stat(this.path(name))).mtimeMs })),
    )
    return used.sort((a, b) => a.at - b.at).map(({ name }) => name)
  }
}

async function openSource(image: ImageSource, signal: AbortSignal): Promise<Readable> {
  const deadline = { timeoutMs: STALL_TIMEOUT_MS, signal, what: `image ${image.id}` }
  const opening = image.fetch(signal)
  try {
    return await within(opening, deadline)
  } catch (error) {
    // Should it open after we gave up, nobody would read it.
    opening.then((late) => late.destroy()).catch(() => {})
    throw error
  }
}

function asFetchError(error: unknown, image: ImageSource): DriverError {
  if (error instanceof DriverError && error.code !== 'TIMEOUT') return error
  if (isOutOfSpace(error)) {
    return new DriverError('NO_SPACE', `no room for image ${image.id}`, true, { cause: error })
  }
  const message = `image ${image.id} could not be fetched`
  return new DriverError('IMAGE_UNAVAILABLE', message, true, { cause: error })
}

function wrongSize(image: ImageSource, size: number): DriverError {
  // A body that breaks off may be whole the next time; one that is too long is another image.
  const less = size < image.sizeBytes
  const text = `image ${image.id} ${less ? `ended after ${size}` : 'is longer than'}`
  const message = less ? `${text} of ${image.sizeBytes} bytes` : `${text} ${image.sizeBytes} bytes`
  return new DriverError(less ? 'IMAGE_UNAVAILABLE' : 'IMAGE_INVALID', message, less)
}

function untilAborted(done: Promise<void>, signal: AbortSignal, what: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      reject(new DriverError('ABORTED', `aborted while fetching ${what}`, true))
    }
    if (signal.aborted) onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    done.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
