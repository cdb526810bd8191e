/** What happens to a root disk: another one beside it (rescue), a new one (rebuild), a larger one. */
import type { Rebuilding, Rescuing, Resizing } from '../abilities.ts'
import { DriverError, type ImageSource, type MachineSpec } from '../driver.ts'
import type { SimulatedHost } from './host.ts'
import {
  booted,
  configDriveOf,
  diskFrom,
  machineFrom,
  type SimulatedMachine,
  turnedOff,
} from './machine.ts'

const GIB = 1024 ** 3

export class SimulatedRescuing implements Rescuing {
  constructor(private readonly host: SimulatedHost) {}

  rescue(machine: MachineSpec, image: ImageSource, signal: AbortSignal): Promise<void> {
    return this.host.verb('rescue', machine.id, signal, async () => {
      const found = this.host.find(machine.id)
      const isSo = found.rescueDisk?.image === image.checksum
      if (isSo && found.powerState === 'RUNNING') return
      await this.host.keep(booted({ ...found, rescueDisk: diskFrom(image, 0) }, machine))
    })
  }

  unrescue(machine: MachineSpec, signal: AbortSignal): Promise<void> {
    return this.host.verb('unrescue', machine.id, signal, async () => {
      const { rescueDisk, ...found } = this.host.find(machine.id)
      if (!rescueDisk && found.powerState === 'RUNNING') return
      await this.host.keep(booted(found, machine))
    })
  }
}

export class SimulatedRebuilding implements Rebuilding {
  constructor(private readonly host: SimulatedHost) {}

  rebuild(machine: MachineSpec, image: ImageSource, signal: AbortSignal): Promise<void> {
    return this.host.verb('rebuild', machine.id, signal, async () => {
      const disk = diskFrom(image, machine.diskGiB)
      if (!this.host.has(machine.id)) return this.host.keep(machineFrom(machine, disk))
      const { rescueDisk: _, keptAside: __, passwords: ___, ...found } = this.host.find(machine.id)
      await this.host.keep({ ...turnedOff(found), ...configDriveOf(machine), disk })
    })
  }
}

export class SimulatedResizing implements Resizing {
  constructor(private readonly host: SimulatedHost) {}

  resize(machine: MachineSpec, signal: AbortSignal): Promise<void> {
    return this.host.verb('resize', machine.id, signal, async () => {
      const found = mustBeOff(this.host.find(machine.id))
      const { disk, keptAside = disk } = found
      const sizeBytes = machine.diskGiB === 0 ? disk.sizeBytes : machine.diskGiB * GIB
      if (sizeBytes < disk.sizeBytes) {
        throw new DriverError('REFUSED', `the disk of machine ${machine.id} can not shrink`)
      }
      await this.host.keep({ ...found, disk: { ...disk, sizeBytes }, keptAside })
    })
  }

  confirmResize(id: string, signal: AbortSignal): Promise<void> {
    return this.host.verb('confirmResize', id, signal, async () => {
      const { keptAside, ...found } = this.host.find(id)
      if (keptAside) await this.host.keep(found)
    })
  }

  revertResize(id: string, signal: AbortSignal): Promise<void> {
    return this.host.verb('revertResize', id, signal, async () => {
      const { keptAside, ...found } = this.host.find(id)
      if (keptAside) await this.host.keep({ ...mustBeOff(found), disk: keptAside })
    })
  }
}

/** Its disk must be at rest: memory that is kept belongs to the disk as it was. */
function mustBeOff(machine: SimulatedMachine): SimulatedMachine {
  const { id, powerState, rescueDisk } = machine
  if (rescueDisk) throw new DriverError('REFUSED', `machine ${id} is being rescued`)
  if (powerState === 'SHUTDOWN' || powerState === 'CRASHED') return machine
  throw new DriverError('REFUSED', `machine ${id} is ${powerState}, not off`)
}
