import Header from '@cloudscape-design/components/header'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useQuery } from 'urql'
import { graphql } from '../../graphql.ts'
import { usePages } from '../../hooks/list-view.ts'
import { useLive, useReread } from '../../hooks/live.ts'
import { Paging } from '../ResourceTable.tsx'
import { TaskModal } from '../TaskModal.tsx'
import { TaskTable } from '../TaskTable.tsx'
import { TaskRow, TasksWatch } from '../task-fields.ts'
import { ServerWatch } from './server-fields.ts'

const tasksPerPage = 20

const ServerTasks = graphql(
  `query ServerTasks($id: ID!, $first: Int!, $after: String) {
    server(id: $id) {
      id
      tasks(first: $first, after: $after) {
        nodes { ...TaskRow }
        pageInfo { hasNextPage endCursor }
        totalCount
      }
    }
  }`,
  [TaskRow],
)

/** All that was ever done to a server. */
export function ServerHistory({ serverId }: { serverId: string }) {
  const { t } = useTranslation()
  const pages = usePages(serverId)
  const [opened, setOpened] = useState<string | null>(null)
  const variables = { id: serverId, first: tasksPerPage, after: pages.after }
  const [{ data, fetching }, reread] = useQuery({ query: ServerTasks, variables })
  useLive(ServerWatch, { id: serverId }, useReread(reread))
  // Not the server, but the task at hand tells how far it is.
  useLive(TasksWatch, {})
  const tasks = data?.server?.tasks
  return (
    <>
      <TaskTable
        variant="container"
        isOfOneResource
        onOpen={setOpened}
        tasks={tasks?.nodes ?? []}
        isLoading={fetching && !data}
        header={
          <Header
            variant="h2"
            counter={tasks && `(${tasks.totalCount})`}
            actions={<Paging pages={pages} pageInfo={tasks?.pageInfo} />}
          >
            {t('servers.history')}
          </Header>
        }
      />
      {opened && <TaskModal id={opened} onClose={() => setOpened(null)} />}
    </>
  )
}
