import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtemp, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { FileImageStore } from '../../drivers/image/file.ts'
import { MemoryImageStore } from '../../drivers/image/memory.ts'
import { createImageStore, imageStoreNames } from '../../drivers/image/registry.ts'
import { itNeeds, linuxProblem, rootProblem } from '../support/host.ts'
import { until } from '../support/until.ts'
import { imageStoreContract, refused } from './image.contract.ts'

const noLimit = 1 << 30
const never = new AbortController().signal
const text = (words: string) => Readable.from([Buffer.from(words)])

imageStoreContract('memory', async () => ({
  store: new MemoryImageStore(),
  close: async () => {},
}))

imageStoreContract('file', async () => {
  const dir = await mkdtemp(path.join(tmpdir(), 'nephograph-images-'))
  return {
    store: new FileImageStore({ dir }),
    reopen: () => new FileImageStore({ dir }),
    close: () => rm(dir, { recursive: true, force: true }),
  }
})

test('the registry makes each store by its name', () => {
  expect(imageStoreNames).toEqual(['file', 'memory'])
  expect(createImageStore('file', { dir: tmpdir() }).name).toBe('file')
  expect(createImageStore('memory', {}).name).toBe('memory')
})

test('the file store keeps its files to itself and ignores what is not its own', async () => {
  await inFolder(async (dir) => {
    const store = new FileImageStore({ dir })
    const id = randomUUID()
    await store.append(id, 0, text('secret'), noLimit, never)
    expect((await stat(path.join(dir, 'staged'))).mode & 0o777).toBe(0o700)
    expect((await stat(path.join(dir, 'staged', id))).mode & 0o777).toBe(0o600)
    await writeFile(path.join(dir, 'committed', 'notes.txt'), 'x')
    expect(await store.list()).toHaveLength(1)
    // Not even our own folder is followed out of.
    const linked = randomUUID()
    await symlink('/etc/hostname', path.join(dir, 'committed', linked))
    await expect(store.read(linked)).rejects.toThrow()
  })
})

test('of two processes on one folder, the one that was overtaken gives up', async () => {
  await inFolder(async (dir) => {
    const [mine, other] = [new FileImageStore({ dir }), new FileImageStore({ dir })]
    const id = randomUUID()
    const hanging = new PassThrough()
    const older = mine.append(id, 0, hanging, noLimit, never)
    hanging.write('some')
    await until('4 bytes are staged', async () => (await other.stagedBytes(id)) === 4)
    expect(await other.append(id, 4, text(' more'), noLimit, never)).toBe(9)
    hanging.end('late')
    await refused('OFFSET', older)
    await other.commit(id)
    expect(String(await buffer(await other.read(id)))).toBe('some more')
  })
})

itNeeds(linuxProblem() ?? rootProblem(), 'a full disk is NO_SPACE, and what fitted is kept', () =>
  inFolder(async (dir) => {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', dir])
    try {
      const store = new FileImageStore({ dir })
      const id = randomUUID()
      const bytes = Readable.from([Buffer.alloc(600_000), Buffer.alloc(600_000)])
      await refused('NO_SPACE', store.append(id, 0, bytes, noLimit, never))
      expect(await store.stagedBytes(id)).toBeGreaterThanOrEqual(600_000)
      await store.discard(id)
      expect(await readdir(path.join(dir, 'staged'))).toEqual([])
      expect(await store.append(id, 0, text('fits'), noLimit, never)).toBe(4)
    } finally {
      execFileSync('umount', [dir])
    }
  }),
)

test('the simulator has a bound and gives space back', async () => {
  const store = new MemoryImageStore({ capacityBytes: 10 })
  const id = randomUUID()
  await refused('NO_SPACE', store.append(id, 0, text('123456789012'), noLimit, never))
  expect(await store.stagedBytes(id)).toBe(10)
  await store.delete(id)
  expect(await store.append(id, 0, text('1234567890'), noLimit, never)).toBe(10)
})

test('the simulator fails when it is told to', async () => {
  const store = new MemoryImageStore({ delayMs: 1 })
  const id = randomUUID()
  store.fail('append', { code: 'ABORTED', afterBytes: 3 })
  await refused('ABORTED', store.append(id, 0, text('12345'), noLimit, never))
  expect(await store.append(id, 3, text('45'), noLimit, never)).toBe(5)
  store.fail('commit', { code: 'NO_SPACE', times: 2 })
  await refused('NO_SPACE', store.commit(id))
  await refused('NO_SPACE', store.commit(id))
  await store.commit(id)
  expect(String(await buffer(await store.read(id)))).toBe('12345')
})

async function inFolder(run: (dir: string) => Promise<void>): Promise<void> {
  const dir = await mkdtemp(path.join(tmpdir(), 'nephograph-images-'))
  try {
    await run(dir)
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}
