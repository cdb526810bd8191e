import Box from '@cloudscape-design/components/box'
import Button from '@cloudscape-design/components/button'
import Modal from '@cloudscape-design/components/modal'
import { useTranslation } from 'react-i18next'
import { useQuery } from 'urql'
import { graphql } from '../graphql.ts'
import { useLive } from '../hooks/live.ts'
import { word } from '../i18n/words.ts'
import { Loading } from '../ui/Loading.tsx'
import { TaskSteps } from './TaskSteps.tsx'
import { TaskDetails, TaskWatch } from './task-fields.ts'

const TaskQuery = graphql(`query TaskSteps($id: ID!) { task(id: $id) { ...TaskDetails } }`, [
  TaskDetails,
])

/** The steps of a task in front of the page, as they go. */
export function TaskModal({ id, onClose }: { id: string; onClose(): void }) {
  const { t } = useTranslation()
  const [{ data }] = useQuery({ query: TaskQuery, variables: { id } })
  useLive(TaskWatch, { id })
  const task = data?.task
  return (
    <Modal
      visible
      header={task ? t('tasks.details', { name: word('taskKind', task.kind) }) : t('tasks.steps')}
      closeAriaLabel={t('common.dismiss')}
      onDismiss={onClose}
      footer={
        <Box float="right">
          <Button onClick={onClose}>{t('common.close')}</Button>
        </Box>
      }
    >
      {task ? <TaskSteps task={task} /> : <Loading text={t('common.loading')} />}
    </Modal>
  )
}
