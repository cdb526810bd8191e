/**
 * NUMA as far as placement can tell: whether each node of the guest fits into a node of the host. Which
 * cores of a node are taken is the hypervisor's own affair.
 */
import { type HostView, type PlacementRequest, totalOf } from './placement-view.ts'

/** The capability in which a host says how many nodes it has; one when it doesn't. */
const NODES = 'numaNodes'

/** Why the guest's nodes don't fit, in words; null when they do. */
export function numaProblem(host: HostView, request: PlacementRequest): string | null {
  const { resources, extraSpecs = {} } = request
  const wanted = Number(extraSpecs['hw:numa_nodes'] ?? 1)
  const has = Number(host.capabilities[NODES] ?? 1)
  if (wanted > has) return `${wanted} NUMA nodes wanted, it has ${has}`
  const cores = largestNode(resources.VCPU ?? 0, wanted)
  const ownCores = Math.floor(totalOf(host, 'VCPU') / has)
  if (cores > ownCores) return `${cores} cores in a NUMA node wanted, it has ${ownCores}`
  const named = Object.entries(extraSpecs).filter(([name]) => name.startsWith('hw:numa_mem.'))
  const memory = named.length
    ? Math.max(...named.map(([, value]) => Number(value)))
    : largestNode(resources.MEMORY_MB ?? 0, wanted)
  const ownMemory = Math.floor(totalOf(host, 'MEMORY_MB') / has)
  return memory > ownMemory ? `${memory} MiB in a NUMA node wanted, it has ${ownMemory}` : null
}

const largestNode = (amount: number, nodes: number): number => Math.ceil(amount / nodes)
