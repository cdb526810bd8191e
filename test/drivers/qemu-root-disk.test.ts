/** Rescue, rebuild and resize on real disks: what a broken-off verb leaves, and what hangs on what. */
import { execFile } from 'node:child_process'
import { link, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it, vi } from 'vitest'
import type { ComputeAbilities } from '../../drivers/compute/abilities.ts'
import { qemuProblem } from '../../drivers/compute/qemu/probe.ts'
import { describeNeeds } from '../support/host.ts'
import { bootDisk, type GuestKind, imageOf } from './boot-disk.ts'
import { codeOf, eventually, forced, never, stateOf } from './compute.contract.ts'
import { QemuStage } from './qemu-stage.ts'

const execute = promisify(execFile)
const GIB = 1024 ** 3
/** A busy machine takes its time. */
const TEST_MS = 120_000

vi.setConfig({ testTimeout: TEST_MS })

describeNeeds(await qemuProblem(), 'QEMU: root disks', () => {
  const stage = new QemuStage()
  const { harness } = stage

  const fileOf = (id: string, name: string) => join(harness.dir, 'machines', id, name)
  const able = <Name extends keyof ComputeAbilities>(name: Name) =>
    stage.driver.abilities[name] as NonNullable<ComputeAbilities[Name]>
  const disksOf = async (id: string) =>
    (await readdir(fileOf(id, 'run'))).filter((name) => /qcow2|partial/.test(name))
  const recordOf = async (id: string) =>
    JSON.parse(await readFile(fileOf(id, 'machine.json'), 'utf8'))
  const missing = (kind: GuestKind) =>
    imageOf(bootDisk(kind), { fetch: () => Promise.reject(new Error('404')) })

  /** Waits until the last boot was from this disk. */
  async function booted(id: string, kind: GuestKind, boots: number): Promise<void> {
    await eventually(`boot ${boots}, from ${kind}`, async () => {
      const log = (await stage.driver.consoleLog(id, 10_000)).split('SeaBIOS')
      return log.length === boots + 1 && (log.at(-1) ?? '').includes(`guest, ${kind}`)
    })
  }

  async function virtualSize(id: string): Promise<number> {
    const args = ['info', '-U', '--output=json', fileOf(id, 'run/disk.qcow2')]
    return JSON.parse((await execute('qemu-img', args)).stdout)['virtual-size']
  }

  it('has the own disk of a rescued machine second, and lets go of it whole', async () => {
    const spec = await stage.create('deaf', { diskGiB: 1 })
    await stage.driver.start(spec, never)
    await booted(spec.id, 'deaf', 1)
    await able('rescuing').rescue(spec, harness.image('obedient'), never)
    await booted(spec.id, 'obedient', 2)
    const args = (await readFile(`/proc/${harness.pid(spec.id)}/cmdline`, 'utf8')).split('\0')
    const disks = args.filter((arg) => arg.startsWith('virtio-blk-pci'))
    expect(disks.map((arg) => /drive=([a-z]+)/.exec(arg)?.[1])).toEqual(['rescue', 'root'])
    await able('rescuing').unrescue(spec, never)
    await booted(spec.id, 'deaf', 3)
    expect(await recordOf(spec.id)).not.toHaveProperty('rescue')
    expect(await disksOf(spec.id)).toEqual(['disk.qcow2'])
  })

  it('leaves a machine as it runs when its rescue image cannot be had', async () => {
    const spec = await stage.create('deaf')
    await stage.driver.start(spec, never)
    const pid = harness.pid(spec.id)
    const rescue = able('rescuing').rescue(spec, missing('panics'), never)
    expect(await codeOf(rescue)).toBe('IMAGE_UNAVAILABLE')
    expect(harness.pid(spec.id)).toBe(pid)
    expect(await recordOf(spec.id)).toEqual({ image: expect.anything() })
  })

  it('boots the own disk of a machine whose rescue disk was never made', async () => {
    const spec = await stage.create('deaf')
    const { checksum, format } = harness.image('obedient')
    const record = { ...(await recordOf(spec.id)), rescue: { checksum, format } }
    await writeFile(fileOf(spec.id, 'machine.json'), JSON.stringify(record))
    await stage.driver.start(spec, never)
    await booted(spec.id, 'deaf', 1)
  })

  it('keeps the old disk until the new image is here', async () => {
    const spec = await stage.create('deaf')
    await stage.driver.start(spec, never)
    await booted(spec.id, 'deaf', 1)
    const rebuild = able('rebuilding').rebuild(spec, missing('panics'), never)
    expect(await codeOf(rebuild)).toBe('IMAGE_UNAVAILABLE')
    expect((await stateOf(stage.driver, spec.id))?.powerState).toBe('RUNNING')
    await able('rebuilding').rebuild(spec, harness.image('obedient'), never)
    await stage.driver.start(spec, never)
    await booted(spec.id, 'obedient', 2)
  })

  it('ends a rescue, a suspend and the way back when it rebuilds', async () => {
    const spec = await stage.create('deaf')
    await able('resizing').resize({ ...spec, diskGiB: 1 }, never)
    await able('rescuing').rescue(spec, harness.image('panics'), never)
    await able('suspending')
      .suspend(spec.id, never)
      .catch(() => {})
    await able('rebuilding').rebuild(spec, harness.image('obedient'), never)
    expect((await stateOf(stage.driver, spec.id))?.powerState).toBe('SHUTDOWN')
    expect(await disksOf(spec.id)).toEqual(['disk.qcow2'])
    const { checksum, format } = harness.image('obedient')
    expect(await recordOf(spec.id)).toEqual({ image: { checksum, format } })
  })

  it('goes on with a rebuild that was broken off between the disks', async () => {
    const spec = await stage.create('deaf')
    await rm(fileOf(spec.id, 'run/disk.qcow2'))
    expect(await codeOf(stage.driver.start(spec, never))).toBe('MACHINE_NOT_FOUND')
    await able('rebuilding').rebuild(spec, harness.image('obedient'), never)
    await stage.driver.start(spec, never)
    await booted(spec.id, 'obedient', 1)
  })

  it('goes on with a resize that was broken off before the disk changed its name', async () => {
    const spec = await stage.create('deaf')
    const before = await stat(fileOf(spec.id, 'run/disk.qcow2'))
    await link(fileOf(spec.id, 'run/disk.qcow2'), fileOf(spec.id, 'run/kept.qcow2'))
    await writeFile(fileOf(spec.id, 'run/resized.partial'), 'half of it')
    await able('resizing').resize({ ...spec, diskGiB: 1 }, never)
    expect(await virtualSize(spec.id)).toBe(GIB)
    await able('resizing').resize({ ...spec, diskGiB: 2 }, never)
    expect(await virtualSize(spec.id)).toBe(2 * GIB)
    expect((await stat(fileOf(spec.id, 'run/kept.qcow2'))).ino).toBe(before.ino)
    await stage.driver.start(spec, never)
    await booted(spec.id, 'deaf', 1)
    await stage.driver.stop(spec.id, forced, never)
    await able('resizing').revertResize(spec.id, never)
    expect((await stat(fileOf(spec.id, 'run/disk.qcow2'))).ino).toBe(before.ino)
    expect(await disksOf(spec.id)).toEqual(['disk.qcow2'])
    await stage.driver.start(spec, never)
    await booted(spec.id, 'deaf', 2)
  })

  it('reverts a resize that was broken off before the disk changed its name', async () => {
    const spec = await stage.create('deaf')
    await link(fileOf(spec.id, 'run/disk.qcow2'), fileOf(spec.id, 'run/kept.qcow2'))
    await able('resizing').revertResize(spec.id, never)
    expect(await disksOf(spec.id)).toEqual(['disk.qcow2'])
    await stage.driver.start(spec, never)
  })
})
