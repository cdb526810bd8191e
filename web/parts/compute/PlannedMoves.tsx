import Header from '@cloudscape-design/components/header'
import StatusIndicator from '@cloudscape-design/components/status-indicator'
import Table from '@cloudscape-design/components/table'
import { useTranslation } from 'react-i18next'
import { word } from '../../i18n/words.ts'
import { paths } from '../../paths.ts'
import { Empty } from '../../ui/Empty.tsx'
import { PageLink } from '../../ui/PageLink.tsx'
import type { PlannedMoveData } from './host-fields.ts'

interface PlannedMovesProps {
  moves: readonly PlannedMoveData[]
  title?: string
  description?: string
  isLoading?: boolean
}

/** Servers that would leave a host: in which way, where to, or why not. */
export function PlannedMoves({ moves, title, description, isLoading }: PlannedMovesProps) {
  const { t } = useTranslation()
  return (
    <Table
      variant={title ? 'container' : 'embedded'}
      items={moves}
      loading={isLoading}
      loadingText={t('common.loading')}
      ariaLabels={{ tableLabel: title ?? t('hosts.plan') }}
      header={
        title && (
          <Header variant="h2" counter={`(${moves.length})`} description={description}>
            {title}
          </Header>
        )
      }
      columnDefinitions={[
        {
          id: 'server',
          header: t('servers.one'),
          isRowHeader: true,
          cell: ({ server }) =>
            server ? <PageLink href={paths.server(server.id)}>{server.name}</PageLink> : '–',
        },
        { id: 'way', header: t('hosts.way'), cell: ({ way }) => word('moveWay', way) },
        {
          id: 'to',
          header: t('migrations.to'),
          cell: ({ host, reason }) =>
            host ? (
              host.name
            ) : (
              <StatusIndicator type="error">{reason ?? t('hosts.noPlace')}</StatusIndicator>
            ),
        },
      ]}
      empty={<Empty title={t('hosts.noServers')} />}
      wrapLines
    />
  )
}
