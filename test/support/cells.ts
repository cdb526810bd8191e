/** A cloud of two cells in the test's process: home with the API, and one that has what a cell has. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { SimulatedComputeDriver } from '../../drivers/compute/simulated.ts'
import { openBus } from '../../server/bus/registry.ts'
import { type RunningCloud, startCloud } from '../../server/cloud.ts'
import { computeDefaults } from '../../server/config-compute.ts'
import { identityDefaults } from '../../server/config-identity.ts'
import { type FreshCell, freshCell } from './cell.ts'
import { type Cluster, type ClusterOptions, startCluster } from './cluster.ts'

export interface TwoCells extends Cluster {
  cell: FreshCell
  /** The hosts of the cell: `far-1`, … */
  far: SimulatedComputeDriver[]
}

export async function startTwoCells(
  options: Pick<ClusterOptions, 'hosts'> & {
    farHosts?: number
    /** The address of the cell's broker; a bus in memory if not said. */
    amqpUrl?: string | undefined
  } = {},
): Promise<TwoCells> {
  const log = pino({ level: process.env.NEPHO_TEST_LOG ?? 'silent' })
  const bus = await openBus(options.amqpUrl, log)
  // As another process would.
  const busThere = options.amqpUrl ? await openBus(options.amqpUrl, log) : bus
  let cell: FreshCell | undefined
  const home = await startCluster({
    ...options,
    cells: async (homeUrl) => {
      cell = await freshCell(homeUrl, 'cell2')
      return [{ name: 'cell2', databaseUrl: cell.url, bus }]
    },
  })
  if (!cell) throw new Error('there is no cell')
  const made = cell
  const far = Array.from({ length: options.farHosts ?? 1 }, () => new SimulatedComputeDriver())
  const stateDir = await mkdtemp(join(tmpdir(), 'nephograph-cell-'))
  const running: RunningCloud = await startCloud({
    config: {
      ...{ host: '127.0.0.1', port: 0, dataDir: home.dataDir, apiUrl: home.url },
      ...identityDefaults,
      ...computeDefaults,
      roles: ['scheduler', 'conductor', 'agent'],
      cell: 'cell2',
    },
    ...{ log, bus: busThere, databaseUrl: made.url, alone: true, adminPassword: '' },
    hosts: far.map((driver, i) => ({
      ...{ name: `far-${i + 1}`, driver },
      stateDir: join(stateDir, `far-${i + 1}`),
    })),
    webDir: join(home.dataDir, 'web'),
    ...{ heartbeatMs: 500, leaseMs: 15_000 },
  })
  await running.hostsUp
  const stopHome = home.stop
  return Object.assign(home, {
    ...{ cell: made, far },
    async stop() {
      await running.stop({ guests: 'leave' })
      // Before home's database, whose slot it has.
      await made.drop()
      await stopHome()
      for (const one of new Set([bus, busThere])) await one.close()
      await rm(stateDir, { recursive: true, force: true })
    },
  })
}
