/**
 * Growing the root disk of a machine that is off, with a way back.
 *
 * Z1 The disk is never touched: its copy grows, and takes its name in one step. What it was keeps
 *    living under the name `kept.qcow2`, made before that step as a second name of the same file; so
 *    two names of one file mean that the step was not taken.
 */
import { link, lstat, rename, rm } from 'node:fs/promises'
import type { Resizing } from '../abilities.ts'
import { DriverError } from '../driver.ts'
import { bytesOf, refuseWithoutRoom, renameDurably, syncFolder } from './durably.ts'
import { copyDisk, growDisk } from './image.ts'
import { exists, type MachinePaths } from './machine-folder.ts'
import type { QemuMachines } from './machines.ts'
import { GIB, refuseUnlessAtRest } from './root-disk.ts'
import { virtualSizeOf } from './run-file.ts'

export const resizing = (machines: QemuMachines): Resizing => ({
  resize: (machine, signal) =>
    machines.verb('resize', machine.id, signal, async ({ user }, paths) => {
      await refuseUnlessAtRest(machine.id, machines, paths)
      const { image } = await machines.record(machine.id, paths)
      const sizeBytes = await virtualSizeOf(paths.disk, user)
      const wantedBytes = machine.diskGiB === 0 ? sizeBytes : machine.diskGiB * GIB
      if (wantedBytes < sizeBytes) {
        throw new DriverError('REFUSED', `the disk of machine ${machine.id} cannot shrink`)
      }
      const done = await isKeptAside(paths)
      if (done && wantedBytes === sizeBytes) return
      await refuseWithoutRoom('a copy of the disk', await bytesOf([paths.disk]), paths.run)
      try {
        await copyDisk(paths.disk, paths.resizedDisk, user, signal)
        await growDisk(paths.resizedDisk, image, wantedBytes, user, signal)
        if (!done) {
          await rm(paths.keptDisk, { force: true })
          await link(paths.disk, paths.keptDisk)
        }
        await renameDurably(paths.resizedDisk, paths.disk)
      } finally {
        await rm(paths.resizedDisk, { force: true })
      }
    }),

  confirmResize: (id, signal) =>
    machines.verb('confirmResize', id, signal, async (_, paths) => {
      await machines.record(id, paths)
      await rm(paths.keptDisk, { force: true })
    }),

  revertResize: (id, signal) =>
    machines.verb('revertResize', id, signal, async (_, paths) => {
      await machines.record(id, paths)
      if (!(await exists(paths.keptDisk))) return
      await refuseUnlessAtRest(id, machines, paths)
      await rename(paths.keptDisk, paths.disk)
      // Renaming one name of a file to the other leaves both.
      await rm(paths.keptDisk, { force: true })
      await syncFolder(paths.run)
    }),
})

/** The disk was kept aside, and the one that has its name now is another (Z1). */
async function isKeptAside(paths: MachinePaths): Promise<boolean> {
  if (!(await exists(paths.keptDisk))) return false
  const [kept, disk] = await Promise.all([lstat(paths.keptDisk), lstat(paths.disk)])
  return kept.ino !== disk.ino
}
