/** The config drive: what stands in it, who reads it, and where the guest finds it. */
import { execFile } from 'node:child_process'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { expect, it, vi } from 'vitest'
import type { ConfigFile, MachineSpec } from '../../drivers/compute/driver.ts'
import { qemuProblem } from '../../drivers/compute/qemu/probe.ts'
import { describeNeeds, itNeeds } from '../support/host.ts'
import { codeOf, eventually, never } from './compute.contract.ts'
import { realGuestImage, realGuestProblem } from './guest-shell.ts'
import { QemuStage } from './qemu-stage.ts'

const execute = promisify(execFile)
const MIB = 1024 ** 2
/** A busy machine takes its time. */
const TEST_MS = 120_000

vi.setConfig({ testTimeout: TEST_MS })

const noRealGuest = await realGuestProblem()

describeNeeds(await qemuProblem(), 'QEMU: config drives', () => {
  const stage = new QemuStage()
  const { harness } = stage

  const driveOf = (id: string) => join(harness.dir, 'machines', id, 'config-drive.img')
  const file = (path: string, text: string | Buffer): ConfigFile => ({
    path,
    content: Buffer.from(text).toString('base64'),
  })

  const fresh = (configDrive: ConfigFile[]): MachineSpec => stage.spec({ configDrive })

  async function contentOf(id: string, path: string): Promise<string> {
    return (await execute('mcopy', ['-i', driveOf(id), `::/${path}`, '-'])).stdout
  }

  it('holds its files, read by the machine alone, and is replaced by a rebuild', async () => {
    const long = 'a-name-longer-than-DOS-ever-knew.with.dots'
    const spec = fresh([
      file('openstack/latest/meta_data.json', '{"uuid":"x"}'),
      file(`openstack/2018-08-27/${long}`, 'Grüße\n'),
      file('ec2/latest/empty', ''),
    ])
    await stage.driver.create(spec, harness.image('deaf'), never)
    expect(await contentOf(spec.id, 'openstack/latest/meta_data.json')).toBe('{"uuid":"x"}')
    expect(await contentOf(spec.id, `openstack/2018-08-27/${long}`)).toBe('Grüße\n')
    const { stdout } = await execute('blkid', ['-p', '-o', 'export', driveOf(spec.id)])
    expect(stdout).toMatch(/^LABEL=config-2$/m)
    expect(stdout).toMatch(/^TYPE=vfat$/m)
    const root = process.getuid?.() === 0
    expect((await stat(driveOf(spec.id))).mode & 0o777).toBe(root ? 0o440 : 0o400)
    await stage.driver.start(spec, never)
    const { configDrive: _, ...without } = spec
    await stage.driver.abilities.rebuilding?.rebuild(without, harness.image('deaf'), never)
    expect(await contentOf(spec.id, 'openstack/latest/meta_data.json')).toBe('{"uuid":"x"}')
    const other = { ...spec, configDrive: [file('openstack/latest/meta_data.json', 'new')] }
    await stage.driver.abilities.rebuilding?.rebuild(other, harness.image('deaf'), never)
    expect(await contentOf(spec.id, 'openstack/latest/meta_data.json')).toBe('new')
    expect(await readdir(join(driveOf(spec.id), '..'))).not.toContain('config-drive.img.partial')
  })

  it('comes with a disk from elsewhere', async () => {
    const parts: Buffer[] = []
    const first = fresh([])
    await stage.driver.create(first, harness.image('deaf'), never)
    await stage.driver.abilities.disks?.exportDisk(
      first.id,
      async (bytes) => {
        for await (const part of bytes as AsyncIterable<Buffer>) parts.push(part)
      },
      never,
    )
    const spec = fresh([file('a/b', 'c')])
    const bytes = async () => Readable.from(parts, { objectMode: false })
    await stage.driver.abilities.disks?.importDisk(spec, bytes, never)
    expect(await contentOf(spec.id, 'a/b')).toBe('c')
    await stage.driver.start(spec, never)
  })

  it('takes many and large files, and refuses what it cannot hold', async () => {
    const many = Array.from({ length: 200 }, (_, n) => file(`d${n % 10}/f${n}`, `${n}`))
    const large = file('large', Buffer.alloc(40 * MIB, 'x'))
    const spec = fresh([...many, large])
    await stage.driver.create(spec, harness.image('deaf'), never)
    expect(await contentOf(spec.id, 'd9/f199')).toBe('199')
    await execute('mcopy', ['-i', driveOf(spec.id), '::/large', join(harness.dir, 'large')])
    expect((await stat(join(harness.dir, 'large'))).size).toBe(40 * MIB)
    const bad = [
      [file('../up', 'x')],
      [file('/root', 'x')],
      [file('a//b', 'x')],
      [file('a\nb', 'x')],
      [file('-o', 'x')],
      [file('large', Buffer.alloc(65 * MIB))],
    ]
    for (const files of bad) {
      const other = fresh(files)
      expect(await codeOf(stage.driver.create(other, harness.image('deaf'), never))).toBe('REFUSED')
      await stage.driver.destroy(other.id, never)
      expect(await harness.traces(other.id)).toEqual([])
    }
  })

  itNeeds(noRealGuest, 'is the second disk of a real guest', async () => {
    const spec = { ...fresh([file('a', 'b')]), memoryMiB: 256 }
    await stage.driver.create(spec, await realGuestImage(), never)
    await stage.driver.start(spec, never)
    const sectors = (await stat(driveOf(spec.id))).size / 512
    await eventually(
      'the guest finds its disks',
      async () => {
        const log = await stage.driver.consoleLog(spec.id, 1000)
        return /\[vda\]/.test(log) && log.includes(`[vdb] ${sectors} 512-byte`)
      },
      60_000,
    )
  })
})
