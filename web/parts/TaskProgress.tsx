import ProgressBar from '@cloudscape-design/components/progress-bar'
import { useTranslation } from 'react-i18next'
import { formatBytes } from '../ui/format.ts'
import type { TaskRowData } from './task-fields.ts'

type TaskProgressProps = Pick<TaskRowData, 'status' | 'waitingFor' | 'progress'>

/** How far the step at hand of a task is, where it tells, and what it waits for; else nothing. */
export function TaskProgress({ status, waitingFor, progress }: TaskProgressProps) {
  const { t } = useTranslation()
  const waiting = waitingFor && t('tasks.waitingFor', { what: waitingFor })
  const isUnderWay = status === 'RUNNING' || status === 'UNWINDING'
  if (!isUnderWay) return null
  if (!progress) return waiting ? <div className="wrap">{waiting}</div> : null
  const [done, total] = [Number(progress.doneBytes), Number(progress.totalBytes)]
  return (
    <ProgressBar
      // What a running guest writes meanwhile makes the whole grow: never more than all of it.
      value={total > 0 ? Math.min(100, (done / total) * 100) : 0}
      ariaLabel={t('tasks.progress')}
      description={t('tasks.copied', { done: formatBytes(done), total: formatBytes(total) })}
      additionalInfo={waiting}
    />
  )
}
