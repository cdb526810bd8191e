/** What the portal reads of an identity provider, and what it does to one. */
import type { ResultOf, VariablesOf } from 'gql.tada'
import { graphql } from '../../graphql.ts'

export const ProviderRow = graphql(`
  fragment ProviderRow on IdentityProvider {
    id name description issuer clientId scopes enabled callbackPath version createdAt updatedAt
    domain { id name }
    mapping {
      remote { claim anyOneOf notAnyOf regex }
      local { userName email groups }
    }
  }
`)

export type ProviderRowData = ResultOf<typeof ProviderRow>

export const ProvidersQuery = graphql(
  `query IdentityProviders($first: Int!, $after: String) {
    identityProviders(first: $first, after: $after) {
      nodes { ...ProviderRow }
      pageInfo { hasNextPage endCursor }
      totalCount
    }
  }`,
  [ProviderRow],
)

export const ProviderQuery = graphql(
  `query IdentityProvider($id: ID!) { identityProvider(id: $id) { ...ProviderRow } }`,
  [ProviderRow],
)

export const ProviderCreate = graphql(
  `mutation IdentityProviderCreate($input: IdentityProviderCreateInput!) {
    identityProviderCreate(input: $input) { identityProvider { ...ProviderRow } }
  }`,
  [ProviderRow],
)

export const ProviderUpdate = graphql(
  `mutation IdentityProviderUpdate($input: IdentityProviderUpdateInput!) {
    identityProviderUpdate(input: $input) { identityProvider { ...ProviderRow } }
  }`,
  [ProviderRow],
)

export const ProviderDelete = graphql(`
  mutation IdentityProviderDelete($input: IdentityProviderDeleteInput!) {
    identityProviderDelete(input: $input) { identityProvider { id } }
  }
`)

export type MappingRuleInput = NonNullable<
  VariablesOf<typeof ProviderUpdate>['input']['mapping']
>[number]
