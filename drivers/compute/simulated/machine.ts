/** What the simulator keeps of a machine: plain data, replaced whole at each change. */
import { createHash } from 'node:crypto'
import type { DiskSpec, PortSpec } from '../abilities.ts'
import type { ImageSource, Machine, MachineSpec, PowerState } from '../driver.ts'

const GIB = 1024 ** 3

export interface SimulatedMachine {
  id: string
  name: string
  vcpus: number
  memoryMiB: number
  powerState: PowerState
  reason?: string
  boots: number
  /** The guest ignores its power button. */
  deaf?: boolean
  /** Its guest has no agent inside. */
  silent?: boolean
  disk: SimulatedDisk
  /** Booted instead of the root disk while the machine is rescued. */
  rescueDisk?: SimulatedDisk
  /** The root disk as it was before `resize`. */
  keptAside?: SimulatedDisk
  configDrive?: { paths: string[]; sha256: string }
  disks?: DiskSpec[]
  ports?: PortSpec[]
  /** Salted hashes of the passwords that were set, by user. */
  passwords?: Record<string, string>
  /** It was sent to another host, where its guest was held still for so long. */
  sentAfterMs?: number
}

/** A disk has no bytes: its size, and which image it came from, are all there is of it. */
export interface SimulatedDisk {
  sizeBytes: number
  /** The checksum of the image. */
  image: string
}

export function diskFrom(image: ImageSource, diskGiB: number): SimulatedDisk {
  return { sizeBytes: Math.max(diskGiB * GIB, image.virtualSizeBytes), image: image.checksum }
}

export function machineFrom(spec: MachineSpec, disk: SimulatedDisk): SimulatedMachine {
  const { id, name, vcpus, memoryMiB } = spec
  return {
    ...{ id, name, vcpus, memoryMiB, powerState: 'SHUTDOWN', boots: 0, disk },
    ...configDriveOf(spec),
  }
}

/** The files themselves may hold secrets, and nobody here would read them. */
export function configDriveOf({ configDrive }: MachineSpec): Pick<SimulatedMachine, 'configDrive'> {
  if (!configDrive) return {}
  const hash = createHash('sha256')
  for (const { path, content } of configDrive) hash.update(`${path}\0${content}\0`)
  return {
    configDrive: { paths: configDrive.map(({ path }) => path), sha256: hash.digest('hex') },
  }
}

/** Its virtual processors exist: it runs, or is held in memory. */
export const isOn = ({ powerState }: SimulatedMachine): boolean =>
  powerState === 'RUNNING' || powerState === 'PAUSED'

/** What it boots from. */
export const bootDiskOf = (machine: SimulatedMachine): SimulatedDisk =>
  machine.rescueDisk ?? machine.disk

export function booted(machine: SimulatedMachine, spec: MachineSpec): SimulatedMachine {
  const { reason: _, sentAfterMs: __, ...rest } = machine
  const { name, vcpus, memoryMiB } = spec
  return { ...rest, name, vcpus, memoryMiB, powerState: 'RUNNING', boots: machine.boots + 1 }
}

/** It runs on, as far as its guest can tell without a break. */
export function goingOn(machine: SimulatedMachine): SimulatedMachine {
  const { reason: _, ...rest } = machine
  return { ...rest, powerState: 'RUNNING' }
}

export const turnedOff = (machine: SimulatedMachine, reason = 'powered off'): SimulatedMachine => ({
  ...machine,
  powerState: 'SHUTDOWN',
  reason,
})

export function describe({ id, powerState, reason }: SimulatedMachine): Machine {
  return reason === undefined ? { id, powerState } : { id, powerState, reason }
}
