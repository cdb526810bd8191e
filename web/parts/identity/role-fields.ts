/** What the portal reads of a role, and what it does to one. */
import type { ResultOf } from 'gql.tada'
import { graphql } from '../../graphql.ts'

export const RoleRow = graphql(`
  fragment RoleRow on Role {
    id name description version createdAt updatedAt
    domain { id name }
    implies { id name description }
  }
`)

export type RoleRowData = ResultOf<typeof RoleRow>

export const RolesWatch = graphql(
  `subscription RolesWatch($after: String) {
    roleChanged(after: $after) { cursor kind id role { ...RoleRow } }
  }`,
  [RoleRow],
)

export const RoleWatch = graphql(
  `subscription RoleWatch($id: ID!, $after: String) {
    roleChanged(id: $id, after: $after) { cursor kind id role { ...RoleRow } }
  }`,
  [RoleRow],
)

export const RoleCreate = graphql(
  `mutation RoleCreate($input: RoleCreateInput!) {
    roleCreate(input: $input) { role { ...RoleRow } }
  }`,
  [RoleRow],
)

export const RoleUpdate = graphql(
  `mutation RoleUpdate($input: RoleUpdateInput!) {
    roleUpdate(input: $input) { role { ...RoleRow } }
  }`,
  [RoleRow],
)

export const RoleDelete = graphql(`
  mutation RoleDelete($input: RoleDeleteInput!) { roleDelete(input: $input) { role { id } } }
`)

export const RoleImply = graphql(
  `mutation RoleImplicationCreate($input: RoleImplicationCreateInput!) {
    roleImplicationCreate(input: $input) { role { ...RoleRow } }
  }`,
  [RoleRow],
)

export const RoleImplyNot = graphql(
  `mutation RoleImplicationDelete($input: RoleImplicationDeleteInput!) {
    roleImplicationDelete(input: $input) { role { ...RoleRow } }
  }`,
  [RoleRow],
)
