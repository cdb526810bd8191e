/**
 * What can be done to a server, as the portal offers it. Which of it is allowed now, and why not,
 * comes from the API with each server; this file only knows where an action stands, which mutation
 * it is, and whether it is asked about before.
 */
import type { Client } from 'urql'
import { randomKey } from '../../hooks/idempotency.ts'
import type { ServerRowData } from './server-fields.ts'
import { type Answer, type OnServer, onServer, ServerReboot } from './server-mutations.ts'

/** In the order in which people look for them. */
export const actionGroups = ['power', 'copies', 'place', 'repair', 'protect', 'delete'] as const
export type ActionGroup = (typeof actionGroups)[number]

type Run = (client: Client, id: string) => PromiseLike<Answer>

export interface OfferedAction {
  id: string
  /** As the API names it. */
  name: string
  group: ActionGroup
  /** What it does at once; without it a form asks for more. */
  run?: Run
  /** Something is lost by it that can't be brought back, so it is asked about. */
  isConfirmed?: true
  /** Not shown to those whom this access rule does not let through: operators' things. */
  rule?: string
}

const plain =
  (document: OnServer): Run =>
  (client, id) =>
    client.mutation(document, { input: { id, idempotencyKey: randomKey() } })

const reboot =
  (mode: 'SOFT' | 'HARD'): Run =>
  (client, id) =>
    client.mutation(ServerReboot, { input: { id, mode, idempotencyKey: randomKey() } })

const offered = (
  group: ActionGroup,
  rows: Record<string, Partial<OfferedAction>>,
): OfferedAction[] => Object.entries(rows).map(([id, row]) => ({ id, name: id, group, ...row }))

export const serverActions: readonly OfferedAction[] = [
  ...offered('power', {
    start: { run: plain(onServer('serverStart')) },
    stop: { run: plain(onServer('serverStop')) },
    forceStop: { name: 'stop' },
    reboot: { run: reboot('SOFT') },
    rebootHard: { run: reboot('HARD'), isConfirmed: true },
    pause: { run: plain(onServer('serverPause')) },
    unpause: { run: plain(onServer('serverUnpause')) },
    suspend: { run: plain(onServer('serverSuspend')) },
    resume: { run: plain(onServer('serverResume')) },
    shelve: { run: plain(onServer('serverShelve')) },
    shelveInPlace: { run: plain(onServer('serverShelveInPlace')) },
    shelveOffload: { run: plain(onServer('serverShelveOffload')), isConfirmed: true },
    unshelve: { run: plain(onServer('serverUnshelve')) },
  }),
  ...offered('copies', { snapshot: {}, backup: {}, clone: {} }),
  ...offered('place', {
    resize: {},
    resizeConfirm: { run: plain(onServer('serverResizeConfirm')), isConfirmed: true },
    resizeRevert: { run: plain(onServer('serverResizeRevert')), isConfirmed: true },
    migrate: { rule: 'compute.server.migrate' },
    liveMigrate: { rule: 'compute.server.migrate' },
    migrationAbort: {
      run: plain(onServer('serverMigrationAbort')),
      rule: 'compute.server.migrate',
    },
    evacuate: { rule: 'compute.server.evacuate' },
  }),
  ...offered('repair', {
    rescue: {},
    unrescue: { run: plain(onServer('serverUnrescue')) },
    rebuild: {},
    changePassword: {},
  }),
  ...offered('protect', { lock: {}, unlock: { run: plain(onServer('serverUnlock')) } }),
  ...offered('delete', {
    delete: { run: plain(onServer('serverDelete')), isConfirmed: true },
    restore: { run: plain(onServer('serverRestore')) },
    forceDelete: { run: plain(onServer('serverForceDelete')), isConfirmed: true },
  }),
]

export const actionOf = (id: string): OfferedAction | undefined =>
  serverActions.find((action) => action.id === id)

export interface Permission {
  allowed: boolean
  /** Why not, in the API's words; of several servers the first that refuses is named. */
  reason?: string
}

/** Whether an action is allowed on all of the servers. */
export function permission(
  servers: readonly Pick<ServerRowData, 'name' | 'actions'>[],
  name: string,
): Permission {
  for (const server of servers) {
    const action = server.actions.find((one) => one.name === name)
    if (action?.allowed) continue
    const reason = action?.reason ?? undefined
    return { allowed: false, reason: servers.length > 1 ? `${server.name}: ${reason}` : reason }
  }
  return { allowed: servers.length > 0 }
}
