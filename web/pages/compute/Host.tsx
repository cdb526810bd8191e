import Alert from '@cloudscape-design/components/alert'
import ColumnLayout from '@cloudscape-design/components/column-layout'
import Container from '@cloudscape-design/components/container'
import Header from '@cloudscape-design/components/header'
import Table from '@cloudscape-design/components/table'
import { useTranslation } from 'react-i18next'
import { graphql } from '../../graphql.ts'
import { HostRow, type HostRowData, HostWatch } from '../../parts/compute/host-fields.ts'
import { InventoryBar } from '../../parts/compute/InventoryBar.tsx'
import { DetailLayout, DetailPage } from '../../parts/DetailPage.tsx'
import { HostStatus } from '../../parts/Status.tsx'
import { paths } from '../../paths.ts'
import { CopyId } from '../../ui/CopyId.tsx'
import { Empty } from '../../ui/Empty.tsx'
import { Moment } from '../../ui/Moment.tsx'

const HostQuery = graphql(`query Host($id: ID!) { host(id: $id) { ...HostRow } }`, [HostRow])

export function Host() {
  const { t } = useTranslation()
  return (
    <DetailPage
      query={HostQuery}
      resource={({ host }) => host}
      watch={HostWatch}
      list={{ text: t('hosts.title'), href: paths.hosts() }}
      oneText={t('hosts.one')}
      gone={{ title: t('hosts.gone'), listText: t('hosts.toList') }}
      Content={HostContent}
    />
  )
}

function HostContent({ resource: host }: { resource: HostRowData }) {
  const { t } = useTranslation()
  return (
    <DetailLayout
      title={host.name}
      list={{ text: t('hosts.title'), href: paths.hosts() }}
      alert={
        host.disabledReason && <Alert header={t('hosts.disabled')}>{host.disabledReason}</Alert>
      }
      facts={[
        { label: t('common.status'), value: <HostStatus host={host} /> },
        { label: t('hosts.driver'), value: host.driver },
        { label: t('hosts.heartbeat'), value: <Moment at={host.heartbeatAt} /> },
        { label: t('common.created'), value: <Moment at={host.createdAt} /> },
        { label: t('common.id'), value: <CopyId id={host.id} /> },
      ]}
    >
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
    </DetailLayout>
  )
}
