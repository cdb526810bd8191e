/** Turning servers on, off and over; holding them in memory or on disk. */
import type { Context } from '../context.ts'
import type { ServerResult } from './server.ts'
import { type ServerActionRequest, serverAction } from './server-action.ts'

export const serverStart = serverAction('start', 'server.start')
export const serverPause = serverAction('pause', 'server.pause')
export const serverUnpause = serverAction('unpause', 'server.unpause')
export const serverSuspend = serverAction('suspend', 'server.suspend')
export const serverResume = serverAction('resume', 'server.resume')

export interface ServerStop extends ServerActionRequest {
  /** At once, without asking the guest. */
  force?: boolean | null
  /** How long the guest is waited for before it is forced. */
  timeoutSeconds?: number | null
}

/** What a guest is given to shut down when nobody says more. */
export const DEFAULT_GRACE_SECONDS = 30
export const MAX_GRACE_SECONDS = 3600

export const serverStop = serverAction(
  'stop',
  'server.stop',
  async (_c, _s, input: ServerStop) => ({
    task: {
      mode: input.force ? 'forced' : 'graceful',
      graceMs: (input.timeoutSeconds ?? DEFAULT_GRACE_SECONDS) * 1000,
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
