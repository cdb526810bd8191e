import Box from '@cloudscape-design/components/box'
import ExpandableSection from '@cloudscape-design/components/expandable-section'
import Header from '@cloudscape-design/components/header'
import StatusIndicator, {
  type StatusIndicatorProps,
} from '@cloudscape-design/components/status-indicator'
import Table, { type TableProps } from '@cloudscape-design/components/table'
import type { TFunction } from 'i18next'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { word } from '../i18n/words.ts'
import { Empty } from '../ui/Empty.tsx'
import { Moment } from '../ui/Moment.tsx'
import { type Change, changesBetween, type Json } from './history-changes.ts'

/** More changes of one row are folded away. */
const changesShown = 3

export interface HistoryRow {
  id: string
  /** The access rule of what was done: `identity.project.update`. */
  action: string
  /** SUCCESS or FAILURE; another word of the API is shown as it is. */
  outcome: string
  /** Why it failed, in the API's words. */
  reason?: string | null
  /** Null: the cloud itself. */
  actor: { name: string } | null
  at: string
  requestId: string | null
  before: Json
  after: Json
}

interface ResourceHistoryProps {
  /** The latest first. */
  rows: readonly HistoryRow[]
  isLoading?: boolean
  /** Moving through pages, when there are more rows. */
  paging?: ReactNode
}

/** All that was done to a resource: who, when, and what became different. */
export function ResourceHistory({ rows, isLoading, paging }: ResourceHistoryProps) {
  const { t } = useTranslation()
  return (
    <Table
      variant="container"
      header={
        <Header variant="h2" actions={paging}>
          {t('history.title')}
        </Header>
      }
      items={rows}
      trackBy="id"
      loading={isLoading}
      loadingText={t('common.loading')}
      columnDefinitions={historyColumns(t)}
      ariaLabels={{ tableLabel: t('history.title') }}
      empty={<Empty title={t('history.none')} />}
      wrapLines
    />
  )
}

const looks: Record<string, StatusIndicatorProps.Type> = { SUCCESS: 'success', FAILURE: 'error' }

/** The columns of what was done; the audit log has them too. */
export function historyColumns<Row extends HistoryRow>(
  t: TFunction,
): TableProps.ColumnDefinition<Row>[] {
  return [
    { id: 'at', header: t('history.at'), minWidth: 190, cell: ({ at }) => <Moment at={at} /> },
    {
      id: 'action',
      header: t('history.action'),
      isRowHeader: true,
      minWidth: 190,
      cell: ({ action }) => <code>{action}</code>,
    },
    {
      id: 'outcome',
      header: t('history.outcome'),
      minWidth: 120,
      cell: ({ outcome }) => (
        <StatusIndicator type={looks[outcome] ?? 'info'}>
          {word('outcome', outcome)}
        </StatusIndicator>
      ),
    },
    {
      id: 'actor',
      header: t('history.actor'),
      minWidth: 120,
      cell: ({ actor }) => actor?.name ?? t('history.nobody'),
    },
    {
      id: 'changes',
      header: t('history.changes'),
      minWidth: 280,
      cell: (row) => row.reason ?? <Changes changes={changesBetween(row.before, row.after)} />,
    },
    {
      id: 'request',
      header: t('history.request'),
      minWidth: 160,
      cell: ({ requestId }) => (requestId ? <code>{requestId}</code> : '–'),
    },
  ]
}

function Changes({ changes }: { changes: readonly Change[] }) {
  const { t } = useTranslation()
  const rest = changes.slice(changesShown)
  if (changes.length === 0) return <>–</>
  return (
    <>
      {changes.slice(0, changesShown).map((change) => (
        <ChangeLine key={change.path} change={change} />
      ))}
      {rest.length > 0 && (
        <ExpandableSection variant="inline" headerText={t('common.more', { count: rest.length })}>
          {rest.map((change) => (
            <ChangeLine key={change.path} change={change} />
          ))}
        </ExpandableSection>
      )}
    </>
  )
}

function ChangeLine({ change: { path, before, after } }: { change: Change }) {
  const { t } = useTranslation()
  const now = after ?? t('history.empty')
  return (
    <Box>
      {before === null
        ? t('history.set', { name: path, after: now })
        : t('history.changed', { name: path, before, after: now })}
    </Box>
  )
}
