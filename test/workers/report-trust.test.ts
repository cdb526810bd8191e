/** Whose reports count: of a host only its own, with the key that it has now, of its own work. */
import { generateKeyPairSync } from 'node:crypto'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { makeInProcessBus } from '../../server/bus/in-process.ts'
import { publicPem } from '../../server/host-key.ts'
import { hostTrust } from '../../services/compute/host-join.ts'
import { REPORT_QUEUE } from '../../workers/agent/reports.ts'
import { signed } from '../../workers/agent/signature.ts'
import { reportTrust } from '../../workers/conductor/report-trust.ts'
import { type Cluster, startCluster } from '../support/cluster.ts'
import { activeServer, ask } from '../support/moves.ts'
import { putImage } from '../support/stories.ts'
import { until } from '../support/until.ts'

const log = pino({ level: 'silent' })
const bus = makeInProcessBus({ log })
let cloud: Cluster
let token: string

beforeAll(async () => {
  cloud = await startCluster({ hosts: 2, bus })
  token = await cloud.signIn()
})
afterAll(async () => {
  await cloud?.stop()
  await bus.close()
})

let sequence = 0
const progress = (host: string, callId: string, doneBytes: number) => ({
  ...{ kind: 'progress' as const, host, callId, doneBytes, totalBytes: 100 },
  ...{ agentStartedAt: new Date(0).toISOString(), sequence: ++sequence },
  at: new Date().toISOString(),
})

it('an old key counts for nothing once its host joined anew, or was removed', async () => {
  const { db } = cloud.cloud
  const believed = reportTrust({ db, log, open: false })
  const [first, second] = [1, 2].map(() => generateKeyPairSync('ed25519').privateKey)
  if (!first || !second) throw new Error('there are no keys')
  const name = 'moved-1'
  const trust = (key: typeof first) =>
    db.$transaction((tx) =>
      hostTrust(tx, name, publicPem(key), { at: new Date(), mayReplace: true }),
    )
  const count = async (key: typeof first) =>
    (await believed([signed(key, name, progress(name, 'x', 1))])).length
  expect(await count(first)).toBe(0)
  await trust(first)
  expect([await count(first), await count(second)]).toEqual([1, 0])
  await trust(second)
  expect([await count(first), await count(second)]).toEqual([0, 1])
  await db.host.delete({ where: { name } })
  expect([await count(first), await count(second)]).toEqual([0, 0])
})

it('a host tells of its own work, and of nobody else’s', async () => {
  const { id: imageId } = await putImage(cloud, token)
  const { id, host } = await activeServer(cloud, token, imageId)
  const other = host === 'sim-1' ? 'sim-2' : 'sim-1'
  for (const driver of cloud.drivers) driver.hangNext('exportDisk')
  const input = { id, name: 'picture' }
  const { task } = await ask(cloud, token, 'serverSnapshot', input, 'ServerSnapshotInput')
  const row = () => cloud.cloud.db.task.findUniqueOrThrow({ where: { id: task.id } })
  const step = await until('its host is at work', async () => {
    const { steps, position, status } = await row()
    return status === 'RUNNING' ? (steps as { name: string }[])[position]?.name : null
  })
  const callOf = (name: string) => `${task.id}/0/${step}/do/0/agent.compute.${name}/exportDisk`
  for (const lie of [
    progress(other, callOf(other), 66),
    progress(other, callOf(host), 77),
    progress(host, callOf(other), 88),
    progress('nobody', callOf('nobody'), 99),
  ]) {
    await bus.publish(REPORT_QUEUE, lie, { expiresInMs: 60_000 })
  }
  // Taken in order, so the lies were heard before it.
  await bus.publish(REPORT_QUEUE, progress(host, callOf(host), 7), { expiresInMs: 60_000 })
  const told = await until('the true one is told', async () => (await row()).progress)
  expect(told).toMatchObject({ doneBytes: 7, totalBytes: 100 })
  for (const driver of cloud.drivers) driver.hangNext('exportDisk', 0)
})
