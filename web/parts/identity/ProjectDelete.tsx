/**
 * Deleting a project: what is in it is shown first (a dry run tells), an empty one goes at once, and
 * another is emptied by a task that is followed here to its end.
 */
import Alert from '@cloudscape-design/components/alert'
import Box from '@cloudscape-design/components/box'
import Button from '@cloudscape-design/components/button'
import Modal from '@cloudscape-design/components/modal'
import SpaceBetween from '@cloudscape-design/components/space-between'
import { useEffect, useEffectEvent, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useClient, useQuery } from 'urql'
import { explain, type Problem } from '../../errors.ts'
import { graphql } from '../../graphql.ts'
import { useFlash } from '../../hooks/flash.tsx'
import { useIdempotencyKey } from '../../hooks/idempotency.ts'
import { useLive } from '../../hooks/live.ts'
import { useRereadScreen } from '../../hooks/screen.ts'
import { word } from '../../i18n/words.ts'
import { Loading } from '../../ui/Loading.tsx'
import { ProblemAlert } from '../Problem.tsx'
import { TaskSteps } from '../TaskSteps.tsx'
import { TaskDetails, TaskWatch } from '../task-fields.ts'
import { ProjectDelete, ProjectWatch } from './project-fields.ts'

const TaskQuery = graphql(
  `query ProjectDeleteTask($id: ID!) { task(id: $id) { ...TaskDetails } }`,
  [TaskDetails],
)

interface Content {
  type: string
  id: string
  name: string
}

interface ProjectDeleteModalProps {
  project: { id: string; name: string }
  onClose(): void
  onDeleted?: () => void
}

export function ProjectDeleteModal({ project, onClose, onDeleted }: ProjectDeleteModalProps) {
  const { t } = useTranslation()
  const client = useClient()
  const { show } = useFlash()
  const rereadScreen = useRereadScreen()
  const keyFor = useIdempotencyKey()
  const [contents, setContents] = useState<readonly Content[] | null>(null)
  const [problem, setProblem] = useState<Problem | null>(null)
  const [taskId, setTaskId] = useState<string | null>(null)
  const [isBusy, setBusy] = useState(false)
  const { id, name } = project

  useEffect(() => {
    const input = { id, cascade: true, dryRun: true }
    const source = client.mutation(ProjectDelete, { input })
    void source.toPromise().then(({ data, error }) => {
      if (error) setProblem(explain(error))
      setContents(data?.projectDelete.contents ?? [])
    })
  }, [client, id])

  async function remove(): Promise<void> {
    setBusy(true)
    setProblem(null)
    const wanted = { id, cascade: contents !== null && contents.length > 0 }
    const input = { ...wanted, idempotencyKey: keyFor(wanted) }
    const { data, error } = await client.mutation(ProjectDelete, { input })
    setBusy(false)
    if (error) return setProblem(explain(error))
    const task = data?.projectDelete.task
    if (task) return setTaskId(task.id)
    done()
  }

  function done(): void {
    show({ type: 'success', header: t('manage.done.deleted', { name }) })
    onClose()
    rereadScreen()
    onDeleted?.()
  }

  return (
    <Modal
      visible
      header={t('manage.deleteTitle', { name })}
      closeAriaLabel={t('common.close')}
      onDismiss={onClose}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" onClick={onClose}>
              {taskId ? t('common.close') : t('common.cancel')}
            </Button>
            {!taskId && (
              <Button variant="primary" loading={isBusy || !contents} onClick={() => void remove()}>
                {contents?.length ? t('projects.deleteAll') : t('manage.delete')}
              </Button>
            )}
          </SpaceBetween>
        </Box>
      }
    >
      <SpaceBetween size="m">
        {problem && <ProblemAlert problem={problem} />}
        {taskId && <FollowedTask id={taskId} projectId={id} onDone={done} />}
        {!taskId && !contents && <Loading text={t('common.loading')} />}
        {!taskId && contents && <Contents contents={contents} />}
      </SpaceBetween>
    </Modal>
  )
}

function Contents({ contents }: { contents: readonly Content[] }) {
  const { t } = useTranslation()
  if (contents.length === 0) return <div>{t('projects.deleteEmptyText')}</div>
  return (
    <Alert type="warning" header={t('projects.contents')}>
      {contents.map(({ type, id, name }) => (
        <div key={id}>{t('problem.dependent', { type: word('resourceType', type), name })}</div>
      ))}
    </Alert>
  )
}

interface FollowedTaskProps {
  id: string
  projectId: string
  onDone(): void
}

/**
 * The task, for those who see it: it belongs to the project and not to the viewer's. Either word tells
 * that the project is gone: the task's, which the query has also when it ended before anybody watched,
 * or the project's own.
 */
function FollowedTask({ id, projectId, onDone }: FollowedTaskProps) {
  const { t } = useTranslation()
  const [{ data }] = useQuery({ query: TaskQuery, variables: { id } })
  const [isGone, setGone] = useState(false)
  useLive(TaskWatch, { id })
  useLive(ProjectWatch, { id: projectId }, ({ projectChanged }) => {
    if (projectChanged.kind === 'DELETED') setGone(true)
  })
  const isOver = isGone || data?.task?.status === 'SUCCEEDED'
  const finish = useEffectEvent(onDone)
  useEffect(() => {
    if (isOver) finish()
  }, [isOver])
  return data?.task ? <TaskSteps task={data.task} /> : <Loading text={t('projects.emptying')} />
}
