/** An API process on somebody's database and folder, in the test's process: no worker, no host. */
import { join } from 'node:path'
import { type Logger, pino } from 'pino'
import { makeInProcessBus } from '../../server/bus/in-process.ts'
import { startCloud } from '../../server/cloud.ts'
import { computeDefaults } from '../../server/config-compute.ts'
import { identityDefaults } from '../../server/config-identity.ts'
import { type Client, makeClient } from './client.ts'
import { PASSWORD } from './cluster.ts'

export interface Api extends Client {
  stop(): Promise<void>
}

export async function startApi(given: {
  databaseUrl: string
  dataDir: string
  log?: Logger
}): Promise<Api> {
  const { databaseUrl, dataDir } = given
  const log = given.log ?? pino({ level: 'silent' })
  const running = await startCloud({
    config: {
      host: '127.0.0.1',
      port: 0,
      dataDir,
      roles: ['api'],
      apiUrl: undefined,
      ...identityDefaults,
      ...computeDefaults,
      tokenTtlSeconds: 3600,
    },
    log,
    bus: makeInProcessBus({ log }),
    databaseUrl,
    alone: false,
    adminPassword: PASSWORD,
    hosts: [],
    webDir: join(dataDir, 'web'),
  })
  return { ...makeClient(running.url ?? ''), stop: () => running.stop() }
}
