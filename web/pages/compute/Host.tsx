import Alert from '@cloudscape-design/components/alert'
import Container from '@cloudscape-design/components/container'
import Header from '@cloudscape-design/components/header'
import SpaceBetween from '@cloudscape-design/components/space-between'
import { useTranslation } from 'react-i18next'
import { useNavigate } from 'react-router'
import { graphql } from '../../graphql.ts'
import { useLive } from '../../hooks/live.ts'
import { useHistoryTab } from '../../parts/AuditHistory.tsx'
import { HostInventory } from '../../parts/compute/HostInventory.tsx'
import { HostServers } from '../../parts/compute/HostServers.tsx'
import { HostTraits } from '../../parts/compute/HostTraits.tsx'
import { useHostActions } from '../../parts/compute/host-actions.tsx'
import { type HostData, HostDetails, HostWatch } from '../../parts/compute/host-fields.ts'
import { DetailLayout, DetailPage } from '../../parts/DetailPage.tsx'
import { HostStatus } from '../../parts/Status.tsx'
import { TaskSteps } from '../../parts/TaskSteps.tsx'
import { tabsOf } from '../../parts/tabs.ts'
import { TaskWatch } from '../../parts/task-fields.ts'
import { paths } from '../../paths.ts'
import { CopyId } from '../../ui/CopyId.tsx'
import { Moment } from '../../ui/Moment.tsx'
import { PageLink } from '../../ui/PageLink.tsx'
import { PairsTable } from '../../ui/PairsTable.tsx'

const HostQuery = graphql(`query Host($id: ID!) { host(id: $id) { ...HostDetails } }`, [
  HostDetails,
])

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

function HostContent({ resource: host }: { resource: HostData }) {
  const { t } = useTranslation()
  const navigate = useNavigate()
  const actions = useHostActions(() => void navigate(paths.hosts()))
  const history = useHistoryTab(host.id)
  const task = host.task && {
    id: 'task',
    label: t('hosts.emptying'),
    content: <HostTask task={host.task} />,
  }
  return (
    <>
      <DetailLayout
        title={host.name}
        list={{ text: t('hosts.title'), href: paths.hosts() }}
        actions={actions.buttons(host)}
        alert={<HostNotice host={host} />}
        facts={[
          { label: t('common.status'), value: <HostStatus host={host} /> },
          { label: t('servers.zone'), value: host.availabilityZone },
          { label: t('hosts.aggregates'), value: <Aggregates host={host} /> },
          { label: t('hosts.driver'), value: host.driver },
          { label: t('hosts.heartbeat'), value: <Moment at={host.heartbeatAt} /> },
          { label: t('common.created'), value: <Moment at={host.createdAt} /> },
          { label: t('common.id'), value: <CopyId id={host.id} /> },
        ]}
        tabs={tabsOf([
          { id: 'inventory', label: t('hosts.inventory'), content: <HostInventory host={host} /> },
          { id: 'servers', label: t('servers.title'), content: <HostServers hostId={host.id} /> },
          ...(task ? [task] : []),
          { id: 'traits', label: t('hosts.traits'), content: <HostTraits host={host} /> },
          {
            id: 'capabilities',
            label: t('hosts.capabilities'),
            content: (
              <PairsTable
                title={t('hosts.capabilities')}
                description={t('hosts.capabilitiesText')}
                pairs={Object.fromEntries(
                  host.capabilities.map(({ name, value }) => [name, value]),
                )}
                noneText={t('hosts.noCapabilities')}
              />
            ),
          },
          ...history,
        ])}
      />
      {actions.dialogs}
    </>
  )
}

function HostNotice({ host }: { host: HostData }) {
  const { t } = useTranslation()
  if (host.forcedDown) return <Alert type="error">{t('hosts.isForcedDown')}</Alert>
  if (host.maintenance) {
    return <Alert header={t('hosts.isMaintained')}>{host.disabledReason}</Alert>
  }
  return host.disabledReason ? (
    <Alert header={t('hosts.disabled')}>{host.disabledReason}</Alert>
  ) : null
}

function Aggregates({ host }: { host: HostData }) {
  if (host.aggregates.length === 0) return <>–</>
  return (
    <SpaceBetween direction="horizontal" size="xs">
      {host.aggregates.map(({ id, name }) => (
        <PageLink key={id} href={paths.aggregate(id)}>
          {name}
        </PageLink>
      ))}
    </SpaceBetween>
  )
}

function HostTask({ task }: { task: NonNullable<HostData['task']> }) {
  const { t } = useTranslation()
  useLive(TaskWatch, { id: task.id })
  return (
    <Container header={<Header variant="h2">{t('hosts.emptying')}</Header>}>
      <TaskSteps task={task} />
    </Container>
  )
}
