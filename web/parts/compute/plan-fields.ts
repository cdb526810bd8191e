/** What the portal reads of a plan: the quotas as they would be, and where a server would go. */
import type { ResultOf } from 'gql.tada'
import { graphql } from '../../graphql.ts'
import { QuotaRow } from '../QuotaBars.tsx'

export const PlacementRow = graphql(`
  fragment PlacementRow on Placement {
    hostsTotal hostsPassed
    filters { name passed refused }
    nearestMiss { host shortBy { resource amount } remedies }
  }
`)

export const PlanRow = graphql(
  `fragment PlanRow on Plan {
    allowed
    quotas { ...QuotaRow }
    placement { ...PlacementRow }
  }`,
  [QuotaRow, PlacementRow],
)

export type PlacementData = ResultOf<typeof PlacementRow>
export type PlanData = ResultOf<typeof PlanRow>
