/** Root disks out of this host, and into it. */
import type { FileHandle } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import type { DiskCopying, DiskExport } from '../abilities.ts'
import { throwIfAborted } from '../deadline.ts'
import { DriverError } from '../driver.ts'
import { copyRootDisk } from './disk-export.ts'
import { takeDisk } from './disk-import.ts'
import {
  exists,
  type MachineRecord,
  makeMachineFolder,
  removeMachineFolder,
  writeRecord,
} from './machine-folder.ts'
import type { QemuMachines } from './machines.ts'
import { replaceConfigDrive } from './root-disk.ts'

export const diskCopying = (machines: QemuMachines): DiskCopying => ({
  async exportDisk(id, take, signal) {
    const { file, found } = await machines.verb('exportDisk', id, signal, (ground, paths) =>
      copyRootDisk(id, machines, ground, paths, signal),
    )
    // The copy is whole and has no name any more: the machine need not wait until it is taken.
    return handOver(file, found, take, signal)
  },

  importDisk: (machine, bytes, signal) =>
    machines.verb('importDisk', machine.id, signal, async (ground, paths) => {
      if (await exists(paths.disk)) return
      const wasThere = await exists(paths.machine)
      await makeMachineFolder(paths, ground.user)
      try {
        await writeRecord(paths.machine, { image: null } satisfies MachineRecord)
        await replaceConfigDrive(machine, ground.user, paths, signal)
        await takeDisk(machine, bytes, ground, paths, signal)
      } catch (error) {
        if (!wasThere) await removeMachineFolder(paths)
        throw error
      }
    }),
})

async function handOver(
  file: FileHandle,
  found: DiskExport,
  take: (bytes: Readable, found: DiskExport) => Promise<void>,
  signal: AbortSignal,
): Promise<DiskExport> {
  const bytes = file.createReadStream({ autoClose: false })
  const what = 'a copy of a disk to be taken'
  const stop = () => bytes.destroy(new DriverError('ABORTED', `aborted while waiting for ${what}`))
  // Whoever takes it hears of it as well; without a listener the process would end.
  bytes.on('error', () => {})
  signal.addEventListener('abort', stop, { once: true })
  try {
    throwIfAborted(signal, what)
    await take(bytes, found)
    throwIfAborted(signal, what)
    return found
  } catch (error) {
    throwIfAborted(signal, what)
    throw error
  } finally {
    signal.removeEventListener('abort', stop)
    bytes.destroy()
    await file.close()
  }
}
