/**
 * Whose word counts for a host. A host with a key speaks by signature only; of hosts without one, whoever
 * is on the bus is believed, unless only hosts that joined are let in.
 *
 * Keys are read for each batch of reports, in one statement, and not kept: once a host is removed or has
 * joined anew its old key counts for nothing.
 */
import type { Logger } from 'pino'
import type { Db } from '../../services/context.ts'
import type { Report } from '../agent/reports.ts'
import { isSigned, verified } from '../agent/signature.ts'
import { reportFrom } from './report-shape.ts'

export interface TrustSettings {
  db: Db
  log: Logger
  /** Hosts that never joined are believed too. */
  open: boolean
}

/** By name; null: it never joined. */
type Keys = ReadonlyMap<string, string | null>

export function reportTrust({ db, log, open }: TrustSettings) {
  async function keysOf(hosts: string[]): Promise<Keys> {
    if (hosts.length === 0) return new Map()
    const rows = await db.$queryRaw<{ name: string; key: string | null }[]>`
      select name, public_key as key from compute.host where name = any(${hosts}::text[])`
    return new Map(rows.map(({ name, key }) => [name, key]))
  }

  function believed(message: unknown, keys: Keys): Report | null {
    if (isSigned(message)) {
      const { host } = message
      const key = keys.get(host)
      const report = key ? verified(key, message) : null
      if (report) return reportFrom(report)
      log.warn({ host }, 'a report with a wrong signature was dropped')
      return null
    }
    const report = reportFrom(message)
    if (!report) {
      log.warn('a report of an unknown shape was dropped')
      return null
    }
    const key = keys.get(report.host)
    if (key === null || (key === undefined && open)) return open ? report : null
    log.warn({ host: report.host }, 'a report without the signature of its host was dropped')
    return null
  }

  /** The reports among these messages that somebody has to believe. */
  return async (messages: unknown[]): Promise<Report[]> => {
    const hosts = messages.flatMap((message) => {
      const host = isSigned(message) ? message.host : reportFrom(message)?.host
      return host === undefined || host.includes('\0') ? [] : [host]
    })
    const keys = await keysOf([...new Set(hosts)])
    return messages.flatMap((message) => believed(message, keys) ?? [])
  }
}
