/** What the portal reads of a server, and the watches and actions that bring the same fields. */
import type { ResultOf } from 'gql.tada'
import { graphql } from '../../graphql.ts'
import { TaskDetails } from '../task-fields.ts'

export const ServerRow = graphql(`
  fragment ServerRow on Server {
    id name status powerState taskState locked lockedReason createdAt version
    flavor { id name vcpus memoryMiB diskGiB }
    image { id name }
    host { id name }
    actions { name allowed reason }
  }
`)

export const ServerDetails = graphql(
  `
  fragment ServerDetails on Server {
    ...ServerRow
    launchedAt description metadata tags keypairName availabilityZone
    group { id name policy }
    confirmAt
    project { id name }
    fault { code message at }
    task { ...TaskDetails }
  }
`,
  [ServerRow, TaskDetails],
)

export type ServerRowData = ResultOf<typeof ServerRow>
export type ServerDetailsData = ResultOf<typeof ServerDetails>

/** All servers of the project, for lists. */
export const ServersWatch = graphql(
  `subscription ServersWatch($after: String) {
    serverChanged(after: $after) { cursor kind id server { ...ServerRow } }
  }`,
  [ServerRow],
)

/** One server with its task. */
export const ServerWatch = graphql(
  `subscription ServerWatch($id: ID!, $after: String) {
    serverChanged(id: $id, after: $after) { cursor kind id server { ...ServerDetails } }
  }`,
  [ServerDetails],
)
