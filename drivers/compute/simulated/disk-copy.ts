/**
 * Simulated disks as files: a qcow2 of the right virtual size that says which disk it is. What comes
 * in is checked, as it may have come from anywhere.
 */
import { Readable } from 'node:stream'
import type { DiskCopying, DiskExport } from '../abilities.ts'
import { throwIfAborted } from '../deadline.ts'
import { DriverError, type MachineSpec } from '../driver.ts'
import type { SimulatedHost } from './host.ts'
import { machineFrom, type SimulatedDisk, type SimulatedMachine } from './machine.ts'
import { readQcow2, writeQcow2 } from './qcow2.ts'

const GIB = 1024 ** 3
const KIND = 'nephograph simulated disk'
const PIECE_BYTES = 64 * 1024
/** Ours have less than 1 MiB, of whatever virtual size. */
const MAX_DISK_FILE_BYTES = 4 * 1024 * 1024
const SHA512 = /^[0-9a-f]{128}$/

export class SimulatedDiskCopying implements DiskCopying {
  constructor(private readonly host: SimulatedHost) {}

  exportDisk(
    id: string,
    take: (bytes: Readable, found: DiskExport) => Promise<void>,
    signal: AbortSignal,
  ): Promise<DiskExport> {
    return this.host.verb('exportDisk', id, signal, async () => {
      const machine = this.host.find(id)
      const file = diskFile(machine)
      const quiesced = machine.powerState === 'RUNNING' && !machine.silent
      const { sizeBytes: virtualSizeBytes } = machine.disk
      const found: DiskExport = { sizeBytes: file.length, virtualSizeBytes, quiesced }
      await take(Readable.from(pieces(file, signal), { objectMode: false }), found)
      throwIfAborted(signal, 'the copy of a disk')
      return found
    })
  }

  importDisk(
    machine: MachineSpec,
    bytes: () => Promise<Readable>,
    signal: AbortSignal,
  ): Promise<void> {
    return this.host.verb('importDisk', machine.id, signal, async () => {
      if (this.host.has(machine.id)) return
      const disk = diskOf(await readWhole(await bytes(), signal))
      const sizeBytes = Math.max(disk.sizeBytes, machine.diskGiB * GIB)
      await this.host.keep(machineFrom(machine, { ...disk, sizeBytes }))
    })
  }
}

export function diskFile({ id, disk }: SimulatedMachine): Buffer {
  const content = { kind: KIND, machine: id, image: disk.image }
  return writeQcow2(disk.sizeBytes, JSON.stringify(content))
}

/** Throws IMAGE_INVALID for what is no disk of a simulated machine. */
export function diskOf(file: Buffer): SimulatedDisk {
  const { virtualSizeBytes: sizeBytes, content } = readQcow2(file)
  const { kind, image } = parse(content)
  if (kind !== KIND || typeof image !== 'string' || !SHA512.test(image)) {
    throw new DriverError('IMAGE_INVALID', 'the disk is not one of a simulated machine')
  }
  return { sizeBytes, image }
}

function parse(content: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(content)
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>
  } catch {
    // What it is not is told below.
  }
  return {}
}

export function* pieces(file: Buffer, signal: AbortSignal): Generator<Buffer> {
  for (let at = 0; at < file.length; at += PIECE_BYTES) {
    throwIfAborted(signal, 'the copy of a disk')
    yield file.subarray(at, at + PIECE_BYTES)
  }
}

/** Throws what the stream fails with, in the driver's words. */
export async function readWhole(bytes: Readable, signal: AbortSignal): Promise<Buffer> {
  const parts: Buffer[] = []
  let length = 0
  const stop = () =>
    bytes.destroy(new DriverError('ABORTED', 'the disk is not taken any more', true))
  signal.addEventListener('abort', stop, { once: true })
  try {
    throwIfAborted(signal, 'a disk')
    for await (const part of bytes as AsyncIterable<Buffer>) {
      parts.push(part)
      length += part.length
      if (length > MAX_DISK_FILE_BYTES) {
        throw new DriverError('IMAGE_INVALID', 'the disk is too large for a simulated one')
      }
    }
    return Buffer.concat(parts)
  } catch (error) {
    if (error instanceof DriverError) throw error
    const options = { cause: error }
    throw new DriverError('IMAGE_UNAVAILABLE', 'the disk broke off on its way', true, options)
  } finally {
    signal.removeEventListener('abort', stop)
    bytes.destroy()
  }
}
