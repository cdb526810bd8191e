/** Chance that can be repeated: the seed is printed, and NEPHO_FAULT_SEED takes it back. */
export interface Random {
  seed: number
  /** A whole number below `limit`. */
  below(limit: number): number
  shuffle<T>(items: T[]): void
}

export function makeRandom(
  seed = Number(process.env.NEPHO_FAULT_SEED) || Date.now() % 2 ** 31,
): Random {
  let state = seed
  /** mulberry32 */
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (limit: number): number => Math.floor(next() * limit)
  return {
    seed,
    below,
    shuffle(items) {
      for (let i = items.length - 1; i > 0; i--) {
        const j = below(i + 1)
        ;[items[i], items[j]] = [items[j] as (typeof items)[0], items[i] as (typeof items)[0]]
      }
    },
  }
}
