/** What placement decides on: a host as it is known, and what is asked for. Plain values, no database. */

/** A host as placement sees it. */
export interface HostView {
  id: string
  name: string
  status: string
  enabled: boolean
  forcedDown: boolean
  maintenance: boolean
  generation: number
  /** As its agent found them, by name. */
  capabilities: Readonly<Record<string, string>>
  /** Probed ones and those that operators gave it. */
  traits: ReadonlySet<string>
  /** Builds that failed here since the last that did not. */
  failedBuilds: number
  availabilityZone: string
  aggregates: readonly AggregateView[]
  inventory: InventoryView[]
  /** Servers on it. */
  servers: number
  /** Of them, those whose disk is being made, copied or moved. */
  busy: number
}

export interface AggregateView {
  id: string
  name: string
  availabilityZone: string | null
  metadata: Readonly<Record<string, string>>
}

/** Amounts in the unit of the resource class: VCPU, MEMORY_MB (MiB), DISK_GB (GiB). */
export interface InventoryView {
  resource: string
  total: number
  reserved: number
  used: number
  allocationRatio: number
}

export const groupPolicies = [
  'AFFINITY',
  'ANTI_AFFINITY',
  'SOFT_AFFINITY',
  'SOFT_ANTI_AFFINITY',
] as const
export type GroupPolicy = (typeof groupPolicies)[number]

/** What a server asks for, as JSON: it travels over the bus. */
export interface PlacementRequest {
  resources: Record<string, number>
  /** Hosts, by name, on which this request failed already. */
  tried: { host: string; reason: string }[]
  availabilityZone?: string | null
  requiredTraits?: string[]
  forbiddenTraits?: string[]
  extraSpecs?: Record<string, string>
  imageProperties?: Record<string, string>
  group?: { id: string; policy: GroupPolicy } | null
  /** Servers, by id: on a host of one of these. */
  sameHost?: string[]
  /** Servers, by id: on no host of any of these. */
  differentHost?: string[]
  /** The only host, by name, that will do. */
  onlyHost?: string | null
  /** Hosts, by name, that will not do, and why. */
  notHosts?: { host: string; reason: string }[]
  /** The server that looks for a place, if it is there already: it is not in its own way. */
  serverId?: string | null
  projectId?: string | null
}

/** Where the servers are that the request is about; hosts by id. Looked up once for a decision. */
export interface Peers {
  /** Members of the group on each host. */
  group: ReadonlyMap<string, number>
  sameHost: ReadonlySet<string>
  differentHost: ReadonlySet<string>
}

export const nobody: Peers = { group: new Map(), sameHost: new Set(), differentHost: new Set() }

export interface Shortfall {
  resource: string
  amount: number
}

/** What a host could promise in all, overcommit included. */
export const capacityOf = ({ total, reserved, allocationRatio }: InventoryView): number =>
  Math.floor((total - reserved) * allocationRatio)

/** What can still be allocated, overcommit included; below 0 where the host shrank. */
export function freeOf(host: Pick<HostView, 'inventory'>, resource: string): number {
  for (const inventory of host.inventory) {
    if (inventory.resource === resource) return capacityOf(inventory) - inventory.used
  }
  return 0
}

export const totalOf = (host: Pick<HostView, 'inventory'>, resource: string): number =>
  host.inventory.find((inventory) => inventory.resource === resource)?.total ?? 0
