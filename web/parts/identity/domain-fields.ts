/** What the portal reads of a domain, and what it does to one. */
import type { ResultOf } from 'gql.tada'
import { graphql } from '../../graphql.ts'

export const DomainRow = graphql(`
  fragment DomainRow on Domain { id name description enabled version createdAt updatedAt }
`)

export type DomainRowData = ResultOf<typeof DomainRow>

export const DomainsWatch = graphql(
  `subscription DomainsWatch($after: String) {
    domainChanged(after: $after) { cursor kind id domain { ...DomainRow } }
  }`,
  [DomainRow],
)

export const DomainWatch = graphql(
  `subscription DomainWatch($id: ID!, $after: String) {
    domainChanged(id: $id, after: $after) { cursor kind id domain { ...DomainRow } }
  }`,
  [DomainRow],
)

export const DomainCreate = graphql(
  `mutation DomainCreate($input: DomainCreateInput!) {
    domainCreate(input: $input) { domain { ...DomainRow } }
  }`,
  [DomainRow],
)

export const DomainUpdate = graphql(
  `mutation DomainUpdate($input: DomainUpdateInput!) {
    domainUpdate(input: $input) { domain { ...DomainRow } }
  }`,
  [DomainRow],
)

export const DomainDelete = graphql(`
  mutation DomainDelete($input: DomainDeleteInput!) {
    domainDelete(input: $input) { domain { id } }
  }
`)
