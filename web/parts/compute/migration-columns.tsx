import StatusIndicator, {
  type StatusIndicatorProps,
} from '@cloudscape-design/components/status-indicator'
import type { TableProps } from '@cloudscape-design/components/table'
import type { TFunction } from 'i18next'
import { useLive } from '../../hooks/live.ts'
import { word } from '../../i18n/words.ts'
import { paths } from '../../paths.ts'
import { formatNumber } from '../../ui/format.ts'
import { Moment } from '../../ui/Moment.tsx'
import { linkColumn, textColumn } from '../columns.tsx'
import { TaskProgress } from '../TaskProgress.tsx'
import { TaskWatch } from '../task-fields.ts'
import type { MigrationData } from './migration-fields.ts'

const looks: Record<MigrationData['status'], StatusIndicatorProps.Type> = {
  RUNNING: 'in-progress',
  FINISHED: 'warning',
  CONFIRMED: 'success',
  REVERTED: 'stopped',
  COMPLETED: 'success',
  FAILED: 'error',
  CANCELLED: 'stopped',
}

/** Of those under way, which are few: their tasks tell how far they are. */
function LiveProgress({ task }: { task: NonNullable<MigrationData['task']> }) {
  useLive(TaskWatch, { id: task.id })
  return <TaskProgress {...task} />
}

const hostLink = (host: MigrationData['sourceHost']) =>
  host && { text: host.name, href: paths.host(host.id) }

export const migrationColumns = (t: TFunction): TableProps.ColumnDefinition<MigrationData>[] => [
  linkColumn<MigrationData>(
    'server',
    t('servers.one'),
    ({ server }) => server && { text: server.name, href: paths.server(server.id) },
  ),
  textColumn<MigrationData>('kind', t('manage.type'), ({ kind }) => word('migrationKind', kind)),
  {
    id: 'status',
    header: t('common.status'),
    hasDynamicContent: true,
    minWidth: 170,
    cell: ({ status, task }) => (
      <>
        <StatusIndicator type={looks[status]}>{word('migrationStatus', status)}</StatusIndicator>
        {status === 'RUNNING' && task && <LiveProgress task={task} />}
      </>
    ),
  },
  linkColumn<MigrationData>('from', t('migrations.from'), ({ sourceHost }) => hostLink(sourceHost)),
  linkColumn<MigrationData>('to', t('migrations.to'), (row) => hostLink(row.destinationHost)),
  textColumn<MigrationData>('size', t('servers.flavor'), ({ oldFlavor, newFlavor }) =>
    !newFlavor || oldFlavor?.id === newFlavor.id
      ? null
      : `${oldFlavor?.name ?? '–'} → ${newFlavor.name}`,
  ),
  textColumn<MigrationData>('paused', t('migrations.paused'), ({ pausedMs }) =>
    pausedMs === null ? null : `${formatNumber(pausedMs)} ms`,
  ),
  {
    id: 'confirmAt',
    header: t('migrations.confirmAt'),
    cell: ({ confirmAt }) => <Moment at={confirmAt} />,
  },
  {
    id: 'created',
    header: t('common.created'),
    cell: ({ createdAt }) => <Moment at={createdAt} />,
  },
]
