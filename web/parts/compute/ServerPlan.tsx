import Box from '@cloudscape-design/components/box'
import Container from '@cloudscape-design/components/container'
import Header from '@cloudscape-design/components/header'
import SpaceBetween from '@cloudscape-design/components/space-between'
import StatusIndicator from '@cloudscape-design/components/status-indicator'
import type { ResultOf } from 'gql.tada'
import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useClient, useQuery } from 'urql'
import { explain, type Problem } from '../../errors.ts'
import { graphql } from '../../graphql.ts'
import { word } from '../../i18n/words.ts'
import { ProblemAlert } from '../Problem.tsx'
import { QuotaBars, QuotaRow } from '../QuotaBars.tsx'

const QuotasQuery = graphql(`query Quotas { quotas { ...QuotaRow } }`, [QuotaRow])

const PlanQuery = graphql(
  `mutation ServerPlan($input: ServerCreateInput!) {
    serverCreate(input: $input) {
      plan {
        allowed
        quotas { ...QuotaRow }
        placement { hostsTotal hostsPassed filters { name passed refused } }
      }
    }
  }`,
  [QuotaRow],
)

type Plan = NonNullable<ResultOf<typeof PlanQuery>['serverCreate']['plan']>

interface ServerPlanProps {
  flavorId: string
  imageId: string
}

/** What the API says would happen: quotas as they would be, and whether a host has room. */
export function ServerPlan({ flavorId, imageId }: ServerPlanProps) {
  const { t } = useTranslation()
  const [{ data }] = useQuery({ query: QuotasQuery })
  const { plan, problem } = usePlan(flavorId, imageId)
  const quotas = plan?.quotas ?? data?.quotas ?? []
  return (
    <Container
      header={
        <Header variant="h2" description={plan ? t('launch.quotaAfter') : t('launch.quotaNow')}>
          {t('launch.plan')}
        </Header>
      }
    >
      <SpaceBetween size="l">
        {problem && <ProblemAlert problem={problem} />}
        <QuotaBars quotas={quotas} />
        {plan && <Placement plan={plan} />}
      </SpaceBetween>
    </Container>
  )
}

interface Planned {
  of: string
  plan?: Plan | null
  problem?: Problem
}

/** Asks the API for the plan of each choice; an answer to an earlier choice is not shown. */
function usePlan(flavorId: string, imageId: string): Omit<Planned, 'of'> {
  const client = useClient()
  const of = `${flavorId} ${imageId}`
  const [planned, setPlanned] = useState<Planned>({ of: '' })
  useEffect(() => {
    if (!flavorId || !imageId) return
    let isCurrent = true
    // Quotas and hosts don't depend on the name, which may not be there yet.
    const input = { name: 'plan', flavorId, imageId, dryRun: true }
    client.mutation(PlanQuery, { input }).then(({ data, error }) => {
      const problem = error && explain(error)
      if (isCurrent) setPlanned({ of, plan: data?.serverCreate.plan, problem })
    })
    return () => {
      isCurrent = false
    }
  }, [client, of, flavorId, imageId])
  return planned.of === of ? planned : {}
}

function Placement({ plan: { placement } }: { plan: Plan }) {
  const { t } = useTranslation()
  if (!placement) return null
  const { hostsTotal, hostsPassed, filters } = placement
  return (
    <div>
      <StatusIndicator type={hostsPassed > 0 ? 'success' : 'error'}>
        {t('launch.hosts', { passed: hostsPassed, total: hostsTotal })}
      </StatusIndicator>
      {hostsPassed < hostsTotal &&
        filters.map(({ name, passed, refused }) => (
          <Box key={name} color="text-body-secondary" fontSize="body-s">
            {t('problem.filter', { name: word('filter', name), passed, refused })}
          </Box>
        ))}
    </div>
  )
}
