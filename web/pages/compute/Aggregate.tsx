import { useTranslation } from 'react-i18next'
import { useNavigate } from 'react-router'
import { graphql } from '../../graphql.ts'
import { useHistoryTab } from '../../parts/AuditHistory.tsx'
import { AggregateHosts } from '../../parts/compute/AggregateHosts.tsx'
import { useAggregateActions } from '../../parts/compute/aggregate-actions.tsx'
import {
  type AggregateData,
  AggregateRow,
  AggregateWatch,
} from '../../parts/compute/aggregate-fields.ts'
import { DetailLayout, DetailPage } from '../../parts/DetailPage.tsx'
import { factsOf } from '../../parts/facts.tsx'
import { tabsOf } from '../../parts/tabs.ts'
import { paths } from '../../paths.ts'
import { PairsTable } from '../../ui/PairsTable.tsx'

const AggregateQuery = graphql(
  `query Aggregate($id: ID!) { aggregate(id: $id) { ...AggregateRow } }`,
  [AggregateRow],
)

export function Aggregate() {
  const { t } = useTranslation()
  return (
    <DetailPage
      query={AggregateQuery}
      resource={({ aggregate }) => aggregate}
      watch={AggregateWatch}
      list={{ text: t('aggregates.title'), href: paths.aggregates() }}
      oneText={t('aggregates.one')}
      Content={AggregateContent}
    />
  )
}

function AggregateContent({ resource: aggregate }: { resource: AggregateData }) {
  const { t } = useTranslation()
  const navigate = useNavigate()
  const actions = useAggregateActions(() => void navigate(paths.aggregates()))
  const history = useHistoryTab(aggregate.id)
  const hosts = {
    id: 'hosts',
    label: t('aggregates.hosts'),
    content: <AggregateHosts aggregate={aggregate} />,
  }
  const metadata = {
    id: 'metadata',
    label: t('launch.metadata'),
    content: (
      <PairsTable
        title={t('launch.metadata')}
        description={t('aggregates.metadataText')}
        pairs={aggregate.metadata}
        noneText={t('servers.metadata.none')}
      />
    ),
  }
  return (
    <>
      <DetailLayout
        title={aggregate.name}
        list={{ text: t('aggregates.title'), href: paths.aggregates() }}
        actions={actions.buttons(aggregate)}
        facts={factsOf(t, aggregate, [
          { label: t('servers.zone'), value: aggregate.availabilityZone ?? '–' },
        ])}
        tabs={tabsOf([hosts, metadata, ...history])}
      />
      {actions.dialogs}
    </>
  )
}
