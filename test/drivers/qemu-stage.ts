/** A group of tests over one QEMU driver, in a folder of its own. */
import { afterAll, afterEach, beforeAll } from 'vitest'
import type { MachineSpec } from '../../drivers/compute/driver.ts'
import type { QemuComputeDriver } from '../../drivers/compute/qemu.ts'
import type { GuestKind } from './boot-disk.ts'
import { machineSpec, never } from './compute.contract.ts'
import { QemuHarness } from './qemu-harness.ts'

export class QemuStage {
  readonly harness = new QemuHarness()
  driver!: QemuComputeDriver
  private readonly made: string[] = []

  constructor() {
    beforeAll(async () => {
      await this.harness.setUp()
      this.driver = this.harness.open()
    })
    afterEach(async () => {
      for (const id of this.made.splice(0)) await this.driver.destroy(id, never)
    })
    afterAll(async () => {
      await this.driver?.close()
      await this.harness.tearDown()
    })
  }

  /** A description of a machine that is destroyed when the test is over. */
  spec(more: Partial<MachineSpec> = {}): MachineSpec {
    const spec = { ...machineSpec(), ...more }
    this.made.push(spec.id)
    return spec
  }

  async create(kind: GuestKind, more: Partial<MachineSpec> = {}): Promise<MachineSpec> {
    const spec = this.spec(more)
    await this.driver.create(spec, this.harness.image(kind), never)
    return spec
  }

  async run(kind: GuestKind, more: Partial<MachineSpec> = {}): Promise<MachineSpec> {
    const spec = await this.create(kind, more)
    await this.driver.start(spec, never)
    return spec
  }

  /** As an agent that was started anew: another driver over the same machines. */
  async reopen(): Promise<void> {
    await this.driver.close()
    this.driver = this.harness.open()
  }
}
