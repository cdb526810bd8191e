/** What the portal reads of a host, and its watch. */
import type { ResultOf } from 'gql.tada'
import { graphql } from '../../graphql.ts'

export const HostRow = graphql(`
  fragment HostRow on Host {
    id name status enabled disabledReason driver heartbeatAt createdAt
    inventory { resource total used reserved allocationRatio }
    capabilities { name value }
  }
`)

export type HostRowData = ResultOf<typeof HostRow>

export const HostsWatch = graphql(
  `subscription HostsWatch($after: String) {
    hostChanged(after: $after) { cursor kind id host { ...HostRow } }
  }`,
  [HostRow],
)

/** One host. */
export const HostWatch = graphql(
  `subscription HostWatch($id: ID!, $after: String) {
    hostChanged(id: $id, after: $after) { cursor kind id host { ...HostRow } }
  }`,
  [HostRow],
)
