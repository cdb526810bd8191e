import type { TableProps } from '@cloudscape-design/components/table'
import type { TFunction } from 'i18next'
import { useTranslation } from 'react-i18next'
import { useQuery } from 'urql'
import { graphql } from '../../graphql.ts'
import { usePages } from '../../hooks/list-view.ts'
import { useLiveList, useReread } from '../../hooks/live.ts'
import { word } from '../../i18n/words.ts'
import { HostRow, type HostRowData, HostsWatch } from '../../parts/compute/host-fields.ts'
import { InventoryBar } from '../../parts/compute/InventoryBar.tsx'
import { ResourceTable } from '../../parts/ResourceTable.tsx'
import { HostStatus } from '../../parts/Status.tsx'
import { paths } from '../../paths.ts'
import { Empty } from '../../ui/Empty.tsx'
import { Moment } from '../../ui/Moment.tsx'
import { PageLink } from '../../ui/PageLink.tsx'

const rowsPerPage = 50

/** The resources with a column of their own; the page of a host shows all. */
const resourcesShown = ['VCPU', 'MEMORY_MB', 'DISK_GB']

const HostsQuery = graphql(
  `query Hosts($first: Int!, $after: String) {
    hosts(first: $first, after: $after) {
      nodes { ...HostRow }
      pageInfo { hasNextPage endCursor }
      totalCount
    }
  }`,
  [HostRow],
)

export function Hosts() {
  const { t } = useTranslation()
  const pages = usePages('')
  const variables = { first: rowsPerPage, after: pages.after }
  const [{ data, error }, reread] = useQuery({ query: HostsQuery, variables })
  const rereadSoon = useReread(reread)
  useLiveList(HostsWatch, ({ hostChanged: { kind } }) => {
    if (kind !== 'UPDATED') rereadSoon()
  })
  return (
    <ResourceTable
      title={t('hosts.title')}
      description={t('hosts.description')}
      list={{
        items: data?.hosts.nodes,
        totalCount: data?.hosts.totalCount,
        pageInfo: data?.hosts.pageInfo,
        error,
        reread,
      }}
      pages={pages}
      columns={hostColumns(t)}
      empty={<Empty title={t('hosts.none')} text={t('hosts.noneText')} />}
    />
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
