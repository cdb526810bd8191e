/**
 * The filters: each refuses the hosts that can't take a server, says why, and what would make it
 * otherwise. A row of the table each, pure, by OpenStack's names.
 */
import {
  asksAggregates,
  foreignProperty,
  isOpenTo,
  unansweredSpec,
} from './placement-aggregates.ts'
import { numaProblem } from './placement-numa.ts'
import type { FilterName, PlacementSettings } from './placement-settings.ts'
import {
  freeOf,
  type HostView,
  type Peers,
  type PlacementRequest,
  type Shortfall,
} from './placement-view.ts'

/** What a host is held against. */
export interface Asked {
  request: PlacementRequest
  peers: Peers
  settings: PlacementSettings
}

export interface Filter {
  /** Whether it has something to ask of this request at all; always by default. */
  concerns?(asked: Asked): boolean
  passes(host: HostView, asked: Asked): boolean
  /** Why it refuses, of a host that it refuses. */
  reason(host: HostView, asked: Asked): string
  /** What would have to be so for it to pass. */
  remedy(host: HostView, asked: Asked): string
  /** What the host lacks, where that is a matter of amounts. */
  shortBy?(host: HostView, asked: Asked): Shortfall[]
}

const room = (resource: string): Filter => {
  const lacks = (host: HostView, { request }: Asked) =>
    (request.resources[resource] ?? 0) - freeOf(host, resource)
  return {
    concerns: ({ request }) => request.resources[resource] !== undefined,
    passes: (host, asked) => lacks(host, asked) <= 0,
    reason: (host, { request }) =>
      `${request.resources[resource]} of ${resource} wanted, ${Math.max(0, freeOf(host, resource))} free`,
    remedy: (host, asked) => `${lacks(host, asked)} more of ${resource}`,
    shortBy: (host, asked) => [{ resource, amount: lacks(host, asked) }],
  }
}

const refusedByName = ({ name }: HostView, { request }: Asked) =>
  request.notHosts?.find((not) => not.host === name)

/** Nova's words for kinds of hypervisors that are the same program. */
const HYPERVISORS: Readonly<Record<string, string>> = { kvm: 'qemu', qemu: 'qemu' }

/** What of an image's properties a host is not, in words; what a host doesn't tell is no hindrance. */
function propertyProblem({ capabilities }: HostView, { request }: Asked): string | null {
  const { imageProperties = {} } = request
  const architecture = imageProperties.hw_architecture ?? imageProperties.architecture
  const own = capabilities.architecture
  if (architecture && own && architecture !== own)
    return `architecture ${architecture}, it is ${own}`
  const wanted = imageProperties.img_hv_type ?? imageProperties.hypervisor_type
  const hypervisor = capabilities.hypervisor?.split(/\s/)[0]
  if (!wanted || !hypervisor) return null
  const fits = (HYPERVISORS[wanted] ?? wanted) === (HYPERVISORS[hypervisor] ?? hypervisor)
  return fits ? null : `hypervisor ${wanted}, it is ${hypervisor}`
}

function traitProblem({ traits }: HostView, { request }: Asked): string | null {
  const missing = request.requiredTraits?.filter((trait) => !traits.has(trait)) ?? []
  const forbidden = request.forbiddenTraits?.filter((trait) => traits.has(trait)) ?? []
  const parts = [
    ...(missing.length ? [`has not ${missing.join(', ')}`] : []),
    ...(forbidden.length ? [`has ${forbidden.join(', ')}, which is forbidden`] : []),
  ]
  return parts.length ? parts.join('; ') : null
}

const isHard = (policy: 'AFFINITY' | 'ANTI_AFFINITY') => (asked: Asked) =>
  asked.request.group?.policy === policy && asked.peers.group.size > 0

/** A filter that finds a problem and says it. */
const problem = (
  find: (host: HostView, asked: Asked) => string | null,
  remedy: string,
  concerns?: (asked: Asked) => boolean,
): Filter => ({
  ...(concerns && { concerns }),
  passes: (host, asked) => find(host, asked) === null,
  reason: (host, asked) => find(host, asked) ?? '',
  remedy: () => remedy,
})

export const filters: Readonly<Record<FilterName, Filter>> = {
  RetryFilter: {
    concerns: ({ request }) => request.tried.length > 0,
    passes: ({ name }, { request }) => !request.tried.some(({ host }) => host === name),
    reason: ({ name }, { request }) =>
      `tried already: ${request.tried.find(({ host }) => host === name)?.reason}`,
    remedy: () => 'ask anew: this request failed on it',
  },
  RequestedHostFilter: {
    concerns: ({ request }) => Boolean(request.onlyHost || request.notHosts?.length),
    passes: (host, asked) =>
      (!asked.request.onlyHost || asked.request.onlyHost === host.name) &&
      !refusedByName(host, asked),
    reason: (host, asked) => refusedByName(host, asked)?.reason ?? 'another host was asked for',
    remedy: () => 'ask for it, or for any host',
  },
  EnabledFilter: {
    passes: ({ enabled, maintenance }) => enabled && !maintenance,
    // Why it is disabled is its operators' affair: tenants read this.
    reason: ({ enabled }) => (enabled ? 'in maintenance' : 'disabled'),
    remedy: ({ enabled }) => (enabled ? 'end its maintenance' : 'enable it'),
  },
  ComputeFilter: {
    passes: ({ status, forcedDown }) => status === 'UP' && !forcedDown,
    reason: ({ forcedDown }) => (forcedDown ? 'forced down' : 'its agent does not answer'),
    remedy: ({ forcedDown }) => (forcedDown ? 'no longer force it down' : 'bring its agent up'),
  },
  AvailabilityZoneFilter: {
    concerns: ({ request }) => request.availabilityZone != null,
    passes: (host, { request }) => host.availabilityZone === request.availabilityZone,
    reason: (host, { request }) =>
      `in the zone ${host.availabilityZone}, ${request.availabilityZone} wanted`,
    remedy: (host) => `ask for the zone ${host.availabilityZone}`,
  },
  CoreFilter: room('VCPU'),
  RamFilter: room('MEMORY_MB'),
  DiskFilter: room('DISK_GB'),
  ImagePropertiesFilter: problem(
    propertyProblem,
    'another image',
    ({ request }) => Object.keys(request.imageProperties ?? {}).length > 0,
  ),
  TraitsFilter: problem(traitProblem, 'another flavor or image, or a host with these traits', (a) =>
    Boolean(a.request.requiredTraits?.length || a.request.forbiddenTraits?.length),
  ),
  AggregateInstanceExtraSpecsFilter: {
    concerns: ({ request }) => asksAggregates(request.extraSpecs),
    passes: (host, { request }) => unansweredSpec(host, request.extraSpecs ?? {}) === null,
    reason: (host, { request }) =>
      `in no aggregate with ${unansweredSpec(host, request.extraSpecs ?? {})}`,
    remedy: (host, { request }) =>
      `put it into an aggregate with ${unansweredSpec(host, request.extraSpecs ?? {})}`,
  },
  AggregateImagePropertiesIsolation: {
    concerns: ({ request }) => Object.keys(request.imageProperties ?? {}).length > 0,
    passes: (host, { request }) => foreignProperty(host, request.imageProperties ?? {}) === null,
    reason: (host, { request }) =>
      `its aggregates are not for images with ${foreignProperty(host, request.imageProperties ?? {})}`,
    remedy: () => 'another image, or other metadata of its aggregates',
  },
  AggregateMultiTenancyIsolation: {
    passes: (host, { request }) => isOpenTo(host, request.projectId),
    reason: () => 'its aggregates are kept for other projects',
    remedy: () => 'add the project to filter_tenant_id of its aggregates',
  },
  ServerGroupAffinityFilter: {
    concerns: isHard('AFFINITY'),
    passes: (host, { peers }) => peers.group.has(host.id),
    reason: () => 'the other servers of the group are on another host',
    remedy: () => 'a group with the policy SOFT_AFFINITY',
  },
  ServerGroupAntiAffinityFilter: {
    concerns: isHard('ANTI_AFFINITY'),
    passes: (host, { peers }) => !peers.group.has(host.id),
    reason: () => 'another server of the group is on it',
    remedy: () => 'a group with the policy SOFT_ANTI_AFFINITY',
  },
  SameHostFilter: {
    concerns: ({ request }) => Boolean(request.sameHost?.length),
    passes: (host, { peers }) => peers.sameHost.has(host.id),
    reason: () => 'none of the servers to be with is on it',
    remedy: () => 'ask without the hint sameHost',
  },
  DifferentHostFilter: {
    concerns: ({ request }) => Boolean(request.differentHost?.length),
    passes: (host, { peers }) => !peers.differentHost.has(host.id),
    reason: () => 'a server to be apart from is on it',
    remedy: () => 'ask without the hint differentHost',
  },
  NUMATopologyFilter: problem(
    (host, { request }) => numaProblem(host, request),
    'fewer cores or memory in a node: another flavor',
    ({ request }) => request.extraSpecs?.['hw:numa_nodes'] !== undefined,
  ),
  IoOpsFilter: {
    passes: ({ busy }, { settings }) => busy < settings.maxIoOpsPerHost,
    reason: ({ busy }) => `the disks of ${busy} servers are being made or moved on it`,
    remedy: () => 'wait until it is less busy',
  },
  NumInstancesFilter: {
    passes: ({ servers }, { settings }) => servers < settings.maxServersPerHost,
    reason: ({ servers }) => `${servers} servers are on it already`,
    remedy: () => 'remove a server from it',
  },
}
