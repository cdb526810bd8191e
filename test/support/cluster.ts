/** A whole cloud in the test's process: every role, simulators below, a database of its own. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import type { ComputeDriver } from '../../drivers/compute/driver.ts'
import { SimulatedComputeDriver, type SimulatedOptions } from '../../drivers/compute/simulated.ts'
import { makeInProcessBus } from '../../server/bus/in-process.ts'
import type { CellOptions } from '../../server/cells/cells.ts'
import { type RunningCloud, startCloud } from '../../server/cloud.ts'
import type { Config } from '../../server/config.ts'
import { computeDefaults } from '../../server/config-compute.ts'
import { identityDefaults } from '../../server/config-identity.ts'
import { ROLES } from '../../server/config-process.ts'
import type { Cloud } from '../../services/context.ts'
import type { Bus } from '../../workers/bus.ts'
import { type Client, makeClient } from './client.ts'
import { freshDatabase } from './database.ts'

export const PASSWORD = 'correct horse battery staple'

export interface ClusterOptions {
  hosts?: number
  simulated?: SimulatedOptions
  /** Another driver than the simulated one, made anew at each start; `dir` is its host's own. */
  makeDriver?: (dir: string) => ComputeDriver
  config?: Partial<Config>
  bus?: Bus
  heartbeatMs?: number
  leaseMs?: number
  /** Makes cells besides the first one, given home's database. */
  cells?: (homeUrl: string) => Promise<CellOptions[]>
  /** The built portal; nothing is served without it. */
  webDir?: string
}

export interface Cluster extends Client {
  cloud: Cloud
  dataDir: string
  databaseUrl: string
  drivers: SimulatedComputeDriver[]
  /** Statements since it was set to 0. */
  statements: { count: number; texts: string[] }
  /** Ends the cloud's pieces and starts them anew on the same database, folders and machines. */
  restart(): Promise<void>
  stop(): Promise<void>
}

export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const database = await freshDatabase()
  const dataDir = await mkdtemp(join(tmpdir(), 'nephograph-cluster-'))
  const names = Array.from({ length: options.hosts ?? 2 }, (_, i) => `sim-${i + 1}`)
  const drivers = names.map(() => new SimulatedComputeDriver(options.simulated))
  const statements = { count: 0, texts: [] as string[] }
  const log = pino({ level: process.env.NEPHO_TEST_LOG ?? 'silent' })

  const cells = (await options.cells?.(database.url)) ?? []

  const start = async (): Promise<RunningCloud> => {
    const running = await startCloud({
      config: {
        host: '127.0.0.1',
        port: 0,
        dataDir,
        roles: [...ROLES],
        apiUrl: undefined,
        ...identityDefaults,
        ...computeDefaults,
        tokenTtlSeconds: 3600,
        ...options.config,
      },
      log,
      bus: options.bus ?? makeInProcessBus({ log }),
      databaseUrl: database.url,
      cells,
      alone: true,
      adminPassword: PASSWORD,
      hosts: names.map((name, i) => ({
        name,
        stateDir: join(dataDir, name),
        driver:
          options.makeDriver?.(join(dataDir, name, 'driver')) ??
          (drivers[i] as SimulatedComputeDriver),
      })),
      webDir: options.webDir ?? join(dataDir, 'web'),
      heartbeatMs: options.heartbeatMs ?? 500,
      leaseMs: options.leaseMs ?? 15_000,
      onStatement: (sql) => {
        statements.count++
        statements.texts.push(sql)
      },
    })
    await running.hostsUp
    return running
  }

  let running = await start()
  const cluster = {
    dataDir,
    databaseUrl: database.url,
    drivers,
    statements,
    async restart() {
      await running.stop({ guests: 'leave' })
      running = await start()
      adopt()
    },
    async stop() {
      await running.stop({ guests: 'leave' })
      await database.drop()
      await rm(dataDir, { recursive: true, force: true })
    },
  } as Cluster
  function adopt(): void {
    if (!running.url || !running.cloud) throw new Error('the cluster has no api')
    Object.assign(cluster, makeClient(running.url), { cloud: running.cloud })
  }
  adopt()
  return cluster
}
