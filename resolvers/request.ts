import type { Context } from '../services/context.ts'
import type { Loaders } from './loaders.ts'

/** What every resolver is handed: the context of services/ and the loaders of this request. */
export interface Request extends Context {
  load: Loaders
  /** Ends when the request or the watch does. */
  signal: AbortSignal
}
