/** The scheduler: answers where a server could go. The claim is the conductor's, under a guard. */
import type { Logger } from 'pino'
import type { Placer } from '../services/compute/placement-placer.ts'
import { placementRequestFrom } from '../services/compute/placement-request.ts'
import type { Bus, Consumer } from './bus.ts'
import { serveCalls } from './call.ts'

export const SCHEDULER_QUEUE = 'scheduler'
const CONCURRENCY = 32

export const startScheduler = (
  bus: Bus,
  placer: Pick<Placer, 'decide'>,
  log: Logger,
): Promise<Consumer> =>
  serveCalls(
    bus,
    SCHEDULER_QUEUE,
    { place: ({ input }) => placer.decide(placementRequestFrom(input)) },
    { concurrency: CONCURRENCY, log },
  )
