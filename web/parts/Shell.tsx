/**
 * The frame around every page behind the log in: one API client for as long as the token stays the
 * same (another project begins with an empty cache), navigation, results, and whether the cloud can
 * be reached.
 */
import { I18nProvider } from '@cloudscape-design/components/i18n'
import { useEffect, useState, useSyncExternalStore } from 'react'
import { useTranslation } from 'react-i18next'
import { Navigate, useLocation } from 'react-router'
import { Provider, useQuery } from 'urql'
import { createPortalClient, type PortalClient } from '../client.ts'
import { explain } from '../errors.ts'
import { FlashProvider } from '../hooks/flash.tsx'
import { ScreenContext } from '../hooks/screen.ts'
import { currentComponentMessages, currentLocale } from '../i18n/language.ts'
import { paths } from '../paths.ts'
import { useSession } from '../session.ts'
import { Loading } from '../ui/Loading.tsx'
import { Frame } from './Frame.tsx'
import { ProblemAlert } from './Problem.tsx'
import { SessionQuery, ViewerContext } from './viewer.ts'

export function Shell() {
  const session = useSession()
  const { pathname, search } = useLocation()
  useTranslation()
  if (!session) return <Navigate to={paths.login({ from: pathname + search })} replace />
  return (
    <I18nProvider locale={currentLocale()} messages={currentComponentMessages()}>
      <FlashProvider>
        <ForToken key={session.current.secret} secret={session.current.secret} />
      </FlashProvider>
    </I18nProvider>
  )
}

function ForToken({ secret }: { secret: string }) {
  const [client] = useState(() => createPortalClient(secret))
  useEffect(() => client.socket.open(), [client])
  return (
    <Provider value={client.api}>
      <ScreenContext value={client.rereadScreen}>
        <ForViewer client={client} />
      </ScreenContext>
    </Provider>
  )
}

function ForViewer({ client }: { client: PortalClient }) {
  const { t } = useTranslation()
  const isLost = useSyncExternalStore(client.socket.onState, client.socket.isLost)
  const [{ data, error }, reread] = useQuery({ query: SessionQuery })
  if (data) {
    return (
      <ViewerContext value={{ ...data.session, projects: data.projects.nodes }}>
        <Frame isLost={isLost} />
      </ViewerContext>
    )
  }
  if (!error) return <Loading text={t('common.loading')} />
  return (
    <ProblemAlert
      problem={explain(error)}
      onRetry={() => reread({ requestPolicy: 'network-only' })}
    />
  )
}
