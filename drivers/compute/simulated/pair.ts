import { type Duplex, duplexPair } from 'node:stream'

/** Two ends of one pipe. When one is torn away, so is the other. */
export function pair(): [Duplex, Duplex] {
  const [one, other] = duplexPair()
  // Closed in good order, both have been read to their ends by then.
  one.once('close', () => other.destroy())
  other.once('close', () => one.destroy())
  return [one, other]
}
