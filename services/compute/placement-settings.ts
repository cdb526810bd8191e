/** How placement decides in this cloud: which filters are asked, what weighs how much. */

/** By the names that OpenStack has for them, in the order in which hosts meet them. */
export const filterNames = [
  'RetryFilter',
  'RequestedHostFilter',
  'EnabledFilter',
  'ComputeFilter',
  'AvailabilityZoneFilter',
  'CoreFilter',
  'RamFilter',
  'DiskFilter',
  'ImagePropertiesFilter',
  'TraitsFilter',
  'AggregateInstanceExtraSpecsFilter',
  'AggregateImagePropertiesIsolation',
  'AggregateMultiTenancyIsolation',
  'ServerGroupAffinityFilter',
  'ServerGroupAntiAffinityFilter',
  'SameHostFilter',
  'DifferentHostFilter',
  'NUMATopologyFilter',
  'IoOpsFilter',
  'NumInstancesFilter',
] as const
export type FilterName = (typeof filterNames)[number]

export const weigherNames = [
  'RAMWeigher',
  'CPUWeigher',
  'DiskWeigher',
  'IoOpsWeigher',
  'ServerGroupSoftAffinityWeigher',
  'ServerGroupSoftAntiAffinityWeigher',
  'BuildFailureWeigher',
  'MetricsWeigher',
] as const
export type WeigherName = (typeof weigherNames)[number]

export interface PlacementSettings {
  filters: readonly FilterName[]
  /** Multipliers; below 0 the smaller is the better, 0 switches a weigher off. */
  weights: Readonly<Record<WeigherName, number>>
  /** Of MetricsWeigher: what each capability of a host, a number, counts for. */
  metrics: Readonly<Record<string, number>>
  /** A host is drawn from so many of the best, so that schedulers side by side differ; 0: by their number. */
  hostSubset: number
  /** Of NumInstancesFilter. */
  maxServersPerHost: number
  /** Of IoOpsFilter: servers of a host whose disks are being made, copied or moved. */
  maxIoOpsPerHost: number
  /** The zone of hosts that no aggregate puts into another. */
  defaultZone: string
}

/**
 * Nova's defaults, but for two: what counts the servers of hosts is off until it is asked for, and
 * a large cloud draws from more than one host.
 */
export const placementDefaults: PlacementSettings = {
  filters: filterNames.filter((name) => name !== 'IoOpsFilter' && name !== 'NumInstancesFilter'),
  weights: {
    RAMWeigher: 1,
    CPUWeigher: 1,
    DiskWeigher: 1,
    IoOpsWeigher: 0,
    ServerGroupSoftAffinityWeigher: 1,
    ServerGroupSoftAntiAffinityWeigher: 1,
    BuildFailureWeigher: 1_000_000,
    MetricsWeigher: 1,
  },
  metrics: {},
  hostSubset: 0,
  maxServersPerHost: 50,
  maxIoOpsPerHost: 8,
  defaultZone: 'nova',
}

/** Whether a decision needs to know how many servers hosts have, and what they do. */
export const countsServers = ({ filters, weights }: PlacementSettings): boolean =>
  filters.includes('IoOpsFilter') ||
  filters.includes('NumInstancesFilter') ||
  weights.IoOpsWeigher !== 0
