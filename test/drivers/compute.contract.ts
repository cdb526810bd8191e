/**
 * What every compute driver must do, as tests: see drivers/compute/driver.ts for the contract and
 * drivers/compute/simulated.ts for what it means. A driver passes through a harness that can open
 * it anew over the same host and do to its machines what nobody asked for.
 */
import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import type {
  ComputeDriver,
  ImageSource,
  Machine,
  MachineSpec,
} from '../../drivers/compute/driver.ts'
import { DriverError } from '../../drivers/compute/driver.ts'
import { describeNeeds } from '../support/host.ts'
import type { GuestKind } from './boot-disk.ts'

const WAIT_MS = 60_000
const POLL_MS = 20

export interface ComputeHarness {
  setUp(): Promise<void>
  /** A new driver object over the same host. */
  open(): ComputeDriver
  image(kind: GuestKind): ImageSource
  /** Called when a machine of this kind has been created. */
  prepareGuest(driver: ComputeDriver, id: string, kind: GuestKind): Promise<void>
  /** Called when the guest `powers-off` has been started. */
  letPowerOff(driver: ComputeDriver, id: string): Promise<void>
  /** Kills the hypervisor of a running machine, as the kernel would. */
  kill(driver: ComputeDriver, id: string): Promise<void>
  /** What is left on the host of a machine, in words; empty when nothing is. */
  traces(id: string): Promise<string[]>
  /** Removes the host and all that runs on it, whatever a failed test left. */
  tearDown(): Promise<void>
}

export const never = new AbortController().signal
export const graceful = { mode: 'graceful', timeoutMs: WAIT_MS } as const
export const forced = { mode: 'forced', timeoutMs: WAIT_MS } as const

export function machineSpec(): MachineSpec {
  return { id: randomUUID(), name: 'test', vcpus: 1, memoryMiB: 32, diskGiB: 0 }
}

/** Asks until there is something; throws after `waitMs`. */
export async function eventually<T>(
  what: string,
  probe: () => Promise<T | null | false> | T,
  waitMs = WAIT_MS,
) {
  const end = Date.now() + waitMs
  for (;;) {
    const found = await probe()
    if (found) return found
    if (Date.now() > end) throw new Error(`waited in vain: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}

/** The code of the DriverError that a call fails with. */
export async function codeOf(call: Promise<unknown>): Promise<string> {
  const error = await call.then(
    () => new Error('it succeeded'),
    (thrown: unknown) => thrown,
  )
  if (error instanceof DriverError) return error.code
  throw error
}

export async function stateOf(driver: ComputeDriver, id: string): Promise<Machine | undefined> {
  return (await driver.recover()).find((machine) => machine.id === id)
}

export function computeContract(
  name: string,
  problem: string | null,
  makeHarness: () => ComputeHarness,
): void {
  describeNeeds(problem, `compute contract: ${name}`, () => {
    const harness = makeHarness()
    let driver: ComputeDriver
    let made: string[] = []

    beforeAll(async () => {
      await harness.setUp()
      driver = harness.open()
    })
    afterEach(async () => {
      for (const id of made) await driver.destroy(id, never)
      made = []
    })
    afterAll(async () => {
      await driver?.close()
      await harness.tearDown()
    })

    async function create(kind: GuestKind = 'deaf'): Promise<MachineSpec> {
      const spec = machineSpec()
      made.push(spec.id)
      await driver.create(spec, harness.image(kind), never)
      await harness.prepareGuest(driver, spec.id, kind)
      return spec
    }

    async function run(kind: GuestKind = 'deaf'): Promise<MachineSpec> {
      const spec = await create(kind)
      await driver.start(spec, never)
      return spec
    }

    /** Waits for what watchers are told of a machine while `act` happens. */
    async function told(id: string, act: () => Promise<void>): Promise<Machine> {
      const heard: Machine[] = []
      const unwatch = driver.watch((machine) => machine.id === id && heard.push(machine))
      try {
        await act()
        return await eventually('a watcher is told', () => heard[0] ?? null)
      } finally {
        unwatch()
      }
    }

    it('tells what the host has', async () => {
      const inventory = await driver.inventory()
      expect(Math.min(inventory.vcpus, inventory.memoryMiB, inventory.diskGiB)).toBeGreaterThan(0)
      const names = (await driver.capabilities()).map((capability) => capability.name)
      expect(names).toEqual(expect.arrayContaining(['hypervisor', 'accelerator', 'architecture']))
    })

    it('goes through a life, doing everything twice (C1, C6)', async () => {
      const spec = await create()
      const { id } = spec
      await driver.create(spec, harness.image('deaf'), never)
      expect(await stateOf(driver, id)).toMatchObject({ powerState: 'SHUTDOWN' })
      for (const _ of 'ab') await driver.start(spec, never)
      expect(await stateOf(driver, id)).toEqual({ id, powerState: 'RUNNING' })
      for (const _ of 'ab') await driver.stop(id, forced, never)
      expect(await stateOf(driver, id)).toMatchObject({ powerState: 'SHUTDOWN' })
      await driver.start(spec, never)
      for (const _ of 'ab') await driver.destroy(id, never)
      expect(await stateOf(driver, id)).toBeUndefined()
      expect(await harness.traces(id)).toEqual([])
    })

    it('says which machine it does not have', async () => {
      const spec = machineSpec()
      expect(await codeOf(driver.start(spec, never))).toBe('MACHINE_NOT_FOUND')
      expect(await codeOf(driver.stop(spec.id, forced, never))).toBe('MACHINE_NOT_FOUND')
      const hard = { mode: 'hard', timeoutMs: WAIT_MS } as const
      expect(await codeOf(driver.reboot(spec, hard, never))).toBe('MACHINE_NOT_FOUND')
      expect(await codeOf(driver.consoleLog(spec.id, 10))).toBe('MACHINE_NOT_FOUND')
      await driver.destroy(spec.id, never)
    })

    it('finds its machines again with a new driver object (C3, C4)', async () => {
      const running = await run()
      const stopped = await create()
      await driver.close()
      driver = harness.open()
      expect(await stateOf(driver, running.id)).toMatchObject({ powerState: 'RUNNING' })
      expect(await stateOf(driver, stopped.id)).toMatchObject({ powerState: 'SHUTDOWN' })
      const lost = await told(running.id, () => harness.kill(driver, running.id))
      expect(lost.powerState).toBe('CRASHED')
      await driver.start(running, never)
      expect(await stateOf(driver, running.id)).toEqual({ id: running.id, powerState: 'RUNNING' })
    })

    it('tells its watchers when a machine is killed, and recover says why', async () => {
      const spec = await run()
      const lost = await told(spec.id, () => harness.kill(driver, spec.id))
      const crashed = { id: spec.id, powerState: 'CRASHED', reason: 'killed by signal 9' }
      expect(lost).toEqual(crashed)
      expect(await stateOf(driver, spec.id)).toEqual(crashed)
      await driver.stop(spec.id, graceful, never)
      expect(await stateOf(driver, spec.id)).toMatchObject({ powerState: 'SHUTDOWN' })
    })

    it('tells its watchers when a guest powers itself off', async () => {
      const spec = await create('powers-off')
      const off = await told(spec.id, async () => {
        await driver.start(spec, never)
        await harness.letPowerOff(driver, spec.id)
      })
      const shutDown = { id: spec.id, powerState: 'SHUTDOWN', reason: 'guest shut down' }
      expect(off).toEqual(shutDown)
      expect(await stateOf(driver, spec.id)).toEqual(shutDown)
      await driver.start(spec, never)
    })

    it('keeps silent about what it was told to do', async () => {
      const heard: Machine[] = []
      const unwatch = driver.watch((machine) => heard.push(machine))
      const spec = await run('obedient')
      await driver.stop(spec.id, forced, never)
      await driver.start(spec, never)
      await driver.destroy(spec.id, never)
      unwatch()
      expect(heard).toEqual([])
    })

    it('asks a guest to shut down, and forces one that does not hear', async () => {
      const obedient = await run('obedient')
      const deaf = await run('deaf')
      await Promise.all([
        driver.stop(obedient.id, graceful, never),
        driver.stop(deaf.id, { mode: 'graceful', timeoutMs: 500 }, never),
      ])
      expect(await stateOf(driver, obedient.id)).toMatchObject({
        powerState: 'SHUTDOWN',
        reason: 'guest shut down',
      })
      expect(await stateOf(driver, deaf.id)).toMatchObject({
        powerState: 'SHUTDOWN',
        reason: 'powered off',
      })
    })

    it('reboots soft and hard, running or not', async () => {
      const spec = await run('obedient')
      const boots = async () => (await driver.consoleLog(spec.id, 10_000)).split('SeaBIOS').length
      await eventually('the first boot', async () => (await boots()) > 1)
      await driver.reboot(spec, { mode: 'soft', timeoutMs: WAIT_MS }, never)
      await eventually('the second boot', async () => (await boots()) > 2)
      await driver.reboot(spec, { mode: 'hard', timeoutMs: WAIT_MS }, never)
      await eventually('the third boot', async () => (await boots()) > 3)
      await driver.stop(spec.id, forced, never)
      await driver.reboot(spec, { mode: 'soft', timeoutMs: WAIT_MS }, never)
      expect(await stateOf(driver, spec.id)).toEqual({ id: spec.id, powerState: 'RUNNING' })
    })

    it('gives the last lines of the console', async () => {
      const spec = await run()
      const all = await eventually('the guest greets', async () => {
        const text = await driver.consoleLog(spec.id, 1000)
        return /login:|test guest/.test(text) && text
      })
      const last = await driver.consoleLog(spec.id, 2)
      expect(all.endsWith(last)).toBe(true)
      expect(last.trimEnd().split('\n').length).toBeLessThanOrEqual(2)
    })

    it('refuses an aborted verb and takes on from it (C5)', async () => {
      const aborted = AbortSignal.abort()
      const spec = machineSpec()
      made.push(spec.id)
      expect(await codeOf(driver.create(spec, harness.image('deaf'), aborted))).toBe('ABORTED')
      await driver.create(spec, harness.image('deaf'), never)
      expect(await codeOf(driver.start(spec, aborted))).toBe('ABORTED')
      await driver.start(spec, never)
      await harness.prepareGuest(driver, spec.id, 'deaf')
      const giveUp = new AbortController()
      const stopping = codeOf(driver.stop(spec.id, graceful, giveUp.signal))
      setTimeout(() => giveUp.abort(), 50)
      expect(await stopping).toBe('ABORTED')
      expect(await stateOf(driver, spec.id)).toMatchObject({ powerState: 'RUNNING' })
      expect(await codeOf(driver.destroy(spec.id, aborted))).toBe('ABORTED')
      await driver.destroy(spec.id, never)
      expect(await harness.traces(spec.id)).toEqual([])
    })

    it('does what is asked of one machine in order, however fast it is asked', async () => {
      const spec = machineSpec()
      made.push(spec.id)
      const { id } = spec
      await Promise.all([
        driver.create(spec, harness.image('deaf'), never),
        driver.start(spec, never),
        driver.start(spec, never),
        driver.stop(id, forced, never),
        driver.destroy(id, never),
        driver.create(spec, harness.image('deaf'), never),
        driver.start(spec, never),
      ])
      expect(await stateOf(driver, id)).toEqual({ id, powerState: 'RUNNING' })
      expect((await driver.recover()).map((machine) => machine.id)).toEqual([id])
    })
  })
}
