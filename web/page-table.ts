/**
 * Every page of the portal behind the log in: the one table from which the routes and all
 * navigation come.
 *
 * I1. `path` is the route; the first segment of a page in the navigation is its own, because the
 *     pages of one resource (/servers/1) mark the list that they belong to (/servers).
 * I2. What is shown to whom is the API's word: `rule` names an access rule, and an entry shows only
 *     to those whom it lets through. A page that is opened by its address is refused by the API.
 * I3. An entry is added with its page, not before.
 */
import type { ComponentType } from 'react'
import type en from './i18n/en.json'

export type PageText = keyof typeof en.nav

/** The sections of the side navigation from top to bottom; those without an entry don't show. */
const sections = ['compute', 'image', 'identity', 'cloud'] as const satisfies PageText[]

export interface PageEntry {
  /** Below `/`, as the router reads it: '' is the first page. */
  path: string
  load(): Promise<ComponentType>
  /** `top` is above all sections, `user` the menu of the user. Without: reached from other pages. */
  place?: (typeof sections)[number] | 'top' | 'user'
  /** The name in the navigation; needed with `place`. */
  text?: PageText
  /** The access rule that must let the viewer through for the entry to show. */
  rule?: string
  /** The page is a table that fills the window. */
  isTable?: boolean
  /** The page is also there for those who have no project. */
  worksWithoutProject?: boolean
}

export const pages: readonly PageEntry[] = [
  {
    path: '',
    load: async () => (await import('./pages/Overview.tsx')).Overview,
    place: 'top',
    text: 'overview',
  },
  {
    path: 'servers',
    load: async () => (await import('./pages/compute/Servers.tsx')).Servers,
    place: 'compute',
    text: 'servers',
    isTable: true,
  },
  {
    path: 'servers/new',
    load: async () => (await import('./pages/compute/ServerCreate.tsx')).ServerCreate,
  },
  {
    path: 'servers/:id',
    load: async () => (await import('./pages/compute/Server.tsx')).Server,
  },
  {
    path: 'images',
    load: async () => (await import('./pages/image/Images.tsx')).Images,
    place: 'image',
    text: 'images',
    isTable: true,
  },
  {
    path: 'images/new',
    load: async () => (await import('./pages/image/ImageUpload.tsx')).ImageUpload,
  },
  {
    path: 'hosts',
    load: async () => (await import('./pages/compute/Hosts.tsx')).Hosts,
    place: 'cloud',
    text: 'hosts',
    rule: 'compute.host.list',
    isTable: true,
  },
  {
    path: 'hosts/:id',
    load: async () => (await import('./pages/compute/Host.tsx')).Host,
  },
]

export interface NavigationLink {
  text: PageText
  href: string
}

export interface NavigationSection {
  text: (typeof sections)[number]
  links: NavigationLink[]
}

export interface Navigation {
  top: NavigationLink[]
  sections: NavigationSection[]
  user: NavigationLink[]
}

/** What of the pages the viewer finds in the navigation. `isAllowed` says it of an access rule. */
export function navigationOf(
  table: readonly PageEntry[],
  isAllowed: (rule: string) => boolean,
): Navigation {
  const at = (place: PageEntry['place']) =>
    table.flatMap((entry) =>
      entry.place === place && entry.text && (!entry.rule || isAllowed(entry.rule))
        ? [{ text: entry.text, href: `/${entry.path}` }]
        : [],
    )
  return {
    top: at('top'),
    sections: sections
      .map((text) => ({ text, links: at(text) }))
      .filter(({ links }) => links.length > 0),
    user: at('user'),
  }
}
