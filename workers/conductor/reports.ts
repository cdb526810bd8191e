/**
 * What agents report, applied: facts become rows, differences are closed, and machines that no row
 * owns are removed from their hosts.
 *
 * B1 Reports that come together are applied together, in statements over all of them; one batch at a
 *    time, so that of one host the later is applied later.
 * B2 Of several reports of one host in a batch the last counts. What one machine did by itself is
 *    applied after it, in the order in which it was told.
 * B3 A report that breaks its batch is found by applying each alone. Once a batch has noted who was heard,
 *    this finds only old news: from there on each host fails for itself.
 */
import type { Logger } from 'pino'
import { hostsFallSilent } from '../../services/compute/host.ts'
import {
  machinesReport,
  machinesReports,
  type Unowned,
} from '../../services/compute/host-machines.ts'
import { heard, hostsReport } from '../../services/compute/host-report.ts'
import { hostWorksFor } from '../../services/compute/host-work.ts'
import type { ReportedMachine } from '../../services/compute/reconcile.ts'
import type { Cloud } from '../../services/context.ts'
import { taskProgress } from '../../services/core/task.ts'
import { isId, newId } from '../../services/id.ts'
import {
  type HostReport,
  type MachineReport,
  type ProgressReport,
  REPORT_QUEUE,
  type Report,
  type ReportedMachine as Wire,
} from '../agent/reports.ts'
import type { Bus } from '../bus.ts'
import { CallError, type Caller } from '../call.ts'
import { agentQueue, DESTROY_TIMEOUT_MS } from '../compute/agent-calls.ts'
import { inBatches } from '../in-batches.ts'
import { startPeriodic } from '../periodic.ts'
import { FENCES_PER_CLAIM } from './call-fence.ts'
import { reportTrust } from './report-trust.ts'

/** A host that misses this many heartbeats is DOWN. */
export const MISSED_HEARTBEATS = 3
/** Reports of one batch: more would keep rows of hosts locked for longer. */
const REPORTS_AT_ONCE = 128

export interface ReportSettings {
  cloud: Pick<Cloud, 'db' | 'now'>
  bus: Bus
  caller: Caller
  log: Logger
  heartbeatMs: number
  /** Hosts that never joined with a word are believed too. */
  strangersJoin: boolean
  onHost?: (host: string) => void
}

export async function startReports(settings: ReportSettings): Promise<{ stop(): Promise<void> }> {
  const { bus, cloud, log, heartbeatMs } = settings
  const believed = reportTrust({ db: cloud.db, log, open: settings.strangersJoin })
  const take = inBatches<unknown>(REPORTS_AT_ONCE, (bodies) => applyAll(settings, believed, bodies))
  const consumer = await bus.consume(REPORT_QUEUE, take, { concurrency: REPORTS_AT_ONCE })
  let lookedAt = Date.now()
  const failed = 'could not look for silent hosts'
  const watching = startPeriodic({ everyMs: heartbeatMs, log, failed }, async () => {
    const now = Date.now()
    // After a gap of our own, or a look that failed, hosts first get the time to be heard again.
    const isLate = now - lookedAt > 2 * heartbeatMs
    lookedAt = 0
    const silent = isLate ? [] : await hostsFallSilent(cloud, MISSED_HEARTBEATS * heartbeatMs)
    for (const host of silent) log.warn({ host }, 'the host is silent: DOWN')
    lookedAt = now
  })
  return {
    async stop() {
      await Promise.all([watching.stop(), consumer.stop()])
    },
  }
}

type Believed = ReturnType<typeof reportTrust>

/** Never rejects: the next report says it again, there is nothing to keep this one for. */
async function applyAll(
  settings: ReportSettings,
  believed: Believed,
  bodies: unknown[],
): Promise<void> {
  try {
    const reports = await believed(bodies)
    await applyHosts(settings, latestOfEach(reports.filter(isOfHost)))
    for (const report of reports) {
      if (isOfHost(report)) continue
      const applied =
        report.kind === 'machine' ? applyOne(settings, report) : applyProgress(settings, report)
      await applied.catch((err) => settings.log.warn({ err }, UNAPPLIED))
    }
  } catch (err) {
    if (bodies.length <= 1) return settings.log.warn({ err }, UNAPPLIED)
    for (const body of bodies) await applyAll(settings, believed, [body])
  }
}

const UNAPPLIED = 'a report could not be applied'

const isOfHost = (report: Report): report is HostReport => report.kind === 'host'

/** B2: by name, the one with the highest number of the newest agent. */
function latestOfEach(reports: HostReport[]): HostReport[] {
  const latest = new Map<string, HostReport>()
  for (const report of reports) {
    const other = latest.get(report.host)
    if (!other || isLater(report, other)) latest.set(report.host, report)
  }
  return [...latest.values()]
}

function isLater(report: HostReport, other: HostReport): boolean {
  const [at, otherAt] = [Date.parse(report.agentStartedAt), Date.parse(other.agentStartedAt)]
  return at === otherAt ? report.sequence > other.sequence : at > otherAt
}

async function applyHosts(settings: ReportSettings, reports: HostReport[]): Promise<void> {
  if (reports.length === 0) return
  const { cloud, log } = settings
  const hosts = reports.map(({ machines, ...report }) => ({
    ...report,
    machines: machines?.map(machineOf) ?? null,
  }))
  const ids = await hostsReport(cloud, hosts, (host, err) => log.warn({ err, host }, UNAPPLIED))
  for (const name of ids.keys()) settings.onHost?.(name)
  const nameOf = new Map([...ids].map(([name, id]) => [id, name]))
  const listed = hosts.flatMap(({ host, machines, at }) => {
    const hostId = ids.get(host)
    return hostId && machines ? [{ hostId, machines, seenAt: new Date(at) }] : []
  })
  await machinesReports(
    cloud,
    listed,
    (hostId, unowned) => removeUnowned(settings, nameOf.get(hostId) ?? '', unowned),
    (hostId, err) => log.warn({ err, host: nameOf.get(hostId) }, UNAPPLIED),
  )
}

function removeUnowned(
  settings: ReportSettings,
  host: string,
  { orphans, strangers, fence }: Unowned,
): void {
  if (strangers.length) {
    settings.log.warn({ host, strangers }, 'machines that this cloud never had: left alone')
  }
  for (const id of orphans) removeOrphan(settings, host, id, fence)
}

async function applyOne({ cloud }: ReportSettings, report: MachineReport): Promise<void> {
  const known = await heard(cloud, report)
  if (known) await machinesReport(cloud, known.id, [machineOf(report.machine)], false)
}

/** Of a call that a step of a task has made: its id says which (the engine's context). */
async function applyProgress(
  { cloud }: ReportSettings,
  { host, callId, doneBytes, totalBytes }: ProgressReport,
): Promise<void> {
  const [taskId = '', round, step, , , queue] = callId.split('/')
  const isCount = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0
  if (!isId(taskId) || !isCount(Number(round)) || !step) return
  if (!isCount(doneBytes) || !isCount(totalBytes)) return
  // Of its own calls, for servers that it has to do with: nobody tells of another one's work.
  if (queue !== agentQueue(host) || !(await hostWorksFor(cloud.db, host, taskId))) return
  await taskProgress(cloud.db, { taskId, round: Number(round), step, doneBytes, totalBytes })
}

const machineOf = (machine: Wire): ReportedMachine => ({
  ...machine,
  fence: machine.fence === null ? null : BigInt(machine.fence),
})

function removeOrphan(
  { caller, log }: ReportSettings,
  host: string,
  id: string,
  fence: bigint,
): void {
  log.warn({ host, serverId: id }, 'the host has a machine that nobody owns: removing it')
  // Not waited for: if it fails, the next report tells of the machine again.
  caller
    .call(agentQueue(host), {
      callId: `sweep/${newId()}`,
      fence: Number(fence) * FENCES_PER_CLAIM,
      verb: 'destroy',
      input: { id },
      requestId: null,
      timeoutMs: DESTROY_TIMEOUT_MS,
    })
    .catch((err) => {
      // A task that began since has it in hand.
      if (err instanceof CallError && err.code === 'STALE') return
      log.warn({ err, host, serverId: id }, 'could not remove it yet')
    })
}
