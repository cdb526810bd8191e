/** What the portal reads of a group, and what it does to one. */
import type { ResultOf } from 'gql.tada'
import { graphql } from '../../graphql.ts'

export const GroupRow = graphql(`
  fragment GroupRow on Group {
    id name description version createdAt updatedAt
    domain { id name }
  }
`)

export type GroupRowData = ResultOf<typeof GroupRow>

export const GroupsQuery = graphql(
  `query Groups($first: Int!, $after: String, $filter: GroupFilterInput) {
    groups(first: $first, after: $after, filter: $filter) {
      nodes { ...GroupRow }
      pageInfo { hasNextPage endCursor }
      totalCount
    }
  }`,
  [GroupRow],
)

export const GroupsWatch = graphql(
  `subscription GroupsWatch($after: String) {
    groupChanged(after: $after) { cursor kind id group { ...GroupRow } }
  }`,
  [GroupRow],
)

export const GroupWatch = graphql(
  `subscription GroupWatch($id: ID!, $after: String) {
    groupChanged(id: $id, after: $after) { cursor kind id group { ...GroupRow } }
  }`,
  [GroupRow],
)

export const GroupCreate = graphql(
  `mutation GroupCreate($input: GroupCreateInput!) {
    groupCreate(input: $input) { group { ...GroupRow } }
  }`,
  [GroupRow],
)

export const GroupUpdate = graphql(
  `mutation GroupUpdate($input: GroupUpdateInput!) {
    groupUpdate(input: $input) { group { ...GroupRow } }
  }`,
  [GroupRow],
)

export const GroupDelete = graphql(`
  mutation GroupDelete($input: GroupDeleteInput!) { groupDelete(input: $input) { group { id } } }
`)

export const GroupUserAdd = graphql(`
  mutation GroupUserAdd($input: GroupUserAddInput!) { groupUserAdd(input: $input) { group { id } } }
`)

export const GroupUserRemove = graphql(`
  mutation GroupUserRemove($input: GroupUserRemoveInput!) {
    groupUserRemove(input: $input) { group { id } }
  }
`)
