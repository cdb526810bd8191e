/** What the portal reads of a server group, its watch, and its mutations. */
import type { ResultOf } from 'gql.tada'
import { graphql } from '../../graphql.ts'

export const ServerGroupRow = graphql(`
  fragment ServerGroupRow on ServerGroup {
    id name policy version createdAt updatedAt
    members { id name }
  }
`)

export type ServerGroupData = ResultOf<typeof ServerGroupRow>

export const ServerGroupsWatch = graphql(
  `subscription ServerGroupsWatch($after: String) {
    serverGroupChanged(after: $after) { cursor kind id serverGroup { ...ServerGroupRow } }
  }`,
  [ServerGroupRow],
)

export const ServerGroupCreate = graphql(
  `mutation ServerGroupCreate($input: ServerGroupCreateInput!) {
    serverGroupCreate(input: $input) { serverGroup { ...ServerGroupRow } }
  }`,
  [ServerGroupRow],
)

export const ServerGroupDelete = graphql(`
  mutation ServerGroupDelete($input: ServerGroupDeleteInput!) {
    serverGroupDelete(input: $input) { serverGroup { id } }
  }
`)

export const groupPolicies = [
  'ANTI_AFFINITY',
  'AFFINITY',
  'SOFT_ANTI_AFFINITY',
  'SOFT_AFFINITY',
] as const satisfies ServerGroupData['policy'][]
