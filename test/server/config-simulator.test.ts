/** Delays and faults of the simulator, from the words of a setting to a verb that is late or fails. */
import { describe, expect, it } from 'vitest'
import { Knobs } from '../../drivers/compute/simulated/knobs.ts'
import { SimulatedComputeDriver } from '../../drivers/compute/simulated.ts'
import { loadConfig } from '../../server/config.ts'
import { delaysFrom, faultsFrom } from '../../server/config-simulator.ts'
import { paceOf } from '../../server/nepho/simulate-fill.ts'
import { codeOf, machineSpec, never } from '../drivers/compute.contract.ts'

describe('the words', () => {
  it('name verbs with times and shares', () => {
    expect(delaysFrom('start=200ms, create=1.5s,stop=0ms')).toEqual({
      start: 200,
      create: 1500,
      stop: 0,
    })
    expect(delaysFrom('send=2m')).toEqual({ send: 120_000 })
    expect(faultsFrom('create=1%,start=0.5%,stop=100%')).toEqual({
      create: 0.01,
      start: 0.005,
      stop: 1,
    })
    expect(delaysFrom('')).toEqual({})
  })

  it.each([
    ['strat=2s', 'strat is no verb of the simulator; did you mean start?'],
    ['xxxxxxxxxx=2s', 'there are create, start'],
    ['start', 'nothing is no delay'],
    ['start=2', '2 is no delay up to an hour'],
    ['start=-1s', '-1s is no delay'],
    ['start=61m', '61m is no delay up to an hour'],
  ])('%s is no delay', (text, words) => {
    expect(() => delaysFrom(text)).toThrow(words)
  })

  it.each(['create=1', 'create=101%', 'create=-1%', 'create=x%', 'create='])(
    '%s is no fault',
    (text) => {
      expect(() => faultsFrom(text)).toThrow('is no share from 0% to 100%')
    },
  )

  it('are settings, and a wrong one is told with its cure', () => {
    const load = (env: Record<string, string>) => loadConfig({ env, argv: [], cwd: '/' })
    const right = { NEPHO_SIMULATED_DELAYS: 'start=1s', NEPHO_SIMULATED_FAULTS: 'create=2%' }
    expect(load(right)).toMatchObject({
      simulatedDelays: { start: 1000 },
      simulatedFaults: { create: 0.02 },
    })
    expect(() => load({ NEPHO_SIMULATED_FAULTS: 'crate=2%' })).toThrow(
      'crate is no verb of the simulator; did you mean create?',
    )
  })
})

describe('the verbs', () => {
  it('fail by their share, and no other', async () => {
    const drawn = [0.1, 0.5, 0.3, 0.2]
    const knobs = new Knobs(0, { create: 0.3 }, () => drawn.shift() ?? 1)
    const enter = () => knobs.enter('create', never)
    await expect(enter()).rejects.toThrow('simulated fault of create')
    await expect(enter()).resolves.toBeUndefined()
    await expect(enter()).resolves.toBeUndefined()
    await expect(enter()).rejects.toMatchObject({ code: 'HYPERVISOR_FAILED', retryable: false })
  })

  it('of a driver do what its options say', async () => {
    const driver = new SimulatedComputeDriver({ faults: { start: 1 } })
    const machine = machineSpec()
    const image = { diskFormat: 'qcow2', sizeBytes: 0 } as never
    await driver.create(machine, image, never)
    expect(await codeOf(driver.start(machine, never))).toBe('HYPERVISOR_FAILED')
  })
})

describe('the words on how far it is', () => {
  it('have a rate and the time that is left', () => {
    let now = 0
    const counts = (all: number, building: number, failed = 0) => ({ all, building, failed })
    const pace = paceOf(counts(100, 0), 1_000, () => now)
    expect(pace(counts(100, 0))).toBe('100 of 1000 servers built')
    now = 10_000
    expect(pace(counts(400, 100))).toBe(
      '300 of 1000 servers built, 20.0 per second, about 35 s left',
    )
    now = 100_000
    expect(pace(counts(400, 100, 2))).toContain(
      '300 of 1000 servers built, 2 of them in ERROR, 2.0 per second, about 6 min left',
    )
    now = 45_000
    expect(pace(counts(1_000, 0))).toBe('1000 of 1000 servers built, after 45 s')
  })
})
