/** What the portal reads of a host aggregate, its watches, and its mutations. */
import type { ResultOf } from 'gql.tada'
import { graphql } from '../../graphql.ts'

export const AggregateRow = graphql(`
  fragment AggregateRow on Aggregate {
    id name availabilityZone metadata version createdAt updatedAt
    hosts(first: 200) { nodes { id name status enabled } totalCount }
  }
`)

export type AggregateData = ResultOf<typeof AggregateRow>

export const AggregatesWatch = graphql(
  `subscription AggregatesWatch($after: String) {
    aggregateChanged(after: $after) { cursor kind id aggregate { ...AggregateRow } }
  }`,
  [AggregateRow],
)

export const AggregateWatch = graphql(
  `subscription AggregateWatch($id: ID!, $after: String) {
    aggregateChanged(id: $id, after: $after) { cursor kind id aggregate { ...AggregateRow } }
  }`,
  [AggregateRow],
)

export const AggregateCreate = graphql(
  `mutation AggregateCreate($input: AggregateCreateInput!) {
    aggregateCreate(input: $input) { aggregate { ...AggregateRow } }
  }`,
  [AggregateRow],
)

export const AggregateUpdate = graphql(
  `mutation AggregateUpdate($input: AggregateUpdateInput!) {
    aggregateUpdate(input: $input) { aggregate { ...AggregateRow } }
  }`,
  [AggregateRow],
)

export const AggregateDelete = graphql(`
  mutation AggregateDelete($input: AggregateDeleteInput!) {
    aggregateDelete(input: $input) { aggregate { id } }
  }
`)

export const AggregateHostAdd = graphql(
  `mutation AggregateHostAdd($input: AggregateHostAddInput!) {
    aggregateHostAdd(input: $input) { aggregate { ...AggregateRow } }
  }`,
  [AggregateRow],
)

export const AggregateHostRemove = graphql(
  `mutation AggregateHostRemove($input: AggregateHostRemoveInput!) {
    aggregateHostRemove(input: $input) { aggregate { ...AggregateRow } }
  }`,
  [AggregateRow],
)
