/** Runs the QEMU driver in a folder of its own and sees to it that nothing of it is left. */
import { mkdir, mkdtemp, readdir, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ComputeDriver, ImageSource } from '../../drivers/compute/driver.ts'
import { findMachineProcesses } from '../../drivers/compute/qemu/process.ts'
import { QemuComputeDriver } from '../../drivers/compute/qemu.ts'
import { bootDisk, type GuestKind, imageOf } from './boot-disk.ts'
import { type ComputeHarness, eventually } from './compute.contract.ts'

export class QemuHarness implements ComputeHarness {
  dir = ''
  private root = ''

  async setUp(): Promise<void> {
    // mkdtemp makes it 0700, so QEMU's user cannot pass; and far longer than a socket path may be.
    this.root = await realpath(await mkdtemp(join(tmpdir(), 'nephograph-qemu-')))
    this.dir = join(this.root, 'a-long-name/'.repeat(12), 'compute')
    await mkdir(this.dir, { recursive: true })
  }

  open(): QemuComputeDriver {
    return new QemuComputeDriver({ dir: this.dir })
  }

  image(kind: GuestKind): ImageSource {
    return imageOf(bootDisk(kind))
  }

  async prepareGuest(): Promise<void> {}

  async letPowerOff(): Promise<void> {}

  async kill(_driver: ComputeDriver, id: string): Promise<void> {
    this.signal(id, 'SIGKILL')
  }

  signal(id: string, signal: NodeJS.Signals): void {
    const pid = this.pid(id)
    if (pid === undefined) throw new Error(`no QEMU runs for machine ${id}`)
    process.kill(pid, signal)
  }

  pid(id: string): number | undefined {
    return findMachineProcesses(join(this.dir, 'machines')).get(id)
  }

  async traces(id: string): Promise<string[]> {
    const files = (await readdir(join(this.dir, 'machines'))).filter((name) => name.includes(id))
    const pid = this.pid(id)
    return pid === undefined ? files : [...files, `process ${pid}`]
  }

  async tearDown(): Promise<void> {
    const machinesDir = join(this.dir, 'machines')
    const alive = () => [...findMachineProcesses(machinesDir).values()]
    for (const pid of alive()) process.kill(pid, 'SIGKILL')
    await eventually('every QEMU of this test is gone', () => alive().length === 0)
    await rm(this.root, { recursive: true, force: true })
  }
}
