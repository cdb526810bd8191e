/**
 * Real processes of the built product, killed at moments of chance, over and over. NEPHO_FAULT_ROUNDS=10
 * makes a soak of it, NEPHO_FAULT_SEED repeats the chances of an earlier run.
 */
import { mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { startEmbeddedPostgres } from '../../server/database/embedded.ts'
import { readReady } from '../../server/ready-file.ts'
import { describeNeeds, linuxProblem } from '../support/host.ts'
import {
  endProducts,
  kill,
  type Product,
  postmasterOf,
  processesIn,
  productFolder,
  startProduct,
} from '../support/process.ts'
import { type Broker, rabbitMqProblem, startRabbitMq } from '../support/rabbitmq.ts'
import { until } from '../support/until.ts'
import { makeRandom } from './random.ts'
import { type CloudUnderTest, type Fault, ROUNDS, runRound, targetOf } from './round.ts'
import { startWork } from './workload.ts'
import { expectWellWorld, lookAt, machinesIn } from './world.ts'

const ROUND_TIMEOUT_MS = 300_000
const START_TIMEOUT_MS = 180_000
/** Of the simulated driver, when not said. */
const HOSTS = 3
const TROUBLE_LINES = 25
const TROUBLE_CHARACTERS = 600
const random = makeRandom()
const tell = (line: string): void => void process.stdout.write(`  ${line}\n`)

const closers: (() => Promise<unknown>)[] = []
afterAll(async () => {
  for (const close of closers.splice(0).reverse()) await close()
  await endProducts()
})

/** Runs every fault, in an order of chance, as often as is asked for. */
async function runAll(cloud: CloudUnderTest, faults: [name: string, fault: Fault][]) {
  const target = await targetOf(cloud)
  for (let round = 1; round <= ROUNDS; round++) {
    random.shuffle(faults)
    for (const [name, fault] of faults) {
      const what = `killed ${name} (seed ${random.seed})`
      try {
        tell(`${what}: ${await runRound(cloud, target, fault, random)}`)
      } catch (error) {
        const said = cloud
          .products()
          .map(
            (product) =>
              `${product.dataDir} (${product.ended() ?? 'lives'}):\n${lastTrouble(product)}`,
          )
        const why = (error as Error).message
        throw new Error(`${what}: ${why}; the last troubles were\n${said.join('\n')}`, {
          cause: error,
        })
      }
    }
  }
}

/** Where it answers; null while it does not: somebody else may have the port of one that is dead. */
function urlOf(product: Product | undefined): string | null {
  const ready = product && product.ended() === null ? readReady(product.dataDir) : null
  return ready?.pid === product?.pid ? (ready?.url ?? null) : null
}

/** What a process wrote of warnings and errors, the last lines of it. */
function lastTrouble(product: Product): string {
  const lines = product.output().split('\n')
  return lines
    .filter((line) => !/"level":(10|20|30),/.test(line))
    .slice(-TROUBLE_LINES)
    .map((line) => line.slice(0, TROUBLE_CHARACTERS))
    .join('\n')
}

/** Who runs only agents stops without its guests, and finds them again. */
async function expectGuestsLeftAlone(
  cloud: CloudUnderTest,
  agents: { stop: () => Promise<unknown>; start: () => Promise<unknown> },
): Promise<void> {
  const target = await targetOf(cloud)
  const work = startWork(target, { creates: 4, earlyDeletes: 0, stop: [], delete: [] }, random)
  await work.done
  await expectWellWorld(cloud, work.fates, ROUND_TIMEOUT_MS)
  await agents.stop()
  const left = [...machinesIn(cloud.agentDir).values()]
  expect(left.map(({ powerState }) => powerState)).toEqual(left.map(() => 'RUNNING'))
  expect(left).toHaveLength(4)
  await agents.start()
  const { machines } = await expectWellWorld(cloud, work.fates, ROUND_TIMEOUT_MS)
  expect([...machines.values()].map(({ boots }) => boots)).toEqual(left.map(() => 1))
}

/** PostgreSQL's own supervisor brings it back: we only wait for the new one. */
function killPostgres(dataDir: string): Fault {
  return async () => {
    const before = postmasterOf(dataDir)
    if (!before) throw new Error('PostgreSQL does not run')
    kill(before.pid)
    return () =>
      until('PostgreSQL is back', () => {
        const now = postmasterOf(dataDir)
        return now !== null && now.pid !== before.pid
      })
  }
}

describeNeeds(linuxProblem(), 'an all-in-one cloud', () => {
  const dataDir = productFolder()
  const cloud: CloudUnderTest = {
    url: () => urlOf(product),
    databaseUrl: () => postmasterOf(dataDir)?.url ?? null,
    agentDir: join(dataDir, 'agent'),
    products: () => [product],
  }
  let product: Product

  it(
    'survives the kill -9 of everything and of its PostgreSQL',
    async () => {
      product = startProduct({ dataDir })
      await product.ready()
      const killAll: Fault = async () => {
        await product.end('SIGKILL')
        return async () => {
          product = startProduct({ dataDir })
          await product.ready()
        }
      }
      await runAll(cloud, [
        ['the whole process', killAll],
        ['its PostgreSQL', killPostgres(dataDir)],
        ['the whole process', killAll],
      ])
      expect(await product.end('SIGTERM'), product.output().slice(-2_000)).toBe(0)
      expect(processesIn(dataDir)).toEqual([])
    },
    START_TIMEOUT_MS + 3 * ROUNDS * ROUND_TIMEOUT_MS,
  )
})

describeNeeds(rabbitMqProblem() ?? linuxProblem(), 'a cloud of several processes', () => {
  const folder = productFolder()
  // Of its own: PostgreSQL's user has to pass through to it, and opens only what is its own.
  const databaseDir = productFolder()
  const dirOf = (role: string): string => join(folder, role)
  const parts = { api: 'api', conductor: 'conductor,scheduler', agent: 'agent' }
  const products = new Map<string, Product>()
  let broker: Broker
  let databaseUrl = ''

  async function start(part: keyof typeof parts): Promise<void> {
    const env: Record<string, string> = { AMQP_URL: broker.url }
    if (part !== 'agent') env.DATABASE_URL = databaseUrl
    const product = startProduct({ dataDir: dirOf(part), roles: parts[part], env })
    products.set(part, product)
    await product.ready()
  }

  const killPart =
    (part: keyof typeof parts): Fault =>
    async () => {
      await products.get(part)?.end('SIGKILL')
      return () => start(part)
    }

  it(
    'survives the kill -9 of each of them, of the broker and of PostgreSQL',
    async () => {
      const quiet = { info() {}, warn() {}, error() {} }
      const settings = { dataDir: databaseDir, durable: false, log: quiet }
      const postgres = await startEmbeddedPostgres(settings)
      closers.push(() => postgres.stop())
      databaseUrl = postgres.url
      broker = await startRabbitMq()
      closers.push(() => broker.stop())
      await start('api')
      // Tickets that the conductor signs are checked by the API: they share their keys.
      mkdirSync(dirOf('conductor'))
      symlinkSync(join(dirOf('api'), 'keys'), join(dirOf('conductor'), 'keys'))
      await start('conductor')
      await start('agent')
      const cloud: CloudUnderTest = {
        url: () => urlOf(products.get('api')),
        databaseUrl: () => databaseUrl,
        agentDir: join(dirOf('agent'), 'agent'),
        products: () => [...products.values()],
      }
      await until('the hosts have joined', async () => {
        const { hosts, wrong } = await lookAt(cloud)
        return hosts === HOSTS && wrong.length === 0
      })
      const killBroker: Fault = async () => {
        await broker.kill()
        return () => broker.start()
      }
      await runAll(cloud, [
        ['the conductor', killPart('conductor')],
        ['the agents', killPart('agent')],
        ['the api', killPart('api')],
        ['the broker', killBroker],
        ['PostgreSQL', killPostgres(databaseDir)],
      ])
      await expectGuestsLeftAlone(cloud, {
        stop: async () => expect(await products.get('agent')?.end('SIGTERM')).toBe(0),
        start: () => start('agent'),
      })
      for (const [part, product] of products) {
        expect(await product.end('SIGTERM'), `${part}: ${product.output().slice(-2_000)}`).toBe(0)
        expect(processesIn(dirOf(part))).toEqual([])
      }
    },
    START_TIMEOUT_MS + 5 * ROUNDS * ROUND_TIMEOUT_MS,
  )
})
