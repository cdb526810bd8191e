import type { TableProps } from '@cloudscape-design/components/table'
import type { TFunction } from 'i18next'
import { useTranslation } from 'react-i18next'
import { graphql } from '../../graphql.ts'
import type { ListView } from '../../hooks/list-view.ts'
import { word } from '../../i18n/words.ts'
import { nameFilter, nameOf } from '../../parts/columns.tsx'
import { HostJoinButton } from '../../parts/compute/HostJoinButton.tsx'
import { useHostActions } from '../../parts/compute/host-actions.tsx'
import { HostRow, type HostRowData, HostsWatch } from '../../parts/compute/host-fields.ts'
import { InventoryBar } from '../../parts/compute/InventoryBar.tsx'
import type { Filters } from '../../parts/ListFilter.tsx'
import { ListPage } from '../../parts/ListPage.tsx'
import { HostStatus } from '../../parts/Status.tsx'
import { paths } from '../../paths.ts'
import { Moment } from '../../ui/Moment.tsx'
import { PageLink } from '../../ui/PageLink.tsx'

/** The resources with a column of their own; the page of a host shows all. */
const resourcesShown = ['VCPU', 'MEMORY_MB', 'DISK_GB']

const HostsQuery = graphql(
  `query Hosts($first: Int!, $after: String, $filter: HostFilterInput) {
    hosts(first: $first, after: $after, filter: $filter) {
      nodes { ...HostRow }
      pageInfo { hasNextPage endCursor }
      missing { cell reason since }
      totalCount
    }
  }`,
  [HostRow],
)

/** What the list shows as the status of a host, as the API's filter. */
const statuses = {
  UP: { status: 'UP', enabled: true },
  DISABLED: { status: 'UP', enabled: false, maintenance: false },
  MAINTENANCE: { status: 'UP', maintenance: true },
  DOWN: { status: 'DOWN' },
} as const

const variablesOf = (view: ListView) => ({
  filter: { name: nameOf(view), ...statuses[view.get('status') as keyof typeof statuses] },
})

const hostFilters = (t: TFunction): Filters => ({
  text: nameFilter(t),
  choices: [
    {
      name: 'status',
      label: t('common.status'),
      anyText: t('servers.anyStatus'),
      options: Object.keys(statuses).map((value) => ({ value, label: word('hostStatus', value) })),
    },
  ],
})

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
        variables={variablesOf}
        filters={hostFilters(t)}
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
