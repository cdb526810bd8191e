/**
 * Signing in at an identity provider: a button for each, and the way back. The API sends the
 * browser to /login#ticket=... (exchanged for a token, good once) or /login#problem=CODE.
 */
import Button from '@cloudscape-design/components/button'
import SpaceBetween from '@cloudscape-design/components/space-between'
import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { explain, type Problem } from '../../errors.ts'
import { word } from '../../i18n/words.ts'
import { signInByTicket } from '../../token.ts'
import { Loading } from '../../ui/Loading.tsx'
import { Refusal } from './LoginForm.tsx'

const listPath = '/v1/sign-in'

interface Provider {
  name: string
  title: string
  url: string
}

/** What the list says of a provider; a portal must live with an older or newer API. */
function providerOf(row: unknown): Provider[] {
  if (typeof row !== 'object' || row === null || !('name' in row)) return []
  const { name } = row
  if (typeof name !== 'string') return []
  const described = 'description' in row && typeof row.description === 'string' && row.description
  const url = `${listPath}/${encodeURIComponent(name)}`
  return [{ name, title: described || name, url }]
}

async function readProviders(signal: AbortSignal): Promise<Provider[]> {
  const answer = await fetch(listPath, { signal })
  const isList = answer.ok && answer.headers.get('content-type')?.includes('json')
  const body: unknown = isList ? await answer.json() : null
  const isKnown = typeof body === 'object' && body !== null && 'providers' in body
  return isKnown && Array.isArray(body.providers) ? body.providers.flatMap(providerOf) : []
}

/** That a sign-in was begun in this tab. */
const BEGUN = 'nephograph.signInBegun'

/**
 * What the address brought back; it is taken out of the address, so that a reload asks nothing. An
 * answer to a sign-in that this tab did not begin would make its user somebody else unawares.
 */
function takeReturn(): { ticket: string | null; problem: string | null } {
  const params = new URLSearchParams(location.hash.slice(1))
  const found = { ticket: params.get('ticket'), problem: params.get('problem') }
  if (!found.ticket && !found.problem) return found
  history.replaceState(history.state, '', location.pathname + location.search)
  const isOurs = sessionStorage.getItem(BEGUN) !== null
  sessionStorage.removeItem(BEGUN)
  return found.ticket && !isOurs ? { ticket: null, problem: 'state' } : found
}

/** Once for each time the portal is loaded: effects run twice while developing, a ticket is good once. */
const returned = takeReturn()
let pending = returned.ticket ? signInByTicket(returned.ticket) : null

export function Providers() {
  const { t } = useTranslation()
  const [providers, setProviders] = useState<Provider[]>([])
  const [isBusy, setBusy] = useState(pending !== null)
  const [problem, setProblem] = useState<Problem | null>(() =>
    returned.problem
      ? {
          code: 'UNAUTHENTICATED',
          message: word('signInProblem', returned.problem),
          details: {},
        }
      : null,
  )
  useEffect(() => {
    const stop = new AbortController()
    readProviders(stop.signal).then(setProviders, () => {
      // Nobody to sign in at: the password remains.
    })
    pending?.catch((error) => setProblem(explain(error))).finally(() => setBusy(false))
    pending = null
    return () => stop.abort()
  }, [])
  return (
    <SpaceBetween size="s">
      {problem && <Refusal problem={problem} />}
      {isBusy && <Loading text={t('common.loading')} />}
      {providers.map(({ name, title, url }) => (
        <Button
          key={name}
          href={url}
          onClick={() => sessionStorage.setItem(BEGUN, name)}
          fullWidth
          iconName="external"
          iconAlign="right"
        >
          {t('login.with', { name: title })}
        </Button>
      ))}
    </SpaceBetween>
  )
}
