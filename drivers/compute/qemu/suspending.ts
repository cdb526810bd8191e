/** Turning a machine off with its memory kept on disk, and taking it up again (kept-memory.ts). */
import { open, rm } from 'node:fs/promises'
import type { Suspending } from '../abilities.ts'
import { DriverError } from '../driver.ts'
import { tailOf } from '../failure.ts'
import { goOn, keepMemory, memoryArrived, memoryIsKept, type SuspendRecord } from './kept-memory.ts'
import type { LiveMachine } from './machine.ts'
import { type MachinePaths, readRecord, writeRecord } from './machine-folder.ts'
import type { QemuMachines } from './machines.ts'

export const suspending = (machines: QemuMachines): Suspending => ({
  suspend: (id, signal) =>
    machines.verb('suspend', id, signal, async (ground, paths) => {
      await machines.record(id, paths)
      const live = await machines.running(id)
      if (!live && (await memoryIsKept(paths))) return
      if (!live) throw new DriverError('REFUSED', `machine ${id} is off: it has no memory to keep`)
      await keepMemory(live, paths, ground, signal)
      await machines.finish(live, undefined, 'SUSPENDED')
    }),

  resume: ({ id }, signal) =>
    machines.verb('resume', id, signal, async (_, paths) => {
      await machines.record(id, paths)
      const live = await machines.running(id)
      const kept = await readRecord<SuspendRecord>(paths.suspend)
      if (live) return takeUp(live, kept, paths)
      const memory = kept && (await open(paths.memory, 'r').catch(() => null))
      if (!memory) throw new DriverError('REFUSED', `machine ${id} has no memory kept on the disk`)
      try {
        const resumed = await machines.bootAs(kept.machine, paths, signal, {
          host: kept.host,
          memory: memory.fd,
          ready: (loaded) => memoryArrived(loaded, () => tailOf(paths.log), signal),
        })
        await writeRecord(paths.suspend, { ...kept, ran: true })
        // From here on the memory in QEMU counts, and the guest goes on whatever happens (K1, K2).
        await rm(paths.memory, { force: true })
        await goOn(resumed, paths, { ...kept, ran: true })
      } finally {
        await memory.close()
      }
    }),
})

/** A machine that is on is only paused by us when its resume was broken off at the very end. */
async function takeUp(
  live: LiveMachine,
  kept: SuspendRecord | null,
  paths: MachinePaths,
): Promise<void> {
  if ((await live.state()).powerState === 'RUNNING') return
  if (kept) return goOn(live, paths, { ...kept, ran: true })
  throw new DriverError('REFUSED', `machine ${live.id} is paused, not suspended`)
}
