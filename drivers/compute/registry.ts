/** The compute drivers there are. Nothing is discovered: a new driver is a new line here. */
import type { ComputeDriver } from './driver.ts'
import { qemuProblem } from './qemu/probe.ts'
import { QemuComputeDriver, type QemuOptions } from './qemu.ts'
import { SimulatedComputeDriver, type SimulatedOptions } from './simulated.ts'

/** The options of each driver, by its name. */
export interface ComputeDriverOptions {
  qemu: QemuOptions
  simulated: SimulatedOptions
}

export type ComputeDriverName = keyof ComputeDriverOptions

interface Entry<Options> {
  make(options: Options): ComputeDriver
  /** Why the driver cannot work on this host, in words; null when it can. */
  problem(): Promise<string | null>
}

const drivers: { [Name in ComputeDriverName]: Entry<ComputeDriverOptions[Name]> } = {
  qemu: {
    make: (options) => new QemuComputeDriver(options),
    problem: qemuProblem,
  },
  simulated: {
    make: (options) => new SimulatedComputeDriver(options),
    problem: async () => null,
  },
}

export const computeDriverNames = Object.keys(drivers) as ComputeDriverName[]

export function createComputeDriver<Name extends ComputeDriverName>(
  name: Name,
  options: ComputeDriverOptions[Name],
): ComputeDriver {
  return drivers[name].make(options)
}

/** Why a driver cannot work on this host, in words for its operator; null when it can. */
export function computeDriverProblem(name: ComputeDriverName): Promise<string | null> {
  return drivers[name].problem()
}
