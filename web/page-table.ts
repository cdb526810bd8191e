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
    path: 'server-groups',
    load: async () => (await import('./pages/compute/ServerGroups.tsx')).ServerGroups,
    place: 'compute',
    text: 'serverGroups',
    rule: 'compute.server-group.list',
    isTable: true,
  },
  {
    path: 'keypairs',
    load: async () => (await import('./pages/compute/Keypairs.tsx')).Keypairs,
    place: 'compute',
    text: 'keypairs',
    isTable: true,
    worksWithoutProject: true,
  },
  {
    path: 'flavors',
    load: async () => (await import('./pages/compute/Flavors.tsx')).Flavors,
    place: 'compute',
    text: 'flavors',
    rule: 'compute.flavor.list',
    isTable: true,
    worksWithoutProject: true,
  },
  {
    path: 'flavors/:id',
    load: async () => (await import('./pages/compute/Flavor.tsx')).Flavor,
    worksWithoutProject: true,
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
    path: 'projects',
    load: async () => (await import('./pages/identity/Projects.tsx')).Projects,
    place: 'identity',
    text: 'projects',
    rule: 'identity.project.list',
    isTable: true,
    worksWithoutProject: true,
  },
  {
    path: 'projects/:id',
    load: async () => (await import('./pages/identity/Project.tsx')).Project,
    worksWithoutProject: true,
  },
  {
    path: 'users',
    load: async () => (await import('./pages/identity/Users.tsx')).Users,
    place: 'identity',
    text: 'users',
    rule: 'identity.user.list',
    isTable: true,
    worksWithoutProject: true,
  },
  {
    path: 'users/:id',
    load: async () => (await import('./pages/identity/User.tsx')).User,
    worksWithoutProject: true,
  },
  {
    path: 'groups',
    load: async () => (await import('./pages/identity/Groups.tsx')).Groups,
    place: 'identity',
    text: 'groups',
    rule: 'identity.group.list',
    isTable: true,
    worksWithoutProject: true,
  },
  {
    path: 'groups/:id',
    load: async () => (await import('./pages/identity/Group.tsx')).Group,
    worksWithoutProject: true,
  },
  {
    path: 'roles',
    load: async () => (await import('./pages/identity/Roles.tsx')).Roles,
    place: 'identity',
    text: 'roles',
    rule: 'identity.role.list',
    isTable: true,
    worksWithoutProject: true,
  },
  {
    path: 'roles/:id',
    load: async () => (await import('./pages/identity/Role.tsx')).Role,
    worksWithoutProject: true,
  },
  {
    path: 'domains',
    load: async () => (await import('./pages/identity/Domains.tsx')).Domains,
    place: 'identity',
    text: 'domains',
    rule: 'identity.domain.list',
    isTable: true,
    worksWithoutProject: true,
  },
  {
    path: 'domains/:id',
    load: async () => (await import('./pages/identity/Domain.tsx')).Domain,
    worksWithoutProject: true,
  },
  {
    path: 'role-assignments',
    load: async () => (await import('./pages/identity/RoleAssignments.tsx')).RoleAssignments,
    place: 'identity',
    text: 'roleAssignments',
    rule: 'identity.role-assignment.list',
    isTable: true,
    worksWithoutProject: true,
  },
  {
    path: 'quotas',
    load: async () => (await import('./pages/identity/Quotas.tsx')).Quotas,
    place: 'identity',
    text: 'quotas',
    rule: 'identity.registered-limit.list',
    isTable: true,
    worksWithoutProject: true,
  },
  {
    path: 'services',
    load: async () => (await import('./pages/identity/Services.tsx')).Services,
    place: 'identity',
    text: 'services',
    rule: 'identity.service.list',
    worksWithoutProject: true,
  },
  {
    path: 'services/:id',
    load: async () => (await import('./pages/identity/Service.tsx')).Service,
    worksWithoutProject: true,
  },
  {
    path: 'identity-providers',
    load: async () => (await import('./pages/identity/IdentityProviders.tsx')).IdentityProviders,
    place: 'identity',
    text: 'identityProviders',
    rule: 'identity.identity-provider.list',
    isTable: true,
    worksWithoutProject: true,
  },
  {
    path: 'identity-providers/:id',
    load: async () => (await import('./pages/identity/IdentityProvider.tsx')).IdentityProvider,
    worksWithoutProject: true,
  },
  {
    path: 'audit-log',
    load: async () => (await import('./pages/identity/AuditLog.tsx')).AuditLog,
    place: 'identity',
    text: 'auditLog',
    rule: 'core.audit.list',
    isTable: true,
    worksWithoutProject: true,
  },
  {
    path: 'access-check',
    load: async () => (await import('./pages/identity/AccessCheck.tsx')).AccessCheck,
    place: 'user',
    text: 'accessCheck',
    worksWithoutProject: true,
  },
  {
    path: 'profile',
    load: async () => (await import('./pages/identity/Profile.tsx')).Profile,
    place: 'user',
    text: 'profile',
    worksWithoutProject: true,
  },
  {
    path: 'profile/password',
    load: async () => (await import('./pages/identity/PasswordChange.tsx')).PasswordChange,
    worksWithoutProject: true,
  },
  {
    path: 'hosts',
    load: async () => (await import('./pages/compute/Hosts.tsx')).Hosts,
    place: 'cloud',
    text: 'hosts',
    rule: 'compute.host.list',
    isTable: true,
    worksWithoutProject: true,
  },
  {
    path: 'hosts/:id',
    load: async () => (await import('./pages/compute/Host.tsx')).Host,
    worksWithoutProject: true,
  },
  {
    path: 'aggregates',
    load: async () => (await import('./pages/compute/Aggregates.tsx')).Aggregates,
    place: 'cloud',
    text: 'aggregates',
    rule: 'compute.aggregate.list',
    isTable: true,
    worksWithoutProject: true,
  },
  {
    path: 'aggregates/:id',
    load: async () => (await import('./pages/compute/Aggregate.tsx')).Aggregate,
    worksWithoutProject: true,
  },
  {
    path: 'availability-zones',
    load: async () => (await import('./pages/compute/AvailabilityZones.tsx')).AvailabilityZones,
    place: 'cloud',
    text: 'availabilityZones',
    rule: 'compute.aggregate.list',
    isTable: true,
    worksWithoutProject: true,
  },
  {
    path: 'placement',
    load: async () => (await import('./pages/compute/PlacementExplain.tsx')).PlacementExplain,
    place: 'cloud',
    text: 'placement',
    rule: 'compute.placement.explain',
  },
  {
    path: 'migrations',
    load: async () => (await import('./pages/compute/Migrations.tsx')).Migrations,
    place: 'cloud',
    text: 'migrations',
    rule: 'compute.migration.list',
    isTable: true,
    worksWithoutProject: true,
  },
  {
    path: 'processes',
    load: async () => (await import('./pages/compute/Processes.tsx')).Processes,
    place: 'cloud',
    text: 'processes',
    rule: 'compute.process.list',
    isTable: true,
    worksWithoutProject: true,
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
