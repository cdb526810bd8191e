/** What every role but the agent stands on: the database, the first rows, the events, keys and rules. */
import { join } from 'node:path'
import { defaultRules } from '../services/access/rules.ts'
import { ConsoleRoom } from '../services/compute/console-room.ts'
import { flavorBootstrap } from '../services/compute/flavor.ts'
import { makePlacer } from '../services/compute/placement-placer.ts'
import type { Cloud, Db } from '../services/context.ts'
import { identityBootstrap } from '../services/identity/bootstrap.ts'
import { registeredLimitBootstrap } from '../services/identity/registered-limit.ts'
import { Revocations } from '../services/identity/revocation.ts'
import { makeTokens } from '../services/identity/token.ts'
import { ringer } from '../workers/conductor/conductor.ts'
import type { Start } from './cloud.ts'
import { computeSettingsOf } from './config-compute.ts'
import { passwordRulesOf } from './config-identity.ts'
import { placementSettingsOf } from './config-scheduler.ts'
import { openDatabase } from './database/client.ts'
import { type EventRelay, startEventRelay } from './event-relay.ts'
import { hostConsoles } from './host-consoles.ts'
import { type Keys, loadKeys, watchKeys } from './keys.ts'
import { makeMetrics } from './metrics.ts'
import { patiently } from './patience.ts'
import { startPolicies } from './policy-files.ts'
import { startProcessHeartbeat } from './process-heartbeat.ts'
import { listenToRevocations } from './revocation-listener.ts'

export interface Center {
  cloud: Cloud
  relay: EventRelay
  metrics: ReturnType<typeof makeMetrics>
  keys: Keys
  /** Called when the access rules have changed. */
  onPolicy(heard: () => void): void
  /** Called when tokens were revoked, once that is known here. */
  onRevocation(heard: () => void): void
}

const now = (): Date => new Date()

export async function startCenter(start: Start, databaseUrl: string): Promise<Center> {
  const { config, log, bus, caller, signal, onStop } = start
  const metrics = makeMetrics()
  const db = openRows(start, databaseUrl, metrics)
  // A cell has from home what belongs to no cell.
  if (!config.cell) await firstRows(start, db)
  const beating = startProcessHeartbeat(db, config.roles, log)
  onStop(() => beating.stop())
  const relay = await patiently(() => startEventRelay(db, databaseUrl, log), signal)
  onStop(() => relay.stop())
  const revocations = new Revocations()
  const revoked = listenToRevocations(db, revocations, relay, log)
  onStop(() => revoked.stop())
  // After the listener: what is revoked meanwhile is heard or read, or both.
  await patiently(() => revocations.load(db, now()), signal)
  metrics.readFrom(db)
  const keys = loadKeys(config.dataDir)
  const tokens = makeTokens(keys, config.tokenFormat)
  const watching = watchKeys(keys, { log, onChange: () => tokens.forget() })
  onStop(async () => watching.stop())
  const { policies, onPolicy } = await openPolicies(start)
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
    consoleRoom: new ConsoleRoom(config),
    compute: computeSettingsOf(config),
    cells: null,
    home: null,
  }
  return { cloud, relay, metrics, keys, onPolicy, onRevocation: revoked.onKnown }
}

function openRows(
  { log, onStatement, onStop }: Start,
  url: string,
  metrics: Center['metrics'],
): Db {
  const database = openDatabase({
    url,
    onQuery: (sql) => {
      metrics.statement()
      onStatement?.(sql)
    },
    onConnectionError: (err) => log.warn({ err }, 'a database connection broke'),
  })
  onStop(() => database.close())
  return database.prisma
}

/** What every cloud has from its first start on. */
async function firstRows({ adminPassword, signal }: Start, db: Db): Promise<void> {
  await patiently(() => identityBootstrap({ db, now }, adminPassword), signal)
  await patiently(() => registeredLimitBootstrap({ db, now }), signal)
  await patiently(() => flavorBootstrap({ db, now }), signal)
}

/** The access rules, and who wants to hear of their changes. */
async function openPolicies({ config, log, onStop }: Start) {
  const listeners: (() => void)[] = []
  const policies = await startPolicies({
    folder: config.policyDir ?? join(config.dataDir, 'policy'),
    rules: defaultRules,
    log,
    onChange: () => {
      for (const heard of listeners) heard()
    },
  })
  onStop(() => policies.stop())
  const onPolicy: Center['onPolicy'] = (heard) => void listeners.push(heard)
  return { policies, onPolicy }
}
