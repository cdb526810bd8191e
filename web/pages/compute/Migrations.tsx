import { useTranslation } from 'react-i18next'
import { graphql } from '../../graphql.ts'
import type { ListView } from '../../hooks/list-view.ts'
import { word } from '../../i18n/words.ts'
import { useHostOptions } from '../../parts/compute/host-choice.ts'
import { migrationColumns } from '../../parts/compute/migration-columns.tsx'
import {
  type MigrationData,
  MigrationRow,
  MigrationsWatch,
} from '../../parts/compute/migration-fields.ts'
import { ListPage } from '../../parts/ListPage.tsx'

const statuses: MigrationData['status'][] = [
  'RUNNING',
  'FINISHED',
  'CONFIRMED',
  'REVERTED',
  'COMPLETED',
  'FAILED',
  'CANCELLED',
]

const MigrationsQuery = graphql(
  `query Migrations($first: Int!, $after: String, $filter: MigrationFilterInput) {
    migrations(first: $first, after: $after, filter: $filter) {
      nodes { ...MigrationRow }
      pageInfo { hasNextPage endCursor }
      missing { cell reason since }
      totalCount
    }
  }`,
  [MigrationRow],
)

const variablesOf = (view: ListView) => ({
  filter: {
    serverId: view.get('server') || null,
    hostId: view.get('host') || null,
    status: view.get('status') ? [view.get('status') as MigrationData['status']] : null,
  },
})

export function Migrations() {
  const { t } = useTranslation()
  const hosts = useHostOptions()
  return (
    <ListPage
      title={t('migrations.title')}
      description={t('migrations.description')}
      query={MigrationsQuery}
      rows={({ migrations }) => migrations}
      variables={variablesOf}
      watch={MigrationsWatch}
      filters={{
        choices: [
          {
            name: 'status',
            label: t('common.status'),
            anyText: t('servers.anyStatus'),
            options: statuses.map((value) => ({ value, label: word('migrationStatus', value) })),
          },
          { name: 'host', label: t('hosts.one'), anyText: t('migrations.anyHost'), options: hosts },
        ],
      }}
      columns={migrationColumns(t)}
      none={{ title: t('migrations.none') }}
    />
  )
}
