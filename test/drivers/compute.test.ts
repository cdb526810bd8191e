/** The compute contract over every driver, the real QEMU included where the host allows it. */
import { appendFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import type { ComputeDriver } from '../../drivers/compute/driver.ts'
import { computeDriverNames, computeDriverProblem } from '../../drivers/compute/registry.ts'
import { SimulatedComputeDriver } from '../../drivers/compute/simulated.ts'
import { bootDisk, imageOf } from './boot-disk.ts'
import { codeOf, computeContract, forced, machineSpec, never, stateOf } from './compute.contract.ts'
import { QemuHarness } from './qemu-harness.ts'

const problems = new Map(
  await Promise.all(
    computeDriverNames.map(async (name) => [name, await computeDriverProblem(name)] as const),
  ),
)

computeContract('simulated', problems.get('simulated') ?? null, () => {
  let dir = ''
  const simulated = (driver: ComputeDriver) => driver as SimulatedComputeDriver
  return {
    async setUp() {
      dir = await mkdtemp(join(tmpdir(), 'nephograph-simulated-'))
    },
    open: () => new SimulatedComputeDriver({ dir }),
    image: (kind) => imageOf(bootDisk(kind)),
    prepareGuest: (driver, id, kind) => simulated(driver).setDeaf(id, kind === 'deaf'),
    letPowerOff: (driver, id) => simulated(driver).powerOff(id),
    kill: (driver, id) => simulated(driver).crash(id),
    traces: async (id) => {
      const found = await stateOf(new SimulatedComputeDriver({ dir }), id)
      return found ? ['an entry in the journal'] : []
    },
    tearDown: () => rm(dir, { recursive: true, force: true }),
  }
})

computeContract('qemu', problems.get('qemu') ?? null, () => new QemuHarness())

describe('the knobs of the simulator', () => {
  const image = imageOf(bootDisk('deaf'))

  it('fails a verb as often as told, before or after its work', async () => {
    const driver = new SimulatedComputeDriver()
    const spec = machineSpec()
    driver.failNext('create', { code: 'NO_SPACE', times: 2 })
    expect(await codeOf(driver.create(spec, image, never))).toBe('NO_SPACE')
    expect(await codeOf(driver.create(spec, image, never))).toBe('NO_SPACE')
    expect(await driver.recover()).toEqual([])
    driver.failNext('create', { code: 'TIMEOUT', when: 'after' })
    expect(await codeOf(driver.create(spec, image, never))).toBe('TIMEOUT')
    expect(await driver.recover()).toHaveLength(1)
    await driver.create(spec, image, never)
  })

  it('hangs until it is aborted', async () => {
    const driver = new SimulatedComputeDriver()
    driver.hangNext('create')
    const giveUp = new AbortController()
    const hanging = codeOf(driver.create(machineSpec(), image, giveUp.signal))
    setTimeout(() => giveUp.abort(), 10)
    expect(await hanging).toBe('ABORTED')
    await driver.create(machineSpec(), image, never)
  })

  it('takes its time', async () => {
    const driver = new SimulatedComputeDriver({ delayMs: { create: 40 } })
    const began = performance.now()
    await driver.create(machineSpec(), image, never)
    expect(performance.now() - began).toBeGreaterThan(35)
  })
})

describe('the journal of the simulator', () => {
  let dir = ''
  afterEach(() => rm(dir, { recursive: true, force: true }))

  it('keeps every acknowledged change through rewrites and a torn last line', async () => {
    dir = await mkdtemp(join(tmpdir(), 'nephograph-simulated-'))
    const specs = Array.from({ length: 50 }, machineSpec)
    const driver = new SimulatedComputeDriver({ dir })
    const image = imageOf(bootDisk('deaf'))
    await Promise.all(specs.map((spec) => driver.create(spec, image, never)))
    for (let round = 0; round < 5; round++) {
      await Promise.all(specs.map((spec) => driver.start(spec, never)))
      await Promise.all(specs.slice(1).map((spec) => driver.stop(spec.id, forced, never)))
    }
    await appendFile(join(dir, 'machines.jsonl'), '{"id":"torn')
    const after = new SimulatedComputeDriver({ dir })
    const machines = await after.recover()
    expect(machines).toHaveLength(specs.length)
    const running = machines.filter((machine) => machine.powerState === 'RUNNING')
    expect(running.map((machine) => machine.id)).toEqual([specs[0]?.id])
    await after.destroy(specs[0]?.id ?? '', never)
    expect(await new SimulatedComputeDriver({ dir }).recover()).toHaveLength(specs.length - 1)
  })
})
