/** Turning servers on, off and over; holding them in memory or on disk. */
import type { Context } from '../context.ts'
import type { ServerResult } from './server.ts'
import { type ServerActionRequest, serverAction } from './server-action.ts'

export const serverStart = serverAction('start', 'server.start')
export const serverPause = serverAction('pause', 'server.pause')
export const serverUnpause = serverAction('unpause', 'server.unpause')
export const serverSuspend = serverAction('suspend', 'server.suspend')
export const serverResume = serverAction('resume', 'server.resume')

export interface ServerForceStop extends ServerActionRequest {
  /** How long the guest is asked before it is forced. */
  timeoutSeconds: number
}

/** The longest that a guest may be given to shut down. */
export const MAX_GRACE_SECONDS = 3600

export const serverStop = serverAction('stop', 'server.stop', async () => ({
  task: { mode: 'graceful' },
}))

export const serverForceStop = serverAction(
  'stop',
  'server.stop',
  async (_c, _server, { timeoutSeconds }: ServerForceStop) => ({
    task: {
      mode: timeoutSeconds > 0 ? 'graceful' : 'forced',
      graceMs: timeoutSeconds * 1000,
    },
  }),
)

const rebootSoft = serverAction('reboot', 'server.reboot', async () => ({ task: { mode: 'soft' } }))
const rebootHard = serverAction('rebootHard', 'server.reboot', async () => ({
  task: { mode: 'hard' },
}))

export const serverReboot = (
  ctx: Context,
  input: ServerActionRequest & { mode: 'SOFT' | 'HARD' },
): Promise<ServerResult> => (input.mode === 'HARD' ? rebootHard : rebootSoft)(ctx, input)
