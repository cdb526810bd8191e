/**
 * Whose word counts for a host. A host with a key speaks by signature only; of hosts without one, whoever
 * is on the bus is believed, unless only hosts that joined are let in.
 */
import type { Logger } from 'pino'
import type { Db } from '../../services/context.ts'
import type { Report } from '../agent/reports.ts'
import { isSigned, verified } from '../agent/signature.ts'

/** Keys change rarely; a wrong signature has the key looked up anew. */
const KEEP_MS = 30_000
const MAX_KEPT = 20_000

export interface TrustSettings {
  db: Db
  log: Logger
  /** Hosts that never joined are believed too. */
  open: boolean
}

interface Known {
  /** Undefined: there is no such host. */
  key: string | null | undefined
  readAt: number
}

export function reportTrust({ db, log, open }: TrustSettings) {
  const known = new Map<string, Known>()

  async function keyOf(host: string, anew = false): Promise<string | null | undefined> {
    const kept = known.get(host)
    if (kept && !anew && Date.now() - kept.readAt < KEEP_MS) return kept.key
    const row = await db.host.findUnique({ where: { name: host }, select: { publicKey: true } })
    if (known.size >= MAX_KEPT) known.clear()
    known.set(host, { key: row?.publicKey, readAt: Date.now() })
    return row?.publicKey
  }

  /** The report that a message is, or null when nobody has to believe it. */
  return async (message: unknown): Promise<Report | null> => {
    if (isSigned(message)) {
      for (const anew of [false, true]) {
        const key = await keyOf(message.host, anew)
        const report = key ? verified(key, message) : null
        if (report) return report as Report
      }
      log.warn({ host: message.host }, 'a report with a wrong signature was dropped')
      return null
    }
    const report = message as Report
    if (typeof report?.host !== 'string') return null
    const key = await keyOf(report.host)
    if (key === null || (key === undefined && open)) return open ? report : null
    log.warn({ host: report.host }, 'a report without the signature of its host was dropped')
    return null
  }
}
