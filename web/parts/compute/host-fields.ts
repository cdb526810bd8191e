/** What the portal reads of a host, its watches, and what operators do to one. */
import type { ResultOf } from 'gql.tada'
import { graphql } from '../../graphql.ts'
import { TaskDetails } from '../task-fields.ts'

export const HostRow = graphql(`
  fragment HostRow on Host {
    id name status enabled disabledReason forcedDown maintenance driver availabilityZone
    heartbeatAt version createdAt
    inventory { resource total used reserved allocationRatio }
  }
`)

export const HostDetails = graphql(
  `fragment HostDetails on Host {
    ...HostRow
    traits customTraits
    capabilities { name value }
    aggregates { id name }
    task { ...TaskDetails }
  }`,
  [HostRow, TaskDetails],
)

/** How a server would leave a host. */
export const PlannedMoveRow = graphql(`
  fragment PlannedMoveRow on PlannedMove {
    way reason
    server { id name status }
    host { id name }
  }
`)

export type HostRowData = ResultOf<typeof HostRow>
export type HostData = ResultOf<typeof HostDetails>
export type PlannedMoveData = ResultOf<typeof PlannedMoveRow>

export const HostsWatch = graphql(
  `subscription HostsWatch($after: String) {
    hostChanged(after: $after) { cursor kind id host { ...HostRow } }
  }`,
  [HostRow],
)

/** One host. */
export const HostWatch = graphql(
  `subscription HostWatch($id: ID!, $after: String) {
    hostChanged(id: $id, after: $after) { cursor kind id host { ...HostDetails } }
  }`,
  [HostDetails],
)

export const HostUpdate = graphql(
  `mutation HostUpdate($input: HostUpdateInput!) {
    hostUpdate(input: $input) { host { ...HostDetails } }
  }`,
  [HostDetails],
)

/** With `dryRun` it tells where the servers would go. */
export const HostMaintain = graphql(
  `mutation HostMaintain($input: HostMaintainInput!) {
    hostMaintain(input: $input) { moves { ...PlannedMoveRow } host { ...HostDetails } }
  }`,
  [HostDetails, PlannedMoveRow],
)

export const HostMaintainEnd = graphql(
  `mutation HostMaintainEnd($input: HostActionInput!) {
    hostMaintainEnd(input: $input) { host { ...HostDetails } }
  }`,
  [HostDetails],
)

export const HostDelete = graphql(`
  mutation HostDelete($input: HostActionInput!) { hostDelete(input: $input) { host { id } } }
`)

export const HostFailurePlanQuery = graphql(
  `query HostFailurePlan($id: ID!) {
    hostFailurePlan(id: $id) { fit lost moves { ...PlannedMoveRow } }
  }`,
  [PlannedMoveRow],
)
