/** What to do where a host and the rows differ. Pure: decisions on what was read, no reading. */
import type { PowerState, ServerStatus } from './server.states.ts'

/** A machine as its host reports it. `fence`: the last work that the host knows of, if it remembers any. */
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
}

export interface Correction {
  status: ServerStatus
  powerState: PowerState
  /** Null: what was wrong is over. */
  fault?: { code: 'HYPERVISOR_FAILED'; message: string } | null
}

/** The status that is true of a machine at rest, or null when the row says so already. */
export function correctionFor(row: ServerRow, machine: ReportedMachine): Correction | null {
  if (row.taskState || machine.busy) return null
  if (machine.fence !== null && machine.fence < row.fence) return null
  const { powerState } = machine
  const running = powerState === 'RUNNING' || powerState === 'PAUSED'
  if (row.status === 'ACTIVE' && !running) {
    const crashed = powerState === 'CRASHED'
    return {
      status: 'SHUTOFF',
      powerState,
      ...(crashed && {
        fault: { code: 'HYPERVISOR_FAILED', message: machine.reason ?? 'the machine crashed' },
      }),
    }
  }
  if (row.status === 'SHUTOFF' && running) return { status: 'ACTIVE', powerState, fault: null }
  if (row.powerState !== powerState) return { status: row.status, powerState }
  return null
}

/** A machine that its host no longer has: nothing is left to start. */
export function correctionForMissing(row: ServerRow): Correction | null {
  if (row.taskState || row.status === 'ERROR') return null
  return {
    status: 'ERROR',
    powerState: 'NOSTATE',
    fault: { code: 'HYPERVISOR_FAILED', message: 'Its host no longer has the machine' },
  }
}
