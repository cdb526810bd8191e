/** The states of the API as icon and word. Anything that is still going on turns. */
import StatusIndicator, {
  type StatusIndicatorProps,
} from '@cloudscape-design/components/status-indicator'
import { word } from '../i18n/words.ts'
import type { ServerRowData } from './compute/server-fields.ts'
import type { ImageRowData } from './image/image-fields.ts'
import type { TaskDetailsData, TaskRowData } from './task-fields.ts'

type Look = StatusIndicatorProps.Type

const serverLooks: Record<ServerRowData['status'], Look> = {
  BUILD: 'in-progress',
  ACTIVE: 'success',
  PAUSED: 'stopped',
  SUSPENDED: 'stopped',
  SHUTOFF: 'stopped',
  REBOOT: 'in-progress',
  HARD_REBOOT: 'in-progress',
  RESCUE: 'warning',
  REBUILD: 'in-progress',
  RESIZE: 'in-progress',
  VERIFY_RESIZE: 'warning',
  REVERT_RESIZE: 'in-progress',
  MIGRATING: 'in-progress',
  SHELVED: 'stopped',
  SHELVED_OFFLOADED: 'stopped',
  SOFT_DELETED: 'stopped',
  ERROR: 'error',
}

/** The status, or while an action runs the action. */
export function ServerStatus({ server }: { server: Pick<ServerRowData, 'status' | 'taskState'> }) {
  if (server.taskState) {
    return (
      <StatusIndicator type="in-progress">{word('taskState', server.taskState)}</StatusIndicator>
    )
  }
  return (
    <StatusIndicator type={serverLooks[server.status]}>
      {word('serverStatus', server.status)}
    </StatusIndicator>
  )
}

const taskLooks: Record<TaskRowData['status'], Look> = {
  QUEUED: 'pending',
  RUNNING: 'in-progress',
  UNWINDING: 'in-progress',
  SUCCEEDED: 'success',
  FAILED: 'error',
  CANCELLED: 'stopped',
}

export function TaskStatus({ status }: { status: TaskRowData['status'] }) {
  return <StatusIndicator type={taskLooks[status]}>{word('taskStatus', status)}</StatusIndicator>
}

export const stepLooks: Record<TaskDetailsData['steps'][number]['status'], Look> = {
  PENDING: 'pending',
  RUNNING: 'in-progress',
  DONE: 'success',
  FAILED: 'error',
  UNDOING: 'in-progress',
  UNDONE: 'stopped',
}

const imageLooks: Record<ImageRowData['status'], Look> = {
  QUEUED: 'pending',
  SAVING: 'in-progress',
  ACTIVE: 'success',
}

export function ImageStatus({ status }: { status: ImageRowData['status'] }) {
  return <StatusIndicator type={imageLooks[status]}>{word('imageStatus', status)}</StatusIndicator>
}

interface HostStatusProps {
  host: { status: 'UP' | 'DOWN'; enabled: boolean; maintenance?: boolean }
}

export function HostStatus({ host }: HostStatusProps) {
  if (host.status === 'DOWN') {
    return <StatusIndicator type="error">{word('hostStatus', 'DOWN')}</StatusIndicator>
  }
  if (host.maintenance) {
    return <StatusIndicator type="warning">{word('hostStatus', 'MAINTENANCE')}</StatusIndicator>
  }
  if (!host.enabled) {
    return <StatusIndicator type="warning">{word('hostStatus', 'DISABLED')}</StatusIndicator>
  }
  return <StatusIndicator type="success">{word('hostStatus', 'UP')}</StatusIndicator>
}
