import Box from '@cloudscape-design/components/box'
import Container from '@cloudscape-design/components/container'
import CopyToClipboard from '@cloudscape-design/components/copy-to-clipboard'
import Header from '@cloudscape-design/components/header'
import SpaceBetween from '@cloudscape-design/components/space-between'
import Toggle from '@cloudscape-design/components/toggle'
import { useLayoutEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useQuery } from 'urql'
import { explain } from '../../errors.ts'
import { graphql } from '../../graphql.ts'
import { useWhileVisible } from '../../hooks/while-visible.ts'
import { consoleText } from '../../ui/console-text.ts'
import { Loading } from '../../ui/Loading.tsx'
import { ProblemAlert } from '../Problem.tsx'

const linesShown = 1000
/** The console is read again this often: it is the one thing that can't be watched yet. */
const rereadEveryMs = 2000
/** So near to the end still counts as being there. */
const endPx = 24

const ConsoleLogQuery = graphql(`
  query ConsoleLog($id: ID!, $lines: Int!) { server(id: $id) { id consoleLog(lines: $lines) } }
`)

/**
 * The serial console of a server. It follows what the guest writes, until one scrolls up to read.
 */
export function ConsoleLog({ serverId }: { serverId: string }) {
  const { t } = useTranslation()
  const [isFollowing, setFollowing] = useState(true)
  const variables = { id: serverId, lines: linesShown }
  const [{ data, error }, reread] = useQuery({ query: ConsoleLogQuery, variables })
  useWhileVisible(() => reread({ requestPolicy: 'network-only' }), rereadEveryMs)

  const raw = data?.server?.consoleLog
  const text = consoleText(raw ?? '')
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
      {error && !raw ? (
        <ProblemAlert problem={explain(error)} />
      ) : raw === undefined ? (
        <Loading text={t('common.loading')} />
      ) : raw ? (
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
