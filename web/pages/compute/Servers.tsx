import Button from '@cloudscape-design/components/button'
import { useTranslation } from 'react-i18next'
import { graphql } from '../../graphql.ts'
import { useFollow } from '../../hooks/follow.ts'
import { type ListView, orderOf } from '../../hooks/list-view.ts'
import { serverColumns } from '../../parts/compute/server-columns.tsx'
import { ServerRow, ServersWatch } from '../../parts/compute/server-fields.ts'
import {
  isOfAll,
  type ServerStatusFilter,
  serverFilters,
} from '../../parts/compute/server-filters.ts'
import { useServerActions } from '../../parts/compute/use-server-actions.tsx'
import { ListPage } from '../../parts/ListPage.tsx'
import { may, useViewer } from '../../parts/viewer.ts'
import { paths } from '../../paths.ts'

const ServersQuery = graphql(
  `query Servers(
    $first: Int!, $after: String, $filter: ServerFilterInput, $orderBy: ServerOrderInput,
    $allProjects: Boolean
  ) {
    servers(
      first: $first, after: $after, filter: $filter, orderBy: $orderBy, allProjects: $allProjects
    ) {
      nodes { ...ServerRow }
      pageInfo { hasNextPage endCursor }
      missing { cell reason since }
      totalCount
    }
  }`,
  [ServerRow],
)

/** What the address says of filter and order, as the API wants it. */
function variablesOf(view: ListView) {
  const status = view.get('status')
  return {
    filter: {
      name: view.get('name') ? { contains: view.get('name') } : undefined,
      status: status ? [status as ServerStatusFilter] : undefined,
    },
    allProjects: isOfAll(view) || null,
    orderBy: orderOf(view, ['NAME', 'CREATED_AT'], { field: 'CREATED_AT', direction: 'DESC' }),
  }
}

export function Servers() {
  const { t } = useTranslation()
  const actions = useServerActions()
  const maySeeAll = may(useViewer(), 'compute.server.list-all')
  return (
    <>
      <ListPage
        title={t('servers.title')}
        description={t('servers.description')}
        query={ServersQuery}
        rows={({ servers }) => servers}
        variables={variablesOf}
        watch={ServersWatch}
        columns={serverColumns(t, actions)}
        filters={serverFilters(t, maySeeAll)}
        selection={{
          nameOf: ({ name }) => name,
          firstText: t('servers.selectFirst'),
          items: actions.menuItems,
          onChoose: (id, selected) => actions.request(id, selected),
        }}
        actions={<LaunchButton isPrimary />}
        none={{ title: t('servers.none'), text: t('servers.noneText'), action: <LaunchButton /> }}
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
