/** Where the agents of hosts are called, and how long each verb may take there. */
import { type StepContext, StepFailure } from '../conductor/task.ts'

export const agentQueue = (host: string): string => `agent.compute.${host}`

/** Includes the fetch of an image that the host does not have yet. */
export const DISK_TIMEOUT_MS = 10 * 60_000
export const BOOT_TIMEOUT_MS = 60_000
/** The guest is asked first, this long; then it is forced. */
export const GRACE_MS = 30_000
/** What a stop takes beyond the time that the guest is given. */
export const STOP_SLACK_MS = 30_000
export const PAUSE_TIMEOUT_MS = 30_000
/** The guest's agent may be slow. */
export const PASSWORD_TIMEOUT_MS = 60_000
/** Memory goes to the disk or comes from it. */
export const MEMORY_TIMEOUT_MS = 20 * 60_000
/** A disk is copied and sent. */
export const COPY_TIMEOUT_MS = 2 * 60 * 60_000
export const REBOOT_TIMEOUT_MS = GRACE_MS + 60_000
export const DESTROY_TIMEOUT_MS = 30_000

/** Calls a host's agent, unless the host is known to be DOWN: then there is nothing to wait for. */
export async function callHost(
  c: StepContext,
  host: string,
  verb: string,
  input: object,
  timeoutMs: number,
): Promise<unknown> {
  const row = await c.db.host.findUnique({ where: { name: host }, select: { status: true } })
  if (row?.status === 'DOWN') {
    throw new StepFailure('UNAVAILABLE', 'The host is down', { retryable: true })
  }
  return c.call(agentQueue(host), verb, input, timeoutMs)
}
