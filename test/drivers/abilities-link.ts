/** The two ends of a way between two hosts, as it should be. */
import type { Duplex } from 'node:stream'
import type { MigrationLink } from '../../drivers/compute/abilities.ts'
import { pair } from '../../drivers/compute/simulated/pair.ts'

export function abilitiesLink(): { source: MigrationLink; destination: MigrationLink } {
  const ends: Record<'memory' | 'disk', [Duplex, Duplex]> = { memory: pair(), disk: pair() }
  return {
    source: { open: async (channel) => ends[channel][0] },
    destination: { open: async (channel) => ends[channel][1] },
  }
}
