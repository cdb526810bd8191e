import Box from '@cloudscape-design/components/box'
import Container from '@cloudscape-design/components/container'
import CopyToClipboard from '@cloudscape-design/components/copy-to-clipboard'
import Header from '@cloudscape-design/components/header'
import SpaceBetween from '@cloudscape-design/components/space-between'
import Toggle from '@cloudscape-design/components/toggle'
import { useLayoutEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { graphql } from '../../graphql.ts'
import { useLive } from '../../hooks/live.ts'
import { consoleText } from '../../ui/console-text.ts'

const linesShown = 1000
/** The oldest of more is forgotten. */
const lettersKept = 400_000
/** So near to the end still counts as being there. */
const endPx = 24

const ConsoleLogWatch = graphql(`
  subscription ConsoleLogWatch($id: String!, $lines: Int!) {
    serverConsoleLog(id: $id, lines: $lines) { text reset }
  }
`)

/**
 * What the serial console of a server says, as it says it. It follows what the guest writes, until
 * one scrolls up to read.
 */
export function ConsoleLog({ serverId }: { serverId: string }) {
  const { t } = useTranslation()
  const [isFollowing, setFollowing] = useState(true)
  const [raw, setRaw] = useState('')
  useLive(ConsoleLogWatch, { id: serverId, lines: linesShown }, ({ serverConsoleLog: said }) =>
    setRaw((before) => (said.reset ? said.text : before + said.text).slice(-lettersKept)),
  )
  const text = consoleText(raw)
  return (
    <Container
      header={
        <Header
          variant="h2"
          description={t('console.description', { count: linesShown })}
          actions={
            <SpaceBetween direction="horizontal" size="m" alignItems="center">
              <Toggle checked={isFollowing} onChange={({ detail }) => setFollowing(detail.checked)}>
                {t('console.follow')}
              </Toggle>
              <CopyToClipboard
                textToCopy={text}
                copyButtonText={t('common.copy')}
                copySuccessText={t('common.copied')}
                copyErrorText={t('common.copyFailed')}
              />
            </SpaceBetween>
          }
        >
          {t('console.title')}
        </Header>
      }
    >
      {raw ? (
        <Terminal text={text} isFollowing={isFollowing} onFollowing={setFollowing} />
      ) : (
        <Box textAlign="center" color="text-body-secondary" padding="l">
          {t('console.empty')}
        </Box>
      )}
    </Container>
  )
}

interface TerminalProps {
  text: string
  isFollowing: boolean
  onFollowing(isFollowing: boolean): void
}

function Terminal({ text, isFollowing, onFollowing }: TerminalProps) {
  const { t } = useTranslation()
  const element = useRef<HTMLPreElement>(null)
  // After every render: any of them may have brought new text.
  useLayoutEffect(() => {
    const pre = element.current
    if (pre && isFollowing) pre.scrollTop = pre.scrollHeight
  })
  return (
    <pre
      ref={element}
      className="console"
      role="log"
      aria-label={t('console.title')}
      tabIndex={0}
      onScroll={({ currentTarget: pre }) => {
        const isAtEnd = pre.scrollHeight - pre.scrollTop - pre.clientHeight < endPx
        if (isAtEnd !== isFollowing) onFollowing(isAtEnd)
      }}
    >
      {text}
    </pre>
  )
}
