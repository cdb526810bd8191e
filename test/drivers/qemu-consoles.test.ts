/** The serial line of a QEMU: typed into, left behind by an agent that went away, and its log. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import type { Consoles } from '../../drivers/compute/abilities.ts'
import type { MachineSpec } from '../../drivers/compute/driver.ts'
import { qemuProblem } from '../../drivers/compute/qemu/probe.ts'
import type { QemuComputeDriver } from '../../drivers/compute/qemu.ts'
import type { GuestKind } from './boot-disk.ts'
import { describeUnless, eventually, machineSpec, never, stateOf } from './compute.contract.ts'
import { QemuHarness } from './qemu-harness.ts'

const WAIT_MS = 60_000
const hard = { mode: 'hard', timeoutMs: 1_000 } as const

describeUnless(await qemuProblem(), 'consoles of QEMU', () => {
  const harness = new QemuHarness()
  let driver: QemuComputeDriver
  let made: string[] = []
  const consoles = () => driver.abilities.consoles as Consoles
  const log = (id: string) => driver.consoleLog(id, 10_000)
  const backend = async (id: string) => {
    const all = await driver['machines'].known(id)?.ask('query-chardev')
    return (all as { label: string; filename: string }[]).find(({ label }) => label === 'console')
  }

  beforeAll(async () => {
    await harness.setUp()
    driver = harness.open()
  })
  afterEach(async () => {
    for (const id of made.splice(0)) await driver.destroy(id, never)
  })
  afterAll(async () => {
    await driver?.close()
    await harness.tearDown()
  })

  async function run(kind: GuestKind): Promise<MachineSpec> {
    const spec = machineSpec()
    made.push(spec.id)
    await driver.create(spec, harness.image(kind), never)
    await driver.start(spec, never)
    return spec
  }

  it('puts the line back on its ring when the last one leaves', async () => {
    const { id } = await run('chatters')
    const lines = [await consoles().serial(id), await consoles().serial(id)]
    expect((await backend(id))?.filename).toContain('serial.sock')
    lines[0]?.destroy()
    expect((await backend(id))?.filename).toContain('serial.sock')
    lines[1]?.destroy()
    await eventually('the ring', async () => (await backend(id))?.filename === 'ringbuf', WAIT_MS)
    await eventually('the log goes on', async () => (await log(id)).includes('chatters'), WAIT_MS)
  })

  it('is put back on its ring by the next agent', { timeout: 240_000 }, async () => {
    const spec = await run('deaf')
    await consoles().serial(spec.id)
    await driver.close()
    driver = harness.open()
    await stateOf(driver, spec.id)
    const ring = async () => {
      await log(spec.id)
      return (await backend(spec.id))?.filename === 'ringbuf'
    }
    await eventually('the ring', ring, WAIT_MS)
    await driver.reboot(spec, hard, never)
    // The log of a hard reboot is a new one; the kernel may say more after the greeting.
    const greets = async () => (await log(spec.id)).includes('test guest, deaf')
    await eventually('the guest greets again', greets, WAIT_MS)
  })

  it('keeps the last words of a guest that panics while nobody is there', async () => {
    const spec = await run('panics')
    await driver.close()
    driver = harness.open()
    const reason = async () => (await stateOf(driver, spec.id))?.reason === 'guest panicked'
    await eventually('it is known', reason, WAIT_MS)
    expect(await log(spec.id)).toContain('nephograph test guest, panics')
  })

  it('leaves no picture behind, however many ask at once', async () => {
    const { id } = await run('deaf')
    const pictures = await Promise.all(['a', 'b', 'c'].map(() => consoles().screenshot(id, never)))
    for (const picture of pictures) expect(picture.length).toBeGreaterThan(100)
    const files = await readdir(join(harness.dir, 'machines', id, 'run'))
    expect(files.filter((name) => name.endsWith('.png'))).toEqual([])
  })
})
