/** What a status means that is not obvious, and the way out of it. */
import Alert from '@cloudscape-design/components/alert'
import Button from '@cloudscape-design/components/button'
import SpaceBetween from '@cloudscape-design/components/space-between'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { useLive } from '../../hooks/live.ts'
import { formatMoment } from '../../ui/format.ts'
import { TaskProgress } from '../TaskProgress.tsx'
import { TaskWatch } from '../task-fields.ts'
import { may, useViewer } from '../viewer.ts'
import { actionOf, permission } from './server-actions.ts'
import type { ServerDetailsData } from './server-fields.ts'
import type { ServerActions } from './use-server-actions.tsx'

interface ServerNoticesProps {
  server: ServerDetailsData
  actions: ServerActions
}

export function ServerNotices({ server, actions }: ServerNoticesProps) {
  const { t } = useTranslation()
  const { status, locked, lockedReason } = server
  const notice = (
    name: keyof typeof texts,
    ids: readonly string[],
    type: 'info' | 'warning' = 'info',
    more?: ReactNode,
  ) => (
    <Alert
      key={name}
      type={type}
      header={t(texts[name][0])}
      action={<WaysOut ids={ids} server={server} actions={actions} />}
    >
      {t(texts[name][1])} {more}
    </Alert>
  )
  const shown = [
    locked && notice('locked', ['unlock'], 'warning', lockedReason && <b>{lockedReason}</b>),
    status === 'VERIFY_RESIZE' &&
      notice(
        'verify',
        ['resizeConfirm', 'resizeRevert'],
        'warning',
        server.confirmAt && t('servers.notice.verifyBy', { at: formatMoment(server.confirmAt) }),
      ),
    status === 'MIGRATING' &&
      notice('moving', ['migrationAbort'], 'info', server.task && <Moving task={server.task} />),
    status === 'RESCUE' && notice('rescue', ['unrescue'], 'warning'),
    status === 'SHELVED' && notice('shelved', ['unshelve', 'shelveOffload']),
    status === 'SHELVED_OFFLOADED' && notice('offloaded', ['unshelve']),
    status === 'SOFT_DELETED' && notice('deleted', ['restore', 'forceDelete'], 'warning'),
    status === 'PAUSED' && notice('paused', ['unpause']),
    status === 'SUSPENDED' && notice('suspended', ['resume']),
  ].filter(Boolean)
  return shown.length > 0 ? <SpaceBetween size="s">{shown}</SpaceBetween> : null
}

/** How far the move is: not the server, but its task tells. */
function Moving({ task }: { task: NonNullable<ServerDetailsData['task']> }) {
  useLive(TaskWatch, { id: task.id })
  return <TaskProgress {...task} />
}

const texts = {
  locked: ['servers.notice.locked', 'servers.notice.lockedText'],
  verify: ['servers.notice.verify', 'servers.notice.verifyText'],
  moving: ['servers.notice.moving', 'servers.notice.movingText'],
  rescue: ['servers.notice.rescue', 'servers.notice.rescueText'],
  shelved: ['servers.notice.shelved', 'servers.notice.shelvedText'],
  offloaded: ['servers.notice.shelved', 'servers.notice.offloadedText'],
  deleted: ['servers.notice.deleted', 'servers.notice.deletedText'],
  paused: ['servers.notice.paused', 'servers.notice.pausedText'],
  suspended: ['servers.notice.suspended', 'servers.notice.suspendedText'],
} as const

function WaysOut({ ids, server, actions }: ServerNoticesProps & { ids: readonly string[] }) {
  const { t } = useTranslation()
  const viewer = useViewer()
  const offered = (id: string) => {
    const rule = actionOf(id)?.rule
    return !rule || may(viewer, rule)
  }
  return (
    <SpaceBetween direction="horizontal" size="xs">
      {ids.filter(offered).map((id) => {
        const { allowed, reason } = permission([server], id)
        return (
          <Button
            key={id}
            disabled={!allowed}
            disabledReason={reason}
            onClick={() => actions.request(id, [server])}
          >
            {t(`servers.action.${id}` as 'servers.action.stop')}
          </Button>
        )
      })}
    </SpaceBetween>
  )
}
