/** The settings of the scheduler: as they are given in the environment and in the file. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Config, loadConfig } from '../../server/config.ts'
import { placementSettingsOf } from '../../server/config-scheduler.ts'
import { placementDefaults } from '../../services/compute/placement-settings.ts'

let cwd: string
beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), 'nephograph-config-'))
})
afterAll(() => rmSync(cwd, { recursive: true, force: true }))

const load = (env: Record<string, string>): Config => loadConfig({ env, argv: [], cwd })

it('is as placement has it when nobody says anything', () => {
  expect(placementSettingsOf(load({}))).toEqual(placementDefaults)
})

it('is read from the environment', () => {
  const settings = placementSettingsOf(
    load({
      NEPHO_SCHEDULER_FILTERS: 'ComputeFilter, RamFilter',
      NEPHO_SCHEDULER_WEIGHTS: 'RAMWeigher=-1,IoOpsWeigher=-0.5',
      NEPHO_SCHEDULER_METRICS: 'loadAverage=-2',
      NEPHO_SCHEDULER_HOST_SUBSET: '3',
      NEPHO_DEFAULT_AVAILABILITY_ZONE: 'home',
    }),
  )
  expect(settings).toMatchObject({
    filters: ['ComputeFilter', 'RamFilter'],
    weights: { ...placementDefaults.weights, RAMWeigher: -1, IoOpsWeigher: -0.5 },
    metrics: { loadAverage: -2 },
    hostSubset: 3,
    defaultZone: 'home',
  })
})

it('is read from the file', () => {
  const file = join(cwd, 'own.yaml')
  const lines = ['schedulerFilters: [RamFilter]', 'schedulerWeights: { CPUWeigher: 2 }']
  writeFileSync(file, lines.join('\n'))
  const { filters, weights } = placementSettingsOf(load({ NEPHO_CONFIG: file }))
  expect([filters, weights.CPUWeigher]).toEqual([['RamFilter'], 2])
})

describe('refuses', () => {
  it.each([
    [
      'NEPHO_SCHEDULER_FILTERS',
      'RamFilter,DiscFilter',
      /DiscFilter is unknown; did you mean DiskFilter\?/,
    ],
    [
      'NEPHO_SCHEDULER_WEIGHTS',
      'RamWeighter=1',
      /RamWeighter is unknown; did you mean RAMWeigher\?/,
    ],
    ['NEPHO_SCHEDULER_WEIGHTS', 'RAMWeigher=much', /numbers by weigher/],
    ['NEPHO_SCHEDULER_WEIGHTS', 'RAMWeigher', /numbers by weigher/],
    ['NEPHO_SCHEDULER_HOST_SUBSET', '-1', /a count from 0/],
    ['NEPHO_DEFAULT_AVAILABILITY_ZONE', 'a:b', /at most 63 letters/],
  ])('%s=%s', (name, value, message) => {
    expect(() => load({ [name]: value })).toThrow(message)
  })
})
