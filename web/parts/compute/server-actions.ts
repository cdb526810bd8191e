/**
 * What can be done to a server. Which of it is allowed now, and why not, comes from the API with
 * each server; this file only knows which mutation an action is.
 */
import type { Client, CombinedError } from 'urql'
import { graphql } from '../../graphql.ts'
import { randomKey } from '../../hooks/idempotency.ts'
import { ServerDetails, type ServerRowData } from './server-fields.ts'

/** As the API names them, in the order in which people look for them. */
export const serverActionNames = ['start', 'stop', 'reboot', 'rebootHard', 'delete'] as const
export type ServerActionName = (typeof serverActionNames)[number]

/** These lose something that can't be brought back, so they are confirmed. */
export const confirmedActions: ReadonlySet<ServerActionName> = new Set(['rebootHard', 'delete'])

const Start = graphql(
  `mutation ServerStart($input: ServerActionInput!) {
    serverStart(input: $input) { server { ...ServerDetails } }
  }`,
  [ServerDetails],
)

const Stop = graphql(
  `mutation ServerStop($input: ServerActionInput!) {
    serverStop(input: $input) { server { ...ServerDetails } }
  }`,
  [ServerDetails],
)

const Reboot = graphql(
  `mutation ServerReboot($input: ServerRebootInput!) {
    serverReboot(input: $input) { server { ...ServerDetails } }
  }`,
  [ServerDetails],
)

const Delete = graphql(
  `mutation ServerDelete($input: ServerActionInput!) {
    serverDelete(input: $input) { server { ...ServerDetails } }
  }`,
  [ServerDetails],
)

type Run = (client: Client, id: string) => PromiseLike<{ error?: CombinedError }>

const act =
  (document: typeof Start | typeof Stop | typeof Delete): Run =>
  (client, id) =>
    client.mutation(document, { input: { id, idempotencyKey: randomKey() } })

const reboot =
  (mode: 'SOFT' | 'HARD'): Run =>
  (client, id) =>
    client.mutation(Reboot, { input: { id, mode, idempotencyKey: randomKey() } })

export const runServerAction: Record<ServerActionName, Run> = {
  start: act(Start),
  stop: act(Stop),
  reboot: reboot('SOFT'),
  rebootHard: reboot('HARD'),
  delete: act(Delete),
}

export interface Permission {
  allowed: boolean
  /** Why not, in the API's words; of several servers the first that refuses is named. */
  reason?: string
}

/** Whether an action is allowed on all of the servers. */
export function permission(
  servers: readonly Pick<ServerRowData, 'name' | 'actions'>[],
  name: ServerActionName,
): Permission {
  for (const server of servers) {
    const action = server.actions.find((one) => one.name === name)
    if (action?.allowed) continue
    const reason = action?.reason ?? undefined
    return { allowed: false, reason: servers.length > 1 ? `${server.name}: ${reason}` : reason }
  }
  return { allowed: servers.length > 0 }
}
