/** What the portal reads of a user, and what it does to one. */
import type { ResultOf } from 'gql.tada'
import { graphql } from '../../graphql.ts'

export const UserRow = graphql(`
  fragment UserRow on User {
    id name description email enabled lockedUntil hasTotp mustChangePassword passwordExpiresAt
    version createdAt updatedAt
    domain { id name }
    defaultProject { id name }
  }
`)

export type UserRowData = ResultOf<typeof UserRow>

export const UsersWatch = graphql(
  `subscription UsersWatch($after: String) {
    userChanged(after: $after) { cursor kind id user { ...UserRow } }
  }`,
  [UserRow],
)

export const UserWatch = graphql(
  `subscription UserWatch($id: ID!, $after: String) {
    userChanged(id: $id, after: $after) { cursor kind id user { ...UserRow } }
  }`,
  [UserRow],
)

export const UserCreate = graphql(
  `mutation UserCreate($input: UserCreateInput!) {
    userCreate(input: $input) { user { ...UserRow } }
  }`,
  [UserRow],
)

export const UserUpdate = graphql(
  `mutation UserUpdate($input: UserUpdateInput!) {
    userUpdate(input: $input) { user { ...UserRow } }
  }`,
  [UserRow],
)

export const UserDelete = graphql(`
  mutation UserDelete($input: UserDeleteInput!) { userDelete(input: $input) { user { id } } }
`)

export const TotpDelete = graphql(`
  mutation TotpDelete($input: TotpDeleteInput!) { totpDelete(input: $input) { deleted } }
`)

export const TokensRevoke = graphql(`
  mutation TokensRevoke($input: TokensRevokeInput!) { tokensRevoke(input: $input) { revoked } }
`)
