import type { TableProps } from '@cloudscape-design/components/table'
import type { TFunction } from 'i18next'
import { useTranslation } from 'react-i18next'
import { graphql } from '../../graphql.ts'
import { word } from '../../i18n/words.ts'
import { HostJoinButton } from '../../parts/compute/HostJoinButton.tsx'
import { useHostActions } from '../../parts/compute/host-actions.tsx'
import { HostRow, type HostRowData, HostsWatch } from '../../parts/compute/host-fields.ts'
import { InventoryBar } from '../../parts/compute/InventoryBar.tsx'
import { ListPage } from '../../parts/ListPage.tsx'
import { HostStatus } from '../../parts/Status.tsx'
import { paths } from '../../paths.ts'
import { Moment } from '../../ui/Moment.tsx'
import { PageLink } from '../../ui/PageLink.tsx'

/** The resources with a column of their own; the page of a host shows all. */
const resourcesShown = ['VCPU', 'MEMORY_MB', 'DISK_GB']

const HostsQuery = graphql(
  `query Hosts($first: Int!, $after: String) {
    hosts(first: $first, after: $after) {
      nodes { ...HostRow }
      pageInfo { hasNextPage endCursor }
      missing { cell reason since }
      totalCount
    }
  }`,
  [HostRow],
)

export function Hosts() {
  const { t } = useTranslation()
  const actions = useHostActions()
  return (
    <>
      <ListPage
        title={t('hosts.title')}
        description={t('hosts.description')}
        query={HostsQuery}
        rows={({ hosts }) => hosts}
        watch={HostsWatch}
        columns={[...hostColumns(t), ...actions.columns]}
        actions={<HostJoinButton />}
        none={{ title: t('hosts.none'), text: t('hosts.noneText') }}
      />
      {actions.dialogs}
    </>
  )
}

function hostColumns(t: TFunction): TableProps.ColumnDefinition<HostRowData>[] {
  return [
    {
      id: 'name',
      header: t('common.name'),
      isRowHeader: true,
      cell: (host) => <PageLink href={paths.host(host.id)}>{host.name}</PageLink>,
    },
    {
      id: 'status',
      header: t('common.status'),
      hasDynamicContent: true,
      cell: (host) => <HostStatus host={host} />,
    },
    { id: 'zone', header: t('servers.zone'), cell: (host) => host.availabilityZone },
    { id: 'driver', header: t('hosts.driver'), cell: (host) => host.driver },
    ...resourcesShown.map((resource) => ({
      id: resource,
      header: word('resource', resource),
      minWidth: 190,
      cell: (host: HostRowData) => {
        const inventory = host.inventory.find((one) => one.resource === resource)
        return inventory ? <InventoryBar inventory={inventory} /> : '–'
      },
    })),
    {
      id: 'heartbeat',
      header: t('hosts.heartbeat'),
      cell: (host) => <Moment at={host.heartbeatAt} />,
    },
  ]
}
