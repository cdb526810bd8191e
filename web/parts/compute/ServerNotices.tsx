/** What a status means that is not obvious, and the way out of it. */
import Alert from '@cloudscape-design/components/alert'
import Button from '@cloudscape-design/components/button'
import SpaceBetween from '@cloudscape-design/components/space-between'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { formatMoment } from '../../ui/format.ts'
import { permission } from './server-actions.ts'
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
        <ConfirmedAt server={server} />,
      ),
    status === 'RESCUE' && notice('rescue', ['unrescue'], 'warning'),
    status === 'SHELVED' && notice('shelved', ['unshelve', 'shelveOffload']),
    status === 'SHELVED_OFFLOADED' && notice('offloaded', ['unshelve']),
    status === 'SOFT_DELETED' && notice('deleted', ['restore', 'forceDelete'], 'warning'),
    status === 'PAUSED' && notice('paused', ['unpause']),
    status === 'SUSPENDED' && notice('suspended', ['resume']),
  ].filter(Boolean)
  return shown.length > 0 ? <SpaceBetween size="s">{shown}</SpaceBetween> : null
}

/** When the new size is confirmed by itself, for those who may see how servers move. */
function ConfirmedAt({ server }: { server: ServerDetailsData }) {
  const { t } = useTranslation()
  const open = server.migrations?.find(({ status }) => status === 'FINISHED')
  if (!open?.confirmAt) return null
  return <>{t('servers.notice.verifyBy', { at: formatMoment(open.confirmAt) })}</>
}

const texts = {
  locked: ['servers.notice.locked', 'servers.notice.lockedText'],
  verify: ['servers.notice.verify', 'servers.notice.verifyText'],
  rescue: ['servers.notice.rescue', 'servers.notice.rescueText'],
  shelved: ['servers.notice.shelved', 'servers.notice.shelvedText'],
  offloaded: ['servers.notice.shelved', 'servers.notice.offloadedText'],
  deleted: ['servers.notice.deleted', 'servers.notice.deletedText'],
  paused: ['servers.notice.paused', 'servers.notice.pausedText'],
  suspended: ['servers.notice.suspended', 'servers.notice.suspendedText'],
} as const

function WaysOut({ ids, server, actions }: ServerNoticesProps & { ids: readonly string[] }) {
  const { t } = useTranslation()
  return (
    <SpaceBetween direction="horizontal" size="xs">
      {ids.map((id) => {
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
