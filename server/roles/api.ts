/** The role `api`: GraphQL, the portal, and the bytes of images, consoles and streams. */
import { join } from 'node:path'
import { createImageStore } from '../../drivers/image/registry.ts'
import { makeLoaders } from '../../resolvers/loaders.ts'
import { buildApi } from '../../resolvers/registry.ts'
import type { Request } from '../../resolvers/request.ts'
import { audienceOf } from '../../services/access/allow.ts'
import type { Cloud, Db } from '../../services/context.ts'
import { Refusals } from '../../services/core/refusals.ts'
import { catalogBootstrap } from '../../services/identity/catalog.ts'
import { checkToken } from '../../services/identity/revocation.ts'
import { uploadsBreakOff } from '../../services/image/upload.ts'
import type { Bus } from '../../workers/bus.ts'
import { startImageAgent } from '../../workers/image/agent.ts'
import { cloudOfCells } from '../cells/api.ts'
import type { Center } from '../center.ts'
import type { Start } from '../cloud.ts'
import { openConsoles } from '../data-plane/console-sockets.ts'
import { hostJoinRoute } from '../data-plane/host-join.ts'
import { imageRoutes } from '../data-plane/images.ts'
import { openStreams } from '../data-plane/streams.ts'
import { bearerOf } from '../http/bearer.ts'
import { type HttpOptions, startHttp } from '../http/http.ts'
import { jwksRoute } from '../http/jwks.ts'
import { openIdRoutes } from '../http/open-id-routes.ts'
import type { RequestInfo } from '../http/request.ts'
import { metadataRoutes } from '../metadata/routes.ts'
import { patiently } from '../patience.ts'

type ContextFor = (info: RequestInfo) => Promise<Request>

const EVERYWHERE = ['0.0.0.0', '::']

/** Returns the address that it listens on: http://host:port. */
export async function startApi(start: Start, center: Center): Promise<string> {
  const { config, log, bus, webDir, onStop } = start
  const { metrics, keys } = center
  const home = center.cloud
  const store = createImageStore('file', { dir: join(config.dataDir, 'images') })
  if (start.alone) await patiently(() => uploadsBreakOff(home, home.now()))
  const images = await startImageAgent(bus, store, home.db, log)
  onStop(() => images.stop())
  const { cloud, callerOf } = await cloudOfCells(start, center, store)
  const contextFor = contexts(cloud)
  const refusals = new Refusals()
  const streams = openStreams(cloud, log)
  let url = ''
  // Both ends of a stream come to one process; who listens everywhere is known by the agents' own setting.
  const here = () => (EVERYWHERE.includes(config.host) ? '' : url)
  const consoles = openConsoles({ cloud, callerOf, streams, url: here, log })
  const http = await startHttp({
    host: config.host,
    port: config.port,
    schema: await buildApi(),
    contextFor,
    subscriptions: subscriptions(cloud, contextFor),
    onErrors: (context, errors) => void refusals.record(context as Request, errors),
    log,
    health: () => health(bus, home.db),
    metrics: metrics.registry,
    webDir,
    upgrades: [consoles, streams],
    routes: (app) => {
      imageRoutes(app, { cloud, store, contextFor })
      hostJoinRoute(app, cloud)
      metadataRoutes(app, { cloud, secret: config.metadataSharedSecret })
      jwksRoute(app, keys.token)
      openIdRoutes(app, { cloud, publicUrl: () => config.publicUrl ?? url })
    },
  })
  url = http.url
  onStop(() => http.close())
  // What a watch may tell was decided when it began.
  center.onPolicy(() => http.reopen('The access rules changed'))
  center.onRevocation(() => {
    consoles.revalidate()
    http.revalidate().catch((err) => log.warn({ err }, 'could not end the watches of a token'))
  })
  const catalog = { region: config.region, url: config.publicUrl ?? url }
  await patiently(() => catalogBootstrap(home, catalog), start.signal)
  return url
}

function contexts(cloud: Cloud): ContextFor {
  return async (info) => {
    const secret = bearerOf(info.headers)
    return {
      ...cloud,
      log: cloud.log.child({ requestId: info.requestId }),
      actor: secret === null ? null : checkToken(cloud, secret),
      requestId: info.requestId,
      address: info.remoteAddress,
      load: makeLoaders(cloud.db),
      signal: info.signal,
    }
  }
}

function subscriptions(cloud: Cloud, contextFor: ContextFor): HttpOptions['subscriptions'] {
  return {
    async connect(info) {
      const { actor } = await contextFor(info)
      return {
        expiresAt: actor?.expiresAt ?? null,
        stillValid: () => !actor || !cloud.revocations.isRevoked(actor),
      }
    },
    audienceOf: (context) => audienceOf(context as Request),
  }
}

async function health(bus: Bus, db: Db): ReturnType<HttpOptions['health']> {
  const problems = []
  const bad = bus.problem()
  if (bad) problems.push({ dependency: 'bus', message: bad })
  const failed = await db.$queryRaw`select 1`.then(
    () => null,
    () => 'it does not answer',
  )
  if (failed) problems.push({ dependency: 'database', message: failed })
  return { ok: problems.length === 0, problems }
}
