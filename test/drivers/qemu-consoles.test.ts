/** The serial line of a QEMU: typed into, left behind by an agent that went away, and its log. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import type { Consoles } from '../../drivers/compute/abilities.ts'
import { qemuProblem } from '../../drivers/compute/qemu/probe.ts'
import { describeNeeds } from '../support/host.ts'
import { eventually, never, stateOf } from './compute.contract.ts'
import { QemuStage } from './qemu-stage.ts'

const WAIT_MS = 120_000
const hard = { mode: 'hard', timeoutMs: 1_000 } as const

describeNeeds(await qemuProblem(), 'consoles of QEMU', () => {
  const stage = new QemuStage()
  const { harness } = stage
  const consoles = () => stage.driver.abilities.consoles as Consoles
  const log = (id: string) => stage.driver.consoleLog(id, 10_000)
  const backend = async (id: string) => {
    const all = await stage.driver['machines'].known(id)?.ask('query-chardev')
    return (all as { label: string; filename: string }[]).find(({ label }) => label === 'console')
  }

  it('puts the line back on its ring when the last one leaves', async () => {
    const { id } = await stage.run('chatters')
    const lines = [await consoles().serial(id), await consoles().serial(id)]
    expect((await backend(id))?.filename).toContain('serial.sock')
    lines[0]?.destroy()
    expect((await backend(id))?.filename).toContain('serial.sock')
    lines[1]?.destroy()
    await eventually('the ring', async () => (await backend(id))?.filename === 'ringbuf', WAIT_MS)
    await eventually('the log goes on', async () => (await log(id)).includes('chatters'), WAIT_MS)
  })

  it('is put back on its ring by the next agent', { timeout: 240_000 }, async () => {
    const spec = await stage.run('deaf')
    await consoles().serial(spec.id)
    await stage.reopen()
    await stateOf(stage.driver, spec.id)
    const ring = async () => {
      await log(spec.id)
      return (await backend(spec.id))?.filename === 'ringbuf'
    }
    await eventually('the ring', ring, WAIT_MS)
    await stage.driver.reboot(spec, hard, never)
    // The log of a hard reboot is a new one; the kernel may say more after the greeting.
    const greets = async () => (await log(spec.id)).includes('test guest, deaf')
    await eventually('the guest greets again', greets, WAIT_MS)
  })

  it('keeps the last words of a guest that panics while nobody is there', async () => {
    const spec = await stage.run('panics')
    await stage.reopen()
    const reason = async () => (await stateOf(stage.driver, spec.id))?.reason === 'guest panicked'
    await eventually('it is known', reason, WAIT_MS)
    expect(await log(spec.id)).toContain('nephograph test guest, panics')
  })

  it('leaves no picture behind, however many ask at once', async () => {
    const { id } = await stage.run('deaf')
    const pictures = await Promise.all(['a', 'b', 'c'].map(() => consoles().screenshot(id, never)))
    for (const picture of pictures) expect(picture.length).toBeGreaterThan(100)
    const files = await readdir(join(harness.dir, 'machines', id, 'run'))
    expect(files.filter((name) => name.endsWith('.png'))).toEqual([])
  })
})
