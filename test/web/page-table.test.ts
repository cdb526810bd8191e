import { expect, test } from 'vitest'
import { navigationOf, type PageEntry, pages } from '../../web/page-table.ts'

const load = () => Promise.reject(new Error('Nobody opens it'))

const table: PageEntry[] = [
  { path: 'hosts', load, place: 'cloud', text: 'hosts', rule: 'compute.host.list' },
  { path: 'projects', load, place: 'identity', text: 'projects', rule: 'identity.project.list' },
  { path: 'projects/:id', load, rule: 'identity.project.list' },
  { path: 'users', load, place: 'identity', text: 'users', rule: 'identity.user.list' },
  { path: 'profile', load, place: 'user', text: 'profile' },
]

test('a section shows those of its entries that the viewer may see, and none without entries', () => {
  const may = (...rules: string[]) => navigationOf(table, (rule) => rules.includes(rule))
  expect(may()).toEqual({ top: [], sections: [], user: [{ text: 'profile', href: '/profile' }] })
  expect(may('identity.user.list', 'compute.host.list').sections).toEqual([
    { text: 'identity', links: [{ text: 'users', href: '/users' }] },
    { text: 'cloud', links: [{ text: 'hosts', href: '/hosts' }] },
  ])
  const all = may('identity.user.list', 'identity.project.list', 'compute.host.list')
  expect(all.sections[0]?.links.map(({ text }) => text)).toEqual(['projects', 'users'])
})

test('every page has an address of its own, and a name where it has a place', () => {
  expect(new Set(pages.map(({ path }) => path)).size).toBe(pages.length)
  expect(pages.filter(({ place, text }) => Boolean(place) !== Boolean(text))).toEqual([])
  // The navigation marks a page by the first segment of its address.
  const placed = pages.filter(({ place }) => place)
  expect(placed.filter(({ path }) => path.includes('/'))).toEqual([])
})

test('somebody without rules sees what everybody sees', () => {
  const { top, sections, user } = navigationOf(pages, () => false)
  expect(
    [...top, ...sections.flatMap(({ links }) => links), ...user].map(({ href }) => href),
  ).toEqual(pages.filter(({ place, rule }) => place && !rule).map(({ path }) => `/${path}`))
  expect(sections.map(({ text }) => text)).not.toContain('cloud')
})
