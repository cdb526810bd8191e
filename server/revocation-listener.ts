/**
 * Keeps what was revoked in memory true: hears of revocations as events and reads them, those that
 * come together in one statement. A reading that fails is done again until it succeeds or we stop: an
 * event comes once, and a revocation that is passed over would be good for a day.
 */
import type { Logger } from 'pino'
import type { Db } from '../services/context.ts'
import type { EventRow } from '../services/core/event.ts'
import type { Revocations } from '../services/identity/revocation.ts'
import { pause } from '../workers/pause.ts'

const RETRY_MS = 500

export interface RevocationListener {
  /** Called when tokens were revoked, once that is known here. */
  onKnown(heard: () => void): void
  stop(): Promise<void>
}

export function listenToRevocations(
  db: Db,
  revocations: Pick<Revocations, 'load' | 'prune'>,
  relay: { onEvent(listener: (event: EventRow) => void): unknown },
  log: Pick<Logger, 'error'>,
): RevocationListener {
  const stopping = new AbortController()
  const listeners: (() => void)[] = []
  const heard = new Set<string>()
  let reading: Promise<void> | null = null

  const readAll = async (): Promise<void> => {
    while (heard.size > 0 && !stopping.signal.aborted) {
      const ids = [...heard]
      try {
        await revocations.load(db, new Date(), ids)
        for (const id of ids) heard.delete(id)
        for (const listener of listeners) listener()
      } catch (err) {
        log.error({ err, ids }, 'revocations could not be read; trying again')
        await pause(RETRY_MS, stopping.signal)
      }
    }
    revocations.prune(new Date())
    reading = null
  }

  relay.onEvent((event) => {
    if (event.type !== 'revocation.created') return
    heard.add(event.resourceId)
    // A tick later: those of the same page are read with it.
    reading ??= Promise.resolve().then(readAll)
  })
  return {
    onKnown: (listener) => void listeners.push(listener),
    async stop() {
      stopping.abort()
      await reading
    },
  }
}
