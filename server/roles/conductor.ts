/** The role `conductor`: tasks, the reports of hosts, and all that looks now and then. */
import { taskHandOver } from '../../services/core/task.ts'
import { unseal } from '../../services/identity/sealed.ts'
import { startConductor } from '../../workers/conductor/conductor.ts'
import { startConfirm } from '../../workers/conductor/confirm.ts'
import { startPrune } from '../../workers/conductor/prune.ts'
import { startQuotaAudit } from '../../workers/conductor/quota-audit.ts'
import { startReclaim } from '../../workers/conductor/reclaim.ts'
import { startReports } from '../../workers/conductor/reports.ts'
import { taskKinds } from '../../workers/registry.ts'
import type { Center } from '../center.ts'
import type { Start } from '../cloud.ts'
import { patiently } from '../patience.ts'

const LEASE_MS = 15_000

/** `onHost` is called with the name of each host that takes servers. */
export async function startConducting(
  { config, bus, log, alone, owner, caller, heartbeatMs, leaseMs = LEASE_MS, onStop }: Start,
  { cloud, metrics }: Center,
  onHost: (host: string) => void,
): Promise<void> {
  const { db, now, tokens } = cloud
  if (alone) await patiently(() => taskHandOver(db, { exceptOwner: owner }))
  const strangersJoin = config.hostJoin === 'open'
  const reporting = { cloud, bus, caller, log, heartbeatMs, onHost, strangersJoin }
  const reports = await startReports(reporting)
  onStop(() => reports.stop())
  const pruning = startPrune(cloud, log, config.auditRetentionDays)
  onStop(() => pruning.stop())
  const reclaiming = startReclaim(cloud, log)
  onStop(() => reclaiming.stop())
  const confirming = startConfirm(cloud, log)
  onStop(() => confirming.stop())
  const auditing = startQuotaAudit({ db, log, onFindings: metrics.quotaFindings })
  onStop(() => auditing.stop())
  const conductor = await startConductor({
    bus,
    db,
    log,
    now,
    owner,
    kinds: taskKinds,
    leaseMs,
    call: (queue, call) => caller.call(queue, call),
    ticket: (object) => tokens.issueTicket(object, now()),
    unseal: (sealed) => unseal(cloud.sealKeys, sealed),
    defaultZone: cloud.placement.settings.defaultZone,
    onFinished: metrics.taskFinished,
  })
  onStop(() => conductor.stop())
}
