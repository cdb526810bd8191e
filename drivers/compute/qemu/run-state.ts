/** What QEMU's run states and the causes of its shutdown (RunState and ShutdownCause of QMP) say of a machine. */

/** How a machine went down. */
export interface Down {
  powerState: 'SHUTDOWN' | 'CRASHED'
  reason: string
}

const GUEST_SHUT_DOWN: Down = { powerState: 'SHUTDOWN', reason: 'guest shut down' }
export const GUEST_PANICKED: Down = { powerState: 'CRASHED', reason: 'guest panicked' }

/** Run states in which there is nothing left to go on. */
const downStates: Record<string, Down> = {
  shutdown: GUEST_SHUT_DOWN,
  'guest-panicked': GUEST_PANICKED,
  'internal-error': { powerState: 'CRASHED', reason: 'QEMU failed' },
}

/** Held still by us: because somebody asked, or because its memory comes or goes. */
const heldStates = ['paused', 'inmigrate', 'finish-migrate', 'postmigrate']

/** How a machine in this run state went down; null while it is on. */
export const downIn = (runState: string): Down | null => downStates[runState] ?? null

export const isHeldStill = (runState: string): boolean => heldStates.includes(runState)

/** How a machine goes down whose QEMU names this cause. */
export function downBy(cause: string): Down {
  if (cause === 'guest-shutdown') return GUEST_SHUT_DOWN
  if (cause === 'guest-panic') return GUEST_PANICKED
  if (cause === 'host-signal') return { powerState: 'CRASHED', reason: 'QEMU was terminated' }
  return { powerState: 'SHUTDOWN', reason: cause }
}
