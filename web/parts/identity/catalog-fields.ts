/** What the portal reads of the catalog, and what it does to it. */
import type { ResultOf } from 'gql.tada'
import { graphql } from '../../graphql.ts'

export const ServiceRow = graphql(`
  fragment ServiceRow on Service { id type name description enabled version createdAt updatedAt }
`)

export const EndpointRow = graphql(`
  fragment EndpointRow on Endpoint {
    id interface url enabled managed regionId version
    service { id name type }
  }
`)

export const RegionRow = graphql(`
  fragment RegionRow on Region { id description parentRegionId version createdAt }
`)

export type ServiceRowData = ResultOf<typeof ServiceRow>
export type EndpointRowData = ResultOf<typeof EndpointRow>
export type RegionRowData = ResultOf<typeof RegionRow>

export const ServicesQuery = graphql(
  `query Services($first: Int!, $after: String) {
    services(first: $first, after: $after) {
      nodes { ...ServiceRow }
      pageInfo { hasNextPage endCursor }
      totalCount
    }
  }`,
  [ServiceRow],
)

export const EndpointsQuery = graphql(
  `query Endpoints($first: Int!, $after: String, $filter: EndpointFilterInput) {
    endpoints(first: $first, after: $after, filter: $filter) {
      nodes { ...EndpointRow }
      pageInfo { hasNextPage endCursor }
      totalCount
    }
  }`,
  [EndpointRow],
)

export const RegionsQuery = graphql(
  `query Regions($first: Int!, $after: String) {
    regions(first: $first, after: $after) {
      nodes { ...RegionRow }
      pageInfo { hasNextPage endCursor }
      totalCount
    }
  }`,
  [RegionRow],
)

export const ServiceCreate = graphql(
  `mutation ServiceCreate($input: ServiceCreateInput!) {
    serviceCreate(input: $input) { service { ...ServiceRow } }
  }`,
  [ServiceRow],
)

export const ServiceUpdate = graphql(
  `mutation ServiceUpdate($input: ServiceUpdateInput!) {
    serviceUpdate(input: $input) { service { ...ServiceRow } }
  }`,
  [ServiceRow],
)

export const ServiceDelete = graphql(`
  mutation ServiceDelete($input: ServiceDeleteInput!) {
    serviceDelete(input: $input) { service { id } }
  }
`)

export const EndpointCreate = graphql(
  `mutation EndpointCreate($input: EndpointCreateInput!) {
    endpointCreate(input: $input) { endpoint { ...EndpointRow } }
  }`,
  [EndpointRow],
)

export const EndpointUpdate = graphql(
  `mutation EndpointUpdate($input: EndpointUpdateInput!) {
    endpointUpdate(input: $input) { endpoint { ...EndpointRow } }
  }`,
  [EndpointRow],
)

export const EndpointDelete = graphql(`
  mutation EndpointDelete($input: EndpointDeleteInput!) {
    endpointDelete(input: $input) { endpoint { id } }
  }
`)

export const RegionCreate = graphql(
  `mutation RegionCreate($input: RegionCreateInput!) {
    regionCreate(input: $input) { region { ...RegionRow } }
  }`,
  [RegionRow],
)

export const RegionUpdate = graphql(
  `mutation RegionUpdate($input: RegionUpdateInput!) {
    regionUpdate(input: $input) { region { ...RegionRow } }
  }`,
  [RegionRow],
)

export const RegionDelete = graphql(`
  mutation RegionDelete($input: RegionDeleteInput!) {
    regionDelete(input: $input) { region { id } }
  }
`)
