import Box from '@cloudscape-design/components/box'
import Container from '@cloudscape-design/components/container'
import Header from '@cloudscape-design/components/header'
import SpaceBetween from '@cloudscape-design/components/space-between'
import type { ComponentProps } from 'react'
import { useTranslation } from 'react-i18next'
import type { Problem } from '../../errors.ts'
import { graphql } from '../../graphql.ts'
import { useLive } from '../../hooks/live.ts'
import { AuditHistory } from '../../parts/AuditHistory.tsx'
import { ServerButtons } from '../../parts/compute/ServerButtons.tsx'
import { ServerConsoles } from '../../parts/compute/ServerConsoles.tsx'
import { ServerHistory } from '../../parts/compute/ServerHistory.tsx'
import { ServerMetadata } from '../../parts/compute/ServerMetadata.tsx'
import { ServerNotices } from '../../parts/compute/ServerNotices.tsx'
import { ServerPlacement } from '../../parts/compute/ServerPlacement.tsx'
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
import { may, useViewer } from '../../parts/viewer.ts'
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
  const viewer = useViewer()
  const problem = faultOf(server)
  // What a task keeps of its placement is for those who may see hosts.
  const placement = may(viewer, 'compute.host.list')
    ? [
        {
          id: 'placement',
          label: t('servers.tabs.placement'),
          content: <ServerPlacement serverId={server.id} />,
        },
      ]
    : []
  return (
    <DetailLayout
      title={server.name}
      list={{ text: t('servers.title'), href: paths.servers() }}
      actions={<ServerButtons server={server} actions={actions} />}
      alert={
        <>
          {problem && <ProblemAlert problem={problem} />}
          <ServerNotices server={server} actions={actions} />
        </>
      }
      facts={serverFacts(t, server)}
      tabs={[
        {
          id: 'overview',
          label: t('servers.tabs.overview'),
          content: <ServerTask server={server} />,
        },
        {
          id: 'console',
          label: t('servers.tabs.console'),
          content: <ServerConsoles server={server} />,
        },
        {
          id: 'history',
          label: t('servers.tabs.history'),
          content: (
            <SpaceBetween size="l">
              <ServerHistory serverId={server.id} />
              {may(viewer, 'core.audit.list') && <AuditHistory id={server.id} />}
            </SpaceBetween>
          ),
        },
        {
          id: 'metadata',
          label: t('servers.tabs.metadata'),
          content: <ServerMetadata server={server} />,
        },
        ...placement,
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
