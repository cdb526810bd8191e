/** The contract of copying disks out of a host and into another. */
import { Readable } from 'node:stream'
import { expect, it } from 'vitest'
import type { DiskExport } from '../../drivers/compute/abilities.ts'
import { inspectImage } from '../../services/image/inspect.ts'
import { missing, type Stage } from './abilities-stage.ts'
import { codeOf, machineSpec, never } from './compute.contract.ts'

const GIB = 1024 ** 3
const BACKING_FILE_OFFSET_AT = 8

interface Copy {
  file: Buffer
  /** What was told before the bytes, and what was told at the end. */
  told: DiskExport
  found: DiskExport
}

async function copyOf(stage: Stage, id: string): Promise<Copy> {
  const parts: Buffer[] = []
  let told: DiskExport | undefined
  const take = async (bytes: Readable, found: DiskExport) => {
    told = found
    for await (const part of bytes as AsyncIterable<Buffer>) parts.push(part)
  }
  const found = await stage.ability('disks').exportDisk(id, take, never)
  if (!told) throw new Error('no bytes were handed over')
  return { file: Buffer.concat(parts), told, found }
}

/** The inspection that an upload goes through. */
async function expectWhole({ file, told, found }: Copy, virtualSizeBytes: number): Promise<void> {
  expect(told).toEqual(found)
  expect(found).toMatchObject({ sizeBytes: file.length, virtualSizeBytes })
  const bytes = {
    sizeBytes: file.length,
    readAt: async (at: number, length: number) => file.subarray(at, at + length),
  }
  const accepted = { ok: true, format: 'qcow2', virtualSizeBytes }
  expect(await inspectImage(bytes, 'qcow2')).toEqual(accepted)
}

const source = (file: Buffer) => async () => Readable.from([file], { objectMode: false })

export const disksContract = {
  disks(stage: Stage): void {
    it('copies the disk of a machine, and makes the same machine of it elsewhere', async () => {
      const spec = await stage.create('obedient', { diskGiB: 1 })
      const copy = await copyOf(stage, spec.id)
      await expectWhole(copy, GIB)
      const disks = stage.ability('disks', stage.other)
      for (const _ of 'ab') await disks.importDisk(spec, source(copy.file), never)
      expect(await stage.powerOf(spec.id, stage.other)).toBe('SHUTDOWN')
      await stage.other.start(spec, never)
      await stage.booted(spec.id, 'obedient', stage.other)
    })

    it('copies while the machine runs, and lets it run', async () => {
      const { id } = await stage.run('deaf')
      await expectWhole(await copyOf(stage, id), 1024 ** 2)
      expect(await stage.powerOf(id)).toBe('RUNNING')
      expect(await stage.boots(id)).toBe(1)
    })

    it('fails with what the taker fails with, and leaves nothing', async () => {
      const { id } = await stage.run('deaf')
      const problem = new Error('the line is dead')
      const failing = stage.ability('disks').exportDisk(
        id,
        async (bytes) => {
          bytes.destroy()
          throw problem
        },
        never,
      )
      expect(await failing.catch((error: unknown) => error)).toBe(problem)
      expect(await stage.powerOf(id)).toBe('RUNNING')
      await copyOf(stage, id)
      await stage.driver.destroy(id, never)
      expect(await stage.harness.traces(id)).toEqual([])
    })

    it('heeds its signal in the middle', async () => {
      const { id } = await stage.run('deaf')
      const giveUp = new AbortController()
      const copying = stage.ability('disks').exportDisk(
        id,
        async (bytes) => {
          giveUp.abort()
          for await (const _ of bytes) continue
        },
        giveUp.signal,
      )
      expect(await codeOf(copying)).toBe('ABORTED')
      expect(await stage.powerOf(id)).toBe('RUNNING')
      await copyOf(stage, id)
    })

    it('takes no bytes for a machine that is there already', async () => {
      const spec = await stage.create('deaf')
      const fetched: string[] = []
      const bytes = async () => {
        fetched.push('once')
        return Readable.from([])
      }
      await stage.ability('disks').importDisk(spec, bytes, never)
      expect(fetched).toEqual([])
    })

    it('makes nothing of what is no disk of its own', async () => {
      const { file } = await copyOf(stage, (await stage.create('deaf')).id)
      const leaning = Buffer.from(file)
      leaning.writeBigUInt64BE(512n, BACKING_FILE_OFFSET_AT)
      const disks = stage.ability('disks', stage.other)
      for (const bad of [Buffer.from('no disk at all'), leaning, file.subarray(0, 1000)]) {
        const spec = stage.spec()
        expect(await codeOf(disks.importDisk(spec, source(bad), never))).toBe('IMAGE_INVALID')
        expect(await stage.powerOf(spec.id, stage.other)).toBeUndefined()
      }
    })

    it('makes nothing of a disk that breaks off or is given up, and takes it afterwards', async () => {
      const { file } = await copyOf(stage, (await stage.create('deaf')).id)
      const disks = stage.ability('disks', stage.other)
      const spec = stage.spec()
      const half = async () =>
        Readable.from(
          (function* () {
            yield file.subarray(0, 1000)
            throw new Error('the line is dead')
          })(),
          { objectMode: false },
        )
      const broken = await disks.importDisk(spec, half, never).catch((error: unknown) => error)
      expect(broken).toBeInstanceOf(Error)
      const giveUp = new AbortController()
      const hanging = async () => {
        giveUp.abort()
        return new Readable({ read() {} })
      }
      expect(await codeOf(disks.importDisk(spec, hanging, giveUp.signal))).toBe('ABORTED')
      expect(await stage.powerOf(spec.id, stage.other)).toBeUndefined()
      await disks.importDisk(spec, source(file), never)
      expect(await stage.powerOf(spec.id, stage.other)).toBe('SHUTDOWN')
    })

    it('says what is not there', async () => {
      await missing(stage.ability('disks').exportDisk(machineSpec().id, async () => {}, never))
    })
  },
}
