/**
 * Gathers what comes one by one and has it done together: one batch at a time, each with what came while
 * the last one was done. What comes alone waits for nobody.
 */

/** Resolves or rejects with the batch that the item was in. `most`: items of one batch. */
export function inBatches<T>(
  most: number,
  work: (items: T[]) => Promise<void>,
): (item: T) => Promise<void> {
  let waiting: { item: T; resolve: () => void; reject: (error: unknown) => void }[] = []
  let running = false

  async function run(): Promise<void> {
    running = true
    while (waiting.length > 0) {
      const batch = waiting.slice(0, most)
      waiting = waiting.slice(most)
      try {
        await work(batch.map(({ item }) => item))
        for (const { resolve } of batch) resolve()
      } catch (error) {
        for (const { reject } of batch) reject(error)
      }
    }
    running = false
  }

  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject })
      // Not at once: who is handed over in the same moment comes along.
      if (!running) {
        running = true
        setImmediate(() => void run())
      }
    })
}
