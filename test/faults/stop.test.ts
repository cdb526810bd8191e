/** A clean stop and what comes after it; a second start beside the first. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { readReady } from '../../server/ready-file.ts'
import { type Client, makeClient } from '../support/client.ts'
import { describeNeeds, linuxProblem } from '../support/host.ts'
import {
  endProducts,
  type Product,
  processesIn,
  productFolder,
  startProduct,
} from '../support/process.ts'
import { ACT, atRest, newServer, putImage } from '../support/stories.ts'
import { until } from '../support/until.ts'
import { machinesIn } from './world.ts'

const START_MS = 120_000

describeNeeds(linuxProblem(), 'an all-in-one cloud', () => {
  const dataDir = productFolder()
  const machines = () => [...machinesIn(join(dataDir, 'agent')).values()]
  let product: Product
  let client: Client
  let token: string

  async function start(): Promise<void> {
    product = startProduct({ dataDir })
    client = makeClient((await product.ready()).url ?? '')
  }

  beforeAll(async () => {
    await start()
    token = await client.signIn()
  }, START_MS)
  afterAll(endProducts)
  afterEach(async () => {
    if (!readReady(dataDir)) await start()
  }, START_MS)

  it('refuses a second start, which leaves the first unharmed', async () => {
    const second = startProduct({ dataDir })
    expect(await second.exited).toBe(1)
    expect(second.output()).toContain(`${dataDir} is in use by process ${product.pid}`)
    expect(readReady(dataDir)?.pid).toBe(product.pid)
    const response = await fetch(`${client.url}/readyz`)
    expect(response.status).toBe(200)
  })

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    it(
      `stops on ${signal} with its guests, and the next start brings them back`,
      async () => {
        const { id: imageId } = await putImage(client, token)
        const names = ['one', 'two', 'three', 'off']
        const ids = await Promise.all(names.map((name) => newServer(client, token, name, imageId)))
        for (const id of ids) await atRest(client, token, id, 'ACTIVE', START_MS)
        const off = ids.pop() ?? ''
        await client.must(ACT('serverStop'), { input: { id: off } }, token)
        await atRest(client, token, off, 'SHUTOFF')

        expect(await product.end(signal), product.output().slice(-2_000)).toBe(0)
        expect(processesIn(dataDir)).toEqual([])
        expect(existsSync(join(dataDir, 'ready.json'))).toBe(false)
        expect(machines().map(({ powerState }) => powerState)).toEqual(names.map(() => 'SHUTDOWN'))

        await start()
        for (const id of ids) {
          const server = await atRest(client, token, id, 'ACTIVE')
          expect(server.powerState).toBe('RUNNING')
          expect(server.fault).toBeNull()
        }
        await atRest(client, token, off, 'SHUTOFF')
        const running = machines().filter(({ powerState }) => powerState === 'RUNNING')
        expect(running.map(({ boots }) => boots)).toEqual(ids.map(() => 2))
        for (const id of [...ids, off]) {
          await client.must(ACT('serverDelete'), { input: { id } }, token)
        }
        await until('all is gone', () => machines().length === 0)
      },
      2 * START_MS,
    )
  }

  it(
    'stops while it starts, whatever it is doing',
    async () => {
      await product.end('SIGTERM')
      const moments = ['Nephograph ', 'PostgreSQL ', 'up to date', 'the agent is ready']
      for (const words of moments) {
        const starting = startProduct({ dataDir })
        await until(`it says ${words}`, () => starting.output().includes(words), START_MS)
        expect(await starting.end('SIGTERM'), starting.output()).toBe(0)
        expect(processesIn(dataDir), words).toEqual([])
        expect(existsSync(join(dataDir, 'ready.json'))).toBe(false)
      }
    },
    START_MS,
  )

  it(
    'stops while it makes its database, and the next start makes it anew',
    async () => {
      const fresh = productFolder()
      const starting = startProduct({ dataDir: fresh })
      const initdb = () => processesIn(fresh).some(({ command }) => command.includes('initdb'))
      await until('initdb runs', initdb, START_MS)
      expect(await starting.end('SIGTERM'), starting.output()).toBe(0)
      expect(processesIn(fresh)).toEqual([])
      const again = startProduct({ dataDir: fresh })
      await again.ready()
      expect(await again.end('SIGTERM')).toBe(0)
    },
    START_MS,
  )
})
