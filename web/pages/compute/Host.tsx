import Alert from '@cloudscape-design/components/alert'
import ColumnLayout from '@cloudscape-design/components/column-layout'
import Container from '@cloudscape-design/components/container'
import Header from '@cloudscape-design/components/header'
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs'
import SpaceBetween from '@cloudscape-design/components/space-between'
import Table from '@cloudscape-design/components/table'
import { useTranslation } from 'react-i18next'
import { useParams } from 'react-router'
import { useQuery } from 'urql'
import { explain } from '../../errors.ts'
import { graphql } from '../../graphql.ts'
import { useLive } from '../../hooks/live.ts'
import { HostRow, type HostRowData, HostsWatch } from '../../parts/compute/host-fields.ts'
import { InventoryBar } from '../../parts/compute/InventoryBar.tsx'
import { ProblemAlert } from '../../parts/Problem.tsx'
import { HostStatus } from '../../parts/Status.tsx'
import { paths } from '../../paths.ts'
import { CopyId } from '../../ui/CopyId.tsx'
import { Empty } from '../../ui/Empty.tsx'
import { Loading } from '../../ui/Loading.tsx'
import { Moment } from '../../ui/Moment.tsx'
import { Page } from '../../ui/Page.tsx'
import { PageLink } from '../../ui/PageLink.tsx'

const HostQuery = graphql(`query Host($id: ID!) { host(id: $id) { ...HostRow } }`, [HostRow])

export function Host() {
  const { t } = useTranslation()
  const { id = '' } = useParams()
  const [{ data, error }, reread] = useQuery({ query: HostQuery, variables: { id } })
  useLive(HostsWatch, {})
  const trail = [{ text: t('hosts.title'), href: paths.hosts() }]
  if (data?.host) {
    return (
      <Page title={data.host.name} trail={trail}>
        <HostContent host={data.host} />
      </Page>
    )
  }
  if (!data && !error) return <Loading text={t('common.loading')} />
  return (
    <Page title={t('hosts.one')} trail={trail}>
      {error ? (
        <ProblemAlert
          problem={explain(error)}
          onRetry={() => reread({ requestPolicy: 'network-only' })}
        />
      ) : (
        <Empty title={t('hosts.gone')}>
          <PageLink href={paths.hosts()}>{t('hosts.toList')}</PageLink>
        </Empty>
      )}
    </Page>
  )
}

function HostContent({ host }: { host: HostRowData }) {
  const { t } = useTranslation()
  return (
    <SpaceBetween size="l">
      {host.disabledReason && <Alert header={t('hosts.disabled')}>{host.disabledReason}</Alert>}
      <Container header={<Header variant="h2">{t('hosts.details')}</Header>}>
        <KeyValuePairs
          columns={3}
          items={[
            { label: t('common.status'), value: <HostStatus host={host} /> },
            { label: t('hosts.driver'), value: host.driver },
            { label: t('hosts.heartbeat'), value: <Moment at={host.heartbeatAt} /> },
            { label: t('common.created'), value: <Moment at={host.createdAt} /> },
            { label: t('common.id'), value: <CopyId id={host.id} /> },
          ]}
        />
      </Container>
      <Container
        header={
          <Header variant="h2" description={t('hosts.inventoryText')}>
            {t('hosts.inventory')}
          </Header>
        }
      >
        <ColumnLayout columns={3}>
          {host.inventory.map((inventory) => (
            <InventoryBar key={inventory.resource} inventory={inventory} isFull />
          ))}
        </ColumnLayout>
      </Container>
      <Table
        variant="container"
        header={
          <Header variant="h2" description={t('hosts.capabilitiesText')}>
            {t('hosts.capabilities')}
          </Header>
        }
        items={host.capabilities}
        trackBy="name"
        ariaLabels={{ tableLabel: t('hosts.capabilities') }}
        columnDefinitions={[
          { id: 'name', header: t('common.name'), cell: ({ name }) => name, isRowHeader: true },
          { id: 'value', header: t('hosts.value'), cell: ({ value }) => value },
        ]}
        empty={<Empty title={t('hosts.noCapabilities')} />}
        wrapLines
      />
    </SpaceBetween>
  )
}
