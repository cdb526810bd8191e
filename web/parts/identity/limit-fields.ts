/** What the portal reads of a registered limit, and what it does to one. */
import type { ResultOf } from 'gql.tada'
import { graphql } from '../../graphql.ts'

export const RegisteredLimitRow = graphql(`
  fragment RegisteredLimitRow on RegisteredLimit {
    id resource defaultLimit description serviceId regionId version
  }
`)

export type RegisteredLimitRowData = ResultOf<typeof RegisteredLimitRow>

export const LimitCreate = graphql(
  `mutation RegisteredLimitCreate($input: RegisteredLimitCreateInput!) {
    registeredLimitCreate(input: $input) { registeredLimit { ...RegisteredLimitRow } }
  }`,
  [RegisteredLimitRow],
)

export const LimitUpdate = graphql(
  `mutation RegisteredLimitUpdate($input: RegisteredLimitUpdateInput!) {
    registeredLimitUpdate(input: $input) { registeredLimit { ...RegisteredLimitRow } }
  }`,
  [RegisteredLimitRow],
)

export const LimitDelete = graphql(`
  mutation RegisteredLimitDelete($input: RegisteredLimitDeleteInput!) {
    registeredLimitDelete(input: $input) { registeredLimit { id } }
  }
`)
