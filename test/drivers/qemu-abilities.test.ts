/** The contract of the abilities over the real QEMU, where the host allows it. */
import { randomUUID } from 'node:crypto'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ComputeDriver } from '../../drivers/compute/driver.ts'
import { qemuProblem } from '../../drivers/compute/qemu/probe.ts'
import { QemuComputeDriver } from '../../drivers/compute/qemu.ts'
import { abilitiesContract } from './abilities.contract.ts'
import type { AbilitiesHarness, HelpfulGuest } from './abilities-stage.ts'
import type { GuestKind } from './boot-disk.ts'
import { booted, GUEST_SIZES, GuestShell, realGuestImage, realGuestProblem } from './guest-shell.ts'
import { QemuHarness } from './qemu-harness.ts'

const DISK_BYTES = 1024 ** 2

const scriptedGuest: HelpfulGuest = {
  image: realGuestImage,
  sizes: GUEST_SIZES,
  user: 'nepho',
  async ready(driver, id) {
    await booted(driver, id)
    const shell = await GuestShell.open(driver, id)
    await shell.startAgent()
    shell.close()
  },
}

class QemuAbilitiesHarness extends QemuHarness implements AbilitiesHarness {
  /** A folder of its own is a host of its own. */
  private readonly second = new QemuHarness()
  /** Its agent is a script: what it proves is the way to it, not qemu-guest-agent. */
  readonly helpful = scriptedGuest
  private disks = ''

  constructor(readonly helpfulProblem: string | null) {
    super()
  }

  override async setUp(): Promise<void> {
    await super.setUp()
    await this.second.setUp()
  }

  openOther(): ComputeDriver {
    return new QemuComputeDriver({ dir: this.second.dir })
  }

  mark(kind: GuestKind): string {
    return `nephograph test guest, ${kind}`
  }

  async makeDiskFile(): Promise<string> {
    // The machine's user opens it, and so must be able to get there.
    this.disks ||= await mkdtemp(join(tmpdir(), 'nephograph-disks-'))
    await chmod(this.disks, 0o711)
    const path = join(this.disks, `${randomUUID()}.raw`)
    await writeFile(path, Buffer.alloc(DISK_BYTES))
    await chmod(path, 0o666)
    return path
  }

  /** Asked of QEMU itself, which takes one connection: the driver's. */
  async attached(driver: ComputeDriver, id: string): Promise<string[]> {
    if (!(driver instanceof QemuComputeDriver)) throw new Error('another driver')
    const path = '/machine/peripheral'
    const found = await driver['machines'].known(id)?.ask('qom-list', { path })
    const names = (found as { name: string }[]).map(({ name }) => name)
    return names.flatMap((name) => /^(?:disk|port)-([0-9a-f-]{36})$/.exec(name)?.[1] ?? [])
  }

  override async tearDown(): Promise<void> {
    await this.second.tearDown()
    await super.tearDown()
    if (this.disks) await rm(this.disks, { recursive: true })
  }
}

const noRealGuest = await realGuestProblem()

/** What the driver can do: a line here for each ability that it gains. */
abilitiesContract(
  'qemu',
  await qemuProblem(),
  [
    'pausing',
    'suspending',
    'rescuing',
    'rebuilding',
    'resizing',
    'disks',
    'liveMigration',
    'hotplug',
    'guest',
    'consoles',
  ],
  () => new QemuAbilitiesHarness(noRealGuest),
)
