/**
 * The metadata service: what a guest reads at 169.254.169.254, by way of a proxy beside its network that
 * both sides trust. The proxy says which server asks, in Neutron's headers, and signs that with the
 * secret that it shares with us; the guest's own word counts for nothing. docs/metadata.md says how.
 *
 * M1 Without a secret in the settings there are no such routes.
 * M2 A server is found in the project that the proxy names, and nowhere else: 404 says no more.
 * M3 Only GET and HEAD; a server that asks too often gets 429, and costs no statement.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { metadataPage, metadataSource } from '../../services/compute/metadata.ts'
import type { Cloud } from '../../services/context.ts'
import { isId } from '../../services/id.ts'
import { AskingRate } from '../asking-rate.ts'
import type { Secret } from '../secret.ts'
import { isSigned } from './signature.ts'

/** What proxies put before the path that the guest asked for. */
export const METADATA_PREFIX = '/metadata-service'
const MAX_PATH_LETTERS = 512
/** Of one server; a boot reads some 30 pages at once. */
export const METADATA_ASKING = { burst: 100, perSecond: 20 }

export interface MetadataRoutes {
  cloud: Pick<Cloud, 'db' | 'log' | 'now' | 'placement'>
  secret: Secret | undefined
}

export function metadataRoutes(app: FastifyInstance, { cloud, secret }: MetadataRoutes): void {
  if (!secret) return
  const rate = new AskingRate(METADATA_ASKING, () => cloud.now().getTime())
  const answer = async (request: FastifyRequest, reply: FastifyReply) => {
    void reply.type('text/plain; charset=utf-8').header('cache-control', 'no-store')
    const id = header(request, 'x-instance-id')
    const projectId = header(request, 'x-tenant-id')
    if (!isSigned(secret, id, header(request, 'x-instance-id-signature'))) {
      return reply.code(403).send('The signature of the instance id is wrong\n')
    }
    const path = pathOf(request)
    if (path === null || !isId(id) || !isId(projectId)) return missing(reply)
    if (!rate.admits(id)) {
      return reply.code(429).header('retry-after', '1').send('Too many requests\n')
    }
    const { db, placement } = cloud
    const asked = { db, defaultZone: placement.settings.defaultZone }
    const source = await metadataSource(asked, id, projectId)
    const page = source && metadataPage(source, path)
    if (page === null) return missing(reply)
    if (Buffer.isBuffer(page)) void reply.type('application/octet-stream')
    else if (path.endsWith('.json')) void reply.type('application/json; charset=utf-8')
    return reply.send(page)
  }
  app.get(METADATA_PREFIX, answer)
  app.get(`${METADATA_PREFIX}/*`, answer)
  app.route({
    method: ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
    url: `${METADATA_PREFIX}/*`,
    // Nothing is parsed: it is turned away before its body is read.
    onRequest: async (_request, reply) =>
      reply.code(405).header('allow', 'GET, HEAD').type('text/plain').send('Only GET\n'),
    handler: async () => null,
  })
}

const missing = (reply: FastifyReply) => reply.code(404).send('There is nothing here\n')

function header({ headers }: FastifyRequest, name: string): string {
  const value = headers[name]
  return typeof value === 'string' ? value : ''
}

/** The path that the guest asked for, or null when nobody would ask for such a one. */
function pathOf(request: FastifyRequest): string | null {
  const [raw = ''] = request.url.split('?', 1)
  if (raw.length > MAX_PATH_LETTERS) return null
  try {
    return decodeURIComponent(raw.slice(METADATA_PREFIX.length))
  } catch {
    return null
  }
}
