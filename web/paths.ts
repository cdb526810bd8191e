/** Every address of the portal, built in one place: routes.tsx and all links use these. */

type Query = Record<string, string | undefined>

function withQuery(path: string, query: Query): string {
  const set = Object.entries(query).filter((pair): pair is [string, string] => Boolean(pair[1]))
  return set.length === 0 ? path : `${path}?${new URLSearchParams(set)}`
}

const segment = (id: string): string => encodeURIComponent(id)

export const paths = {
  overview: () => '/',
  login: (query: { from?: string } = {}) => withQuery('/login', query),
  servers: (query: { name?: string; status?: string } = {}) => withQuery('/servers', query),
  serverCreate: (query: { image?: string } = {}) => withQuery('/servers/new', query),
  server: (id: string, query: { tab?: string } = {}) => withQuery(`/servers/${segment(id)}`, query),
  keypairs: () => '/keypairs',
  serverGroups: () => '/server-groups',
  images: () => '/images',
  imageUpload: () => '/images/new',
  hosts: () => '/hosts',
  host: (id: string) => `/hosts/${segment(id)}`,
  flavors: () => '/flavors',
  flavor: (id: string) => `/flavors/${segment(id)}`,
  aggregates: () => '/aggregates',
  aggregate: (id: string) => `/aggregates/${segment(id)}`,
  availabilityZones: () => '/availability-zones',
  migrations: (query: { server?: string; host?: string } = {}) => withQuery('/migrations', query),
  placement: (query: { flavor?: string; image?: string } = {}) => withQuery('/placement', query),
  processes: () => '/processes',
  domains: () => '/domains',
  domain: (id: string, query: { tab?: string } = {}) => withQuery(`/domains/${segment(id)}`, query),
  projects: () => '/projects',
  project: (id: string, query: { tab?: string } = {}) =>
    withQuery(`/projects/${segment(id)}`, query),
  users: () => '/users',
  user: (id: string, query: { tab?: string } = {}) => withQuery(`/users/${segment(id)}`, query),
  groups: () => '/groups',
  group: (id: string, query: { tab?: string } = {}) => withQuery(`/groups/${segment(id)}`, query),
  roles: () => '/roles',
  role: (id: string, query: { tab?: string } = {}) => withQuery(`/roles/${segment(id)}`, query),
  roleAssignments: (query: { user?: string; group?: string; project?: string } = {}) =>
    withQuery('/role-assignments', query),
  quotas: () => '/quotas',
  services: (query: { tab?: string } = {}) => withQuery('/services', query),
  service: (id: string) => `/services/${segment(id)}`,
  identityProviders: () => '/identity-providers',
  identityProvider: (id: string) => `/identity-providers/${segment(id)}`,
  auditLog: (query: { resource?: string; actor?: string } = {}) => withQuery('/audit-log', query),
  accessCheck: (query: { action?: string; project?: string; domain?: string } = {}) =>
    withQuery('/access-check', query),
  passwordChange: () => '/profile/password',
  profile: (query: { tab?: string } = {}) => withQuery('/profile', query),
  playground: () => '/playground',
}

/**
 * Where to go after signing in. Only paths of this portal are followed: a link that was made by
 * somebody else must not lead to another site.
 */
export function returnPath(from: string | null): string {
  const isOwn = from !== null && /^\/(?![/\\])/.test(from) && !from.startsWith('/login')
  return isOwn ? from : paths.overview()
}
