/**
 * The composition: builds the pieces of the roles that this process has, in the order in which they
 * need each other, and takes them down in the reverse order. Nothing else knows all of them.
 */
import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { Logger } from 'pino'
import type { ImageStore } from '../drivers/image/driver.ts'
import { createImageStore } from '../drivers/image/registry.ts'
import { makeLoaders } from '../resolvers/loaders.ts'
import { buildApi } from '../resolvers/registry.ts'
import type { Request } from '../resolvers/request.ts'
import { audienceOf } from '../services/access/allow.ts'
import { defaultRules } from '../services/access/rules.ts'
import { explainsEverywhere } from '../services/cells/explain.ts'
import { flavorBootstrap } from '../services/compute/flavor.ts'
import { makePlacer } from '../services/compute/placement-placer.ts'
import type { Cloud } from '../services/context.ts'
import { Refusals } from '../services/core/refusals.ts'
import { taskHandOver } from '../services/core/task.ts'
import { identityBootstrap } from '../services/identity/bootstrap.ts'
import { catalogBootstrap } from '../services/identity/catalog.ts'
import { registeredLimitBootstrap } from '../services/identity/registered-limit.ts'
import { checkToken, Revocations } from '../services/identity/revocation.ts'
import { unseal } from '../services/identity/sealed.ts'
import { makeTokens } from '../services/identity/token.ts'
import { uploadsBreakOff } from '../services/image/upload.ts'
import { type Agent, startAgent } from '../workers/agent/agent.ts'
import type { Bus } from '../workers/bus.ts'
import { type Caller, makeCaller } from '../workers/call.ts'
import { ringer, startConductor } from '../workers/conductor/conductor.ts'
import { startConfirm } from '../workers/conductor/confirm.ts'
import { startPrune } from '../workers/conductor/prune.ts'
import { startQuotaAudit } from '../workers/conductor/quota-audit.ts'
import { startReclaim } from '../workers/conductor/reclaim.ts'
import { startReports } from '../workers/conductor/reports.ts'
import { startImageAgent } from '../workers/image/agent.ts'
import { taskKinds } from '../workers/registry.ts'
import { startScheduler } from '../workers/scheduler.ts'
import { type CellOptions, type OpenCells, openCells } from './cells/cells.ts'
import { followClaims } from './cells/claims.ts'
import { mergeEvents } from './cells/events.ts'
import { type Config, type identityDefaults, passwordRulesOf, type Role } from './config.ts'
import { type ComputeConfig, computeSettingsOf } from './config-compute.ts'
import { placementSettingsOf } from './config-scheduler.ts'
import { hostConsoles } from './consoles.ts'
import { openConsoles } from './data-plane/consoles.ts'
import { hostJoinRoute } from './data-plane/host-join.ts'
import { imageRoutes } from './data-plane/images.ts'
import { openStreams } from './data-plane/streams.ts'
import { type Database, openDatabase } from './database/client.ts'
import type { AgentHost } from './drivers.ts'
import { type EventRelay, startEventRelay } from './event-relay.ts'
import { readHostKey, trustOwnHosts } from './host-key.ts'
import { bearerOf } from './http/bearer.ts'
import { type HttpServer, startHttp } from './http/http.ts'
import { jwksRoute } from './http/jwks.ts'
import { openIdRoutes } from './http/open-id-routes.ts'
import type { RequestInfo } from './http/request.ts'
import { type Keys, loadKeys, watchKeys } from './keys.ts'
import { metadataRoutes } from './metadata/routes.ts'
import { makeMetrics } from './metrics.ts'
import { patiently } from './patience.ts'
import { startPolicies } from './policy-files.ts'
import { startProcessHeartbeat } from './process-heartbeat.ts'
import { listenToRevocations } from './revocation-listener.ts'

type IdentitySetting = keyof typeof identityDefaults

export interface CloudOptions {
  config: Pick<
    Config,
    'host' | 'port' | 'dataDir' | 'roles' | 'apiUrl' | IdentitySetting | keyof ComputeConfig
  >
  log: Logger
  bus: Bus
  /** Needed by every role but the agent. */
  databaseUrl: string | null
  /** Nobody else works on this database: what a dead process held can be taken at once. */
  alone: boolean
  adminPassword: string
  hosts: AgentHost[]
  webDir: string
  /** Told to stop while it starts: guests that are not back yet stay for the next start. */
  signal?: AbortSignal
  heartbeatMs?: number
  leaseMs?: number
  onStatement?: (sql: string) => void
  /** Cells besides the first, for the api role. */
  cells?: readonly CellOptions[]
}

export interface RunningCloud {
  /** Null without the api role. */
  url: string | null
  cloud: Cloud | null
  /** Resolves when the hosts of this process take servers. */
  hostsUp: Promise<void>
  stop(options?: { guests: 'stop' | 'leave' }): Promise<void>
}

const HEARTBEAT_MS = 5_000
const LEASE_MS = 15_000

export async function startCloud(options: CloudOptions): Promise<RunningCloud> {
  const { config, log, bus, databaseUrl } = options
  const closers: ((guests: 'stop' | 'leave') => Promise<unknown>)[] = []
  const stop: RunningCloud['stop'] = async ({ guests } = { guests: 'leave' }) => {
    for (const close of closers.splice(0).reverse()) {
      await close(guests).catch((err) => log.error({ err }, 'could not stop cleanly'))
    }
  }
  try {
    const has = (role: Role): boolean => config.roles.includes(role)
    const owner = `${hostname()}/${process.pid}/${randomUUID().slice(0, 8)}`
    const caller = await makeCaller(bus, { name: owner, log })
    closers.push(() => caller.close())
    const center =
      databaseUrl === null ? null : await startCenter(options, databaseUrl, caller, closers)
    let url: string | null = null
    if (center && has('api')) {
      const http = await startApi(options, center, caller, closers)
      url = http.url
      const { cloud } = center
      const catalog = { region: config.region, url: config.publicUrl ?? url }
      await patiently(() => catalogBootstrap(cloud, catalog), options.signal)
    }
    const waiting = new Set(
      has('agent') && has('conductor') ? options.hosts.map((h) => h.name) : [],
    )
    let seen = (): void => {}
    const hostsUp = new Promise<void>((resolve) => {
      seen = () => waiting.size === 0 && resolve()
    })
    seen()
    if (center && has('scheduler')) {
      const scheduler = await startScheduler(bus, center.cloud.placement, log)
      closers.push(() => scheduler.stop())
    }
    // Stopped after the conductor: until then its tasks in hand can still come to their ends.
    const agents: Agent[] = []
    closers.push((guests) => Promise.all(agents.map((agent) => agent.stop({ guests }))))
    if (center && has('conductor')) {
      await startConducting(options, center, caller, owner, closers, (host) => {
        waiting.delete(host)
        seen()
      })
    }
    if (has('agent')) {
      if (center && config.hostJoin === 'token') {
        const names = options.hosts.map(({ name }) => name)
        await trustOwnHosts(center.cloud.db, config.dataDir, names)
      }
      const apiUrl = config.apiUrl ?? url ?? `http://${config.host}:${config.port}`
      await startAgents(options, apiUrl, agents)
    }
    return { url, cloud: center?.cloud ?? null, hostsUp, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** Side by side; `agents` has those that are up, also when another one could not start. */
async function startAgents(options: CloudOptions, apiUrl: string, agents: Agent[]): Promise<void> {
  const { bus, log, signal, heartbeatMs = HEARTBEAT_MS } = options
  const starts = options.hosts.map(async ({ name: hostName, stateDir, driver }) => {
    const key = readHostKey(options.config.dataDir, hostName)
    const settings = { bus, driver, hostName, stateDir, apiUrl, heartbeatMs, key, log }
    agents.push(await startAgent({ ...settings, ...(signal && { signal }) }))
  })
  const failure = (await Promise.allSettled(starts)).find((start) => start.status === 'rejected')
  if (failure) throw failure.reason
}

interface Center {
  cloud: Cloud
  database: Database
  relay: EventRelay
  metrics: ReturnType<typeof makeMetrics>
  keys: Keys
  /** Called when the access rules have changed. */
  onPolicy(heard: () => void): void
  /** Called when tokens were revoked, once that is known here. */
  onRevocation(heard: () => void): void
}

type Closers = ((guests: 'stop' | 'leave') => Promise<unknown>)[]

/** What every role but the agent stands on: the database, the first rows, the events. */
async function startCenter(
  { config, log, bus, onStatement, adminPassword, signal }: CloudOptions,
  databaseUrl: string,
  caller: Caller,
  closers: Closers,
): Promise<Center> {
  const metrics = makeMetrics()
  const database = openDatabase({
    url: databaseUrl,
    onQuery: (sql) => {
      metrics.statement()
      onStatement?.(sql)
    },
    onConnectionError: (err) => log.warn({ err }, 'a database connection broke'),
  })
  closers.push(() => database.close())
  const db = database.prisma
  const now = () => new Date()
  // A cell has from home what belongs to no cell.
  if (!config.cell) {
    await patiently(() => identityBootstrap({ db, now }, adminPassword), signal)
    await patiently(() => registeredLimitBootstrap({ db, now }), signal)
    await patiently(() => flavorBootstrap({ db, now }), signal)
  }
  const beating = startProcessHeartbeat(db, config.roles, log)
  closers.push(() => beating.stop())
  const relay = await patiently(() => startEventRelay(db, databaseUrl, log), signal)
  closers.push(() => relay.stop())
  const revocations = new Revocations()
  const revoked = listenToRevocations(db, revocations, relay, log)
  closers.push(() => revoked.stop())
  // After the listener: what is revoked meanwhile is heard or read, or both.
  await patiently(() => revocations.load(db, now()), signal)
  metrics.readFrom(db)
  const keys = loadKeys(config.dataDir)
  const tokens = makeTokens(keys, config.tokenFormat)
  const watching = watchKeys(keys, { log, onChange: () => tokens.forget() })
  closers.push(async () => watching.stop())
  const policyListeners: (() => void)[] = []
  const policies = await startPolicies({
    folder: config.policyDir ?? join(config.dataDir, 'policy'),
    rules: defaultRules,
    log,
    onChange: () => {
      for (const heard of policyListeners) heard()
    },
  })
  closers.push(() => policies.stop())
  const cloud: Cloud = {
    db,
    log,
    now,
    ring: ringer(bus, log),
    get policy() {
      return policies.current()
    },
    tokens,
    sealKeys: keys.seal,
    revocations,
    tokenTtlSeconds: config.tokenTtlSeconds,
    passwordRules: passwordRulesOf(config),
    region: config.region,
    events: relay,
    placement: makePlacer(db, placementSettingsOf(config)),
    consoles: hostConsoles(caller),
    compute: computeSettingsOf(config),
    cells: null,
    home: null,
  }
  const onPolicy: Center['onPolicy'] = (heard) => void policyListeners.push(heard)
  return { cloud, database, relay, metrics, keys, onPolicy, onRevocation: revoked.onKnown }
}

async function startApi(
  options: CloudOptions,
  center: Center,
  caller: Caller,
  closers: Closers,
): Promise<HttpServer> {
  const { config, log, bus, webDir, alone } = options
  const { metrics, keys, onPolicy, onRevocation } = center
  const store = createImageStore('file', { dir: join(config.dataDir, 'images') })
  if (alone) await patiently(() => uploadsBreakOff(center.cloud, center.cloud.now()))
  const images = await startImageAgent(bus, store, center.cloud.db, log)
  closers.push(() => images.stop())
  const { cloud, callerOf } = await withCells(options, center, { caller, store }, closers)
  const { db } = cloud
  const contextFor = async (info: RequestInfo): Promise<Request> => {
    const secret = bearerOf(info.headers)
    return {
      ...cloud,
      log: log.child({ requestId: info.requestId }),
      actor: secret === null ? null : checkToken(cloud, secret),
      requestId: info.requestId,
      address: info.remoteAddress,
      load: makeLoaders(db),
      signal: info.signal,
    }
  }
  const refusals = new Refusals()
  const streams = openStreams(cloud, log)
  let url = ''
  // Both ends of a stream come to one process; who listens everywhere is known by the agents' own setting.
  const isEverywhere = ['0.0.0.0', '::'].includes(config.host)
  const here = () => (isEverywhere ? '' : url)
  const consoles = openConsoles({
    ...{ cloud, callerOf, streams, url: here, log },
  })
  const http = await startHttp({
    host: config.host,
    port: config.port,
    schema: await buildApi(),
    contextFor,
    subscriptions: {
      connect: async (info) => {
        const { actor } = await contextFor(info)
        return {
          expiresAt: actor?.expiresAt ?? null,
          stillValid: () => !actor || !cloud.revocations.isRevoked(actor),
        }
      },
      audienceOf: (context) => audienceOf(context as Request),
    },
    onErrors: (context, errors) => void refusals.record(context as Request, errors),
    log,
    health: async () => {
      const problems = []
      const bad = bus.problem()
      if (bad) problems.push({ dependency: 'bus', message: bad })
      const failed = await db.$queryRaw`select 1`.then(
        () => null,
        () => 'it does not answer',
      )
      if (failed) problems.push({ dependency: 'database', message: failed })
      return { ok: problems.length === 0, problems }
    },
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
  closers.push(() => http.close())
  // What a watch may tell was decided when it began.
  onPolicy(() => http.reopen('The access rules changed'))
  onRevocation(() => {
    consoles.revalidate()
    http.revalidate().catch((err) => log.warn({ err }, 'could not end the watches of a token'))
  })
  return http
}

/** The cloud as the API sees it: all cells of it. */
async function withCells(
  { config, log, cells: settings = [] }: CloudOptions,
  { cloud, metrics, relay }: Center,
  { caller, store }: { caller: Caller; store: ImageStore },
  closers: Closers,
): Promise<{ cloud: Cloud } & Pick<OpenCells, 'callerOf'>> {
  if (settings.length === 0) return { cloud, callerOf: async () => caller }
  const open = await openCells({
    home: { ...cloud, relay, caller },
    ...{ settings, log, placement: placementSettingsOf(config), onQuery: metrics.statement },
  })
  closers.push(() => open.close())
  for (const { bus, db, name } of open.others) {
    const images = await startImageAgent(bus, store, db, log.child({ cell: name }))
    closers.push(() => images.stop())
  }
  const claims = followClaims(cloud.db, open, log)
  closers.push(() => claims.stop())
  const ofAll: Cloud = {
    ...cloud,
    ...{ db: open.db, consoles: open.consoles, cells: open.cells },
    events: mergeEvents(open.relays),
    placement: { ...cloud.placement, explain: explainsEverywhere(open.cells) },
    // By hand: a spread would keep the access rules of this moment.
    get policy() {
      return cloud.policy
    },
  }
  return { cloud: ofAll, callerOf: open.callerOf }
}

async function startConducting(
  options: CloudOptions,
  { cloud, metrics }: Center,
  caller: Caller,
  owner: string,
  closers: Closers,
  onHost: (host: string) => void,
): Promise<void> {
  const { bus, log, alone } = options
  const { db, now, tokens } = cloud
  if (alone) await patiently(() => taskHandOver(db, { exceptOwner: owner }))
  const heartbeatMs = options.heartbeatMs ?? HEARTBEAT_MS
  const reports = await startReports({
    ...{ cloud, bus, caller, log, heartbeatMs, onHost },
    strangersJoin: options.config.hostJoin === 'open',
  })
  closers.push(() => reports.stop())
  const pruning = startPrune(cloud, log, options.config.auditRetentionDays)
  closers.push(() => pruning.stop())
  const reclaiming = startReclaim(cloud, log)
  closers.push(() => reclaiming.stop())
  const confirming = startConfirm(cloud, log)
  closers.push(() => confirming.stop())
  const auditing = startQuotaAudit({ db, log, onFindings: metrics.quotaFindings })
  closers.push(() => auditing.stop())
  const conductor = await startConductor({
    bus,
    db,
    log,
    now,
    owner,
    kinds: taskKinds,
    leaseMs: options.leaseMs ?? LEASE_MS,
    call: (queue, call) => caller.call(queue, call),
    ticket: (object) => tokens.issueTicket(object, now()),
    unseal: (sealed) => unseal(cloud.sealKeys, sealed),
    onFinished: metrics.taskFinished,
  })
  closers.push(() => conductor.stop())
}
