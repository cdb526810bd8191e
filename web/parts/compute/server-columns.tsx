import ButtonDropdown from '@cloudscape-design/components/button-dropdown'
import type { TableProps } from '@cloudscape-design/components/table'
import type { TFunction } from 'i18next'
import { paths } from '../../paths.ts'
import { formatMiB } from '../../ui/format.ts'
import { Moment } from '../../ui/Moment.tsx'
import { PageLink } from '../../ui/PageLink.tsx'
import { ServerStatus } from '../Status.tsx'
import type { ServerRowData } from './server-fields.ts'
import type { ServerActions } from './use-server-actions.tsx'

/** The columns of a list of servers. `sortingField` is what the API orders by. */
export function serverColumns(
  t: TFunction,
  actions: ServerActions,
): TableProps.ColumnDefinition<ServerRowData>[] {
  return [
    {
      id: 'name',
      header: t('common.name'),
      isRowHeader: true,
      sortingField: 'NAME',
      cell: (server) => <PageLink href={paths.server(server.id)}>{server.name}</PageLink>,
    },
    {
      id: 'status',
      header: t('common.status'),
      hasDynamicContent: true,
      minWidth: 150,
      cell: (server) => <ServerStatus server={server} />,
    },
    {
      id: 'flavor',
      header: t('servers.flavor'),
      cell: ({ flavor }) => (
        <span className="nowrap">
          {flavor.name} (
          {t('flavors.brief', { vcpus: flavor.vcpus, memory: formatMiB(flavor.memoryMiB) })})
        </span>
      ),
    },
    { id: 'image', header: t('servers.image'), cell: (server) => server.image?.name ?? '–' },
    { id: 'host', header: t('servers.host'), cell: (server) => server.host?.name ?? '–' },
    {
      id: 'created',
      header: t('common.created'),
      sortingField: 'CREATED_AT',
      cell: (server) => <Moment at={server.createdAt} />,
    },
    {
      id: 'actions',
      header: t('common.actions'),
      minWidth: 90,
      cell: (server) => (
        <ButtonDropdown
          variant="inline-icon"
          expandToViewport
          expandableGroups
          ariaLabel={t('common.actionsOf', { name: server.name })}
          items={actions.menuItems([server])}
          onItemClick={({ detail }) => actions.request(detail.id, [server])}
        />
      ),
    },
  ]
}
