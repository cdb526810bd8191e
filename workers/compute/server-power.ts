/** What turns servers on, off and over, and holds them: one call to the host each. */
import type { ServerAction } from '../../services/compute/server.states.ts'
import { machineOf, type ServerTaskInput } from '../../services/compute/server.ts'
import type { ServerTaskKind } from '../../services/compute/server-tasks.ts'
import { type StepContext, step, type TaskKind, taskKind } from '../conductor/task.ts'
import {
  BOOT_TIMEOUT_MS,
  callHost,
  GRACE_MS,
  MEMORY_TIMEOUT_MS,
  PAUSE_TIMEOUT_MS,
  REBOOT_TIMEOUT_MS,
  STOP_SLACK_MS,
} from './agent-calls.ts'
import { hostOf, settleAs, settleFailed } from './server-settle.ts'

interface PowerInput extends ServerTaskInput {
  /** Of a stop: graceful or forced; of a reboot: soft or hard. */
  mode?: string
  /** How long the guest is waited for. */
  graceMs?: number
}

const inputOf = (c: StepContext) => c.task.input as PowerInput

export const serverStart = power('server.start', 'start', 'boot', boot)
export const serverStop = power('server.stop', 'stop', 'shutdown', shutdown)
export const serverReboot = power('server.reboot', 'reboot', 'reboot', reboot)
export const serverPause = power('server.pause', 'pause', 'pause', callWithId(PAUSE_TIMEOUT_MS))
export const serverUnpause = power(
  'server.unpause',
  'unpause',
  'unpause',
  callWithId(PAUSE_TIMEOUT_MS),
)
export const serverSuspend = power(
  'server.suspend',
  'suspend',
  'suspend',
  callWithId(MEMORY_TIMEOUT_MS),
)
export const serverResume = power('server.resume', 'resume', 'resume', resume)

/** A task of one step that ends as the state table says. */
function power(
  kind: ServerTaskKind,
  action: ServerAction,
  name: string,
  deed: (c: StepContext, verb: string) => Promise<void>,
): TaskKind {
  const only = step(name, {
    do: (c) => deed(c, name),
    save: settleAs(action, { fault: null, restStatus: null, deletedAt: null }),
  })
  return taskKind(kind, [only], { failed: settleFailed(action) })
}

export async function boot(c: StepContext): Promise<void> {
  const machine = await machineOf(c.db, c.task.resourceId)
  await callHost(c, await hostOf(c), 'start', { machine }, BOOT_TIMEOUT_MS)
}

export async function shutdown(c: StepContext): Promise<void> {
  const { mode = 'graceful', graceMs: timeoutMs = GRACE_MS } = inputOf(c)
  const input = { id: c.task.resourceId, mode, timeoutMs }
  await callHost(c, await hostOf(c), 'stop', input, timeoutMs + STOP_SLACK_MS)
}

async function reboot(c: StepContext): Promise<void> {
  const machine = await machineOf(c.db, c.task.resourceId)
  const input = { machine, mode: inputOf(c).mode, timeoutMs: GRACE_MS }
  await callHost(c, await hostOf(c), 'reboot', input, REBOOT_TIMEOUT_MS)
}

async function resume(c: StepContext): Promise<void> {
  const machine = await machineOf(c.db, c.task.resourceId)
  await callHost(c, await hostOf(c), 'resume', { machine }, MEMORY_TIMEOUT_MS)
}

/** A verb that needs only the machine's id, and is called as its step. */
function callWithId(timeoutMs: number) {
  return async (c: StepContext, verb: string): Promise<void> => {
    await callHost(c, await hostOf(c), verb, { id: c.task.resourceId }, timeoutMs)
  }
}
