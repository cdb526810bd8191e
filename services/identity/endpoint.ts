/** Endpoints: where a service is reached, in a region, by whom. */
import type { Endpoint } from '../../prisma/generated/client.ts'
import { type Command, type CommandInput, command } from '../command.ts'
import type { Context } from '../context.ts'
import { changed } from '../core/audit.ts'
import { tell, telling } from '../core/tell.ts'
import { badInput, CloudError } from '../errors.ts'
import { newId } from '../id.ts'
import { checkVersion, given, givenOrNone, updateRow } from '../versioned.ts'
import { findRegion } from './region.ts'

export const endpointInterfaces = ['PUBLIC', 'INTERNAL', 'ADMIN'] as const
export type EndpointInterface = (typeof endpointInterfaces)[number]

export const MAX_URL_LENGTH = 2048

/** `$(project_id)s` as Keystone writes it, and `%(project_id)s` as it did before. */
const PLACE = /[$%]\((\w+)\)s/g
const places = ['project_id', 'tenant_id', 'user_id'] as const
type Place = (typeof places)[number]

/** Why a URL is none that the catalog takes, or null. */
export function urlProblem(url: string): string | null {
  if (url.length > MAX_URL_LENGTH) return `has more than ${MAX_URL_LENGTH} characters`
  const unknown = [...url.matchAll(PLACE)].find(([, name]) => !places.includes(name as Place))
  if (unknown) return `holds ${unknown[0]}; there are ${places.map((p) => `$(${p})s`).join(', ')}`
  const filled = url.replaceAll(PLACE, 'x')
  if (/[\s\p{Cc}]/u.test(filled)) return 'holds blanks or control characters'
  if (!/^https?:\/\//i.test(filled) || !URL.canParse(filled)) {
    return 'must be an address that begins with http:// or https://'
  }
  const { username, password } = new URL(filled)
  return username || password ? 'holds a user or a password: the catalog is for everybody' : null
}

/** The URL for a token; null when it needs a project and the token has none. */
export function filledUrl(url: string, token: { userId: string; projectId: string | null }) {
  const { userId, projectId } = token
  const values: Record<Place, string | null> = {
    project_id: projectId,
    tenant_id: projectId,
    user_id: userId,
  }
  if ([...url.matchAll(PLACE)].some(([, name]) => !values[name as Place])) return null
  return url.replaceAll(PLACE, (_, name: Place) => values[name] ?? '')
}

function checkUrl(url: string | null | undefined): void {
  const message = url == null ? null : urlProblem(url)
  if (message === null) return
  throw badInput('url', message, `The URL ${message}`)
}

async function findEndpoint(c: Command, id: string): Promise<Endpoint> {
  const endpoint = await c.tx.endpoint.findUnique({ where: { id } })
  if (!endpoint) throw new CloudError('NOT_FOUND', `There is no endpoint ${id}`)
  return endpoint
}

/** Held until the end: who deletes the service or the region waits, and finds the endpoint. */
async function holdPlaces(
  c: Command,
  { serviceId, regionId }: { serviceId?: string | null; regionId?: string | null },
): Promise<void> {
  if (serviceId) {
    const found = await c.tx.$queryRaw<unknown[]>`
      select from identity.service where id = ${serviceId}::uuid for share`
    if (found.length === 0) throw new CloudError('NOT_FOUND', `There is no service ${serviceId}`)
  }
  if (regionId) {
    await c.tx.$executeRaw`select from identity.region where id = ${regionId} for share`
    await findRegion(c.tx, regionId)
  }
}

const viewOf = (endpoint: Endpoint) => ({
  serviceId: endpoint.serviceId,
  regionId: endpoint.regionId,
  interface: endpoint.interface,
  url: endpoint.url,
  enabled: endpoint.enabled,
})

async function told(c: Command, before: Endpoint | null, after: Endpoint | null): Promise<void> {
  const { id, url } = (after ?? before) as Endpoint
  const change = changed(before && viewOf(before), after && viewOf(after))
  const resource = { resourceType: 'endpoint', resourceId: id, resourceName: url } as const
  await tell(c, telling(null, { ...resource, ...change }))
}

export interface EndpointCreate extends CommandInput {
  serviceId: string
  regionId?: string | null
  interface: EndpointInterface
  url: string
  enabled?: boolean | null
}

export const endpointCreate: (ctx: Context, input: EndpointCreate) => Promise<{ id: string }> =
  command('identity.endpoint.update', async (c, input) => {
    const { serviceId, regionId, url, enabled } = input
    checkUrl(url)
    await holdPlaces(c, { serviceId, regionId })
    const endpoint = await c.tx.endpoint.create({
      data: {
        id: newId(),
        serviceId,
        interface: input.interface,
        url,
        ...given({ regionId, enabled }),
        createdAt: c.at,
        updatedAt: c.at,
      },
    })
    await told(c, null, endpoint)
    return { id: endpoint.id }
  })

export interface EndpointUpdate extends CommandInput {
  id: string
  ifVersion?: number | null
  regionId?: string | null
  interface?: EndpointInterface | null
  url?: string | null
  enabled?: boolean | null
}

/** From then on it is the operator's: starts leave it as it is. */
export const endpointUpdate: (ctx: Context, input: EndpointUpdate) => Promise<{ id: string }> =
  command('identity.endpoint.update', async (c, input) => {
    const { id, ifVersion, regionId, url, enabled } = input
    checkUrl(url)
    const before = await findEndpoint(c, id)
    checkVersion(before, ifVersion)
    await holdPlaces(c, { regionId })
    const data = {
      ...given({ interface: input.interface, url, enabled }),
      ...givenOrNone({ regionId }),
      managed: false,
    }
    await updateRow(c.tx.endpoint, before, data, c.at)
    await told(c, before, await findEndpoint(c, id))
    return { id }
  })

export const endpointDelete: (
  ctx: Context,
  input: CommandInput & { id: string; ifVersion?: number | null },
) => Promise<{ id: string }> = command('identity.endpoint.update', async (c, { id, ifVersion }) => {
  const endpoint = await findEndpoint(c, id)
  checkVersion(endpoint, ifVersion)
  const { count } = await c.tx.endpoint.deleteMany({ where: { id } })
  if (count === 0) throw new CloudError('NOT_FOUND', `There is no endpoint ${id}`)
  await told(c, endpoint, null)
  return { id }
})
