/** A new root disk for a machine. The old one goes when the new image is here, and not before. */
import { rm } from 'node:fs/promises'
import type { Rebuilding } from '../abilities.ts'
import { forgetMemory } from './kept-memory.ts'
import { type MachineRecord, makeMachineFolder, readRecord, writeRecord } from './machine-folder.ts'
import type { QemuMachines } from './machines.ts'
import { baseOf, fetchNext, makeRootDisk } from './root-disk.ts'

export const rebuilding = (machines: QemuMachines): Rebuilding => ({
  rebuild: (machine, image, signal) =>
    machines.verb('rebuild', machine.id, signal, async (ground, paths) => {
      await makeMachineFolder(paths, ground.user)
      const before = (await readRecord<MachineRecord>(paths.machine)) ?? { image: null }
      const virtualSizeBytes = await fetchNext(before, image, ground, paths, signal)
      await machines.turnOff(machine.id, 'powered off to be rebuilt')
      await forgetMemory(paths)
      // The disk first: it must never be there beside a record that names another base.
      for (const disk of [paths.disk, paths.rescueDisk, paths.keptDisk]) {
        await rm(disk, { force: true })
      }
      const { rescue: _, next: __, ...rest } = before
      const base = baseOf(image)
      await writeRecord(paths.machine, { ...rest, image: base } satisfies MachineRecord)
      await makeRootDisk(machine, { base, virtualSizeBytes }, ground, paths, signal)
      await machines.remember(paths, { powerState: 'SHUTDOWN', reason: 'rebuilt' })
    }),
})
