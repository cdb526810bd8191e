/**
 * Booting a machine from another disk, with its own beside it.
 *
 * R1 A machine is in rescue when its record names the image and the disk on it exists. The disk is
 *    made last and removed first, and only while the machine is off: so it boots the one or the
 *    other, never a half.
 */
import { rm } from 'node:fs/promises'
import type { Rescuing } from '../abilities.ts'
import { createOverlay } from './image.ts'
import type { QemuMachines } from './machines.ts'
import { baseOf, fetchNext, isInRescue } from './root-disk.ts'

export const rescuing = (machines: QemuMachines): Rescuing => ({
  rescue: (machine, image, signal) =>
    machines.verb('rescue', machine.id, signal, async (ground, paths) => {
      const record = await machines.record(machine.id, paths)
      const isSo = record.rescue?.checksum === image.checksum && (await isInRescue(record, paths))
      if (isSo && (await machines.isRunning(machine.id))) return
      const sizeBytes = await fetchNext(record, image, ground, paths, signal)
      await machines.turnOff(machine.id, 'powered off to be rescued')
      await rm(paths.rescueDisk, { force: true })
      const rescue = baseOf(image)
      await machines.changeRecord(machine.id, paths, { rescue, next: undefined })
      await createOverlay(paths.rescueDisk, rescue, sizeBytes, ground.user, signal)
      await machines.boot(machine, paths, signal)
    }),

  unrescue: (machine, signal) =>
    machines.verb('unrescue', machine.id, signal, async (_, paths) => {
      const record = await machines.record(machine.id, paths)
      const inRescue = await isInRescue(record, paths)
      if (!inRescue && (await machines.isRunning(machine.id))) return
      await machines.turnOff(machine.id, 'powered off after its rescue')
      await rm(paths.rescueDisk, { force: true })
      await machines.changeRecord(machine.id, paths, { rescue: undefined })
      await machines.boot(machine, paths, signal)
    }),
})
