import SpaceBetween from '@cloudscape-design/components/space-between'
import type { ResultOf } from 'gql.tada'
import { graphql } from '../graphql.ts'
import { word } from '../i18n/words.ts'
import { UsageBar } from '../ui/UsageBar.tsx'

export const QuotaRow = graphql(`fragment QuotaRow on Quota { resource limit used }`)

interface QuotaBarsProps {
  quotas: readonly ResultOf<typeof QuotaRow>[]
}

/** How much of its quotas the project uses. */
export function QuotaBars({ quotas }: QuotaBarsProps) {
  return (
    <SpaceBetween size="l">
      {quotas.map(({ resource, limit, used }) => (
        <UsageBar
          key={resource}
          label={word('resource', resource)}
          resource={resource}
          used={used}
          total={limit}
        />
      ))}
    </SpaceBetween>
  )
}
