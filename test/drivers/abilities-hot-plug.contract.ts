/** The contract of disks and ports beside, and of the agent inside a guest. */
import { randomUUID } from 'node:crypto'
import { expect, it } from 'vitest'
import type { DiskSpec, PortSpec } from '../../drivers/compute/abilities.ts'
import type { MachineSpec } from '../../drivers/compute/driver.ts'
import { itNeeds } from '../support/host.ts'
import { missing, refused, type Stage } from './abilities-stage.ts'
import { codeOf, forced, machineSpec, never } from './compute.contract.ts'

const PASSWORD = 'correct horse battery staple'

const port = (): PortSpec => ({
  id: randomUUID(),
  macAddress: `52:54:00:${randomUUID().slice(0, 6).match(/../g)?.join(':')}`,
  kind: 'user',
})

async function diskOn(stage: Stage): Promise<DiskSpec> {
  const path = await stage.harness.makeDiskFile()
  return { id: randomUUID(), kind: 'file', path, format: 'raw', readOnly: false }
}

async function runHelpful(stage: Stage): Promise<MachineSpec> {
  const { helpful } = stage.harness
  const spec = stage.spec(helpful.sizes)
  await stage.driver.create(spec, await helpful.image(), never)
  await stage.driver.start(spec, never)
  await helpful.ready(stage.driver, spec.id)
  return spec
}

export const hotPlugContract = {
  hotplug(stage: Stage): void {
    const attachedTo = async (id: string) => (await stage.harness.attached(stage.driver, id)).sort()

    it('attaches at once to what runs, twice, and at each boot', async () => {
      const spec = await stage.run()
      const hotplug = stage.ability('hotplug')
      const [disk, card] = [await diskOn(stage), port()]
      for (const _ of 'ab') await hotplug.attachDisk(spec.id, disk, never)
      for (const _ of 'ab') await hotplug.attachPort(spec.id, card, never)
      const both = [disk.id, card.id].sort()
      expect(await attachedTo(spec.id)).toEqual(both)
      await stage.driver.stop(spec.id, forced, never)
      await stage.driver.start(spec, never)
      expect(await attachedTo(spec.id)).toEqual(both)
    })

    it('attaches and detaches while the machine is off', async () => {
      const spec = await stage.create()
      const hotplug = stage.ability('hotplug')
      const [disk, card, other] = [await diskOn(stage), port(), port()]
      await hotplug.attachDisk(spec.id, disk, never)
      await hotplug.attachPort(spec.id, card, never)
      await hotplug.attachPort(spec.id, other, never)
      for (const _ of 'ab') await hotplug.detachPort(spec.id, card.id, never)
      await stage.driver.start(spec, never)
      expect(await attachedTo(spec.id)).toEqual([disk.id, other.id].sort())
      await stage.driver.stop(spec.id, forced, never)
      for (const _ of 'ab') await hotplug.detachDisk(spec.id, disk.id, never)
      await hotplug.detachPort(spec.id, other.id, never)
      await stage.driver.start(spec, never)
      expect(await attachedTo(spec.id)).toEqual([])
    })

    itNeeds(stage.harness.helpfulProblem, 'detaches from a guest that lets go', async () => {
      const spec = await runHelpful(stage)
      const hotplug = stage.ability('hotplug')
      const [disk, card] = [await diskOn(stage), port()]
      await hotplug.attachDisk(spec.id, disk, never)
      await hotplug.attachPort(spec.id, card, never)
      for (const _ of 'ab') await hotplug.detachDisk(spec.id, disk.id, never)
      expect(await attachedTo(spec.id)).toEqual([card.id])
      for (const _ of 'ab') await hotplug.detachPort(spec.id, card.id, never)
      expect(await attachedTo(spec.id)).toEqual([])
    })

    it('says what is not there, and heeds its signal', async () => {
      const hotplug = stage.ability('hotplug')
      const [id, disk] = [machineSpec().id, await diskOn(stage)]
      await missing(hotplug.attachDisk(id, disk, never))
      await missing(hotplug.detachDisk(id, disk.id, never))
      await missing(hotplug.attachPort(id, port(), never))
      await missing(hotplug.detachPort(id, randomUUID(), never))
      const spec = await stage.create()
      const aborted = AbortSignal.abort()
      expect(await codeOf(hotplug.attachDisk(spec.id, disk, aborted))).toBe('ABORTED')
    })
  },

  guest(stage: Stage): void {
    it('is silent without an agent inside', async () => {
      const { id } = await stage.run()
      const call = stage.ability('guest').setPassword(id, 'root', PASSWORD, never)
      const error: unknown = await call.catch((thrown: unknown) => thrown)
      expect(error).toMatchObject({ code: 'GUEST_SILENT' })
      expect(String(error)).not.toContain(PASSWORD)
    })

    const { helpful, helpfulProblem } = stage.harness
    itNeeds(helpfulProblem, 'sets a password, twice, and knows its users', async () => {
      const spec = await runHelpful(stage)
      const guest = stage.ability('guest')
      for (const _ of 'ab') await guest.setPassword(spec.id, helpful.user, PASSWORD, never)
      await refused(guest.setPassword(spec.id, 'nobody-of-this-name', PASSWORD, never))
    })

    it('refuses what is off and what is not there', async () => {
      const { id } = await stage.create()
      const guest = stage.ability('guest')
      await refused(guest.setPassword(id, 'root', PASSWORD, never))
      await missing(guest.setPassword(machineSpec().id, 'root', PASSWORD, never))
    })
  },
}
