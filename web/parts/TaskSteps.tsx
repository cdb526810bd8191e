import Box from '@cloudscape-design/components/box'
import SpaceBetween from '@cloudscape-design/components/space-between'
import Steps from '@cloudscape-design/components/steps'
import { useTranslation } from 'react-i18next'
import type { Problem } from '../errors.ts'
import { word } from '../i18n/words.ts'
import { formatDuration } from '../ui/format.ts'
import { Moment } from '../ui/Moment.tsx'
import { ProblemAlert } from './Problem.tsx'
import { stepLooks, TaskStatus } from './Status.tsx'
import { TaskProgress } from './TaskProgress.tsx'
import { whoOf } from './TaskTable.tsx'
import type { TaskDetailsData } from './task-fields.ts'

type Step = TaskDetailsData['steps'][number]

interface TaskStepsProps {
  task: TaskDetailsData
  /** The message of an error that the page shows already. */
  knownError?: string
}

/** A task with its steps as they go: what it is, how far, what it waits for, what went wrong. */
export function TaskSteps({ task, knownError }: TaskStepsProps) {
  const { t } = useTranslation()
  return (
    <SpaceBetween size="m">
      <SpaceBetween direction="horizontal" size="m">
        <Box variant="strong">{word('taskKind', task.kind)}</Box>
        <TaskStatus status={task.status} />
        <Box color="text-body-secondary">
          {task.finishedAt && task.startedAt ? (
            t('tasks.took', { duration: formatDuration(task.startedAt, task.finishedAt) })
          ) : (
            <Moment at={task.startedAt ?? task.createdAt} />
          )}
        </Box>
        <Box color="text-body-secondary">{t('tasks.askedBy', { name: whoOf(t, task) })}</Box>
        {task.attempt > 1 && <Box>{t('tasks.attempt', { count: task.attempt })}</Box>}
      </SpaceBetween>
      <TaskProgress {...task} />
      {task.error && task.error.message !== knownError && (
        <ProblemAlert problem={taskProblem(task, task.error)} />
      )}
      <Steps
        ariaLabel={t('tasks.steps')}
        steps={task.steps.map((step) => ({
          status: stepLooks[step.status],
          statusIconAriaLabel: word('stepStatus', step.status),
          header: word('step', step.name),
          details: <StepDetails step={step} />,
        }))}
      />
    </SpaceBetween>
  )
}

export const taskProblem = (
  task: TaskDetailsData,
  error: NonNullable<TaskDetailsData['error']>,
): Problem => ({
  code: error.code,
  message: error.message,
  details: error.details ?? {},
  requestId: task.requestId ?? undefined,
})

function StepDetails({ step }: { step: Step }) {
  const { t } = useTranslation()
  const facts = [
    word('stepStatus', step.status),
    step.startedAt && step.finishedAt && formatDuration(step.startedAt, step.finishedAt),
    step.attempts > 1 && t('tasks.attempt', { count: step.attempts }),
    step.message,
  ].filter(Boolean)
  return (
    <Box color="text-body-secondary" fontSize="body-s">
      {facts.join(' · ')}
    </Box>
  )
}
