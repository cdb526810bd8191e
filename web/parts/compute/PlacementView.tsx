import Box from '@cloudscape-design/components/box'
import Container from '@cloudscape-design/components/container'
import Header from '@cloudscape-design/components/header'
import SpaceBetween from '@cloudscape-design/components/space-between'
import StatusIndicator from '@cloudscape-design/components/status-indicator'
import Table from '@cloudscape-design/components/table'
import type { ResultOf } from 'gql.tada'
import { useTranslation } from 'react-i18next'
import { graphql } from '../../graphql.ts'
import { word } from '../../i18n/words.ts'
import { Empty } from '../../ui/Empty.tsx'
import { formatNumber } from '../../ui/format.ts'
import { NearestMiss } from './NearestMiss.tsx'
import { PlacementFunnel } from './PlacementFunnel.tsx'
import { PlacementRow } from './plan-fields.ts'

/** Placement with every host. */
export const PlacementDetails = graphql(
  `fragment PlacementDetails on Placement {
    ...PlacementRow
    attempt
    hosts { name passed refusedBy reason weight }
  }`,
  [PlacementRow],
)

type Details = ResultOf<typeof PlacementDetails>

interface PlacementViewProps {
  placement: Details
  description?: string
}

/** Hosts shown; more are told by number only. */
const hostsMost = 100

/** A decision of placement: the picture of its filters, the nearest miss, and the hosts. */
export function PlacementView({ placement, description }: PlacementViewProps) {
  const { t } = useTranslation()
  const { hostsTotal, hostsPassed, filters, nearestMiss, hosts } = placement
  return (
    <SpaceBetween size="l">
      <Container
        header={
          <Header variant="h2" description={description}>
            {t('placement.chart')}
          </Header>
        }
      >
        <SpaceBetween size="m">
          <StatusIndicator type={hostsPassed > 0 ? 'success' : 'error'}>
            {t('launch.hosts', { passed: hostsPassed, total: hostsTotal })}
          </StatusIndicator>
          <PlacementFunnel hostsTotal={hostsTotal} filters={filters} />
          {nearestMiss && <NearestMiss miss={nearestMiss} />}
        </SpaceBetween>
      </Container>
      {hosts.length > 0 && <Hosts hosts={hosts} />}
    </SpaceBetween>
  )
}

function Hosts({ hosts }: { hosts: Details['hosts'] }) {
  const { t } = useTranslation()
  const best = (host: Details['hosts'][number]) => host.weight ?? Number.NEGATIVE_INFINITY
  const sorted = hosts.toSorted(
    (a, b) => Number(b.passed) - Number(a.passed) || best(b) - best(a) || 0,
  )
  const more = sorted.length - hostsMost
  return (
    <Table
      variant="container"
      items={sorted.slice(0, hostsMost)}
      ariaLabels={{ tableLabel: t('placement.hosts') }}
      header={
        <Header
          variant="h2"
          counter={`(${formatNumber(hosts.length)})`}
          description={t('placement.hostsText')}
        >
          {t('placement.hosts')}
        </Header>
      }
      columnDefinitions={[
        {
          id: 'name',
          header: t('common.name'),
          isRowHeader: true,
          cell: ({ name }) => name ?? '–',
        },
        {
          id: 'verdict',
          header: t('placement.verdict'),
          cell: ({ passed, refusedBy }) =>
            passed ? (
              <StatusIndicator type="success">{t('placement.passes')}</StatusIndicator>
            ) : (
              <StatusIndicator type="error">
                {refusedBy ? word('filter', refusedBy) : '–'}
              </StatusIndicator>
            ),
        },
        { id: 'reason', header: t('check.reason'), cell: ({ reason }) => reason ?? '–' },
        {
          id: 'weight',
          header: t('placement.weight'),
          cell: ({ weight }) => (weight === null ? '–' : formatNumber(weight)),
        },
      ]}
      footer={more > 0 && <Box textAlign="center">{t('common.more', { count: more })}</Box>}
      empty={<Empty title={t('hosts.none')} />}
      wrapLines
    />
  )
}
