/**
 * What agents report, applied: facts become rows, differences are closed, and machines that no row
 * owns are removed from their hosts.
 */
import type { Logger } from 'pino'
import { heard, hostReport, hostsFallSilent } from '../../services/compute/host.ts'
import { machinesReport } from '../../services/compute/host-machines.ts'
import type { ReportedMachine } from '../../services/compute/reconcile.ts'
import type { Cloud } from '../../services/context.ts'
import { newFence, taskProgress } from '../../services/core/task.ts'
import { isId, newId } from '../../services/id.ts'
import {
  type MachineReport,
  type ProgressReport,
  REPORT_QUEUE,
  type Report,
  type ReportedMachine as Wire,
} from '../agent/reports.ts'
import type { Bus } from '../bus.ts'
import type { Caller } from '../call.ts'
import { agentQueue, DESTROY_TIMEOUT_MS } from '../compute/agent-calls.ts'
import { pause } from '../pause.ts'
import { FENCES_PER_CLAIM } from './call-fence.ts'
import { reportTrust } from './report-trust.ts'

/** A host that misses this many heartbeats is DOWN. */
export const MISSED_HEARTBEATS = 3

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
  const stopping = new AbortController()
  const believed = reportTrust({ db: cloud.db, log, open: settings.strangersJoin })
  const consumer = await bus.consume(REPORT_QUEUE, async (body) => {
    try {
      const report = await believed(body)
      if (report) await apply(settings, report)
    } catch (err) {
      // The next report says it again: there is nothing to keep this one for.
      log.warn({ err }, 'a report could not be applied')
    }
  })
  let lookedAt = Date.now()
  const watching = (async () => {
    while (!stopping.signal.aborted) {
      await pause(heartbeatMs, stopping.signal)
      if (stopping.signal.aborted) return
      // After a gap of our own, hosts first get the time to be heard again.
      const late = Date.now() - lookedAt > 2 * heartbeatMs
      lookedAt = Date.now()
      if (late) continue
      try {
        for (const host of await hostsFallSilent(cloud, MISSED_HEARTBEATS * heartbeatMs)) {
          log.warn({ host }, 'the host is silent: DOWN')
        }
      } catch (err) {
        lookedAt = 0
        log.warn({ err }, 'could not look for silent hosts')
      }
    }
  })()
  return {
    async stop() {
      stopping.abort()
      await consumer.stop()
      await watching
    },
  }
}

async function apply(settings: ReportSettings, report: Report): Promise<void> {
  const { cloud } = settings
  if (report.kind === 'machine') return applyOne(settings, report)
  if (report.kind === 'progress') return applyProgress(settings, report)
  const machines = report.machines?.map(machineOf) ?? null
  const hostId = await hostReport(cloud, { ...report, machines })
  if (!hostId) return
  settings.onHost?.(report.host)
  if (!machines) return
  const { orphans, strangers } = await machinesReport(cloud, hostId, machines, true)
  if (strangers.length) {
    const { log } = settings
    log.warn({ host: report.host, strangers }, 'machines that this cloud never had: left alone')
  }
  for (const id of orphans) await removeOrphan(settings, report.host, id)
}

async function applyOne({ cloud }: ReportSettings, report: MachineReport): Promise<void> {
  const known = await heard(cloud, report)
  if (known) await machinesReport(cloud, known.id, [machineOf(report.machine)], false)
}

/** Of a call that a step of a task has made: its id says which (the engine's context). */
async function applyProgress(
  { cloud }: ReportSettings,
  { callId, doneBytes, totalBytes }: ProgressReport,
): Promise<void> {
  const [taskId = '', round, step] = callId.split('/')
  const isCount = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0
  if (!isId(taskId) || !isCount(Number(round)) || !step) return
  if (!isCount(doneBytes) || !isCount(totalBytes)) return
  await taskProgress(cloud.db, { taskId, round: Number(round), step, doneBytes, totalBytes })
}

const machineOf = (machine: Wire): ReportedMachine => ({
  ...machine,
  fence: machine.fence === null ? null : BigInt(machine.fence),
})

async function removeOrphan(
  { cloud, caller, log }: ReportSettings,
  host: string,
  id: string,
): Promise<void> {
  log.warn({ host, serverId: id }, 'the host has a machine that nobody owns: removing it')
  const fence = Number(await newFence(cloud.db)) * FENCES_PER_CLAIM
  // Not waited for: if it fails, the next report tells of the machine again.
  caller
    .call(agentQueue(host), {
      callId: `sweep/${newId()}`,
      fence,
      verb: 'destroy',
      input: { id },
      requestId: null,
      timeoutMs: DESTROY_TIMEOUT_MS,
    })
    .catch((err) => log.warn({ err, host, serverId: id }, 'could not remove it yet'))
}
