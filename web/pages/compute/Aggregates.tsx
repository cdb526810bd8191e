import { useTranslation } from 'react-i18next'
import { graphql } from '../../graphql.ts'
import { createdColumn, nameColumn, nameFilter, nameOf, textColumn } from '../../parts/columns.tsx'
import {
  AggregateCreateButton,
  useAggregateActions,
} from '../../parts/compute/aggregate-actions.tsx'
import {
  type AggregateData,
  AggregateRow,
  AggregatesWatch,
} from '../../parts/compute/aggregate-fields.ts'
import { ListPage } from '../../parts/ListPage.tsx'
import { paths } from '../../paths.ts'
import { formatNumber } from '../../ui/format.ts'

const AggregatesQuery = graphql(
  `query Aggregates($first: Int!, $after: String, $filter: AggregateFilterInput) {
    aggregates(first: $first, after: $after, filter: $filter) {
      nodes { ...AggregateRow }
      pageInfo { hasNextPage endCursor }
      totalCount
    }
  }`,
  [AggregateRow],
)

export function Aggregates() {
  const { t } = useTranslation()
  const actions = useAggregateActions()
  return (
    <>
      <ListPage
        title={t('aggregates.title')}
        description={t('aggregates.description')}
        query={AggregatesQuery}
        rows={({ aggregates }) => aggregates}
        variables={(view) => ({ filter: { name: nameOf(view) } })}
        watch={AggregatesWatch}
        filters={{ text: nameFilter(t) }}
        columns={[
          nameColumn<AggregateData>(t, paths.aggregate),
          textColumn<AggregateData>('zone', t('servers.zone'), (row) => row.availabilityZone),
          textColumn<AggregateData>('hosts', t('aggregates.hosts'), ({ hosts }) =>
            formatNumber(hosts.totalCount),
          ),
          textColumn<AggregateData>('metadata', t('launch.metadata'), ({ metadata }) =>
            Object.entries(metadata)
              .map((pair) => pair.join(' = '))
              .join(', '),
          ),
          createdColumn<AggregateData>(t),
          ...actions.columns,
        ]}
        actions={<AggregateCreateButton isPrimary />}
        none={{ title: t('aggregates.none'), action: <AggregateCreateButton /> }}
      />
      {actions.dialogs}
    </>
  )
}
