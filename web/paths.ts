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
  images: () => '/images',
  imageUpload: () => '/images/new',
  hosts: () => '/hosts',
  host: (id: string) => `/hosts/${segment(id)}`,
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
