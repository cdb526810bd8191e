import Box from '@cloudscape-design/components/box'
import Table, { type TableProps } from '@cloudscape-design/components/table'
import type { TFunction } from 'i18next'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { word } from '../i18n/words.ts'
import { paths } from '../paths.ts'
import { Empty } from '../ui/Empty.tsx'
import { formatDuration } from '../ui/format.ts'
import { Moment } from '../ui/Moment.tsx'
import { PageLink } from '../ui/PageLink.tsx'
import { TaskStatus } from './Status.tsx'
import type { TaskRowData } from './task-fields.ts'

interface TaskTableProps {
  tasks: readonly TaskRowData[]
  variant: TableProps.Variant
  header: ReactNode
  footer?: ReactNode
  isLoading?: boolean
  /** Leaves out what all tasks have in common on the page of one resource. */
  isOfOneResource?: boolean
}

/** Tasks as rows, the latest first. */
export function TaskTable(props: TaskTableProps) {
  const { t } = useTranslation()
  const { tasks, variant, header, footer, isLoading, isOfOneResource } = props
  return (
    <Table
      variant={variant}
      header={header}
      footer={footer}
      items={tasks}
      trackBy="id"
      loading={isLoading}
      loadingText={t('common.loading')}
      columnDefinitions={taskColumns(t).filter(({ id }) => !(isOfOneResource && id === 'resource'))}
      ariaLabels={{ tableLabel: t('tasks.title') }}
      empty={<Empty title={t('tasks.none')} />}
    />
  )
}

function taskColumns(t: TFunction): TableProps.ColumnDefinition<TaskRowData>[] {
  return [
    {
      id: 'kind',
      minWidth: 150,
      header: t('tasks.kind'),
      cell: (task) => word('taskKind', task.kind),
      isRowHeader: true,
    },
    {
      id: 'status',
      minWidth: 130,
      header: t('common.status'),
      hasDynamicContent: true,
      cell: (task) => <TaskStatus status={task.status} />,
    },
    { id: 'resource', header: t('tasks.resource'), cell: (task) => <TaskResource task={task} /> },
    {
      id: 'started',
      minWidth: 210,
      header: t('tasks.started'),
      cell: (task) => <Moment at={task.startedAt ?? task.createdAt} />,
    },
    {
      id: 'duration',
      header: t('tasks.duration'),
      cell: ({ startedAt, finishedAt }) =>
        startedAt && finishedAt ? formatDuration(startedAt, finishedAt) : '–',
    },
    {
      id: 'error',
      minWidth: 280,
      header: t('tasks.error'),
      cell: (task) => <span className="wrap">{task.error?.message ?? '–'}</span>,
    },
  ]
}

function TaskResource({ task }: { task: TaskRowData }) {
  const name = word('resourceType', task.resourceType)
  if (task.resourceType !== 'server') return <Box>{name}</Box>
  return <PageLink href={paths.server(task.resourceId)}>{name}</PageLink>
}
