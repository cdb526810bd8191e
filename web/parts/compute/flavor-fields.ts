/** What the portal reads of a flavor, its watches, and its mutations. */
import type { ResultOf } from 'gql.tada'
import { graphql } from '../../graphql.ts'

/** For those who choose one. */
export const FlavorRow = graphql(`
  fragment FlavorRow on Flavor { id name description vcpus memoryMiB diskGiB }
`)

/** For those who look after them. */
export const FlavorDetails = graphql(
  `fragment FlavorDetails on Flavor {
    ...FlavorRow
    extraSpecs public enabled version createdAt updatedAt
    projects { id name domain { id name } }
  }`,
  [FlavorRow],
)

export type FlavorRowData = ResultOf<typeof FlavorRow>
export type FlavorData = ResultOf<typeof FlavorDetails>

export const FlavorsWatch = graphql(
  `subscription FlavorsWatch($after: String) {
    flavorChanged(after: $after) { cursor kind id flavor { ...FlavorDetails } }
  }`,
  [FlavorDetails],
)

export const FlavorWatch = graphql(
  `subscription FlavorWatch($id: ID!, $after: String) {
    flavorChanged(id: $id, after: $after) { cursor kind id flavor { ...FlavorDetails } }
  }`,
  [FlavorDetails],
)

export const FlavorCreate = graphql(
  `mutation FlavorCreate($input: FlavorCreateInput!) {
    flavorCreate(input: $input) { flavor { ...FlavorDetails } }
  }`,
  [FlavorDetails],
)

export const FlavorUpdate = graphql(
  `mutation FlavorUpdate($input: FlavorUpdateInput!) {
    flavorUpdate(input: $input) { flavor { ...FlavorDetails } }
  }`,
  [FlavorDetails],
)

export const FlavorDelete = graphql(`
  mutation FlavorDelete($input: FlavorDeleteInput!) { flavorDelete(input: $input) { flavor { id } } }
`)

export const FlavorAccessAdd = graphql(
  `mutation FlavorAccessAdd($input: FlavorAccessAddInput!) {
    flavorAccessAdd(input: $input) { flavor { ...FlavorDetails } }
  }`,
  [FlavorDetails],
)

export const FlavorAccessRemove = graphql(
  `mutation FlavorAccessRemove($input: FlavorAccessRemoveInput!) {
    flavorAccessRemove(input: $input) { flavor { ...FlavorDetails } }
  }`,
  [FlavorDetails],
)
