/** What to do where a host and the rows differ. Pure: decisions on what was read, no reading. */
import type { PowerState, ServerStatus } from './server.states.ts'

/**
 * A machine as its host reports it. `fence`: the last work that the host knows of, if it remembers any. A
 * RUNNING one has a reason only when its hypervisor does not answer.
 */
export interface ReportedMachine {
  id: string
  powerState: PowerState
  reason?: string
  fence: bigint | null
  /** A verb runs on it: whatever it is now, it will be something else soon. */
  busy?: boolean
}

export interface ServerRow {
  id: string
  projectId: string
  status: ServerStatus
  powerState: PowerState
  taskState: string | null
  fence: bigint
  /** What its fault says; null without one. */
  faultMessage: string | null
}

export interface Correction {
  status: ServerStatus
  powerState: PowerState
  /** Null: what was wrong is over. */
  fault?: { code: 'HYPERVISOR_FAILED'; message: string } | null
}

type Truth = Partial<Record<PowerState, ServerStatus>>

const off: Truth = { SHUTDOWN: 'SHUTOFF', CRASHED: 'SHUTOFF', SUSPENDED: 'SUSPENDED' }

/**
 * The status that a machine at rest in this power state has, whose row says another one. What is not
 * here keeps its status: in RESCUE, VERIFY_RESIZE and what is put away, being on or off says nothing of
 * what the server is, and what is in ERROR stays so until somebody has looked.
 */
const truths: Partial<Record<ServerStatus, Truth>> = {
  ACTIVE: { ...off, PAUSED: 'PAUSED' },
  PAUSED: { ...off, RUNNING: 'ACTIVE' },
  SUSPENDED: { SHUTDOWN: 'SHUTOFF', CRASHED: 'SHUTOFF', RUNNING: 'ACTIVE', PAUSED: 'PAUSED' },
  SHUTOFF: { RUNNING: 'ACTIVE', PAUSED: 'PAUSED', SUSPENDED: 'SUSPENDED' },
}

/** In which a machine that crashed is told of; where it is off anyway nobody misses it. */
const runsIn: readonly ServerStatus[] = ['ACTIVE', 'PAUSED', 'RESCUE', 'VERIFY_RESIZE']

/** The status that is true of a machine at rest, or null when the row says so already. */
export function correctionFor(row: ServerRow, machine: ReportedMachine): Correction | null {
  if (row.taskState || machine.busy) return null
  if (machine.fence !== null && machine.fence < row.fence) return null
  if (isSilent(machine)) return correctionForSilent(row, machine)
  const { powerState } = machine
  // One that its hypervisor holds, for a reason (a full disk, an I/O error), runs again by itself.
  const isHeld = powerState === 'PAUSED' && machine.reason !== undefined
  const seen = isHeld && row.status !== 'PAUSED' ? 'RUNNING' : powerState
  const status = truths[row.status]?.[seen] ?? row.status
  if (status === row.status && row.powerState === powerState) return null
  const correction = { status, powerState }
  if (powerState === 'CRASHED' && runsIn.includes(row.status)) {
    const message = machine.reason ?? 'the machine crashed'
    return { ...correction, fault: failed(message) }
  }
  if (isHeld) return { ...correction, fault: failed(`It is held still: ${machine.reason}`) }
  const wasHeld = row.status === 'ACTIVE' && row.powerState === 'PAUSED'
  const wasSilent = row.powerState === 'NOSTATE' && runsIn.includes(row.status)
  const isOver = wasSilent || (powerState === 'RUNNING' && (row.status === 'SHUTOFF' || wasHeld))
  return isOver ? { ...correction, fault: null } : correction
}

/** Its hypervisor lives and says nothing: whether the guest runs nobody knows. */
const isSilent = ({ powerState, reason }: ReportedMachine): boolean =>
  powerState === 'RUNNING' && reason !== undefined

function correctionForSilent(row: ServerRow, { reason }: ReportedMachine): Correction | null {
  if (!runsIn.includes(row.status)) return null
  const fault = failed(reason ?? '')
  // What failed because of it left its own words.
  const isTold = row.powerState === 'NOSTATE' && row.faultMessage === fault.message
  return isTold ? null : { status: row.status, powerState: 'NOSTATE', fault }
}

const failed = (message: string) => ({ code: 'HYPERVISOR_FAILED', message }) as const

const gone = { code: 'HYPERVISOR_FAILED', message: 'Its host no longer has the machine' } as const

/** A machine that its host no longer has: nothing is left to start. */
export function correctionForMissing(row: ServerRow): Correction | null {
  if (row.taskState || row.status === 'ERROR' || row.status === 'SOFT_DELETED') return null
  // It can still be reverted to where it came from.
  const status = row.status === 'VERIFY_RESIZE' ? 'VERIFY_RESIZE' : 'ERROR'
  if (status === row.status && row.powerState === 'NOSTATE') return null
  return { status, powerState: 'NOSTATE', fault: gone }
}
