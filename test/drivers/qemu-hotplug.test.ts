/** A guest with an operating system sees disks and cards come and go, and has its password set. */
import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { MachineSpec } from '../../drivers/compute/driver.ts'
import { tapName } from '../../drivers/compute/qemu/tap.ts'
import type { QemuComputeDriver } from '../../drivers/compute/qemu.ts'
import { cannotRun, describeNeeds } from '../support/host.ts'
import { codeOf, eventually, machineSpec, never } from './compute.contract.ts'
import { booted, GUEST_SIZES, GuestShell, realGuestImage, realGuestProblem } from './guest-shell.ts'
import { QemuHarness } from './qemu-harness.ts'

const execute = promisify(execFile)
const WAIT_MS = 120_000
const TEST_MS = 300_000
const BRIDGE = 'nph-test-br'
const TUN = '/dev/net/tun'

describeNeeds(await realGuestProblem(), 'a real guest whose hardware changes', () => {
  const harness = new QemuHarness()
  const spec: MachineSpec = { ...machineSpec(), ...GUEST_SIZES }
  let driver: QemuComputeDriver
  let shell: GuestShell
  let disks = ''
  const hotplug = () => driver.abilities.hotplug as NonNullable<typeof driver.abilities.hotplug>

  beforeAll(async () => {
    await harness.setUp()
    disks = await mkdtemp(join(tmpdir(), 'nephograph-disks-'))
    await chmod(disks, 0o711)
    driver = harness.open()
    await driver.create(spec, await realGuestImage(), never)
    await driver.start(spec, never)
    await booted(driver, spec.id)
    shell = await GuestShell.open(driver, spec.id)
  }, TEST_MS)
  afterAll(async () => {
    await driver?.destroy(spec.id, never).catch(() => {})
    await driver?.close()
    await harness.tearDown()
    await rm(disks, { recursive: true, force: true })
  })

  const sees = (what: string, command: string, wanted: RegExp, there = true) =>
    eventually(what, async () => wanted.test(await shell.run(command)) === there, WAIT_MS)

  it('sees a disk come and go, and reads what is on it', { timeout: TEST_MS }, async () => {
    const path = join(disks, 'data.raw')
    await writeFile(
      path,
      Buffer.concat([Buffer.from('hello from the host'), Buffer.alloc(1024 ** 2)]),
    )
    await chmod(path, 0o666)
    const disk = { id: randomUUID(), kind: 'file', path, format: 'raw', readOnly: true } as const
    await hotplug().attachDisk(spec.id, disk, never)
    await sees('the disk', 'cat /sys/block/vdb/serial', new RegExp(disk.id.slice(0, 20)))
    await sees('its bytes', 'sudo head -c 19 /dev/vdb', /hello from the host/)
    await hotplug().detachDisk(spec.id, disk.id, never)
    await sees('no disk', 'ls /sys/block', /vdb/, false)
    const missing = { ...disk, id: randomUUID(), path: join(disks, 'not-there') }
    expect(await codeOf(hotplug().attachDisk(spec.id, missing, never))).toBe('HYPERVISOR_FAILED')
    await hotplug().attachDisk(spec.id, { ...missing, path }, never)
    await hotplug().detachDisk(spec.id, missing.id, never)
  })

  it('sees a card come and go', { timeout: TEST_MS }, async () => {
    const port = { id: randomUUID(), macAddress: '52:54:00:aa:bb:cc', kind: 'user' } as const
    await hotplug().attachPort(spec.id, port, never)
    await sees('the card', 'cat /sys/class/net/*/address', /52:54:00:aa:bb:cc/)
    await hotplug().detachPort(spec.id, port.id, never)
    await sees('no card', 'cat /sys/class/net/*/address', /52:54:00:aa:bb:cc/, false)
  })

  it('puts a card on a bridge, and takes its tap away', { timeout: TEST_MS }, async (context) => {
    const made = await execute('ip', ['link', 'add', BRIDGE, 'type', 'bridge']).then(
      () => true,
      () => false,
    )
    if (!made) cannotRun(context, 'no bridge can be made')
    // udev gives it to everybody; where there is no udev, the test does.
    const { mode } = await stat(TUN)
    await chmod(TUN, 0o666)
    try {
      const macAddress = '52:54:00:aa:bb:dd'
      const port = { id: randomUUID(), macAddress, kind: 'bridge', bridge: BRIDGE } as const
      await hotplug().attachPort(spec.id, port, never)
      await sees('the card', 'cat /sys/class/net/*/address', /52:54:00:aa:bb:dd/)
      expect(existsSync(`/sys/class/net/${BRIDGE}/brif/${tapName(port.id)}`)).toBe(true)
      await hotplug().detachPort(spec.id, port.id, never)
      expect(existsSync(`/sys/class/net/${tapName(port.id)}`)).toBe(false)
      const lost = { ...port, id: randomUUID(), bridge: 'nph-no-bridge' }
      expect(await codeOf(hotplug().attachPort(spec.id, lost, never))).toBe('REFUSED')
      const last = { ...port, id: randomUUID() }
      await hotplug().attachPort(spec.id, last, never)
      await driver.destroy(spec.id, never)
      expect(existsSync(`/sys/class/net/${tapName(last.id)}`)).toBe(false)
    } finally {
      await chmod(TUN, mode & 0o777)
      await execute('ip', ['link', 'delete', BRIDGE])
    }
  })
})
