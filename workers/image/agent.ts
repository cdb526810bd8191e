/** The agent of the image store: deletes bytes when told to, and sweeps those without a row. */
import type { Logger } from 'pino'
import type { ImageStore } from '../../drivers/image/driver.ts'
import type { Bus } from '../bus.ts'
import { serveCalls } from '../call.ts'
import { IMAGE_QUEUE } from './image-delete.ts'

export async function startImageAgent(bus: Bus, store: ImageStore, log: Logger) {
  return serveCalls(
    bus,
    IMAGE_QUEUE,
    {
      delete: async ({ input }) => {
        const { id } = input as { id: string }
        await store.discard(id)
        await store.delete(id)
        return null
      },
    },
    { concurrency: 4, log },
  )
}
