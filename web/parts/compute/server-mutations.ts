/**
 * The mutations of servers. All of them bring the server as it is then, so that the screen follows
 * at once. Those that take no more than an id are made from their names.
 */
import { type CombinedError, gql, type TypedDocumentNode } from 'urql'
import type { introspection } from '../../generated/graphql-env.d.ts'
import { graphql } from '../../graphql.ts'
import { ServerDetails } from './server-fields.ts'

type MutationName = keyof introspection['types']['Mutation']['fields']

export interface OnServerInput {
  id: string
  idempotencyKey?: string | null
}

export type OnServer = TypedDocumentNode<object, { input: OnServerInput }>

export interface Answer {
  error?: CombinedError
}

/** The mutation of this name, which takes a ServerActionInput. */
export const onServer = (name: MutationName): OnServer => gql`
  mutation ${operationName(name)}($input: ServerActionInput!) {
    ${name}(input: $input) { server { ...ServerDetails } }
  }
  ${ServerDetails}
`

const operationName = (name: string): string => `${name[0]?.toUpperCase()}${name.slice(1)}`

export const ServerForceStop = graphql(
  `mutation ServerForceStop($input: ServerForceStopInput!) {
    serverForceStop(input: $input) { server { ...ServerDetails } }
  }`,
  [ServerDetails],
)

export const ServerReboot = graphql(
  `mutation ServerReboot($input: ServerRebootInput!) {
    serverReboot(input: $input) { server { ...ServerDetails } }
  }`,
  [ServerDetails],
)

export const ServerLock = graphql(
  `mutation ServerLock($input: ServerLockInput!) {
    serverLock(input: $input) { server { ...ServerDetails } }
  }`,
  [ServerDetails],
)

export const ServerUpdate = graphql(
  `mutation ServerUpdate($input: ServerUpdateInput!) {
    serverUpdate(input: $input) { server { ...ServerDetails } }
  }`,
  [ServerDetails],
)

export const ServerSnapshot = graphql(
  `mutation ServerSnapshot($input: ServerSnapshotInput!) {
    serverSnapshot(input: $input) { server { ...ServerDetails } image { id name } }
  }`,
  [ServerDetails],
)

export const ServerBackup = graphql(
  `mutation ServerBackup($input: ServerBackupInput!) {
    serverBackup(input: $input) { server { ...ServerDetails } image { id name } }
  }`,
  [ServerDetails],
)

export const ServerClone = graphql(
  `mutation ServerClone($input: ServerCloneInput!) {
    serverClone(input: $input) { server { ...ServerDetails } }
  }`,
  [ServerDetails],
)

export const ServerRebuild = graphql(
  `mutation ServerRebuild($input: ServerRebuildInput!) {
    serverRebuild(input: $input) { server { ...ServerDetails } }
  }`,
  [ServerDetails],
)

export const ServerRescueWith = graphql(
  `mutation ServerRescueWith($input: ServerRescueWithInput!) {
    serverRescueWith(input: $input) { server { ...ServerDetails } }
  }`,
  [ServerDetails],
)

export const ServerChangePassword = graphql(
  `mutation ServerChangePassword($input: ServerChangePasswordInput!) {
    serverChangePassword(input: $input) { server { ...ServerDetails } }
  }`,
  [ServerDetails],
)

export const ServerResize = graphql(
  `mutation ServerResize($input: ServerResizeInput!) {
    serverResize(input: $input) { server { ...ServerDetails } }
  }`,
  [ServerDetails],
)

export const ServerMigrateTo = graphql(
  `mutation ServerMigrateTo($input: ServerMigrateToInput!) {
    serverMigrateTo(input: $input) { server { ...ServerDetails } }
  }`,
  [ServerDetails],
)

export const ServerLiveMigrate = graphql(
  `mutation ServerLiveMigrate($input: ServerLiveMigrateInput!) {
    serverLiveMigrate(input: $input) { server { ...ServerDetails } }
  }`,
  [ServerDetails],
)

export const ServerEvacuateTo = graphql(
  `mutation ServerEvacuateTo($input: ServerEvacuateToInput!) {
    serverEvacuateTo(input: $input) { server { ...ServerDetails } }
  }`,
  [ServerDetails],
)
