/** Root disks out of a host and into one: of one moment, standing alone, and trusted by nobody. */
import { execFile } from 'node:child_process'
import { open, readdir, rename, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { expect, it, vi } from 'vitest'
import type { DiskCopying } from '../../drivers/compute/abilities.ts'
import { qemuProblem } from '../../drivers/compute/qemu/probe.ts'
import { describeNeeds } from '../support/host.ts'
import { bootDisk } from './boot-disk.ts'
import { codeOf, eventually, never, stateOf } from './compute.contract.ts'
import { QemuStage } from './qemu-stage.ts'

const execute = promisify(execFile)
const MIB = 1024 ** 2
const GIB = 1024 ** 3
const HEAD_BYTES = 64 * MIB
/** A busy machine takes its time. */
const TEST_MS = 120_000

vi.setConfig({ testTimeout: TEST_MS })

describeNeeds(await qemuProblem(), 'QEMU: copies of disks', () => {
  const stage = new QemuStage()
  const { harness } = stage

  const fileOf = (id: string, name: string) => join(harness.dir, 'machines', id, name)
  const disksOf = async (id: string) =>
    (await readdir(fileOf(id, 'run'))).filter((name) => /qcow2|partial/.test(name))
  const disks = (): DiskCopying => {
    const ability = stage.driver.abilities.disks
    if (!ability) throw new Error('it cannot copy disks')
    return ability
  }

  async function copyOf(id: string): Promise<Buffer> {
    const parts: Buffer[] = []
    await disks().exportDisk(
      id,
      async (bytes) => {
        for await (const part of bytes as AsyncIterable<Buffer>) parts.push(part)
      },
      never,
    )
    return Buffer.concat(parts)
  }

  const source = (bytes: Buffer) => async () => Readable.from([bytes], { objectMode: false })

  /** The size of the disk in a qcow2, and its beginning. */
  async function contentOf(qcow2: Buffer): Promise<{ sizeBytes: number; head: Buffer }> {
    const path = join(harness.dir, 'copy.qcow2')
    await writeFile(path, qcow2)
    await execute('qemu-img', ['check', '-q', path])
    const { stdout } = await execute('qemu-img', ['info', '--output=json', path])
    const info = JSON.parse(stdout)
    expect(info).not.toHaveProperty('backing-filename')
    await execute('qemu-img', ['convert', '-O', 'raw', path, `${path}.raw`])
    const raw = await open(`${path}.raw`)
    const { buffer } = await raw.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0)
    await raw.close()
    return { sizeBytes: info['virtual-size'], head: buffer }
  }

  it('copies what the guest wrote up to one moment, while it goes on writing', async () => {
    const spec = await stage.run('writes', { diskGiB: 1 })
    const allocated = async () => (await stat(fileOf(spec.id, 'run/disk.qcow2'))).blocks * 512
    const atFirst = await allocated()
    await eventually('the guest writes', async () => (await allocated()) > atFirst + MIB)
    const { head, sizeBytes } = await contentOf(await copyOf(spec.id))
    expect(sizeBytes).toBe(GIB)
    const boot = bootDisk('writes').subarray(0, 512)
    // It writes sector after sector, each 64 KiB on: what is there has no gap, and then nothing is.
    const at = (n: number) => head.subarray((1024 + n * 128) * 512).subarray(0, 2)
    let count = 0
    while (at(count).equals(boot.subarray(0, 2))) count++
    expect(count).toBeGreaterThan(4)
    for (let n = count; n < count + 50; n++) expect(at(n)).toEqual(Buffer.alloc(2))
    const before = await allocated()
    await eventually('it goes on writing', async () => (await allocated()) > before)
    expect(await disksOf(spec.id)).toEqual(['disk.qcow2'])
  })

  it('copies the disk of a machine that stands alone, off and on', async () => {
    const first = await stage.run('deaf', { diskGiB: 1 })
    const file = await copyOf(first.id)
    const spec = stage.spec({ diskGiB: 2 })
    await disks().importDisk(spec, source(file), never)
    const off = await contentOf(await copyOf(spec.id))
    expect(off.sizeBytes).toBe(2 * GIB)
    expect(off.head.subarray(0, MIB).equals(bootDisk('deaf'))).toBe(true)
    await stage.driver.start(spec, never)
    await eventually('it boots', async () =>
      (await stage.driver.consoleLog(spec.id, 100)).includes('test guest, deaf'),
    )
    const on = await contentOf(await copyOf(spec.id))
    expect(on.head.equals(off.head)).toBe(true)
  })

  it('takes up from a copy that an earlier agent left half done', async () => {
    const spec = await stage.run('writes', { diskGiB: 1 })
    const copying = disks()
      .exportDisk(spec.id, async (bytes) => void bytes.resume(), never)
      .then(
        () => 'copied',
        (error: { code: string }) => error.code,
      )
    await eventually('the copy begins', async () =>
      (await readdir(fileOf(spec.id, 'run'))).includes('export.qcow2'),
    )
    await stage.driver.close()
    expect(['copied', 'ABORTED']).toContain(await copying)
    stage.driver = harness.open()
    expect((await stateOf(stage.driver, spec.id))?.powerState).toBe('RUNNING')
    expect(await disksOf(spec.id)).toEqual(['disk.qcow2'])
    expect((await copyOf(spec.id)).length).toBeGreaterThan(0)
  })

  it('hands out no file of the host that a QEMU put in the place of its disk', async () => {
    const spec = stage.spec()
    await stage.driver.create(spec, harness.image('deaf'), never)
    const disk = fileOf(spec.id, 'run/disk.qcow2')
    const secret = join(harness.dir, 'secret')
    await writeFile(secret, Buffer.alloc(MIB, 's'), { mode: 0o600 })
    await rename(disk, `${disk}.aside`)
    await symlink(secret, disk)
    const taken: string[] = []
    const copy = disks().exportDisk(spec.id, async () => void taken.push('taken'), never)
    expect(await codeOf(copy)).toBe('HYPERVISOR_FAILED')
    expect(taken).toEqual([])
    await rename(`${disk}.aside`, disk)
    expect((await copyOf(spec.id)).length).toBeGreaterThan(0)
  })

  it('makes nothing of a disk that reaches for a file, is damaged or is no disk', async () => {
    const spec = await stage.run('deaf')
    const file = await copyOf(spec.id)
    const bad = (change: (bytes: Buffer) => void) => {
      const bytes = Buffer.from(file)
      change(bytes)
      return bytes
    }
    const disk = [
      bad((bytes) => bytes.writeBigUInt64BE(512n, 8)),
      bad((bytes) => bytes.writeBigUInt64BE(4n, 72)),
      bad((bytes) => bytes.writeUInt32BE(1, 32)),
      bad((bytes) => bytes.fill(0xff, 0x30000, 0x30100)),
      file.subarray(0, 0x20000),
      Buffer.concat([file, Buffer.alloc(80 * MIB)]),
    ]
    for (const bytes of disk) {
      const other = stage.spec()
      expect(await codeOf(disks().importDisk(other, source(bytes), never))).toBe('IMAGE_INVALID')
      expect(await harness.traces(other.id)).toEqual([])
    }
  })
})
