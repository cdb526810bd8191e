/** The ground that the contract of the abilities is played on: a driver, another host, its guests. */
import { expect } from 'vitest'
import type { ComputeAbilities } from '../../drivers/compute/abilities.ts'
import type { ComputeDriver, ImageSource, MachineSpec } from '../../drivers/compute/driver.ts'
import type { GuestKind } from './boot-disk.ts'
import {
  type ComputeHarness,
  codeOf,
  eventually,
  machineSpec,
  never,
  stateOf,
} from './compute.contract.ts'

/** Of one test, and of what it waits for. */
export const TEST_MS = 240_000
export const WAIT_MS = 120_000
const BOOT_BANNER = 'SeaBIOS'

export interface AbilitiesHarness extends ComputeHarness {
  /** A driver over a second host, which shares nothing with the first. */
  openOther(): ComputeDriver
  /** What the console shows of a boot from the disk of this kind. */
  mark(kind: GuestKind): string
  /** A new file that a machine may have as a disk: an absolute path to a raw one of 1 MiB. */
  makeDiskFile(): Promise<string>
  /** The ids of the disks and ports beside, as the hypervisor of a running machine has them. */
  attached(driver: ComputeDriver, id: string): Promise<string[]>
  /** A guest that lets go of hardware and has an agent inside. */
  helpful: HelpfulGuest
  /** Why such a guest can't be had on this host, or null. */
  helpfulProblem: string | null
}

export interface HelpfulGuest {
  image(): Promise<ImageSource>
  /** What it needs to boot. */
  sizes: Pick<MachineSpec, 'vcpus' | 'memoryMiB' | 'diskGiB'>
  /** Resolves when it has booted so far that it does its part. */
  ready(driver: ComputeDriver, id: string): Promise<void>
  /** A user that it has. */
  user: string
}

/** What the parts of the contract are told on. */
export class Stage {
  driver!: ComputeDriver
  other!: ComputeDriver
  private made: string[] = []

  constructor(readonly harness: AbilitiesHarness) {}

  async setUp(): Promise<void> {
    await this.harness.setUp()
    this.driver = this.harness.open()
    this.other = this.harness.openOther()
  }

  async cleanUp(): Promise<void> {
    for (const id of this.made.splice(0)) {
      await this.driver.destroy(id, never)
      await this.other.destroy(id, never)
    }
  }

  async tearDown(): Promise<void> {
    await this.driver?.close()
    await this.other?.close()
    await this.harness.tearDown()
  }

  /** A description of a machine that is destroyed, wherever it is, when the test is over. */
  spec(sizes: Partial<MachineSpec> = {}): MachineSpec {
    const spec = { ...machineSpec(), ...sizes }
    this.made.push(spec.id)
    return spec
  }

  async create(kind: GuestKind = 'deaf', sizes: Partial<MachineSpec> = {}): Promise<MachineSpec> {
    const spec = this.spec(sizes)
    await this.driver.create(spec, this.harness.image(kind), never)
    await this.harness.prepareGuest(this.driver, spec.id, kind)
    return spec
  }

  async run(kind: GuestKind = 'deaf', sizes: Partial<MachineSpec> = {}): Promise<MachineSpec> {
    const spec = await this.create(kind, sizes)
    await this.driver.start(spec, never)
    await this.booted(spec.id, kind)
    return spec
  }

  async powerOf(id: string, driver = this.driver): Promise<string | undefined> {
    return (await stateOf(driver, id))?.powerState
  }

  async boots(id: string, driver = this.driver): Promise<number> {
    return (await driver.consoleLog(id, 10_000)).split(BOOT_BANNER).length - 1
  }

  /** Waits until the last boot of the machine was seen to be from a disk of this kind. */
  async booted(id: string, kind: GuestKind, driver = this.driver): Promise<void> {
    await eventually(
      `a boot from the disk of a guest that is ${kind}`,
      async () => {
        const lastBoot = (await driver.consoleLog(id, 10_000)).split(BOOT_BANNER).at(-1) ?? ''
        return lastBoot.includes(this.harness.mark(kind))
      },
      WAIT_MS,
    )
  }

  /** The ability, which the driver was found to have. */
  ability<Name extends keyof ComputeAbilities>(
    name: Name,
    driver = this.driver,
  ): NonNullable<ComputeAbilities[Name]> {
    const ability = driver.abilities[name]
    if (!ability) throw new Error(`the driver has lost its ability ${name}`)
    return ability
  }
}

/** A verb that is called of a machine that is not there. */
export async function missing(call: Promise<unknown>): Promise<void> {
  expect(await codeOf(call)).toBe('MACHINE_NOT_FOUND')
}

export async function refused(call: Promise<unknown>): Promise<void> {
  expect(await codeOf(call)).toBe('REFUSED')
}
