/** Holding machines still: in memory (pause), or on the disk (suspend). */
import type { Pausing, Suspending } from '../abilities.ts'
import { DriverError, type MachineSpec } from '../driver.ts'
import type { SimulatedHost } from './host.ts'
import { goingOn, isOn, type SimulatedMachine } from './machine.ts'

export class SimulatedPausing implements Pausing {
  constructor(private readonly host: SimulatedHost) {}

  pause(id: string, signal: AbortSignal): Promise<void> {
    return this.host.verb('pause', id, signal, async () => {
      const found = mustBeOn(this.host.find(id))
      if (found.powerState !== 'PAUSED') await this.host.keep({ ...found, powerState: 'PAUSED' })
    })
  }

  unpause(id: string, signal: AbortSignal): Promise<void> {
    return this.host.verb('unpause', id, signal, async () => {
      const found = mustBeOn(this.host.find(id))
      if (found.powerState !== 'RUNNING') await this.host.keep(goingOn(found))
    })
  }
}

export class SimulatedSuspending implements Suspending {
  constructor(private readonly host: SimulatedHost) {}

  suspend(id: string, signal: AbortSignal): Promise<void> {
    return this.host.verb('suspend', id, signal, async () => {
      const found = this.host.find(id)
      if (found.powerState === 'SUSPENDED') return
      const { reason: _, ...rest } = mustBeOn(found)
      await this.host.keep({ ...rest, powerState: 'SUSPENDED' })
    })
  }

  resume(machine: MachineSpec, signal: AbortSignal): Promise<void> {
    return this.host.verb('resume', machine.id, signal, async () => {
      const found = this.host.find(machine.id)
      if (found.powerState === 'RUNNING') return
      if (found.powerState !== 'SUSPENDED') {
        throw new DriverError('REFUSED', `machine ${machine.id} has no memory kept on the disk`)
      }
      await this.host.keep(goingOn(found))
    })
  }
}

/** Throws REFUSED for a machine that is off. */
export function mustBeOn(machine: SimulatedMachine): SimulatedMachine {
  if (!isOn(machine)) throw new DriverError('REFUSED', `machine ${machine.id} is off`)
  return machine
}
