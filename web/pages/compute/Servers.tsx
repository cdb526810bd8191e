import Button from '@cloudscape-design/components/button'
import ButtonDropdown from '@cloudscape-design/components/button-dropdown'
import SpaceBetween from '@cloudscape-design/components/space-between'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useQuery } from 'urql'
import { graphql } from '../../graphql.ts'
import { useFollow } from '../../hooks/follow.ts'
import { type ListView, useListView, usePages } from '../../hooks/list-view.ts'
import { useLiveList, useReread } from '../../hooks/live.ts'
import { ServerFilter, type ServerStatusFilter } from '../../parts/compute/ServerFilter.tsx'
import type { ServerActionName } from '../../parts/compute/server-actions.ts'
import { serverColumns } from '../../parts/compute/server-columns.tsx'
import { ServerRow, ServersWatch } from '../../parts/compute/server-fields.ts'
import { useServerActions } from '../../parts/compute/use-server-actions.tsx'
import { ResourceTable } from '../../parts/ResourceTable.tsx'
import { paths } from '../../paths.ts'
import { Empty } from '../../ui/Empty.tsx'

const rowsPerPage = 50

const ServersQuery = graphql(
  `query Servers(
    $first: Int!, $after: String, $filter: ServerFilterInput, $orderBy: ServerOrderInput
  ) {
    servers(first: $first, after: $after, filter: $filter, orderBy: $orderBy) {
      nodes { ...ServerRow }
      pageInfo { hasNextPage endCursor }
      totalCount
    }
  }`,
  [ServerRow],
)

/** What the address says of filter and order, as the API wants it. */
function queryOf(view: ListView) {
  const [field, direction] = (view.get('order') || 'CREATED_AT-DESC').split('-')
  const status = view.get('status')
  return {
    filter: {
      name: view.get('name') ? { contains: view.get('name') } : undefined,
      status: status ? [status as ServerStatusFilter] : undefined,
    },
    orderBy: {
      field: field === 'NAME' ? ('NAME' as const) : ('CREATED_AT' as const),
      direction: direction === 'ASC' ? ('ASC' as const) : ('DESC' as const),
    },
  }
}

export function Servers() {
  const { t } = useTranslation()
  const view = useListView()
  const { filter, orderBy } = queryOf(view)
  const pages = usePages(JSON.stringify([filter, orderBy]))
  const variables = { first: rowsPerPage, after: pages.after, filter, orderBy }
  const [{ data, error }, reread] = useQuery({ query: ServersQuery, variables })
  const rereadSoon = useReread(reread)
  useLiveList(ServersWatch, ({ serverChanged: { kind } }) => {
    // An update is in its row by now. Only in a list of one status does it also move rows.
    if (kind !== 'UPDATED' || filter.status) rereadSoon()
  })
  const [selectedIds, setSelectedIds] = useState<ReadonlySet<string>>(new Set())
  const actions = useServerActions()
  const selected = data?.servers.nodes.filter(({ id }) => selectedIds.has(id)) ?? []

  return (
    <>
      <ResourceTable
        title={t('servers.title')}
        description={t('servers.description')}
        list={{
          items: data?.servers.nodes,
          totalCount: data?.servers.totalCount,
          pageInfo: data?.servers.pageInfo,
          error,
          reread,
        }}
        pages={pages}
        columns={serverColumns(t, actions)}
        selectedIds={selectedIds}
        onSelect={setSelectedIds}
        order={{ field: orderBy.field, isDescending: orderBy.direction === 'DESC' }}
        onOrder={({ field, isDescending }) =>
          view.set('order', `${field}-${isDescending ? 'DESC' : 'ASC'}`)
        }
        filter={<ServerFilter view={view} matches={data?.servers.totalCount} />}
        actions={
          <SpaceBetween direction="horizontal" size="xs">
            <ButtonDropdown
              items={actions.menuItems(selected)}
              disabled={selected.length === 0}
              disabledReason={t('servers.selectFirst')}
              onItemClick={({ detail }) => actions.request(detail.id as ServerActionName, selected)}
            >
              {t('common.actions')}
            </ButtonDropdown>
            <LaunchButton isPrimary />
          </SpaceBetween>
        }
        empty={<NoServers view={view} />}
      />
      {actions.dialog}
    </>
  )
}

function LaunchButton({ isPrimary }: { isPrimary?: boolean }) {
  const { t } = useTranslation()
  const follow = useFollow()
  return (
    <Button
      variant={isPrimary ? 'primary' : 'normal'}
      href={paths.serverCreate()}
      onFollow={follow}
    >
      {t('servers.launch')}
    </Button>
  )
}

function NoServers({ view }: { view: ListView }) {
  const { t } = useTranslation()
  if (view.get('name') || view.get('status')) {
    return (
      <Empty title={t('common.noMatches')} text={t('common.noMatchesText')}>
        <Button onClick={view.clear}>{t('common.clearFilter')}</Button>
      </Empty>
    )
  }
  return (
    <Empty title={t('servers.none')} text={t('servers.noneText')}>
      <LaunchButton />
    </Empty>
  )
}
