// @vitest-environment jsdom
import { beforeEach, expect, test, vi } from 'vitest'
import {
  changeScope,
  currentSession,
  endSession,
  lastProjectId,
  sessionHasExpired,
  startSession,
} from '../../web/session.ts'

const token = (project: string | null, secret = `secret of ${project}`) => ({
  secret,
  expiresAt: '2099-01-01T00:00:00.000Z',
  project: project ? { id: project, name: project } : null,
  domain: null,
  system: false,
})

beforeEach(() => {
  localStorage.clear()
  endSession('signedOut')
})

test('switching keeps one token for each project, so that all can be revoked', () => {
  startSession(token(null))
  changeScope(token('a'))
  changeScope(token('b'))
  changeScope(token('a', 'a newer one'))
  expect(currentSession()?.current.secret).toBe('a newer one')
  expect(currentSession()?.others.map((other) => other.secret)).toEqual([
    'secret of b',
    'secret of null',
  ])
  expect(lastProjectId()).toBe('a')
})

test('a project, a domain and the system of one id are scopes of their own', () => {
  const domain = { ...token(null, 'of the domain'), domain: { id: 'a', name: 'a' } }
  const system = { ...token(null, 'of the system'), system: true }
  startSession(token('a'))
  for (const next of [domain, system, domain]) changeScope(next)
  expect(currentSession()?.current.secret).toBe('of the domain')
  expect(currentSession()?.others.map((other) => other.secret)).toEqual([
    'of the system',
    'secret of a',
  ])
  expect(lastProjectId()).toBe('a')
})

test('ending a session leaves no token behind', () => {
  startSession(token('a'))
  endSession('expired')
  expect(currentSession()).toBeNull()
  expect(sessionHasExpired()).toBe(true)
  expect(localStorage.getItem('nephograph.session')).toBeNull()
  startSession(token('a'))
  expect(sessionHasExpired()).toBe(false)
})

test('a tab follows what another tab does', () => {
  startSession(token('a'))
  const other = JSON.stringify({ current: token('b'), others: [] })
  localStorage.setItem('nephograph.session', other)
  window.dispatchEvent(new StorageEvent('storage', { key: 'nephograph.session' }))
  expect(currentSession()?.current.project?.id).toBe('b')
  localStorage.removeItem('nephograph.session')
  window.dispatchEvent(new StorageEvent('storage', { key: 'nephograph.session' }))
  expect(currentSession()).toBeNull()
})

test('a session that can not be read is none', async () => {
  localStorage.setItem('nephograph.session', '{"current":')
  vi.resetModules()
  const fresh = await import('../../web/session.ts')
  expect(fresh.currentSession()).toBeNull()
})
