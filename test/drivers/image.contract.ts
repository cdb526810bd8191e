/** What every image store must do. Run over each of them by `image.test.ts`. */
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { PassThrough, Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { ImageStore, ImageStoreErrorCode } from '../../drivers/image/driver.ts'
import { until } from '../support/until.ts'

export interface StoreUnderTest {
  store: ImageStore
  /** The same store after its process has been started again; undefined when it forgets. */
  reopen?: () => ImageStore
  close: () => Promise<void>
}

const noLimit = 1 << 30
const never = new AbortController().signal

export function imageStoreContract(name: string, make: () => Promise<StoreUnderTest>): void {
  describe(`image store ${name}`, () => {
    let under: StoreUnderTest
    let store: ImageStore
    let id: string

    beforeEach(async () => {
      under = await make()
      store = under.store
      id = randomUUID()
    })
    afterEach(() => under.close())

    const put = (data: Buffer | string, offset = 0, limitBytes = noLimit) =>
      store.append(id, offset, Readable.from([Buffer.from(data)]), limitBytes, never)
    const content = async (range?: { start: number; end: number }) =>
      buffer(await store.read(id, range))

    test('keeps an image from the first byte to the last', async () => {
      const data = randomBytes(300_000)
      expect(await store.stagedBytes(id)).toBe(0)
      expect(await store.append(id, 0, Readable.from(pieces(data)), noLimit, never)).toBe(300_000)
      await store.commit(id)
      expect(hash(await content())).toBe(hash(data))
      expect(await store.stagedBytes(id)).toBe(0)
    })

    test('shows nothing of an upload before it is committed', async () => {
      await put('half')
      await refused('NOT_FOUND', store.read(id))
      expect(await store.list()).toMatchObject([{ id, state: 'staged', sizeBytes: 4 }])
      await store.commit(id)
      expect(await store.list()).toMatchObject([{ id, state: 'committed', sizeBytes: 4 }])
    })

    test('goes on where it left off, and only there', async () => {
      await put('one ')
      await refused('OFFSET', put('two', 3))
      await refused('OFFSET', put('two', 5))
      await refused('OFFSET', put('two', 0))
      expect(await put('two', 4)).toBe(7)
      await store.commit(id)
      expect(String(await content())).toBe('one two')
    })

    test('takes an upload of nothing', async () => {
      expect(await store.append(id, 0, Readable.from([]), noLimit, never)).toBe(0)
      await store.commit(id)
      expect(await content()).toHaveLength(0)
    })

    test('reads ranges with both ends included', async () => {
      await put('0123456789')
      await store.commit(id)
      expect(String(await content({ start: 2, end: 4 }))).toBe('234')
      expect(String(await content({ start: 9, end: 9 }))).toBe('9')
      expect(String(await content({ start: 8, end: 99 }))).toBe('89')
    })

    test('never keeps a byte beyond the limit', async () => {
      await refused('TOO_LARGE', put('123456', 0, 5))
      expect(await store.stagedBytes(id)).toBe(5)
      await refused('TOO_LARGE', put('6', 5, 0))
      expect(await store.stagedBytes(id)).toBe(5)
      expect(await put('6', 5, 1)).toBe(6)
      await store.discard(id)
      expect(await put('12345', 0, 5)).toBe(5)
    })

    test('leaves the stream that it refused to its owner', async () => {
      const bytes = new PassThrough()
      bytes.write('123456')
      await refused('TOO_LARGE', store.append(id, 0, bytes, 5, never))
      expect(bytes.destroyed).toBe(false)
      bytes.destroy()
    })

    test('keeps what an upload that broke off had brought', async () => {
      const bytes = new PassThrough()
      const upload = store.append(id, 0, bytes, noLimit, never)
      bytes.write('some')
      await until('4 bytes are staged', async () => (await store.stagedBytes(id)) === 4)
      bytes.destroy(new Error('connection lost'))
      await refused('ABORTED', upload)
      expect(await put(' more', 4)).toBe(9)
      await store.commit(id)
      expect(String(await content())).toBe('some more')
    })

    test('ends when its signal fires, before and while it writes', async () => {
      const gone = AbortSignal.abort()
      await refused('ABORTED', store.append(id, 0, Readable.from(['x']), noLimit, gone))
      const controller = new AbortController()
      const bytes = new PassThrough()
      const upload = store.append(id, 0, bytes, noLimit, controller.signal)
      bytes.write('some')
      await until('4 bytes are staged', async () => (await store.stagedBytes(id)) === 4)
      controller.abort()
      await refused('ABORTED', upload)
      expect(bytes.destroyed).toBe(true)
      expect(await store.stagedBytes(id)).toBe(4)
    })

    test('lets a newer writer take the place of one that hangs', async () => {
      const hanging = new PassThrough()
      const older = store.append(id, 0, hanging, noLimit, never)
      hanging.write('some')
      await until('4 bytes are staged', async () => (await store.stagedBytes(id)) === 4)
      const ended = refused('ABORTED', older)
      expect(await put(' more', 4)).toBe(9)
      await ended
      await store.commit(id)
      expect(String(await content())).toBe('some more')
    })

    test('mixes nothing when many write at once', async () => {
      const writers = Array.from({ length: 8 }, (_, index) => {
        const data = Buffer.alloc(50_000, index + 65)
        return store.append(id, 0, Readable.from(pieces(data)), noLimit, never)
      })
      const results = await Promise.allSettled(writers)
      expect(results.filter((r) => r.status === 'fulfilled').length).toBeLessThanOrEqual(1)
      const staged = await store.stagedBytes(id)
      await store.commit(id)
      const bytes = await content()
      expect(bytes).toHaveLength(staged)
      expect(new Set(bytes).size).toBeLessThanOrEqual(1)
    })

    test('lets what is staged be inspected in any order', async () => {
      await refused('NOT_FOUND', store.inspectStaged(id))
      const data = randomBytes(200_000)
      await store.append(id, 0, Readable.from(pieces(data)), noLimit, never)
      const staged = await store.inspectStaged(id)
      try {
        expect(staged.sizeBytes).toBe(200_000)
        expect(await staged.readAt(150_000, 10)).toEqual(data.subarray(150_000, 150_010))
        expect(await staged.readAt(0, 4)).toEqual(data.subarray(0, 4))
        expect(await staged.readAt(199_990, 100)).toEqual(data.subarray(199_990))
        expect(await staged.readAt(200_001, 5)).toHaveLength(0)
        expect(hash(await buffer(staged.stream()))).toBe(hash(data))
      } finally {
        await staged.close()
      }
    })

    test('commits, discards and deletes as often as it is asked', async () => {
      await refused('NOT_FOUND', store.commit(id))
      await put('data')
      await store.commit(id)
      await store.commit(id)
      await store.discard(id)
      await store.discard(id)
      expect(String(await content())).toBe('data')
      await store.delete(id)
      await store.delete(id)
      await refused('NOT_FOUND', store.read(id))
      expect(await store.list()).toEqual([])
    })

    test('puts a new upload in the place of a committed image, and only then', async () => {
      await put('old')
      await store.commit(id)
      await put('newer')
      expect(String(await content())).toBe('old')
      expect(await store.list()).toHaveLength(2)
      await store.commit(id)
      expect(String(await content())).toBe('newer')
      expect(await store.list()).toHaveLength(1)
    })

    test('discards and deletes an upload that is being written', async () => {
      for (const verb of ['discard', 'delete'] as const) {
        const bytes = new PassThrough()
        const upload = refused('ABORTED', store.append(id, 0, bytes, noLimit, never))
        bytes.write('some')
        await until('4 bytes are staged', async () => (await store.stagedBytes(id)) === 4)
        await store[verb](id)
        await upload
        expect(await store.list()).toEqual([])
      }
    })

    test('goes on with a download whose image is deleted meanwhile', async () => {
      const data = randomBytes(1_000_000)
      await put(data)
      await store.commit(id)
      const stream = await store.read(id)
      await store.delete(id)
      expect(hash(await buffer(stream))).toBe(hash(data))
    })

    test('knows no id that is not a UUID in lower case', async () => {
      const bad = [
        '',
        '.',
        '..',
        '../../etc/passwd',
        `${id}/x`,
        `${id}\0`,
        id.toUpperCase(),
        `${id}\n`,
      ]
      for (const wrong of [...bad.filter((b) => b !== id), `/${id}`, `../staged/${id}`]) {
        const bytes = Readable.from(['x'])
        await refused('NOT_FOUND', store.append(wrong, 0, bytes, noLimit, never))
        await refused('NOT_FOUND', store.stagedBytes(wrong))
        await refused('NOT_FOUND', store.inspectStaged(wrong))
        await refused('NOT_FOUND', store.commit(wrong))
        await refused('NOT_FOUND', store.discard(wrong))
        await refused('NOT_FOUND', store.read(wrong))
        await refused('NOT_FOUND', store.delete(wrong))
      }
      expect(await store.list()).toEqual([])
    })

    test('finds everything again after a restart', async () => {
      if (!under.reopen) return
      await put('committed')
      await store.commit(id)
      const uploadId = randomUUID()
      await store.append(uploadId, 0, Readable.from(['half']), noLimit, never)
      const again = under.reopen()
      expect(await again.stagedBytes(uploadId)).toBe(4)
      expect(await again.append(uploadId, 4, Readable.from(['s']), noLimit, never)).toBe(5)
      expect(String(await buffer(await again.read(id)))).toBe('committed')
      expect((await again.list()).map((i) => i.state).sort()).toEqual(['committed', 'staged'])
    })
  })
}

/** Checks that a store refuses with a code. */
export async function refused(code: ImageStoreErrorCode, verb: Promise<unknown>): Promise<void> {
  await expect(verb).rejects.toMatchObject({ name: 'ImageStoreError', code })
}

function* pieces(data: Buffer): Generator<Buffer> {
  for (let at = 0; at < data.length; at += 7_777) yield data.subarray(at, at + 7_777)
}

function hash(data: Buffer): string {
  return createHash('sha256').update(data).digest('hex')
}
