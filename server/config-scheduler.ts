/** The settings of the scheduler: rows of the table in config.ts. */
import { z } from 'zod'
import {
  type FilterName,
  filterNames,
  type PlacementSettings,
  placementDefaults,
  type WeigherName,
  weigherNames,
} from '../services/compute/placement-settings.ts'
import { nearestName } from './nearest-name.ts'
import { name, type Setting, wholeNumber } from './setting.ts'

const MAX_SUBSET = 1_000
const MAX_SERVERS = 100_000
/** A slip of the pen, and words left out: `RamWeighter`, `RAM`. */
const FAR = 12

export interface SchedulerConfig {
  /** The filters that hosts have to pass. */
  schedulerFilters: readonly FilterName[]
  /** Multipliers of weighers; what is left out is as it is by default. */
  schedulerWeights: Readonly<Partial<Record<WeigherName, number>>>
  /** What capabilities of hosts count for, by MetricsWeigher. */
  schedulerMetrics: Readonly<Record<string, number>>
  /** Of how many of the best hosts one is drawn. 0: by their number. */
  schedulerHostSubset: number
  /** Of NumInstancesFilter. */
  schedulerMaxServersPerHost: number
  /** Of IoOpsFilter. */
  schedulerMaxIoOpsPerHost: number
  /** The zone of hosts that are in no other. */
  defaultAvailabilityZone: string
}

export const schedulerDefaults: SchedulerConfig = {
  schedulerFilters: placementDefaults.filters,
  schedulerWeights: {},
  schedulerMetrics: {},
  schedulerHostSubset: placementDefaults.hostSubset,
  schedulerMaxServersPerHost: placementDefaults.maxServersPerHost,
  schedulerMaxIoOpsPerHost: placementDefaults.maxIoOpsPerHost,
  defaultAvailabilityZone: placementDefaults.defaultZone,
}

/** `a,b` or a list. */
const list = z.union([
  z.array(z.string()),
  z.string().transform((text) =>
    text
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== ''),
  ),
])

const number = z
  .union([
    z.number(),
    z
      .string()
      .regex(/^-?\d+(\.\d+)?$/)
      .transform(Number),
  ])
  .pipe(z.number().finite())

/** `a=1,b=-2` or a mapping. */
const pairs = z.union([
  z.string().transform((text) => Object.fromEntries(list.parse(text).map(pairOf))),
  z.record(z.string(), z.unknown()),
])

const pairOf = (text: string): [name: string, value: string] => {
  const at = text.indexOf('=')
  return at < 0 ? [text, ''] : [text.slice(0, at).trim(), text.slice(at + 1).trim()]
}

/** Which of the names that were given is none, and which was meant. */
const nearest =
  (given: (value: unknown) => string[], names: readonly string[]) =>
  (value: unknown): string | null => {
    const unknown = given(value).find((name) => !names.includes(name))
    const meant = unknown === undefined ? undefined : nearestName(unknown, names, FAR)
    return meant ? `${unknown} is unknown; did you mean ${meant}?` : null
  }

const namesOf = (value: unknown): string[] => list.safeParse(value).data ?? []
const keysOf = (value: unknown): string[] => Object.keys(pairs.safeParse(value).data ?? {})

export const SCHEDULER_SETTINGS = {
  schedulerFilters: {
    environment: 'NEPHO_SCHEDULER_FILTERS',
    accepted: `some of ${filterNames.join(', ')}, with commas between them`,
    schema: list.pipe(z.array(z.enum(filterNames))),
    hint: nearest(namesOf, filterNames),
  },
  schedulerWeights: {
    environment: 'NEPHO_SCHEDULER_WEIGHTS',
    accepted: `numbers by weigher, such as RAMWeigher=1,CPUWeigher=-0.5; there are ${weigherNames.join(', ')}`,
    schema: pairs.pipe(z.partialRecord(z.enum(weigherNames), number)),
    hint: nearest(keysOf, weigherNames),
  },
  schedulerMetrics: {
    environment: 'NEPHO_SCHEDULER_METRICS',
    accepted: 'numbers by capability of hosts, such as loadAverage=-1',
    schema: pairs.pipe(z.record(z.string().min(1), number)),
  },
  schedulerHostSubset: {
    environment: 'NEPHO_SCHEDULER_HOST_SUBSET',
    accepted: `a count from 0 (by the number of hosts) to ${MAX_SUBSET}`,
    schema: wholeNumber(0, MAX_SUBSET),
  },
  schedulerMaxServersPerHost: {
    environment: 'NEPHO_SCHEDULER_MAX_SERVERS_PER_HOST',
    accepted: `a count from 1 to ${MAX_SERVERS}`,
    schema: wholeNumber(1, MAX_SERVERS),
  },
  schedulerMaxIoOpsPerHost: {
    environment: 'NEPHO_SCHEDULER_MAX_IO_OPS_PER_HOST',
    accepted: `a count from 1 to ${MAX_SERVERS}`,
    schema: wholeNumber(1, MAX_SERVERS),
  },
  defaultAvailabilityZone: {
    environment: 'NEPHO_DEFAULT_AVAILABILITY_ZONE',
    ...name,
  },
} satisfies Record<keyof SchedulerConfig, Setting>

export const placementSettingsOf = (config: SchedulerConfig): PlacementSettings => ({
  filters: config.schedulerFilters,
  weights: { ...placementDefaults.weights, ...config.schedulerWeights },
  metrics: config.schedulerMetrics,
  hostSubset: config.schedulerHostSubset,
  maxServersPerHost: config.schedulerMaxServersPerHost,
  maxIoOpsPerHost: config.schedulerMaxIoOpsPerHost,
  defaultZone: config.defaultAvailabilityZone,
})
