/**
 * Reads that were refused, in the audit log: who asked for what is not theirs. Commands record their
 * own refusals; what passes here a second time is left alone.
 *
 * A caller who is refused all the time is known after the first few: the rest of the minute is only
 * counted, so that nobody floods the log.
 */
import type { Context } from '../context.ts'
import { CloudError } from '../errors.ts'
import { auditFailure, isRecorded } from './audit.ts'

/** Refused reads of one caller that are recorded in a minute. */
export const MAX_RECORDED_A_MINUTE = 20
const MINUTE_MS = 60_000
/** Callers whose refusals are counted at once. */
const MAX_CALLERS = 10_000

type Refused = Pick<Context, 'actor' | 'db' | 'log' | 'requestId' | 'address' | 'now'>

export class Refusals {
  private minute = 0
  private readonly counts = new Map<string, number>()

  /** Records the FORBIDDEN ones of an answer's errors, each rule once. Never throws. */
  async record(ctx: Refused, errors: readonly unknown[]): Promise<void> {
    const byRule = new Map<string, CloudError>()
    for (const error of errors) {
      if (!(error instanceof CloudError) || error.code !== 'FORBIDDEN') continue
      if (isRecorded(error)) continue
      const rule = error.details?.rule ?? 'unknown'
      if (!byRule.has(rule)) byRule.set(rule, error)
    }
    const { actor, requestId, address } = ctx
    for (const [action, error] of byRule) {
      if (!this.admits(ctx)) return
      const resourceType = action.split('.')[1]?.replaceAll('-', '_')
      await auditFailure(ctx, { action, actor, requestId, address }, error, {
        ...(resourceType && { resourceType }),
      })
    }
  }

  private admits({ actor, address, now }: Refused): boolean {
    const minute = Math.floor(now().getTime() / MINUTE_MS)
    if (minute !== this.minute) {
      this.minute = minute
      this.counts.clear()
    }
    const caller = actor?.userId ?? address ?? ''
    const count = this.counts.get(caller) ?? 0
    if (count >= MAX_RECORDED_A_MINUTE) return false
    if (count === 0 && this.counts.size >= MAX_CALLERS) return false
    this.counts.set(caller, count + 1)
    return true
  }
}
