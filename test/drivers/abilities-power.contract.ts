/** The contract of pausing, suspending, rescuing, rebuilding and resizing. */
import { expect, it } from 'vitest'
import { missing, refused, type Stage } from './abilities-stage.ts'
import { codeOf, eventually, forced, graceful, machineSpec, never } from './compute.contract.ts'

const MIB = 1024 ** 2
const GIB = 1024 ** 3

export const powerContract = {
  pausing(stage: Stage): void {
    it('holds a machine and lets it go on, twice each', async () => {
      const { id } = await stage.run()
      const pausing = stage.ability('pausing')
      for (const _ of 'ab') await pausing.pause(id, never)
      expect(await stage.powerOf(id)).toBe('PAUSED')
      for (const _ of 'ab') await pausing.unpause(id, never)
      expect(await stage.powerOf(id)).toBe('RUNNING')
      expect(await stage.boots(id)).toBe(1)
    })

    it('lets a paused machine go on with start, and stops it', async () => {
      const spec = await stage.run('obedient')
      const pausing = stage.ability('pausing')
      await pausing.pause(spec.id, never)
      await stage.driver.start(spec, never)
      expect(await stage.powerOf(spec.id)).toBe('RUNNING')
      expect(await stage.boots(spec.id)).toBe(1)
      await pausing.pause(spec.id, never)
      await stage.driver.stop(spec.id, { ...graceful, timeoutMs: 500 }, never)
      expect(await stage.powerOf(spec.id)).toBe('SHUTDOWN')
    })

    it('refuses what is off, what is not there, and who gave up', async () => {
      const { id } = await stage.create()
      const pausing = stage.ability('pausing')
      await refused(pausing.pause(id, never))
      await refused(pausing.unpause(id, never))
      await missing(pausing.pause(machineSpec().id, never))
      await missing(pausing.unpause(machineSpec().id, never))
      expect(await codeOf(pausing.pause(id, AbortSignal.abort()))).toBe('ABORTED')
    })

    it('tells nobody, as it was asked to', async () => {
      const heard: unknown[] = []
      const unwatch = stage.driver.watch((machine) => heard.push(machine))
      const { id } = await stage.run()
      await stage.ability('pausing').pause(id, never)
      await stage.ability('pausing').unpause(id, never)
      unwatch()
      expect(heard).toEqual([])
    })
  },

  suspending(stage: Stage): void {
    it('writes the memory down and goes on from it, twice each', async () => {
      const spec = await stage.run()
      const suspending = stage.ability('suspending')
      for (const _ of 'ab') await suspending.suspend(spec.id, never)
      expect(await stage.powerOf(spec.id)).toBe('SUSPENDED')
      for (const _ of 'ab') await suspending.resume(spec, never)
      expect(await stage.powerOf(spec.id)).toBe('RUNNING')
      expect(await stage.boots(spec.id)).toBe(1)
    })

    it('is found suspended by a new driver, and goes on', async () => {
      const spec = await stage.run()
      await stage.ability('suspending').suspend(spec.id, never)
      await stage.driver.close()
      stage.driver = stage.harness.open()
      expect(await stage.powerOf(spec.id)).toBe('SUSPENDED')
      await stage.ability('suspending').resume(spec, never)
      expect(await stage.powerOf(spec.id)).toBe('RUNNING')
    })

    it('forgets the memory when the machine is started anew, stopped or destroyed', async () => {
      const spec = await stage.run()
      const suspending = stage.ability('suspending')
      await suspending.suspend(spec.id, never)
      await stage.driver.start(spec, never)
      await eventually('the second boot', async () => (await stage.boots(spec.id)) === 2)
      await suspending.suspend(spec.id, never)
      await stage.driver.stop(spec.id, forced, never)
      expect(await stage.powerOf(spec.id)).toBe('SHUTDOWN')
      await refused(suspending.resume(spec, never))
      await stage.driver.start(spec, never)
      await suspending.suspend(spec.id, never)
      await stage.driver.destroy(spec.id, never)
      expect(await stage.harness.traces(spec.id)).toEqual([])
    })

    it('refuses what is off, what is not there, and who gave up', async () => {
      const spec = await stage.create()
      const suspending = stage.ability('suspending')
      await refused(suspending.suspend(spec.id, never))
      await refused(suspending.resume(spec, never))
      await missing(suspending.suspend(machineSpec().id, never))
      await missing(suspending.resume(machineSpec(), never))
      await stage.driver.start(spec, never)
      expect(await codeOf(suspending.suspend(spec.id, AbortSignal.abort()))).toBe('ABORTED')
      expect(await stage.powerOf(spec.id)).toBe('RUNNING')
    })
  },

  rescuing(stage: Stage): void {
    it('boots the rescue image until it is over, through stop, start and reboot', async () => {
      const spec = await stage.run('deaf')
      const { driver, harness } = stage
      const rescuing = stage.ability('rescuing')
      for (const _ of 'ab') await rescuing.rescue(spec, harness.image('obedient'), never)
      expect(await stage.powerOf(spec.id)).toBe('RUNNING')
      await stage.booted(spec.id, 'obedient')
      await driver.reboot(spec, { mode: 'hard', timeoutMs: 1_000 }, never)
      await stage.booted(spec.id, 'obedient')
      await driver.stop(spec.id, forced, never)
      await driver.start(spec, never)
      await stage.booted(spec.id, 'obedient')
      for (const _ of 'ab') await rescuing.unrescue(spec, never)
      expect(await stage.powerOf(spec.id)).toBe('RUNNING')
      await stage.booted(spec.id, 'deaf')
    })

    it('rescues a machine that is off, also for a new driver, and leaves nothing', async () => {
      const spec = await stage.create('deaf')
      await stage.ability('rescuing').rescue(spec, stage.harness.image('obedient'), never)
      await stage.driver.close()
      stage.driver = stage.harness.open()
      await stage.driver.stop(spec.id, forced, never)
      await stage.driver.start(spec, never)
      await stage.booted(spec.id, 'obedient')
      await stage.driver.destroy(spec.id, never)
      expect(await stage.harness.traces(spec.id)).toEqual([])
    })

    it('says what is not there, and heeds its signal', async () => {
      const image = stage.harness.image('obedient')
      const rescuing = stage.ability('rescuing')
      await missing(rescuing.rescue(machineSpec(), image, never))
      await missing(rescuing.unrescue(machineSpec(), never))
      const spec = await stage.create()
      expect(await codeOf(rescuing.rescue(spec, image, AbortSignal.abort()))).toBe('ABORTED')
      await rescuing.rescue(spec, image, never)
    })
  },

  rebuilding(stage: Stage): void {
    it('gives a machine a new disk and leaves it off', async () => {
      const spec = await stage.run('deaf')
      const rebuilding = stage.ability('rebuilding')
      for (const _ of 'ab') await rebuilding.rebuild(spec, stage.harness.image('obedient'), never)
      expect(await stage.powerOf(spec.id)).toBe('SHUTDOWN')
      await stage.driver.start(spec, never)
      await stage.booted(spec.id, 'obedient')
    })

    it('makes a machine that is not there', async () => {
      const spec = stage.spec()
      await stage.ability('rebuilding').rebuild(spec, stage.harness.image('deaf'), never)
      expect(await stage.powerOf(spec.id)).toBe('SHUTDOWN')
      await stage.driver.start(spec, never)
      await stage.booted(spec.id, 'deaf')
    })

    it('heeds its signal, and is done again after that', async () => {
      const spec = await stage.create('deaf')
      const image = stage.harness.image('obedient')
      const rebuilding = stage.ability('rebuilding')
      expect(await codeOf(rebuilding.rebuild(spec, image, AbortSignal.abort()))).toBe('ABORTED')
      await rebuilding.rebuild(spec, image, never)
      await stage.driver.start(spec, never)
      await stage.booted(spec.id, 'obedient')
    })
  },

  resizing(stage: Stage): void {
    /** The size of the root disk, where it can be told. */
    const sizeOf = async (id: string): Promise<number | null> => {
      const { disks } = stage.driver.abilities
      if (!disks) return null
      const found = await disks.exportDisk(id, async (bytes) => void bytes.resume(), never)
      return found.virtualSizeBytes
    }
    const expectSize = async (id: string, bytes: number): Promise<void> =>
      expect([bytes, null]).toContain(await sizeOf(id))

    it('grows the disk, and puts it back as it was', async () => {
      const spec = await stage.create('deaf')
      const resizing = stage.ability('resizing')
      for (const _ of 'ab') await resizing.resize({ ...spec, diskGiB: 1 }, never)
      await expectSize(spec.id, GIB)
      await stage.driver.start(spec, never)
      await stage.booted(spec.id, 'deaf')
      await refused(resizing.revertResize(spec.id, never))
      await stage.driver.stop(spec.id, forced, never)
      for (const _ of 'ab') await resizing.revertResize(spec.id, never)
      await expectSize(spec.id, MIB)
      expect(await stage.powerOf(spec.id)).toBe('SHUTDOWN')
      await stage.driver.start(spec, never)
      await stage.booted(spec.id, 'deaf')
    })

    it('forgets the way back when it is confirmed', async () => {
      const spec = await stage.create('deaf')
      const resizing = stage.ability('resizing')
      await resizing.resize({ ...spec, diskGiB: 1 }, never)
      await stage.driver.start(spec, never)
      for (const _ of 'ab') await resizing.confirmResize(spec.id, never)
      expect(await stage.powerOf(spec.id)).toBe('RUNNING')
      await stage.driver.stop(spec.id, forced, never)
      await resizing.revertResize(spec.id, never)
      await expectSize(spec.id, GIB)
      await stage.driver.start(spec, never)
      await stage.booted(spec.id, 'deaf')
    })

    it('keeps the size when none is said, and the way back all the same', async () => {
      const spec = await stage.create('deaf')
      const resizing = stage.ability('resizing')
      await resizing.resize({ ...spec, diskGiB: 0 }, never)
      await expectSize(spec.id, MIB)
      await resizing.revertResize(spec.id, never)
      await stage.driver.destroy(spec.id, never)
      expect(await stage.harness.traces(spec.id)).toEqual([])
    })

    it('refuses to shrink, what runs, and what is not there', async () => {
      const spec = await stage.create('deaf', { diskGiB: 2 })
      const resizing = stage.ability('resizing')
      await refused(resizing.resize({ ...spec, diskGiB: 1 }, never))
      await expectSize(spec.id, 2 * GIB)
      await stage.driver.start(spec, never)
      await refused(resizing.resize({ ...spec, diskGiB: 3 }, never))
      await missing(resizing.resize(machineSpec(), never))
      await missing(resizing.confirmResize(machineSpec().id, never))
      await missing(resizing.revertResize(machineSpec().id, never))
    })
  },
}
