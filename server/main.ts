/**
 * The process: settings, the pieces around the cloud, and the words on the terminal.
 *
 * P1 A data directory has one owner. Who is refused has touched nothing in it.
 * P2 `ready.json` is there while everything answers: written last, removed first.
 */
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Logger } from 'pino'
import { adminPassword } from './admin-password.ts'
import { openBus } from './bus/registry.ts'
import type { CellOptions } from './cells/cells.ts'
import { type RunningCloud, startCloud } from './cloud.ts'
import { type Config, ConfigError, loadConfig } from './config.ts'
import { ROLES } from './config-process.ts'
import { startEmbeddedPostgres } from './database/embedded.ts'
import { migrate } from './database/migrate.ts'
import {
  type AgentHost,
  agentHosts,
  type ChosenDrivers,
  chooseDrivers,
  heartbeatOf,
} from './drivers.ts'
import { lockFolder } from './folder-lock.ts'
import { registerGuestImage } from './guest-image.ts'
import { type Life, live } from './life.ts'
import { makeLog } from './log.ts'
import { patiently } from './patience.ts'
import { projectRoot } from './project-root.ts'
import { removeReady, writeReady } from './ready-file.ts'

const HOSTS_UP_MS = 60_000
const HOST_UP_MS = 50
/** How often it is told how many are up. */
const TELL_MS = 5_000

const say = (line = ''): void => void process.stdout.write(`${line}\n`)
const step = (line: string): void => say(`  ${line}`)

async function start(life: Life): Promise<void> {
  const config = loadConfig({ env: process.env, argv: process.argv.slice(2), cwd: process.cwd() })
  mkdirSync(config.dataDir, { recursive: true, mode: 0o711 })
  const lock = await lockFolder(config.dataDir)
  life.onStop(() => lock.release())
  removeReady(config.dataDir)
  const { log, file: logFile } = makeLog(config.logLevel, config.dataDir)

  say(`Nephograph ${version()}, data in ${config.dataDir}`)
  const central = config.roles.some((role) => role !== 'agent')
  const databaseUrl = central ? await databaseFor(config, life, log) : null
  life.signal.throwIfAborted()
  const bus = await unlessStopped(life, openBus(config.amqpUrl?.reveal(), log))
  life.onStop(() => bus.close())
  const cells: CellOptions[] = []
  for (const { name, databaseUrl: of, amqpUrl } of config.cells) {
    const cellBus = await unlessStopped(life, openBus(amqpUrl.reveal(), log))
    life.onStop(() => cellBus.close())
    cells.push({ name, databaseUrl: of.reveal(), bus: cellBus })
  }
  const { drivers, hosts } = await hostsFor(config)
  life.signal.throwIfAborted()
  const password = central ? adminPassword(config.dataDir, config.adminPassword) : null
  const allInOne = ROLES.every((role) => config.roles.includes(role))
  const cloud = await startCloud({
    config,
    log,
    bus,
    databaseUrl,
    alone: !config.databaseUrl && !config.amqpUrl,
    adminPassword: password?.password ?? '',
    hosts,
    heartbeatMs: heartbeatOf(hosts),
    cells,
    webDir: join(projectRoot(), 'dist', 'web'),
    signal: life.signal,
  })
  life.onStop(() => cloud.stop({ guests: allInOne ? 'stop' : 'leave' }))
  const image = config.cell ? null : firstImage(cloud, config.dataDir, log)
  await Promise.all([image, hostsUp(cloud, life, hosts.length)])
  life.signal.throwIfAborted()
  const { url } = cloud
  const ready = {
    url,
    graphql: url && `${url}/graphql`,
    websocket: url && `${url.replace(/^http/, 'ws')}/graphql`,
    pid: process.pid,
    drivers: { compute: config.roles.includes('agent') ? drivers.compute : null },
  }
  writeReady(config.dataDir, ready)
  life.onStop(() => removeReady(config.dataDir))
  log.info(ready, 'ready')
  welcome(url, password, logFile)
}

/** The database that is asked for, or our own; migrated. */
async function databaseFor(config: Config, life: Life, log: Logger): Promise<string> {
  let url = config.databaseUrl?.reveal()
  if (!url) {
    const postgres = await startEmbeddedPostgres({
      dataDir: config.dataDir,
      log: log.child({ part: 'postgres' }),
      onFailure: (err) => void life.end(`PostgreSQL can not be kept running: ${err.message}`, 1),
    })
    life.onStop(() => postgres.stop())
    url = postgres.url
    step(`PostgreSQL ${postgres.major}, on a socket of its own`)
    life.signal.throwIfAborted()
  }
  const applied = await patiently(() => migrate({ url }), life.signal)
  step(applied.length ? `migrations applied: ${applied.join(', ')}` : 'the database is up to date')
  return url
}

/** The outcome of what waits for somebody else, unless the process is told to stop first. */
function unlessStopped<T>({ signal }: Life, waiting: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
    waiting.then(resolve, reject)
  })
}

/** Without it the cloud is as good, only emptier: it is no reason not to start. */
async function firstImage(
  { cloud, url }: RunningCloud,
  dataDir: string,
  log: Logger,
): Promise<void> {
  if (!cloud || !url) return
  try {
    const done = await registerGuestImage(cloud, url, dataDir)
    if (done) step(done)
  } catch (err) {
    log.error({ err }, 'the guest image could not be registered')
    step(`the guest image could not be registered: ${(err as Error).message}`)
  }
}

async function hostsUp(cloud: RunningCloud, life: Life, hosts: number): Promise<void> {
  const patienceMs = HOSTS_UP_MS + hosts * HOST_UP_MS
  const late = new Promise((resolve) => setTimeout(resolve, patienceMs).unref())
  const tell = () => step(`${hosts - cloud.hostsLeft()} of ${hosts} hosts are up`)
  const telling = setInterval(tell, TELL_MS)
  try {
    await unlessStopped(life, Promise.race([cloud.hostsUp, late]))
  } finally {
    clearInterval(telling)
  }
}

async function hostsFor(config: Config): Promise<{ drivers: ChosenDrivers; hosts: AgentHost[] }> {
  if (!config.roles.includes('agent')) {
    return { drivers: { compute: 'simulated', because: null }, hosts: [] }
  }
  const drivers = await chooseDrivers(config.drivers)
  if (drivers.because) step(`simulated drivers, because: ${drivers.because}`)
  const { simulatedDelays: delayMs, simulatedFaults: faults } = config
  const hosts = agentHosts(config, drivers, { delayMs, faults })
  step(`compute driver ${drivers.compute}, hosts ${namesOf(hosts)}`)
  const facts = (await hosts[0]?.driver.capabilities()) ?? []
  for (const { name, value } of facts) step(`  ${name}: ${value}`)
  return { drivers, hosts }
}

const MAX_NAMES = 10

function namesOf(hosts: readonly AgentHost[]): string {
  const names = hosts.slice(0, MAX_NAMES).map((host) => host.name)
  const more = hosts.length - names.length
  return names.join(', ') + (more > 0 ? ` and ${more} more` : '')
}

function welcome(
  url: string | null,
  password: ReturnType<typeof adminPassword> | null,
  logFile: string | null,
): void {
  say()
  if (url) {
    say(`  Portal      ${url}/`)
    say(`  Playground  ${url}/playground`)
    say('  User        admin, domain Default, project admin')
    if (password?.isNew) say(`  Password    ${password.password}   (kept in ${password.file})`)
    else if (password?.file) say(`  Password    in ${password.file}`)
    else say('  Password    as set at the first start')
  }
  if (logFile) say(`  Log         ${logFile}`)
  say('  Stop with Ctrl-C.')
}

const version = (): string => {
  const file = join(projectRoot(), 'package.json')
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).version : ''
}

live(start, step, (error) => {
  const expected =
    error instanceof ConfigError || (error instanceof Error && error.name !== 'TypeError')
  const words = expected ? reasons(error) : String((error as Error).stack)
  process.stderr.write(`\nNephograph can not start:\n  ${words}\n`)
})

function reasons(error: Error): string {
  const cause = error.cause instanceof Error ? `\n  because ${error.cause.message}` : ''
  return error.message.replaceAll('\n', '\n  ') + cause
}
