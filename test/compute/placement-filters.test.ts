/** Every filter and weigher by itself, and what holds of all of them together. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  explainInWords,
  freeOf,
  type HostView,
  type PlacementRequest,
  place,
} from '../../services/compute/placement.ts'
import { specMatches } from '../../services/compute/placement-aggregates.ts'
import { type Asked, filters } from '../../services/compute/placement-filters.ts'
import {
  type FilterName,
  filterNames,
  type PlacementSettings,
  placementDefaults,
  type WeigherName,
  weigherNames,
} from '../../services/compute/placement-settings.ts'
import { traitsOf } from '../../services/compute/placement-traits.ts'
import { nobody, type Peers } from '../../services/compute/placement-view.ts'
import { HostIndex } from '../../services/compute/placement-walk.ts'
import { weighers } from '../../services/compute/placement-weighers.ts'

const host = (name: string, more: Partial<HostView> = {}, memory = 1024, used = 0): HostView => ({
  ...{ id: name, name, status: 'UP', enabled: true, generation: 1 },
  ...{
    forcedDown: false,
    maintenance: false,
    capabilities: {},
    traits: new Set(),
    failedBuilds: 0,
  },
  ...{ availabilityZone: 'nova', aggregates: [], servers: 0, busy: 0 },
  inventory: [
    { resource: 'VCPU', total: 2, reserved: 0, used: 0, allocationRatio: 4 },
    { resource: 'MEMORY_MB', total: memory, reserved: 0, used, allocationRatio: 1 },
    { resource: 'DISK_GB', total: 10, reserved: 1, used: 0, allocationRatio: 1 },
  ],
  ...more,
})

const wanted = (more: Partial<PlacementRequest> = {}): PlacementRequest => ({
  resources: { VCPU: 1, MEMORY_MB: 512, DISK_GB: 1 },
  tried: [],
  ...more,
})

const all: PlacementSettings = { ...placementDefaults, filters: filterNames }

const aggregate = (metadata: Record<string, string>) => ({
  aggregates: [{ id: 'g', name: 'g', availabilityZone: null, metadata }],
})
const on = (...ids: string[]) => new Set(ids)
const group = (policy: 'AFFINITY' | 'ANTI_AFFINITY' | 'SOFT_AFFINITY' | 'SOFT_ANTI_AFFINITY') => ({
  group: { id: 'g', policy },
})
const specs = (name: string, value: string) => ({
  extraSpecs: { [`aggregate_instance_extra_specs:${name}`]: value },
})
const properties = (imageProperties: Record<string, string>) => ({ imageProperties })

interface Row {
  filter: FilterName
  host?: Partial<HostView>
  request?: Partial<PlacementRequest>
  peers?: Partial<Peers>
  reason: RegExp
}

const refused: Row[] = [
  {
    filter: 'RetryFilter',
    request: { tried: [{ host: 'a', reason: 'no space left' }] },
    reason: /^tried already: no space left$/,
  },
  { filter: 'RequestedHostFilter', request: { onlyHost: 'b' }, reason: /another host/ },
  {
    filter: 'RequestedHostFilter',
    request: { notHosts: [{ host: 'a', reason: 'it is there already' }] },
    reason: /^it is there already$/,
  },
  {
    filter: 'EnabledFilter',
    host: { enabled: false },
    reason: /^disabled$/,
  },
  { filter: 'EnabledFilter', host: { enabled: false }, reason: /^disabled$/ },
  { filter: 'EnabledFilter', host: { maintenance: true }, reason: /^in maintenance$/ },
  { filter: 'ComputeFilter', host: { status: 'DOWN' }, reason: /does not answer/ },
  { filter: 'ComputeFilter', host: { forcedDown: true }, reason: /forced down/ },
  {
    filter: 'AvailabilityZoneFilter',
    host: { availabilityZone: 'east' },
    request: { availabilityZone: 'west' },
    reason: /in the zone east, west wanted/,
  },
  { filter: 'CoreFilter', request: { resources: { VCPU: 9 } }, reason: /9 of VCPU wanted, 8 free/ },
  { filter: 'CoreFilter', host: { inventory: [] }, reason: /1 of VCPU wanted, 0 free/ },
  {
    filter: 'RamFilter',
    request: { resources: { MEMORY_MB: 1025 } },
    reason: /1025 of MEMORY_MB wanted, 1024 free/,
  },
  {
    filter: 'DiskFilter',
    request: { resources: { DISK_GB: 10 } },
    reason: /10 of DISK_GB wanted, 9 free/,
  },
  {
    filter: 'ImagePropertiesFilter',
    host: { capabilities: { architecture: 'x86_64' } },
    request: properties({ hw_architecture: 'aarch64' }),
    reason: /architecture aarch64, it is x86_64/,
  },
  {
    filter: 'ImagePropertiesFilter',
    host: { capabilities: { hypervisor: 'qemu 7.2' } },
    request: properties({ img_hv_type: 'xen' }),
    reason: /hypervisor xen, it is qemu/,
  },
  { filter: 'TraitsFilter', request: { requiredTraits: ['CUSTOM_A'] }, reason: /has not CUSTOM_A/ },
  {
    filter: 'TraitsFilter',
    host: { traits: on('CUSTOM_A') },
    request: { forbiddenTraits: ['CUSTOM_A'] },
    reason: /has CUSTOM_A, which is forbidden/,
  },
  {
    filter: 'AggregateInstanceExtraSpecsFilter',
    host: aggregate({ disk: 'hdd' }),
    request: specs('disk', 'ssd'),
    reason: /in no aggregate with disk = ssd/,
  },
  {
    filter: 'AggregateImagePropertiesIsolation',
    host: aggregate({ os_distro: 'debian,ubuntu' }),
    request: properties({ os_distro: 'windows' }),
    reason: /not for images with os_distro = windows/,
  },
  {
    filter: 'AggregateMultiTenancyIsolation',
    host: aggregate({ filter_tenant_id: 'p1,p2' }),
    request: { projectId: 'p3' },
    reason: /kept for other projects/,
  },
  {
    filter: 'ServerGroupAffinityFilter',
    request: group('AFFINITY'),
    peers: { group: new Map([['b', 1]]) },
    reason: /on another host/,
  },
  {
    filter: 'ServerGroupAntiAffinityFilter',
    request: group('ANTI_AFFINITY'),
    peers: { group: new Map([['a', 1]]) },
    reason: /another server of the group/,
  },
  { filter: 'SameHostFilter', request: { sameHost: ['s'] }, reason: /none of the servers/ },
  {
    filter: 'DifferentHostFilter',
    request: { differentHost: ['s'] },
    peers: { differentHost: on('a') },
    reason: /to be apart from/,
  },
  {
    filter: 'NUMATopologyFilter',
    request: { extraSpecs: { 'hw:numa_nodes': '2' } },
    reason: /2 NUMA nodes wanted, it has 1/,
  },
  {
    filter: 'NUMATopologyFilter',
    request: { extraSpecs: { 'hw:numa_nodes': '1' }, resources: { VCPU: 3 } },
    reason: /3 cores in a NUMA node wanted, it has 2/,
  },
  {
    filter: 'NUMATopologyFilter',
    host: { capabilities: { numaNodes: '2' } },
    request: {
      extraSpecs: { 'hw:numa_nodes': '2', 'hw:numa_mem.0': '100', 'hw:numa_mem.1': '600' },
      resources: { VCPU: 2, MEMORY_MB: 700 },
    },
    reason: /600 MiB in a NUMA node wanted, it has 512/,
  },
  { filter: 'IoOpsFilter', host: { busy: 8 }, reason: /disks of 8 servers/ },
  { filter: 'NumInstancesFilter', host: { servers: 50 }, reason: /50 servers are on it/ },
]

const passing: Omit<Row, 'reason'>[] = [
  { filter: 'RetryFilter', request: { tried: [{ host: 'b', reason: 'x' }] } },
  { filter: 'RequestedHostFilter', request: { onlyHost: 'a' } },
  { filter: 'AvailabilityZoneFilter', request: { availabilityZone: 'nova' } },
  { filter: 'CoreFilter', request: { resources: { VCPU: 8 } } },
  { filter: 'RamFilter', request: { resources: { MEMORY_MB: 1024 } } },
  { filter: 'DiskFilter', request: { resources: { DISK_GB: 9 } } },
  {
    filter: 'ImagePropertiesFilter',
    host: { capabilities: { hypervisor: 'qemu', architecture: 'x86_64' } },
    request: properties({ img_hv_type: 'kvm', architecture: 'x86_64', os_distro: 'debian' }),
  },
  { filter: 'ImagePropertiesFilter', request: properties({ hw_architecture: 'aarch64' }) },
  {
    filter: 'TraitsFilter',
    host: { traits: on('CUSTOM_A') },
    request: { requiredTraits: ['CUSTOM_A'], forbiddenTraits: ['CUSTOM_B'] },
  },
  {
    filter: 'AggregateInstanceExtraSpecsFilter',
    host: aggregate({ disk: 'hdd, ssd' }),
    request: specs('disk', 'ssd'),
  },
  {
    filter: 'AggregateInstanceExtraSpecsFilter',
    request: { extraSpecs: { 'hw:numa_nodes': '1' } },
  },
  {
    filter: 'AggregateImagePropertiesIsolation',
    host: aggregate({ os_distro: 'debian,ubuntu', disk: 'ssd' }),
    request: properties({ os_distro: 'ubuntu' }),
  },
  {
    filter: 'AggregateMultiTenancyIsolation',
    host: aggregate({ filter_tenant_id: 'p1', filter_tenant_id2: 'p2' }),
    request: { projectId: 'p2' },
  },
  {
    filter: 'ServerGroupAffinityFilter',
    request: group('AFFINITY'),
    peers: { group: new Map([['a', 1]]) },
  },
  { filter: 'ServerGroupAffinityFilter', request: group('AFFINITY') },
  {
    filter: 'ServerGroupAntiAffinityFilter',
    request: group('SOFT_ANTI_AFFINITY'),
    peers: { group: new Map([['a', 1]]) },
  },
  { filter: 'SameHostFilter', request: { sameHost: ['s'] }, peers: { sameHost: on('a') } },
  { filter: 'DifferentHostFilter', request: { differentHost: ['s'] } },
  {
    filter: 'NUMATopologyFilter',
    host: { capabilities: { numaNodes: '2' } },
    request: { extraSpecs: { 'hw:numa_nodes': '2' }, resources: { VCPU: 2, MEMORY_MB: 1024 } },
  },
  { filter: 'IoOpsFilter', host: { busy: 7 } },
  { filter: 'NumInstancesFilter', host: { servers: 49 } },
]

const placed = (row: Omit<Row, 'reason'>) =>
  place([host('a', row.host)], wanted(row.request), {
    settings: all,
    peers: { ...nobody, ...row.peers },
  })

describe('filters', () => {
  it.each(refused)('$filter refuses: $reason', ({ reason, ...row }) => {
    const { ranked, explanation } = placed(row)
    expect(ranked).toEqual([])
    expect(explanation.refusals).toEqual([
      expect.objectContaining({
        host: 'a',
        filter: row.filter,
        reason: expect.stringMatching(reason),
      }),
    ])
    const counts = explanation.filters.find(({ name }) => name === row.filter)
    expect(counts).toMatchObject({ passed: 0, refused: 1 })
    expect(explanation.nearestMiss?.remedies.every((remedy) => remedy !== '')).toBe(true)
  })

  it.each(passing)('$filter lets through %#', (row) => {
    expect(placed(row).explanation.refusals.filter(({ filter }) => filter === row.filter)).toEqual(
      [],
    )
  })

  it('has a case for each, both ways', () => {
    const both = ['EnabledFilter', 'ComputeFilter']
    expect(new Set(refused.map(({ filter }) => filter))).toEqual(new Set(filterNames))
    expect(new Set([...passing.map(({ filter }) => filter), ...both])).toEqual(new Set(filterNames))
  })

  it('count what reached them, in order', () => {
    const hosts = [
      host('a', { enabled: false }),
      host('b', { status: 'DOWN' }),
      host('c', {}, 100),
      host('d'),
    ]
    const { explanation } = place(hosts, wanted())
    expect(explanation).toMatchObject({ hostsTotal: 4, hostsExamined: 4, hostsPassed: 1 })
    const counts = new Map(explanation.filters.map((f) => [f.name, [f.passed, f.refused]]))
    expect([...counts.keys()]).toEqual(placementDefaults.filters)
    expect(counts.get('RetryFilter')).toEqual([4, 0])
    expect(counts.get('EnabledFilter')).toEqual([3, 1])
    expect(counts.get('ComputeFilter')).toEqual([2, 1])
    expect(counts.get('RamFilter')).toEqual([1, 1])
    expect(counts.get('DiskFilter')).toEqual([1, 0])
  })

  it('that are off refuse nobody', () => {
    const settings = { ...placementDefaults, filters: ['RamFilter'] as const }
    const { explanation } = place([host('a', { enabled: false })], wanted(), { settings })
    expect(explanation).toMatchObject({ hostsPassed: 1, filters: [{ name: 'RamFilter' }] })
  })
})

it.each([
  ['8', '>= 4', true],
  ['2', '>= 4', false],
  ['4', '== 4', true],
  ['4', '!= 4', false],
  ['3', '<= 4', true],
  ['a b', '<in> b', true],
  ['x', 's== x', true],
  ['x', 's!= x', false],
  ['b', '<or> a <or> b', true],
  ['c', '<or> a <or> b', false],
  ['5', '= 4', true],
  ['ssd', 'ssd', true],
])('an aggregate with %s and an extra spec %s: %s', (given, asked, matches) => {
  expect(specMatches(given, asked)).toBe(matches)
})

it('flavors and images ask for traits together', () => {
  const extraSpecs = {
    'trait:CUSTOM_B': 'required',
    'trait:HW_X': 'forbidden',
    'hw:tpm_version': '2.0',
  }
  const image = { 'trait:CUSTOM_A': 'required', os_secure_boot: 'required', hw_tpm_version: '2.0' }
  expect(traitsOf(extraSpecs, image)).toEqual({
    requiredTraits: [
      'COMPUTE_SECURITY_TPM_2_0',
      'COMPUTE_SECURITY_UEFI_SECURE_BOOT',
      'CUSTOM_A',
      'CUSTOM_B',
    ],
    forbiddenTraits: ['HW_X'],
  })
})

describe('weighers', () => {
  const asked = (more: Partial<Asked> = {}): Asked => ({
    request: wanted(),
    peers: nobody,
    settings: placementDefaults,
    ...more,
  })

  it.each<[WeigherName, Partial<HostView>, Partial<Asked>, number]>([
    ['RAMWeigher', {}, {}, 1024],
    ['CPUWeigher', {}, {}, 8],
    ['DiskWeigher', {}, {}, 9],
    ['IoOpsWeigher', { busy: 3 }, {}, 3],
    [
      'ServerGroupSoftAffinityWeigher',
      {},
      { request: wanted(group('SOFT_AFFINITY')), peers: { ...nobody, group: new Map([['a', 2]]) } },
      2,
    ],
    [
      'ServerGroupSoftAntiAffinityWeigher',
      {},
      {
        request: wanted(group('SOFT_ANTI_AFFINITY')),
        peers: { ...nobody, group: new Map([['a', 2]]) },
      },
      -2,
    ],
    ['BuildFailureWeigher', { failedBuilds: 4 }, {}, -4],
    [
      'MetricsWeigher',
      { capabilities: { loadAverage: '1.5', free: '10', name: 'x' } },
      {
        settings: { ...placementDefaults, metrics: { loadAverage: -2, free: 1, name: 1, gone: 5 } },
      },
      7,
    ],
  ])('%s', (name, view, more, weight) => {
    const { concerns, weigh } = weighers[name]
    expect(concerns?.(asked(more)) ?? true).toBe(true)
    expect(weigh(host('a', view), asked(more))).toBe(weight)
  })

  it('has a row for each', () => {
    expect(Object.keys(weighers)).toEqual(weigherNames)
  })

  const names = (hosts: HostView[], settings = placementDefaults, request = wanted()) =>
    place(hosts, request, { settings }).ranked.map(({ name }) => name)

  it('prefer free memory, then the name', () => {
    const hosts = [
      host('b', {}, 2048),
      host('c', {}, 4096, 3000),
      host('a', {}, 2048),
      host('d', {}, 3000),
    ]
    expect(names(hosts)).toEqual(['d', 'a', 'b', 'c'])
  })

  it('pack where the multiplier is below 0', () => {
    const weights = { ...placementDefaults.weights, RAMWeigher: -1 }
    const hosts = [host('a', {}, 4096), host('b', {}, 1024), host('c', {}, 2048)]
    expect(names(hosts, { ...placementDefaults, weights })).toEqual(['b', 'c', 'a'])
  })

  it('pass over hosts where builds fail, whatever their room', () => {
    expect(names([host('a', { failedBuilds: 1 }, 9999), host('b')])).toEqual(['b', 'a'])
  })

  it('do not change what they are given', () => {
    const hosts = [host('b'), host('a')]
    place(hosts, wanted())
    expect(hosts.map(({ name }) => name)).toEqual(['b', 'a'])
  })
})

it('freeOf counts overcommit and what is reserved', () => {
  const view = host('a')
  expect(['VCPU', 'MEMORY_MB', 'DISK_GB', 'GPU'].map((r) => freeOf(view, r))).toEqual([
    8, 1024, 9, 0,
  ])
})

const amount = fc.integer({ min: 0, max: 64 })
const anyHost = fc
  .record({
    name: fc.uuid(),
    enabled: fc.boolean(),
    isUp: fc.boolean(),
    free: fc.tuple(amount, amount, amount),
    used: fc.tuple(amount, amount, amount),
    zone: fc.constantFrom('nova', 'east'),
    traits: fc.subarray(['CUSTOM_A', 'CUSTOM_B']),
    failedBuilds: fc.nat(2),
    isMember: fc.boolean(),
  })
  .map(({ name, free, used, zone, isUp, traits, ...rest }) => ({
    ...host(name, {
      ...rest,
      status: isUp ? 'UP' : 'DOWN',
      availabilityZone: zone,
      traits: new Set(traits),
    }),
    inventory: ['VCPU', 'MEMORY_MB', 'DISK_GB'].map((resource, i) => ({
      ...{ resource, reserved: 0, allocationRatio: 1 },
      ...{ total: (free[i] ?? 0) + (used[i] ?? 0), used: used[i] ?? 0 },
    })),
  }))
const anyRequest = fc
  .record({
    sizes: fc.tuple(amount, amount, amount),
    availabilityZone: fc.constantFrom(null, 'nova', 'east'),
    requiredTraits: fc.subarray(['CUSTOM_A']),
    forbiddenTraits: fc.subarray(['CUSTOM_B']),
    policy: fc.constantFrom(null, 'AFFINITY' as const, 'ANTI_AFFINITY' as const),
  })
  .map(({ sizes: [VCPU, MEMORY_MB, DISK_GB], policy, ...rest }) =>
    wanted({ ...rest, resources: { VCPU, MEMORY_MB, DISK_GB }, ...(policy && group(policy)) }),
  )
const anyHosts = fc.uniqueArray(anyHost, { maxLength: 12, selector: ({ id }) => id })
const peersIn = (hosts: { id: string; isMember?: boolean }[]): Peers => ({
  ...nobody,
  group: new Map(hosts.filter((h) => (h as { isMember: boolean }).isMember).map((h) => [h.id, 1])),
})

describe('for any hosts and any request', () => {
  it('what is ranked passes every filter, and everything that passes is ranked', () => {
    fc.assert(
      fc.property(anyHosts, anyRequest, (hosts, request) => {
        const asked = { request, peers: peersIn(hosts), settings: all }
        const { ranked, explanation } = place(hosts, request, asked)
        const fits = (view: HostView) =>
          Object.values(filters).every(
            (filter) => filter.concerns?.(asked) === false || filter.passes(view, asked),
          )
        expect(ranked.map(({ id }) => id).sort()).toEqual(
          hosts
            .filter(fits)
            .map(({ id }) => id)
            .sort(),
        )
        const counted = explanation.filters.reduce((sum, f) => sum + f.refused, 0)
        expect(counted + explanation.hostsPassed).toBe(hosts.length)
        expect(explanation.nearestMiss === null).toBe(ranked.length > 0 || hosts.length === 0)
      }),
    )
  })

  it('the nearest miss passes once it has what it was short by', () => {
    fc.assert(
      fc.property(anyHosts, anyRequest, (hosts, request) => {
        const up = hosts.map((h) => ({ ...h, enabled: true, status: 'UP' }))
        const roomOnly = { resources: request.resources, tried: [] }
        const { explanation } = place(up, roomOnly)
        const miss = explanation.nearestMiss
        if (!miss) return
        const found = up.find(({ name }) => name === miss.host) as HostView
        const grown = {
          ...found,
          inventory: found.inventory.map((i) => ({
            ...i,
            total: i.total + (miss.shortBy.find((s) => s.resource === i.resource)?.amount ?? 0),
          })),
        }
        expect(miss.shortBy.every((s) => s.amount > 0)).toBe(true)
        expect(place([grown], roomOnly).explanation.hostsPassed).toBe(1)
      }),
    )
  })

  it('the index walks past no host that would pass', () => {
    fc.assert(
      fc.property(anyHosts, anyRequest, fc.boolean(), (hosts, request, packing) => {
        const weights = { ...all.weights, RAMWeigher: packing ? -1 : 1 }
        const index = new HostIndex({ ...all, weights })
        for (const view of hosts) index.put(view)
        const walked = [...index.walk(request, Math.random)]
        expect(new Set(walked).size).toBe(walked.length)
        const { ranked } = place(hosts, request, { settings: all, peers: peersIn(hosts) })
        for (const view of ranked) expect(walked).toContain(view)
        for (const view of hosts.slice(1)) index.remove(view)
        expect([...index.walk(request, Math.random)].every((h) => h === hosts[0])).toBe(true)
      }),
    )
  })
})

describe('in words', () => {
  const words = (hosts: HostView[], request = wanted()) =>
    explainInWords(place(hosts, request).explanation)

  it('says which filter let none through, with an example', () => {
    expect(words([])).toBe('No host has joined the cloud yet')
    expect(words([host('a', {}, 100), host('b', { status: 'DOWN' })])).toBe(
      'None of 2 hosts can take the server: RamFilter let none through (512 of MEMORY_MB wanted, 100 free)',
    )
    expect(words([host('a')], wanted({ tried: [{ host: 'a', reason: 'no space left' }] }))).toBe(
      'None of 1 hosts can take the server: RetryFilter let none through (tried already: no space left)',
    )
  })

  it('names at most so many hosts', () => {
    const hosts = Array.from({ length: 300 }, (_, i) => host(`h${i}`, { enabled: false }))
    const { explanation } = place(hosts, wanted())
    expect(explanation.refusals.length).toBe(100)
    expect(explanation.filters.find(({ name }) => name === 'EnabledFilter')).toMatchObject({
      ...{ passed: 0, refused: 300 },
    })
  })

  it('the nearest miss is refused by the fewest, and lacks least', () => {
    const hosts = [
      host('far', {}, 100),
      host('near', {}, 400),
      host('nearest but disabled', { enabled: false }, 500),
    ]
    expect(place(hosts, wanted()).explanation.nearestMiss).toEqual({
      host: 'near',
      shortBy: [{ resource: 'MEMORY_MB', amount: 112 }],
      remedies: ['112 more of MEMORY_MB'],
    })
  })
})
