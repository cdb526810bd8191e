import Box from '@cloudscape-design/components/box'
import Button from '@cloudscape-design/components/button'
import ButtonDropdown from '@cloudscape-design/components/button-dropdown'
import Container from '@cloudscape-design/components/container'
import Header from '@cloudscape-design/components/header'
import SpaceBetween from '@cloudscape-design/components/space-between'
import type { ComponentProps } from 'react'
import { useTranslation } from 'react-i18next'
import type { Problem } from '../../errors.ts'
import { graphql } from '../../graphql.ts'
import { useLive } from '../../hooks/live.ts'
import { ConsoleLog } from '../../parts/compute/ConsoleLog.tsx'
import { ServerHistory } from '../../parts/compute/ServerHistory.tsx'
import { permission, type ServerActionName } from '../../parts/compute/server-actions.ts'
import { serverFacts } from '../../parts/compute/server-facts.tsx'
import {
  ServerDetails,
  type ServerDetailsData,
  ServerWatch,
} from '../../parts/compute/server-fields.ts'
import { useServerActions } from '../../parts/compute/use-server-actions.tsx'
import { DetailLayout, DetailPage } from '../../parts/DetailPage.tsx'
import { ProblemAlert } from '../../parts/Problem.tsx'
import { TaskSteps, taskProblem } from '../../parts/TaskSteps.tsx'
import { TaskWatch } from '../../parts/task-fields.ts'
import { paths } from '../../paths.ts'

const ServerQuery = graphql(`query Server($id: ID!) { server(id: $id) { ...ServerDetails } }`, [
  ServerDetails,
])

export function Server() {
  const { t } = useTranslation()
  return (
    <DetailPage
      query={ServerQuery}
      resource={({ server }) => server}
      watch={ServerWatch}
      list={{ text: t('servers.title'), href: paths.servers() }}
      oneText={t('servers.one')}
      gone={{
        title: t('servers.gone'),
        text: t('servers.goneText'),
        listText: t('servers.toList'),
      }}
      Content={ServerContent}
    />
  )
}

function ServerContent({ resource: server }: { resource: ServerDetailsData }) {
  const { t } = useTranslation()
  const actions = useServerActions()
  const problem = faultOf(server)
  return (
    <DetailLayout
      title={server.name}
      list={{ text: t('servers.title'), href: paths.servers() }}
      actions={<ActionButtons server={server} request={actions.request} />}
      alert={problem && <ProblemAlert problem={problem} />}
      facts={serverFacts(t, server)}
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
    >
      {actions.dialog}
    </DetailLayout>
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
