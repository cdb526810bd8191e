import Container from '@cloudscape-design/components/container'
import Header from '@cloudscape-design/components/header'
import { useTranslation } from 'react-i18next'
import { useClient, useQuery } from 'urql'
import { graphql } from '../../graphql.ts'
import { QuotaRow } from '../QuotaBars.tsx'
import { PlanView } from './PlanView.tsx'
import { PlanRow } from './plan-fields.ts'
import { type NewServer, newServerCount, newServerInput } from './server-new.ts'
import { usePlan } from './use-plan.ts'

const QuotasQuery = graphql(`query Quotas { quotas { ...QuotaRow } }`, [QuotaRow])

const PlanQuery = graphql(
  `mutation ServersPlan($input: ServersCreateInput!) {
    serversCreate(input: $input) { plan { ...PlanRow } }
  }`,
  [PlanRow],
)

/** What of the form quotas and hosts depend on. */
function choiceOf(values: NewServer) {
  const { flavorId, imageId, count } = values
  if (!flavorId || !imageId || !count) return null
  const { keypairName, ...input } = newServerInput(values)
  // The name may not be there yet, and what the guest is told changes nothing.
  const untold = { description: null, tags: [], metadata: {}, userData: null, adminPassword: null }
  return { ...input, ...untold, ...newServerCount(values), name: 'plan' }
}

/** What the API says would happen: quotas as they would be, and whether a host has room. */
export function ServerPlan({ values }: { values: NewServer }) {
  const { t } = useTranslation()
  const client = useClient()
  const [{ data }] = useQuery({ query: QuotasQuery })
  const choice = choiceOf(values)
  const { plan, problem } = usePlan(choice, async () => {
    if (!choice) return {}
    const answer = await client.mutation(PlanQuery, { input: { ...choice, dryRun: true } })
    return { plan: answer.data?.serversCreate.plan, error: answer.error }
  })
  return (
    <Container
      header={
        <Header variant="h2" description={plan ? t('launch.quotaAfter') : t('launch.quotaNow')}>
          {t('launch.plan')}
        </Header>
      }
    >
      <PlanView plan={plan ?? { quotas: data?.quotas ?? [], placement: null }} problem={problem} />
    </Container>
  )
}
