import Box from '@cloudscape-design/components/box'
import Button from '@cloudscape-design/components/button'
import ButtonDropdown from '@cloudscape-design/components/button-dropdown'
import Container from '@cloudscape-design/components/container'
import Header from '@cloudscape-design/components/header'
import SpaceBetween from '@cloudscape-design/components/space-between'
import Tabs from '@cloudscape-design/components/tabs'
import type { ComponentProps } from 'react'
import { useTranslation } from 'react-i18next'
import { useParams } from 'react-router'
import { useQuery } from 'urql'
import { explain, type Problem } from '../../errors.ts'
import { graphql } from '../../graphql.ts'
import { useListView } from '../../hooks/list-view.ts'
import { useLive, useReread } from '../../hooks/live.ts'
import { ConsoleLog } from '../../parts/compute/ConsoleLog.tsx'
import { ServerFacts } from '../../parts/compute/ServerFacts.tsx'
import { ServerHistory } from '../../parts/compute/ServerHistory.tsx'
import { permission, type ServerActionName } from '../../parts/compute/server-actions.ts'
import {
  ServerDetails,
  type ServerDetailsData,
  ServerWatch,
} from '../../parts/compute/server-fields.ts'
import { useServerActions } from '../../parts/compute/use-server-actions.tsx'
import { ProblemAlert } from '../../parts/Problem.tsx'
import { TaskSteps, taskProblem } from '../../parts/TaskSteps.tsx'
import { TaskWatch } from '../../parts/task-fields.ts'
import { paths } from '../../paths.ts'
import { Empty } from '../../ui/Empty.tsx'
import { Loading } from '../../ui/Loading.tsx'
import { Page } from '../../ui/Page.tsx'
import { PageLink } from '../../ui/PageLink.tsx'

const ServerQuery = graphql(`query Server($id: ID!) { server(id: $id) { ...ServerDetails } }`, [
  ServerDetails,
])

export function Server() {
  const { t } = useTranslation()
  const { id = '' } = useParams()
  const [{ data, error }, reread] = useQuery({ query: ServerQuery, variables: { id } })
  const rereadSoon = useReread(reread)
  useLive(ServerWatch, { id }, ({ serverChanged: { kind } }) => {
    if (kind === 'DELETED') rereadSoon()
  })
  const trail = [{ text: t('servers.title'), href: paths.servers() }]

  if (data?.server) return <ServerContent server={data.server} />
  if (!data && !error) return <Loading text={t('common.loading')} />
  const problem = error && explain(error)
  return (
    <Page title={t('servers.one')} trail={trail}>
      {problem && problem.code !== 'NOT_FOUND' ? (
        <ProblemAlert problem={problem} onRetry={() => reread({ requestPolicy: 'network-only' })} />
      ) : (
        <Empty title={t('servers.gone')} text={t('servers.goneText')}>
          <PageLink href={paths.servers()}>{t('servers.toList')}</PageLink>
        </Empty>
      )}
    </Page>
  )
}

function ServerContent({ server }: { server: ServerDetailsData }) {
  const { t } = useTranslation()
  const view = useListView()
  const actions = useServerActions()
  const problem = faultOf(server)
  return (
    <Page
      title={server.name}
      trail={[{ text: t('servers.title'), href: paths.servers() }]}
      actions={<ActionButtons server={server} request={actions.request} />}
    >
      <SpaceBetween size="l">
        {problem && <ProblemAlert problem={problem} />}
        <Container header={<Header variant="h2">{t('servers.details')}</Header>}>
          <ServerFacts server={server} />
        </Container>
        <Tabs
          activeTabId={view.get('tab') || 'task'}
          onChange={({ detail }) => view.set('tab', detail.activeTabId)}
          ariaLabel={t('servers.details')}
          tabs={[
            { id: 'task', label: t('servers.task'), content: <ServerTask server={server} /> },
            {
              id: 'console',
              label: t('console.title'),
              content: <ConsoleLog serverId={server.id} />,
            },
            {
              id: 'history',
              label: t('servers.history'),
              content: <ServerHistory serverId={server.id} />,
            },
          ]}
        />
      </SpaceBetween>
      {actions.dialog}
    </Page>
  )
}

/** Why the server is in error; the task that ended so knows the details. */
function faultOf({ fault, task }: ServerDetailsData): Problem | null {
  if (!fault) return null
  if (task?.error?.message === fault.message) return taskProblem(task, task.error)
  return { code: fault.code, message: fault.message, details: {} }
}

function ServerTask({ server: { task, fault } }: { server: ServerDetailsData }) {
  const { t } = useTranslation()
  return (
    <Container header={<Header variant="h2">{t('servers.latestTask')}</Header>}>
      {task ? <LiveTask task={task} knownError={fault?.message} /> : <Box>{t('tasks.none')}</Box>}
    </Container>
  )
}

function LiveTask(props: ComponentProps<typeof TaskSteps>) {
  useLive(TaskWatch, { id: props.task.id })
  return <TaskSteps {...props} />
}

interface ActionButtonsProps {
  server: ServerDetailsData
  request(action: ServerActionName, servers: readonly ServerDetailsData[]): void
}

function ActionButtons({ server, request }: ActionButtonsProps) {
  const { t } = useTranslation()
  const button = (action: ServerActionName) => {
    const { allowed, reason } = permission([server], action)
    return (
      <Button disabled={!allowed} disabledReason={reason} onClick={() => request(action, [server])}>
        {t(`servers.action.${action}`)}
      </Button>
    )
  }
  const rebootItems = (['reboot', 'rebootHard'] as const).map((id) => {
    const { allowed, reason } = permission([server], id)
    return { id, text: t(`servers.action.${id}`), disabled: !allowed, disabledReason: reason }
  })
  return (
    <SpaceBetween direction="horizontal" size="xs">
      {button('start')}
      {button('stop')}
      <ButtonDropdown
        items={rebootItems}
        onItemClick={({ detail }) => request(detail.id as ServerActionName, [server])}
      >
        {t('servers.rebootMenu')}
      </ButtonDropdown>
      {button('delete')}
    </SpaceBetween>
  )
}
