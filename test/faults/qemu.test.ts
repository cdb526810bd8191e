/** Real guests when processes die: QEMU outlives its cloud, and its own death is seen. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { findMachineProcesses } from '../../drivers/compute/qemu/process.ts'
import { computeDriverProblem } from '../../drivers/compute/registry.ts'
import { type Client, makeClient } from '../support/client.ts'
import { describeNeeds, linuxProblem } from '../support/host.ts'
import {
  endProducts,
  kill,
  type Product,
  processesIn,
  productFolder,
  startProduct,
} from '../support/process.ts'
import { ACT, atRest, newServer, putImage } from '../support/stories.ts'
import { until } from '../support/until.ts'

const START_MS = 120_000
const GUEST_MS = 90_000
const LOOK_AGAIN_MS = 250
const GUEST_IMAGE = new URL('../../dist/guest-image/manifest.json', import.meta.url)

const problem = linuxProblem() ?? (await computeDriverProblem('qemu'))

describeNeeds(problem, 'an all-in-one cloud with QEMU', () => {
  const dataDir = productFolder()
  const machinesDir = join(dataDir, 'agent', 'qemu', 'driver', 'machines')
  const pids = () => findMachineProcesses(machinesDir)
  const pidOf = (id: string) => pids().get(id) ?? 0
  let product: Product
  let client: Client
  let token: string
  let one: string
  let two: string

  async function start(): Promise<void> {
    product = startProduct({ dataDir, env: { NEPHO_DRIVERS: 'linux' } })
    client = makeClient((await product.ready()).url ?? '')
  }
  const rests = (id: string, status: string) => atRest(client, token, id, status, GUEST_MS)
  const act = (name: string, id: string) => client.must(ACT(name), { input: { id } }, token)

  /** The image of the project, which heeds its power button, where it was built; else an empty disk. */
  async function bootImage(): Promise<string> {
    if (!existsSync(GUEST_IMAGE)) return (await putImage(client, token)).id
    const query = '{ images(filter: { status: ACTIVE }) { nodes { id } } }'
    return (await client.must(query, {}, token)).images.nodes[0].id
  }

  /** A guest that is not up yet does not hear its power button. */
  async function booted(id: string): Promise<void> {
    if (!existsSync(GUEST_IMAGE)) return
    const query = 'query ($id: ID!) { server(id: $id) { consoleLog(lines: 20) } }'
    await until(
      'the guest asks for a login',
      async () => {
        const { server } = await client.must(query, { id }, token)
        if (/login:/.test(server.consoleLog ?? '')) return true
        await pause(LOOK_AGAIN_MS)
        return false
      },
      GUEST_MS,
    )
  }

  beforeAll(async () => {
    await start()
    token = await client.signIn()
    const imageId = await bootImage()
    one = await newServer(client, token, 'one', imageId)
    two = await newServer(client, token, 'two', imageId)
    await rests(one, 'ACTIVE')
    await rests(two, 'ACTIVE')
  }, START_MS + GUEST_MS)
  afterAll(endProducts, START_MS)

  it(
    'finds its guests again after a kill -9, and sees which one is gone',
    async () => {
      const before = pidOf(one)
      await product.end('SIGKILL')
      expect(pidOf(one)).toBe(before)
      kill(pidOf(two))
      await until('one QEMU is left', () => pids().size === 1)
      await start()
      // A QEMU that is busy at first may count as silent for a beat.
      await until('one is well', async () => (await rests(one, 'ACTIVE')).fault === null)
      expect(pidOf(one)).toBe(before)
      const lost = await rests(two, 'SHUTOFF')
      expect(lost.fault).toMatchObject({ code: 'HYPERVISOR_FAILED' })
      expect(lost.powerState).toBe('CRASHED')
      await act('serverStart', two)
      expect((await rests(two, 'ACTIVE')).fault).toBeNull()
    },
    START_MS + GUEST_MS,
  )

  it(
    'sees at once that a QEMU was killed',
    async () => {
      kill(pidOf(two))
      const lost = await rests(two, 'SHUTOFF')
      expect(lost.fault).toMatchObject({ code: 'HYPERVISOR_FAILED' })
      await act('serverStart', two)
      await rests(two, 'ACTIVE')
    },
    GUEST_MS,
  )

  it(
    'stops its guests with itself, and brings them back',
    async () => {
      for (const id of [one, two]) await booted(id)
      expect(await product.end('SIGTERM'), product.output().slice(-2_000)).toBe(0)
      expect(processesIn(dataDir)).toEqual([])
      await start()
      for (const id of [one, two]) expect((await rests(id, 'ACTIVE')).powerState).toBe('RUNNING')
      expect(pids().size).toBe(2)
    },
    START_MS + GUEST_MS,
  )

  it(
    'leaves nothing of deleted guests',
    async () => {
      for (const id of [one, two]) await act('serverDelete', id)
      await until('no QEMU is left', () => pids().size === 0, GUEST_MS)
      await until('no file is left', () => readdirSync(machinesDir).length === 0, GUEST_MS)
      expect(await product.end('SIGTERM')).toBe(0)
      expect(processesIn(dataDir)).toEqual([])
    },
    START_MS,
  )
})
