import Button from '@cloudscape-design/components/button'
import Container from '@cloudscape-design/components/container'
import Header from '@cloudscape-design/components/header'
import SpaceBetween from '@cloudscape-design/components/space-between'
import StatusIndicator, {
  type StatusIndicatorProps,
} from '@cloudscape-design/components/status-indicator'
import { useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { word } from '../../i18n/words.ts'
import { Empty } from '../../ui/Empty.tsx'
import { ProblemAlert } from '../Problem.tsx'
import { type Attach, type ConsoleState, useConsole } from './console-connection.ts'
import { attachSerial } from './serial-screen.ts'
import type { ServerDetailsData } from './server-fields.ts'
import { attachVnc } from './vnc-screen.ts'

interface ConsoleScreenProps {
  server: Pick<ServerDetailsData, 'id' | 'status' | 'powerState'>
  kind: 'VNC' | 'SERIAL'
}

const kinds = {
  VNC: { attach: attachVnc, title: 'console.tabs.screen', text: 'console.screenText' },
  SERIAL: { attach: attachSerial, title: 'console.tabs.serial', text: 'console.serialText' },
} as const satisfies Record<string, { attach: Attach; title: string; text: string }>

/** A console that one works at: the screen or the serial line. */
export function ConsoleScreen({ server, kind }: ConsoleScreenProps) {
  const { t } = useTranslation()
  const isOn = server.powerState === 'RUNNING' || server.powerState === 'PAUSED'
  // Whoever asks for another connection gets everything anew.
  const [round, setRound] = useState(0)
  const reconnect = () => setRound((before) => before + 1)
  if (isOn) {
    return <OpenConsole key={round} serverId={server.id} kind={kind} onReconnect={reconnect} />
  }
  const status = word('serverStatus', server.status)
  return (
    <Container header={<Header variant="h2">{t(kinds[kind].title)}</Header>}>
      <Empty title={t('console.off')} text={t('console.offText', { status })} />
    </Container>
  )
}

const looks: Record<ConsoleState, StatusIndicatorProps.Type> = {
  connecting: 'in-progress',
  open: 'success',
  again: 'in-progress',
  closed: 'stopped',
  refused: 'error',
}

interface OpenConsoleProps {
  serverId: string
  kind: 'VNC' | 'SERIAL'
  onReconnect(): void
}

function OpenConsole({ serverId, kind, onReconnect }: OpenConsoleProps) {
  const { t } = useTranslation()
  const frame = useRef<HTMLDivElement>(null)
  const { attach, title, text } = kinds[kind]
  const { state, problem, screen, target } = useConsole({ serverId, kind, attach })
  return (
    <Container
      header={
        <Header
          variant="h2"
          description={t(text)}
          actions={
            <SpaceBetween direction="horizontal" size="xs" alignItems="center">
              <StatusIndicator type={looks[state]}>{t(`console.${state}`)}</StatusIndicator>
              {screen?.sendCtrlAltDel && (
                <Button onClick={() => screen.sendCtrlAltDel?.()}>{t('console.ctrlAltDel')}</Button>
              )}
              {state === 'open' && (
                <Button
                  iconName="full-screen"
                  onClick={() => {
                    void frame.current?.requestFullscreen()
                    screen?.focus()
                  }}
                >
                  {t('console.fullScreen')}
                </Button>
              )}
              {(state === 'closed' || state === 'refused') && (
                <Button iconName="refresh" onClick={onReconnect}>
                  {t('console.reconnect')}
                </Button>
              )}
            </SpaceBetween>
          }
        >
          {t(title)}
        </Header>
      }
    >
      {problem && <ProblemAlert problem={problem} />}
      <div
        ref={frame}
        className={`screen screen-${kind.toLowerCase()}`}
        role="application"
        aria-label={t(title)}
        hidden={state === 'refused'}
      >
        <div ref={target} className="screen-target" />
      </div>
    </Container>
  )
}
