/** Asking hosts about consoles. One that can't be read now is nothing to fail a whole page for. */
import { randomUUID } from 'node:crypto'
import type { HostConsoles } from '../services/context.ts'
import type { Caller } from '../workers/call.ts'
import { agentQueue } from '../workers/compute/agent-calls.ts'

const LOG_TIMEOUT_MS = 3_000
const SCREENSHOT_TIMEOUT_MS = 5_000

export function hostConsoles(caller: Caller): HostConsoles {
  const ask = async (host: string, verb: string, input: object, timeoutMs: number) => {
    const callId = randomUUID()
    const call = { callId, fence: null, verb, input, requestId: null, timeoutMs }
    const text = await caller.call(agentQueue(host), call).catch(() => null)
    return typeof text === 'string' ? text : null
  }
  return {
    log: (host, id, lines) => ask(host, 'consoleLog', { id, lines }, LOG_TIMEOUT_MS),
    screenshot: (host, id) => ask(host, 'screenshot', { id }, SCREENSHOT_TIMEOUT_MS),
  }
}
