/** A host dies: its servers come up elsewhere, and when it comes back nothing runs twice. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { SimulatedComputeDriver } from '../../drivers/compute/simulated.ts'
import { makeInProcessBus } from '../../server/bus/in-process.ts'
import { startAgent } from '../../workers/agent/agent.ts'
import type { Bus } from '../../workers/bus.ts'
import { expectBooks } from '../support/books.ts'
import { type Cluster, startCluster } from '../support/cluster.ts'
import {
  activeServer,
  actTo,
  allocationsOf,
  ask,
  expectOneMachine,
  LONG_MS,
  machinesOf,
  refusal,
  removeServer,
  rowOf,
} from '../support/moves.ts'
import { atRest, expectCleanWorld, getServer, putImage } from '../support/stories.ts'
import { until } from '../support/until.ts'

const HEARTBEAT_MS = 300

let bus: Bus
let cloud: Cluster
let token: string
let imageId: string
let stateDir: string
/** The host that dies: `sim-3`, whose agent the test starts and stops. */
const mortal = new SimulatedComputeDriver()
const log = pino({ level: process.env.NEPHO_TEST_LOG ?? 'silent' })
let agent: Awaited<ReturnType<typeof startAgent>> | null = null

beforeAll(async () => {
  bus = makeInProcessBus({ log })
  cloud = await startCluster({ hosts: 2, bus, heartbeatMs: HEARTBEAT_MS })
  cloud.drivers.push(mortal)
  stateDir = await mkdtemp(join(tmpdir(), 'nephograph-mortal-'))
  await live()
  token = await cloud.signIn()
  imageId = (await putImage(cloud, token)).id
}, LONG_MS)
afterAll(async () => {
  await die()
  await cloud?.stop()
  await bus?.close()
  if (stateDir) await rm(stateDir, { recursive: true, force: true })
})

const statusOf = async (name: string) =>
  (await cloud.cloud.db.host.findUnique({ where: { name } }))?.status

async function live(): Promise<void> {
  const settings = { bus, driver: mortal, hostName: 'sim-3', stateDir, apiUrl: cloud.url, log }
  agent = await startAgent({ ...settings, heartbeatMs: HEARTBEAT_MS })
  await until('it is UP', async () => (await statusOf('sim-3')) === 'UP', LONG_MS)
}

/** The agent is gone; its machines run on, as behind a cut cable. */
async function die(): Promise<void> {
  await agent?.stop({ guests: 'leave' })
  agent = null
}

async function dead(): Promise<void> {
  await die()
  await until('it is DOWN', async () => (await statusOf('sim-3')) === 'DOWN', LONG_MS)
}

const only = (name: string | null) =>
  cloud.cloud.db.host.updateMany({
    where: name ? { name: { not: name } } : {},
    data: { enabled: name === null, generation: { increment: 1 } },
  })

async function serverThere(): Promise<string> {
  await only('sim-3')
  const { id, host } = await activeServer(cloud, token, imageId)
  expect(host).toBe('sim-3')
  await only(null)
  return id
}

it(
  'refuses while the host is up, and says what to do instead',
  async () => {
    const id = await serverThere()
    const refused = await refusal(cloud, token, 'serverEvacuate', { id })
    expect(refused.code).toBe('INVALID_STATE')
    expect(refused.message).toContain('Its host is up')
    await removeServer(cloud, token, id)
  },
  LONG_MS,
)

it(
  'brings it up elsewhere; when the host is back, one machine is in the cloud',
  async () => {
    const id = await serverThere()
    await dead()
    await actTo(cloud, token, 'ACTIVE', ['serverEvacuate', { id }])
    const row = await rowOf(cloud, token, id)
    expect(row).toMatchObject({
      ...{ powerState: 'RUNNING', fault: null },
      migrations: [{ kind: 'EVACUATION', status: 'COMPLETED', sourceHost: { name: 'sim-3' } }],
    })
    expect(['sim-1', 'sim-2']).toContain(row.host.name)
    const held = await allocationsOf(cloud, id)
    expect(held.map(({ consumerId }) => consumerId)).toEqual(Array(3).fill(id))
    // The dead host still has it.
    expect(await machinesOf(cloud, id)).toHaveLength(2)
    await live()
    await expectOneMachine(cloud, id, row.host.name)
    expect(await rowOf(cloud, token, id)).toMatchObject({ status: 'ACTIVE' })
    await expectBooks(cloud)
    await removeServer(cloud, token, id)
    await expectCleanWorld(cloud)
  },
  3 * LONG_MS,
)

it(
  'interrupts what hangs there; what was off stays off',
  async () => {
    const id = await serverThere()
    mortal.hangNext('reboot')
    await ask(cloud, token, 'serverReboot', { id, mode: 'SOFT' }, 'ServerRebootInput')
    await until('it hangs', async () => (await getServer(cloud, token, id))?.status === 'REBOOT')
    const off = await serverThere()
    await actTo(cloud, token, 'SHUTOFF', ['serverStop', { id: off }])
    await dead()
    await actTo(cloud, token, 'ACTIVE', ['serverEvacuate', { id }])
    await actTo(cloud, token, 'SHUTOFF', ['serverEvacuate', { id: off }])
    mortal.hangNext('reboot', 0)
    await live()
    await expectOneMachine(cloud, id, (await rowOf(cloud, token, id)).host.name)
    await expectOneMachine(cloud, off, (await rowOf(cloud, token, off)).host.name, 'SHUTDOWN')
    await removeServer(cloud, token, id)
    await removeServer(cloud, token, off)
    await expectCleanWorld(cloud)
  },
  3 * LONG_MS,
)

it(
  'with no place elsewhere it fails, and can be asked for again',
  async () => {
    const id = await serverThere()
    await dead()
    await only('sim-3')
    const { task } = await actTo(cloud, token, 'ERROR', ['serverEvacuate', { id }])
    expect(task.error).toMatchObject({ code: 'NO_VALID_HOST' })
    expect(await rowOf(cloud, token, id)).toMatchObject({ host: { name: 'sim-3' } })
    await expectBooks(cloud)
    await only(null)
    await actTo(cloud, token, 'ACTIVE', ['serverEvacuate', { id }])
    await live()
    await expectOneMachine(cloud, id, (await rowOf(cloud, token, id)).host.name)
    await removeServer(cloud, token, id)
  },
  3 * LONG_MS,
)

it(
  'a host that an operator says is dead counts as dead, and loses what it still runs',
  async () => {
    const id = await serverThere()
    const update = (forcedDown: boolean) =>
      cloud.must(
        'mutation ($input: HostUpdateInput!) { hostUpdate(input: $input) { host { status forcedDown } } }',
        { input: { id: hostId, forcedDown } },
        token,
      )
    const { id: hostId } = await cloud.cloud.db.host.findUniqueOrThrow({ where: { name: 'sim-3' } })
    expect((await update(true)).hostUpdate.host).toEqual({ status: 'DOWN', forcedDown: true })
    await actTo(cloud, token, 'ACTIVE', ['serverEvacuate', { id }])
    const { host } = await rowOf(cloud, token, id)
    expect(host.name).not.toBe('sim-3')
    // Its agent reports all the while.
    await expectOneMachine(cloud, id, host.name)
    expect(await statusOf('sim-3')).toBe('DOWN')
    await update(false)
    await until('it is UP again', async () => (await statusOf('sim-3')) === 'UP', LONG_MS)
    await atRest(cloud, token, id, 'ACTIVE')
    await removeServer(cloud, token, id)
    await expectCleanWorld(cloud)
  },
  2 * LONG_MS,
)
