/**
 * Who is signed in, in this browser.
 *
 * I1. The tokens live in localStorage: a new tab, a reload and the playground find them, and
 *     signing out in one tab signs out all. What speaks against it (a foreign script could read
 *     them) is met by the content security policy: no script runs that we did not serve. A token
 *     ends by itself.
 * I2. All tabs show the same scope: a change in one is followed by the others.
 * I3. Tokens of other scopes, made by switching, are kept until sign out revokes them all.
 */
import { useSyncExternalStore } from 'react'

/** What a token is for: a project, a domain, the system, or nothing. */
export interface Scope {
  project: { id: string; name: string } | null
  domain: { id: string; name: string } | null
  system: boolean
}

export interface ScopedToken extends Scope {
  secret: string
  expiresAt: string
}

/** The scope in a word, the same for the same scope. */
export function scopeKey({ project, domain, system }: Scope): string {
  if (project) return `project:${project.id}`
  if (domain) return `domain:${domain.id}`
  return system ? 'system' : 'none'
}

export interface Session {
  current: ScopedToken
  /** At most one for each scope that was visited since signing in. */
  others: ScopedToken[]
}

const sessionKey = 'nephograph.session'
const lastProjectKey = 'nephograph.project'

let session: Session | null = parse(localStorage.getItem(sessionKey))
let hasExpired = false
const listeners = new Set<() => void>()

function parse(text: string | null): Session | null {
  try {
    const value = JSON.parse(text ?? 'null') as Session | null
    return typeof value?.current?.secret === 'string' ? value : null
  } catch {
    return null
  }
}

function set(next: Session | null): void {
  session = next
  if (next) localStorage.setItem(sessionKey, JSON.stringify(next))
  else localStorage.removeItem(sessionKey)
  for (const listener of listeners) listener()
}

window.addEventListener('storage', (event) => {
  if (event.key !== sessionKey && event.key !== null) return
  session = parse(localStorage.getItem(sessionKey))
  for (const listener of listeners) listener()
})

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

export const currentSession = (): Session | null => session

export const useSession = (): Session | null => useSyncExternalStore(subscribe, currentSession)

export function startSession(token: ScopedToken): void {
  hasExpired = false
  if (token.project) localStorage.setItem(lastProjectKey, token.project.id)
  set({ current: token, others: [] })
}

/** Makes `token` the current one and keeps the one before it. */
export function changeScope(token: ScopedToken): void {
  if (!session) return startSession(token)
  if (token.project) localStorage.setItem(lastProjectKey, token.project.id)
  const { current, others } = session
  const kept = [current, ...others].filter((other) => scopeKey(other) !== scopeKey(token))
  set({ current: token, others: kept })
}

let isHeld = false

/**
 * While `replace` runs, the end of the token is not the end of the session: what ended it brings
 * another secret (or null: nothing came of it), with which the session goes on.
 */
export async function replaceToken(replace: () => Promise<string | null>): Promise<void> {
  isHeld = true
  try {
    const secret = await replace()
    if (secret && session) set({ current: { ...session.current, secret }, others: [] })
  } finally {
    isHeld = false
  }
}

export function endSession(reason: 'signedOut' | 'expired'): void {
  if (isHeld && reason === 'expired') return
  hasExpired = reason === 'expired'
  set(null)
}

/** True when the last session was ended by the API and not by its user. */
export const sessionHasExpired = (): boolean => hasExpired

/** The project that was open last in this browser. */
export const lastProjectId = (): string | null => localStorage.getItem(lastProjectKey)
