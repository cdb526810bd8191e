/** Rows of what is done to servers with no more than their id, and of their consoles. */
import { mutation, operators, projectMembers, type Row } from './row.ts'
import { newServer } from './world.ts'

const ofMembers = { may: projectMembers, sibling: 'NOT_FOUND', stranger: 'FORBIDDEN' } as const

/** A dry run of an action on a new server in the status that it needs. */
export const actionRow = (
  name: string,
  status: string,
  {
    type = 'ServerActionInput',
    row = {},
    more = {},
  }: { type?: string; row?: object; more?: object } = {},
): Row => ({
  ...ofMembers,
  document: mutation(name, 'plan { allowed }', type),
  variables: async (w) => ({
    input: { id: await newServer(w, status, row), dryRun: true, ...more },
  }),
})

export const computeRows: Record<string, Row> = {
  'Mutation.serverStop': actionRow('serverStop', 'ACTIVE'),
  'Mutation.serverForceStop': actionRow('serverForceStop', 'ACTIVE', {
    type: 'ServerForceStopInput',
  }),
  'Mutation.serverPause': actionRow('serverPause', 'ACTIVE'),
  'Mutation.serverUnpause': actionRow('serverUnpause', 'PAUSED'),
  'Mutation.serverSuspend': actionRow('serverSuspend', 'ACTIVE'),
  'Mutation.serverResume': actionRow('serverResume', 'SUSPENDED'),
  'Mutation.serverLock': actionRow('serverLock', 'ACTIVE', { type: 'ServerLockInput' }),
  'Mutation.serverUnlock': actionRow('serverUnlock', 'ACTIVE'),
  'Mutation.serverForceDelete': actionRow('serverForceDelete', 'ERROR'),
  'Mutation.hostJoinTokenCreate': {
    ...{ may: operators, sibling: 'FORBIDDEN', stranger: 'FORBIDDEN' },
    document: mutation('hostJoinTokenCreate', 'expiresAt'),
    variables: () => ({ input: {} }),
  },
  'Mutation.serverConsoleCreate': {
    ...ofMembers,
    document: mutation('serverConsoleCreate', 'url'),
    variables: async (w) => ({ input: { id: await newServer(w, 'ACTIVE'), kind: 'VNC' } }),
  },
}
