/** The scheduler: answers where a server could go. The claim is the conductor's, under a guard. */
import type { Logger } from 'pino'
import { hostViews } from '../services/compute/allocation.ts'
import { type PlacementRequest, place } from '../services/compute/placement.ts'
import type { Db } from '../services/context.ts'
import type { Bus, Consumer } from './bus.ts'
import { serveCalls } from './call.ts'

export const SCHEDULER_QUEUE = 'scheduler'
/** Candidates told to the conductor: the first is taken, the rest are there to be seen. */
const MAX_CANDIDATES = 5
const CONCURRENCY = 32

export const startScheduler = (bus: Bus, db: Db, log: Logger): Promise<Consumer> =>
  serveCalls(
    bus,
    SCHEDULER_QUEUE,
    {
      place: async ({ input }) => {
        const { ranked, explanation } = place(await hostViews(db), requestOf(input))
        const hosts = ranked
          .slice(0, MAX_CANDIDATES)
          .map(({ id, name, generation }) => ({ id, name, generation }))
        return { hosts, explanation }
      },
    },
    { concurrency: CONCURRENCY, log },
  )

function requestOf(input: unknown): PlacementRequest {
  const { resources, tried } = input as Partial<PlacementRequest>
  if (typeof resources !== 'object' || resources === null || !Array.isArray(tried)) {
    throw new TypeError('place needs resources and the hosts that were tried')
  }
  return { resources, tried }
}
