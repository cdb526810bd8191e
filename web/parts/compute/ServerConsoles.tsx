import SegmentedControl from '@cloudscape-design/components/segmented-control'
import SpaceBetween from '@cloudscape-design/components/space-between'
import { useTranslation } from 'react-i18next'
import { useListView } from '../../hooks/list-view.ts'
import { Empty } from '../../ui/Empty.tsx'
import { may, useViewer } from '../viewer.ts'
import { ConsoleLog } from './ConsoleLog.tsx'
import { ConsoleScreen } from './ConsoleScreen.tsx'
import type { ServerDetailsData } from './server-fields.ts'

const consoles = ['log', 'screen', 'serial'] as const

/** The consoles of a server, one at a time; which one is in the address (`console=`). */
export function ServerConsoles({ server }: { server: ServerDetailsData }) {
  const { t } = useTranslation()
  const view = useListView()
  const viewer = useViewer()
  const asked = consoles.find((name) => name === view.get('console')) ?? 'log'
  const isAllowed = may(viewer, 'compute.server.console')
  const open = isAllowed ? asked : 'log'
  // Operators see that it is there, not what is said in it.
  if (server.project.id !== viewer.project?.id) return <Empty title={t('console.foreign')} />
  return (
    <SpaceBetween size="m">
      {isAllowed && (
        <SegmentedControl
          label={t('console.section')}
          selectedId={open}
          options={consoles.map((id) => ({ id, text: t(`console.tabs.${id}`) }))}
          onChange={({ detail }) => view.set('console', detail.selectedId)}
        />
      )}
      {open === 'log' && <ConsoleLog serverId={server.id} />}
      {open === 'screen' && <ConsoleScreen server={server} kind="VNC" />}
      {open === 'serial' && <ConsoleScreen server={server} kind="SERIAL" />}
    </SpaceBetween>
  )
}
