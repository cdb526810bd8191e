/** The process: settings, the pieces around the cloud, signals, and the words on the terminal. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openBus } from './bus/registry.ts'
import { startCloud } from './cloud.ts'
import { type Config, ConfigError, loadConfig, ROLES } from './config.ts'
import { adminPassword } from './admin-password.ts'
import { startEmbeddedPostgres } from './database/embedded.ts'
import { migrate } from './database/migrate.ts'
import { type AgentHost, agentHosts, type ChosenDrivers, chooseDrivers } from './drivers.ts'
import { makeLog } from './log.ts'
import { projectRoot } from './project-root.ts'
import { registerGuestImage } from './guest-image.ts'

const HOSTS_UP_MS = 60_000

const say = (line = ''): void => void process.stdout.write(`${line}\n`)
const step = (line: string): void => say(`  ${line}`)

async function main(): Promise<void> {
  const config = loadConfig({ env: process.env, argv: process.argv.slice(2), cwd: process.cwd() })
  mkdirSync(config.dataDir, { recursive: true, mode: 0o711 })
  const readyFile = join(config.dataDir, 'ready.json')
  rmSync(readyFile, { force: true })
  const { log, file: logFile } = makeLog(config.logLevel, config.dataDir)
  const closers: (() => Promise<unknown> | unknown)[] = []
  const stop = stopOnSignals(async () => {
    rmSync(readyFile, { force: true })
    for (const close of closers.splice(0).reverse()) {
      await Promise.resolve(close()).catch((err) => log.error({ err }, 'could not stop cleanly'))
    }
  })

  say(`Nephograph ${version()}, data in ${config.dataDir}`)
  const central = config.roles.some((role) => role !== 'agent')
  const embedded = central && !config.databaseUrl
  let databaseUrl: string | null = config.databaseUrl?.reveal() ?? null
  if (!central) databaseUrl = null
  if (embedded) {
    const postgres = await startEmbeddedPostgres({
      dataDir: config.dataDir,
      log: log.child({ part: 'postgres' }),
      onFailure: (err) => void stop(`PostgreSQL can not be kept running: ${err.message}`, 1),
    })
    closers.push(() => postgres.stop())
    databaseUrl = postgres.url
    step(`PostgreSQL ${postgres.major}, on a socket of its own`)
  }
  if (databaseUrl) {
    const applied = await migrate({ url: databaseUrl })
    step(applied.length ? `migrations applied: ${applied.join(', ')}` : 'the database is up to date')
  }
  const bus = await openBus(config.amqpUrl?.reveal(), log)
  closers.push(() => bus.close())
  const { drivers, hosts } = await hostsFor(config)
  const password = central ? adminPassword(config.dataDir, config.adminPassword) : null
  const allInOne = ROLES.every((role) => config.roles.includes(role))
  const cloud = await startCloud({
    config,
    log,
    bus,
    databaseUrl,
    alone: embedded && !config.amqpUrl,
    adminPassword: password?.password ?? '',
    hosts,
    webDir: join(projectRoot(), 'dist', 'web'),
  })
  closers.push(() => cloud.stop({ guests: allInOne ? 'stop' : 'leave' }))
  if (cloud.cloud && cloud.url) {
    const image = await registerGuestImage(cloud.cloud, cloud.url)
    if (image) step(image)
  }
  await Promise.race([cloud.hostsUp, new Promise((resolve) => setTimeout(resolve, HOSTS_UP_MS).unref())])
  if (stop.asked()) return
  const { url } = cloud
  const ready = {
    url,
    graphql: url && `${url}/graphql`,
    websocket: url && `${url.replace(/^http/, 'ws')}/graphql`,
    pid: process.pid,
    drivers: { compute: config.roles.includes('agent') ? drivers.compute : null },
  }
  writeFileSync(readyFile, `${JSON.stringify(ready, null, 2)}\n`)
  log.info(ready, 'ready')
  welcome(url, password, logFile)
}

async function hostsFor(config: Config): Promise<{ drivers: ChosenDrivers; hosts: AgentHost[] }> {
  if (!config.roles.includes('agent')) {
    return { drivers: { compute: 'simulated', because: null }, hosts: [] }
  }
  const drivers = await chooseDrivers(config.drivers)
  if (drivers.because) step(`simulated drivers, because: ${drivers.because}`)
  const hosts = agentHosts(config, drivers)
  step(`compute driver ${drivers.compute}, hosts ${hosts.map((host) => host.name).join(', ')}`)
  const facts = (await hosts[0]?.driver.capabilities()) ?? []
  for (const { name, value } of facts) step(`  ${name}: ${value}`)
  return { drivers, hosts }
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

/** Stops once, whoever asks; a third signal ends the process as it is. */
function stopOnSignals(close: () => Promise<void>) {
  let asked = 0
  const stop = async (why: string, code: number): Promise<void> => {
    asked++
    if (asked === 2) say('  Still stopping: guests are asked to shut down. Once more ends it now.')
    if (asked >= 3) process.exit(1)
    if (asked > 1) return
    say(`\n  ${why}: stopping`)
    await close()
    process.exit(code)
  }
  process.on('SIGINT', () => void stop('Interrupted', 0))
  process.on('SIGTERM', () => void stop('Terminated', 0))
  return Object.assign(stop, { asked: () => asked > 0 })
}

main().catch((error: unknown) => {
  const expected = error instanceof ConfigError || (error instanceof Error && error.name !== 'TypeError')
  process.stderr.write(`\nNephograph can not start:\n  ${expected ? reasons(error as Error) : String((error as Error).stack)}\n`)
  // Whatever was started already ends with this process.
  process.kill(process.pid, 'SIGTERM')
  setTimeout(() => process.exit(1), 10_000).unref()
})

function reasons(error: Error): string {
  const cause = error.cause instanceof Error ? `\n  because ${error.cause.message}` : ''
  return error.message.replaceAll('\n', '\n  ') + cause
}
