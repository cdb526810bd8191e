import StatusIndicator from '@cloudscape-design/components/status-indicator'
import type { ResultOf } from 'gql.tada'
import { useTranslation } from 'react-i18next'
import { graphql } from '../../graphql.ts'
import { word } from '../../i18n/words.ts'
import { textColumn } from '../../parts/columns.tsx'
import { ListPage } from '../../parts/ListPage.tsx'
import { Moment } from '../../ui/Moment.tsx'

const ProcessRow = graphql(`
  fragment ProcessRow on Process { id hostName roles state version pid startedAt heartbeatAt }
`)

type ProcessData = ResultOf<typeof ProcessRow>

const ProcessesQuery = graphql(
  `query Processes($first: Int!, $after: String) {
    processes(first: $first, after: $after) {
      nodes { ...ProcessRow }
      pageInfo { hasNextPage endCursor }
      totalCount
    }
  }`,
  [ProcessRow],
)

export function Processes() {
  const { t } = useTranslation()
  return (
    <ListPage
      title={t('processes.title')}
      description={t('processes.description')}
      query={ProcessesQuery}
      rows={({ processes }) => processes}
      columns={[
        {
          id: 'host',
          header: t('processes.machine'),
          isRowHeader: true,
          cell: ({ hostName }) => hostName,
        },
        textColumn<ProcessData>('roles', t('processes.roles'), ({ roles }) => roles.join(', ')),
        {
          id: 'state',
          header: t('common.status'),
          cell: ({ state }) => (
            <StatusIndicator type={state === 'UP' ? 'success' : 'error'}>
              {word('hostStatus', state)}
            </StatusIndicator>
          ),
        },
        textColumn<ProcessData>('pid', t('processes.pid'), ({ pid }) => pid?.toString()),
        textColumn<ProcessData>('version', t('processes.version'), ({ version }) => version),
        {
          id: 'heartbeat',
          header: t('hosts.heartbeat'),
          cell: ({ heartbeatAt }) => <Moment at={heartbeatAt} />,
        },
        {
          id: 'started',
          header: t('tasks.started'),
          cell: ({ startedAt }) => <Moment at={startedAt} />,
        },
      ]}
      none={{ title: t('processes.none') }}
    />
  )
}
