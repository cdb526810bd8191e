/** server.start, server.stop and server.reboot: one call to the host each. */

import { type ServerAction, serverActions } from '../../services/compute/server.states.ts'
import { type ServerTaskInput, serverEvent, serverSettle } from '../../services/compute/server.ts'
import {
  type SaveContext,
  type StepContext,
  StepFailure,
  step,
  taskKind,
} from '../conductor/task.ts'
import {
  BOOT_TIMEOUT_MS,
  callHost,
  GRACE_MS,
  REBOOT_TIMEOUT_MS,
  STOP_TIMEOUT_MS,
} from './agent-calls.ts'
import { faultFrom } from './fault.ts'

export const serverStart = power(
  'server.start',
  step('boot', { do: boot, save: settleAs('start') }),
)
export const serverStop = power(
  'server.stop',
  step('shutdown', { do: shutdown, save: settleAs('stop') }),
)
export const serverReboot = power(
  'server.reboot',
  step('reboot', { do: reboot, save: settleAs('reboot') }),
)

interface PowerInput extends ServerTaskInput {
  mode: 'soft' | 'hard'
}

const inputOf = (c: StepContext) => c.task.input as PowerInput

function hostOf(c: StepContext): string {
  const { host } = inputOf(c)
  if (!host) throw new StepFailure('INVALID_STATE', 'The server was never placed', { final: true })
  return host
}

async function boot(c: StepContext): Promise<void> {
  await callHost(c, hostOf(c), 'start', { machine: inputOf(c).machine }, BOOT_TIMEOUT_MS)
}

async function shutdown(c: StepContext): Promise<void> {
  const { id } = inputOf(c).machine
  const input = { id, mode: 'graceful', timeoutMs: GRACE_MS }
  await callHost(c, hostOf(c), 'stop', input, STOP_TIMEOUT_MS)
}

async function reboot(c: StepContext): Promise<void> {
  const { machine, mode } = inputOf(c)
  await callHost(c, hostOf(c), 'reboot', { machine, mode, timeoutMs: GRACE_MS }, REBOOT_TIMEOUT_MS)
}

/** After the action the server is as its state table says. */
function settleAs(action: ServerAction) {
  const status = serverActions[action].to
  if (!status) throw new Error(`${action} leaves no server`)
  const powerState = status === 'SHUTOFF' ? 'SHUTDOWN' : 'RUNNING'
  return (c: SaveContext): Promise<void> => settle(c, { status, powerState, fault: null })
}

async function settle(c: SaveContext, set: Parameters<typeof serverSettle>[2]): Promise<void> {
  if (!(await serverSettle(c.tx, c.task, set, c.at))) return
  const { resourceId: id, projectId, requestId } = c.task
  c.emit(serverEvent({ id, projectId, requestId }, 'updated'))
}

/** A failed action: the status before it, or ERROR; the host's next report says what is true. */
function power(
  kind: 'server.start' | 'server.stop' | 'server.reboot',
  only: ReturnType<typeof step>,
) {
  return taskKind(kind, [only], {
    failed: (c, error) => {
      const { before } = inputOf(c)
      const action = kind === 'server.reboot' ? serverActions.reboot : null
      return settle(c, { status: action?.onFailure ?? before, fault: faultFrom(error, c.at) })
    },
  })
}
