/** What the portal reads of role assignments, and what it does to them. */
import type { ResultOf } from 'gql.tada'
import { graphql } from '../../graphql.ts'

export const AssignmentRow = graphql(`
  fragment AssignmentRow on RoleAssignment {
    id system inherited via createdAt
    role { id name }
    user { id name }
    group { id name }
    project { id name }
    domain { id name }
  }
`)

export type AssignmentRowData = ResultOf<typeof AssignmentRow>

export const AssignmentsQuery = graphql(
  `query RoleAssignments(
    $first: Int!, $after: String, $effective: Boolean, $filter: RoleAssignmentFilterInput
  ) {
    roleAssignments(first: $first, after: $after, effective: $effective, filter: $filter) {
      nodes { ...AssignmentRow }
      pageInfo { hasNextPage endCursor }
      totalCount
    }
  }`,
  [AssignmentRow],
)

export const AssignmentCreate = graphql(
  `mutation RoleAssignmentCreate($input: RoleAssignmentCreateInput!) {
    roleAssignmentCreate(input: $input) { roleAssignment { ...AssignmentRow } }
  }`,
  [AssignmentRow],
)

export const AssignmentDelete = graphql(`
  mutation RoleAssignmentDelete($input: RoleAssignmentDeleteInput!) {
    roleAssignmentDelete(input: $input) { roleAssignment { id } }
  }
`)
