/** What the portal reads and makes of a user's own credentials. */
import type { ResultOf } from 'gql.tada'
import { graphql } from '../../graphql.ts'

export const AppCredentialRow = graphql(`
  fragment AppCredentialRow on ApplicationCredential {
    id name description expiresAt unrestricted accessRules createdAt
    project { id name }
    roles { id name }
  }
`)

export const Ec2CredentialRow = graphql(`
  fragment Ec2CredentialRow on Ec2Credential { id access createdAt project { id name } }
`)

export const TrustRow = graphql(`
  fragment TrustRow on Trust {
    id trustorUserId trusteeUserId projectId impersonation expiresAt remainingUses createdAt
    roles { id name }
  }
`)

export type AppCredentialRowData = ResultOf<typeof AppCredentialRow>
export type Ec2CredentialRowData = ResultOf<typeof Ec2CredentialRow>
export type TrustRowData = ResultOf<typeof TrustRow>

export const AppCredentialsQuery = graphql(
  `query AppCredentials($first: Int!, $after: String, $userId: ID!) {
    applicationCredentials(first: $first, after: $after, filter: { userId: $userId }) {
      nodes { ...AppCredentialRow }
      pageInfo { hasNextPage endCursor }
      totalCount
    }
  }`,
  [AppCredentialRow],
)

export const AppCredentialCreate = graphql(`
  mutation AppCredentialCreate($input: ApplicationCredentialCreateInput!) {
    applicationCredentialCreate(input: $input) { applicationCredential { id name } secret }
  }
`)

export const AppCredentialDelete = graphql(`
  mutation AppCredentialDelete($input: ApplicationCredentialDeleteInput!) {
    applicationCredentialDelete(input: $input) { applicationCredential { id } }
  }
`)

export const Ec2CredentialsQuery = graphql(
  `query Ec2Credentials($first: Int!, $after: String, $userId: ID!) {
    ec2Credentials(first: $first, after: $after, filter: { userId: $userId }) {
      nodes { ...Ec2CredentialRow }
      pageInfo { hasNextPage endCursor }
      totalCount
    }
  }`,
  [Ec2CredentialRow],
)

export const Ec2CredentialCreate = graphql(`
  mutation Ec2CredentialCreate($input: Ec2CredentialCreateInput!) {
    ec2CredentialCreate(input: $input) { ec2Credential { id access } secret }
  }
`)

export const Ec2CredentialDelete = graphql(`
  mutation Ec2CredentialDelete($input: Ec2CredentialDeleteInput!) {
    ec2CredentialDelete(input: $input) { ec2Credential { id } }
  }
`)

export const TrustsQuery = graphql(
  `query Trusts($first: Int!, $after: String, $role: TrustSide!) {
    trusts(first: $first, after: $after, filter: { role: $role }) {
      nodes { ...TrustRow }
      pageInfo { hasNextPage endCursor }
      totalCount
    }
  }`,
  [TrustRow],
)

export const TrustCreate = graphql(`
  mutation TrustCreate($input: TrustCreateInput!) { trustCreate(input: $input) { trust { id } } }
`)

export const TrustDelete = graphql(`
  mutation TrustDelete($input: TrustDeleteInput!) { trustDelete(input: $input) { trust { id } } }
`)

export const TotpCreate = graphql(`
  mutation TotpCreate($input: TotpCreateInput!) { totpCreate(input: $input) { secret uri } }
`)

export const TotpConfirm = graphql(`
  mutation TotpConfirm($input: TotpConfirmInput!) { totpConfirm(input: $input) { confirmed } }
`)

export const PasswordChangeMutation = graphql(`
  mutation PasswordChange($input: UserPasswordChangeInput!) {
    userPasswordChange(input: $input) { user { id } secret }
  }
`)
