/**
 * The weighers: each gives a host a number, the more the better; numbers are brought to 0..1 among
 * the hosts that passed and multiplied as the settings say, as in Nova. A row of the table each, pure.
 */
import type { Asked } from './placement-filters.ts'
import type { WeigherName } from './placement-settings.ts'
import { freeOf, type GroupPolicy, type HostView } from './placement-view.ts'

export interface Weigher {
  /** Whether it has something to say about this request; always by default. */
  concerns?(asked: Asked): boolean
  weigh(host: HostView, asked: Asked): number
}

const free = (resource: string): Weigher => ({ weigh: (host) => freeOf(host, resource) })

const groupIs = (policy: GroupPolicy) => (asked: Asked) =>
  asked.request.group?.policy === policy && asked.peers.group.size > 0

export const weighers: Readonly<Record<WeigherName, Weigher>> = {
  RAMWeigher: free('MEMORY_MB'),
  CPUWeigher: free('VCPU'),
  DiskWeigher: free('DISK_GB'),
  /** Busy hosts weigh more: the multiplier is below 0 where they are to be spared. */
  IoOpsWeigher: { weigh: ({ busy }) => busy },
  ServerGroupSoftAffinityWeigher: {
    concerns: groupIs('SOFT_AFFINITY'),
    weigh: ({ id }, { peers }) => peers.group.get(id) ?? 0,
  },
  ServerGroupSoftAntiAffinityWeigher: {
    concerns: groupIs('SOFT_ANTI_AFFINITY'),
    weigh: ({ id }, { peers }) => -(peers.group.get(id) ?? 0),
  },
  BuildFailureWeigher: { weigh: ({ failedBuilds }) => 0 - failedBuilds },
  MetricsWeigher: {
    concerns: ({ settings }) => Object.keys(settings.metrics).length > 0,
    weigh: ({ capabilities }, { settings }) => {
      let sum = 0
      for (const [name, ratio] of Object.entries(settings.metrics)) {
        const value = Number(capabilities[name])
        if (Number.isFinite(value)) sum += ratio * value
      }
      return sum
    },
  },
}

export interface Weighed {
  host: HostView
  weight: number
}

/** Best first; hosts of one weight by their names. */
export function weigh(hosts: readonly HostView[], asked: Asked): Weighed[] {
  const weights = new Float64Array(hosts.length)
  for (const [name, multiplier] of Object.entries(asked.settings.weights)) {
    const weigher = weighers[name as WeigherName]
    if (multiplier === 0 || weigher.concerns?.(asked) === false) continue
    const values = hosts.map((host) => weigher.weigh(host, asked))
    let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
    for (const value of values) {
      if (value < least) least = value
      if (value > most) most = value
    }
    if (most === least) continue
    values.forEach((value, i) => {
      weights[i] = (weights[i] ?? 0) + (multiplier * (value - least)) / (most - least)
    })
  }
  return hosts
    .map((host, i) => ({ host, weight: weights[i] ?? 0 }))
    .sort((a, b) => b.weight - a.weight || (a.host.name < b.host.name ? -1 : 1))
}
