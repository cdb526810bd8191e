import Button from '@cloudscape-design/components/button'
import ButtonDropdown from '@cloudscape-design/components/button-dropdown'
import SpaceBetween from '@cloudscape-design/components/space-between'
import { useTranslation } from 'react-i18next'
import { permission } from './server-actions.ts'
import type { ServerDetailsData } from './server-fields.ts'
import type { ServerActions } from './use-server-actions.tsx'

/** What people come for most often; all else is in the menu. */
const shown = ['start', 'stop', 'reboot', 'delete'] as const

interface ServerButtonsProps {
  server: ServerDetailsData
  actions: ServerActions
}

/** The buttons of a server's page. */
export function ServerButtons({ server, actions }: ServerButtonsProps) {
  const { t } = useTranslation()
  return (
    <SpaceBetween direction="horizontal" size="xs">
      {shown.map((id) => {
        const { allowed, reason } = permission([server], id)
        return (
          <Button
            key={id}
            disabled={!allowed}
            disabledReason={reason}
            onClick={() => actions.request(id, [server])}
          >
            {t(`servers.action.${id}`)}
          </Button>
        )
      })}
      <ButtonDropdown
        items={actions.menuItems([server])}
        expandableGroups
        onItemClick={({ detail }) => actions.request(detail.id, [server])}
      >
        {t('servers.actionsMenu')}
      </ButtonDropdown>
    </SpaceBetween>
  )
}
