/** The contract of the abilities over the simulator. */
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ComputeDriver } from '../../drivers/compute/driver.ts'
import { imageMark } from '../../drivers/compute/simulated/boot-log.ts'
import { SimulatedComputeDriver } from '../../drivers/compute/simulated.ts'
import { abilitiesContract } from './abilities.contract.ts'
import { bootDisk, imageOf } from './boot-disk.ts'
import { stateOf } from './compute.contract.ts'

const everything = [
  ...(['pausing', 'suspending', 'rescuing', 'rebuilding', 'resizing'] as const),
  ...(['disks', 'liveMigration', 'hotplug', 'guest', 'consoles'] as const),
]

abilitiesContract('simulated', null, everything, () => {
  let dir = ''
  const simulated = (driver: ComputeDriver) => driver as SimulatedComputeDriver
  return {
    async setUp() {
      dir = await mkdtemp(join(tmpdir(), 'nephograph-simulated-'))
    },
    open: () => new SimulatedComputeDriver({ dir: join(dir, 'a') }),
    openOther: () => new SimulatedComputeDriver({ dir: join(dir, 'b') }),
    image: (kind) => imageOf(bootDisk(kind)),
    mark: (kind) => imageMark(imageOf(bootDisk(kind)).checksum),
    async prepareGuest(driver, id, kind) {
      await simulated(driver).setDeaf(id, kind === 'deaf')
      await simulated(driver).setSilent(id, true)
    },
    letPowerOff: (driver, id) => simulated(driver).powerOff(id),
    kill: (driver, id) => simulated(driver).crash(id),
    traces: async (id) => {
      const found = await stateOf(new SimulatedComputeDriver({ dir: join(dir, 'a') }), id)
      return found ? ['an entry in the journal'] : []
    },
    makeDiskFile: async () => join(dir, randomUUID()),
    async attached(driver, id) {
      const { disks = [], ports = [] } = await simulated(driver).inside(id)
      return [...disks, ...ports].map((one) => one.id)
    },
    helpfulProblem: null,
    helpful: {
      image: async () => imageOf(bootDisk('obedient')),
      sizes: { vcpus: 1, memoryMiB: 64, diskGiB: 0 },
      ready: async () => {},
      user: 'root',
    },
    tearDown: () => rm(dir, { recursive: true, force: true }),
  }
})
