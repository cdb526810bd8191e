import StatusIndicator from '@cloudscape-design/components/status-indicator'
import { useTranslation } from 'react-i18next'
import { graphql } from '../../graphql.ts'
import { textColumn } from '../../parts/columns.tsx'
import { ListPage } from '../../parts/ListPage.tsx'
import { formatNumber } from '../../ui/format.ts'

/** There are few: they come all at once. */
const ZonesQuery = graphql(`query AvailabilityZones { availabilityZones { name available hosts } }`)

interface Zone {
  id: string
  available: boolean
  hosts: number
}

export function AvailabilityZones() {
  const { t } = useTranslation()
  return (
    <ListPage
      title={t('zones.title')}
      description={t('zones.description')}
      query={ZonesQuery}
      rows={({ availabilityZones }) => ({
        nodes: availabilityZones.map(({ name, ...zone }): Zone => ({ ...zone, id: name })),
        pageInfo: { hasNextPage: false, endCursor: null },
        totalCount: availabilityZones.length,
      })}
      columns={[
        { id: 'name', header: t('common.name'), isRowHeader: true, cell: ({ id }) => id },
        {
          id: 'status',
          header: t('common.status'),
          cell: ({ available }) =>
            available ? (
              <StatusIndicator type="success">{t('zones.available')}</StatusIndicator>
            ) : (
              <StatusIndicator type="warning">{t('zones.unavailable')}</StatusIndicator>
            ),
        },
        textColumn<Zone>('hosts', t('zones.hosts'), ({ hosts }) => formatNumber(hosts)),
      ]}
      none={{ title: t('zones.none') }}
    />
  )
}
