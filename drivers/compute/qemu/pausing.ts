/** Holding a guest in memory. A machine that an error of its disk paused is PAUSED all the same. */
import type { Pausing } from '../abilities.ts'
import { DriverError } from '../driver.ts'
import { isUnconfirmed } from './live-migration.ts'
import type { QemuMachines } from './machines.ts'

export const pausing = (machines: QemuMachines): Pausing => ({
  pause: (id, signal) =>
    machines.verb('pause', id, signal, async (_, paths) => {
      const live = await machines.runningOrRefuse(id, paths, 'there is nothing to pause')
      await live.pause(signal)
    }),

  unpause: (id, signal) =>
    machines.verb('unpause', id, signal, async (_, paths) => {
      const live = await machines.runningOrRefuse(id, paths, 'it can only be started')
      // Whoever asks for what a live migration left is answered as by one that is off: it may run there.
      if (await isUnconfirmed(paths)) {
        const why = 'was sent to another host, which did not say that it runs there'
        throw new DriverError('REFUSED', `machine ${id} ${why}: it can only be started`)
      }
      await live.resume(signal)
    }),
})
