import Box from '@cloudscape-design/components/box'
import Button from '@cloudscape-design/components/button'
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
import { TaskProgress } from './TaskProgress.tsx'
import type { TaskRowData } from './task-fields.ts'

interface TaskTableProps {
  tasks: readonly TaskRowData[]
  variant: TableProps.Variant
  header: ReactNode
  footer?: ReactNode
  isLoading?: boolean
  /** Leaves out what all tasks have in common on the page of one resource. */
  isOfOneResource?: boolean
  /** Shows the steps of a task; without it they are not to be had here. */
  onOpen?: (id: string) => void
}

/** Tasks as rows, the latest first. */
export function TaskTable(props: TaskTableProps) {
  const { t } = useTranslation()
  const { tasks, variant, header, footer, isLoading, isOfOneResource, onOpen } = props
  return (
    <Table
      variant={variant}
      header={header}
      footer={footer}
      items={tasks}
      trackBy="id"
      loading={isLoading}
      loadingText={t('common.loading')}
      columnDefinitions={taskColumns(t, onOpen).filter(
        ({ id }) => !(isOfOneResource && id === 'resource'),
      )}
      ariaLabels={{ tableLabel: t('tasks.title') }}
      empty={<Empty title={t('tasks.none')} />}
    />
  )
}

/** Who asked for a task, in words: some of them nobody does. */
export const whoOf = (t: TFunction, { user }: Pick<TaskRowData, 'user'>): string =>
  user?.name ?? t('tasks.cloud')

function taskColumns(
  t: TFunction,
  onOpen?: (id: string) => void,
): TableProps.ColumnDefinition<TaskRowData>[] {
  return [
    {
      id: 'kind',
      minWidth: 150,
      header: t('tasks.kind'),
      cell: ({ id, kind }) =>
        onOpen ? (
          <Button variant="inline-link" onClick={() => onOpen(id)}>
            {word('taskKind', kind)}
          </Button>
        ) : (
          word('taskKind', kind)
        ),
      isRowHeader: true,
    },
    {
      id: 'status',
      minWidth: 190,
      header: t('common.status'),
      hasDynamicContent: true,
      cell: (task) => (
        <>
          <TaskStatus status={task.status} />
          <TaskProgress {...task} />
        </>
      ),
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
    { id: 'by', header: t('tasks.by'), cell: (task) => whoOf(t, task) },
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
