import SpaceBetween from '@cloudscape-design/components/space-between'
import type { ResultOf } from 'gql.tada'
import { graphql } from '../graphql.ts'
import { word } from '../i18n/words.ts'
import { UsageBar } from '../ui/UsageBar.tsx'

export const QuotaRow = graphql(`fragment QuotaRow on Quota { resource limit treeUsed }`)

interface QuotaBarsProps {
  quotas: readonly ResultOf<typeof QuotaRow>[]
}

/** How much of its quotas the project and those below it hold: with what is being made, as limits count. */
export function QuotaBars({ quotas }: QuotaBarsProps) {
  return (
    <SpaceBetween size="l">
      {quotas.map(({ resource, limit, treeUsed }) => (
        <UsageBar
          key={resource}
          label={word('resource', resource)}
          resource={resource}
          used={treeUsed}
          total={limit}
        />
      ))}
    </SpaceBetween>
  )
}
