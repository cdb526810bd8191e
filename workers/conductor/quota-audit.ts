/**
 * Keeps the books of quotas right: looks from time to time whether counters and claims agree, tells what
 * it found, and counts anew what differs. A claim that is not its owner's is only told of: which of the
 * two is right, the books can't know.
 */
import type { Logger } from 'pino'
import type { Db } from '../../services/context.ts'
import { type QuotaFinding, quotaFindings, quotaMend } from '../../services/identity/quota-audit.ts'
import { type Periodic, startPeriodic } from '../periodic.ts'

const EVERY_MS = 5 * 60_000

interface Auditing {
  db: Db
  log: Logger
  /** Told how much was found at each look. */
  onFindings(count: number): void
  everyMs?: number
}

export function startQuotaAudit(auditing: Auditing): Periodic {
  const { log, everyMs = EVERY_MS } = auditing
  return startPeriodic({ everyMs, log, failed: 'could not audit the quotas' }, async () => {
    await quotaAudit(auditing)
  })
}

const isCounter = ({ ownerId }: QuotaFinding): boolean => ownerId === null

/** One look; what it found, mended or not. */
export async function quotaAudit({ db, log, onFindings }: Auditing): Promise<QuotaFinding[]> {
  const findings = await quotaFindings(db)
  onFindings(findings.length)
  for (const finding of findings) log.error({ finding }, 'the books of a quota are wrong')
  const wrong = new Map(
    findings.filter(isCounter).map((found) => [`${found.projectId} ${found.resource}`, found]),
  )
  for (const { projectId, resource } of wrong.values()) {
    const mended = await quotaMend(db, { projectId, resource })
    log.warn({ projectId, resource, mended }, 'the claims of a quota were counted anew')
  }
  return findings
}
