/**
 * One round of trouble: clients at work, something killed at a moment of chance, brought back, and the
 * world looked at until it is well; then everything is deleted, and nothing may be left.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { expect } from 'vitest'
import { makeClient } from '../support/client.ts'
import type { Product } from '../support/process.ts'
import { flavorId, putImage } from '../support/stories.ts'
import { until } from '../support/until.ts'
import type { Random } from './random.ts'
import { startWork, type Target } from './workload.ts'
import { expectWellWorld, type World } from './world.ts'

/** How often the list of faults is gone through: more for a soak. */
export const ROUNDS = Number(process.env.NEPHO_FAULT_ROUNDS ?? 1)

/** Leases (15 s) and heartbeats (5 s) have to run out on a machine that is busy with other tests. */
const WELL_AGAIN_MS = 120_000
const MOST_DELAY_MS = 300
const MOST_AWAY_MS = 1_500

/** Breaks something and resolves to the way back. */
export type Fault = () => Promise<() => Promise<unknown>>

export interface CloudUnderTest extends World {
  url(): string | null
  products(): Product[]
}

export async function targetOf(cloud: CloudUnderTest): Promise<Target> {
  const client = makeClient(cloud.url() ?? '')
  const token = await client.signIn()
  const { id: imageId, response } = await putImage(client, token)
  expect(response.status).toBe(201)
  return { url: cloud.url, token, flavorId: await flavorId(client, token), imageId }
}

/** Nobody dies of another one's death. */
function expectAllAlive(cloud: CloudUnderTest): void {
  for (const product of cloud.products()) expect(product.ended(), product.dataDir).toBeNull()
}

export async function runRound(
  cloud: CloudUnderTest,
  target: Target,
  fault: Fault,
  random: Random,
): Promise<string> {
  const began = Date.now()
  const first = startWork(target, { creates: 6, earlyDeletes: 0, stop: [], delete: [] }, random)
  await first.done
  expect(first.surprises).toEqual([])
  await expectWellWorld(cloud, first.fates, WELL_AGAIN_MS)

  const ids = [...first.fates.keys()]
  const plan = { creates: 20, earlyDeletes: 3, stop: ids.slice(0, 3), delete: ids.slice(3) }
  const answers = 20 + 3 + ids.length
  const work = startWork(target, plan, random)
  const killAt = random.below(Math.floor(0.8 * answers))
  await until(`${killAt} answers`, () => work.answered >= killAt, WELL_AGAIN_MS)
  await pause(random.below(MOST_DELAY_MS))
  const bringBack = await fault()
  await pause(random.below(MOST_AWAY_MS))
  await bringBack()
  expectAllAlive(cloud)
  const backAt = Date.now()
  await work.done
  expect(work.surprises).toEqual([])
  expectAllAlive(cloud)
  const fates = new Map([...first.fates, ...work.fates])
  const { servers } = await expectWellWorld(cloud, fates, WELL_AGAIN_MS)
  const wellMs = Date.now() - backAt
  const names = servers.map(({ name }) => name)
  expect(new Set(names).size, 'a repeated request made a second server').toBe(names.length)
  const errors = servers.filter(({ status }) => status === 'ERROR').map((s) => s.fault)

  const left = servers.map(({ id }) => id)
  const last = startWork(target, { creates: 0, earlyDeletes: 0, stop: [], delete: left }, random)
  await last.done
  expect(last.surprises).toEqual([])
  expectAllAlive(cloud)
  const gone = await expectWellWorld(cloud, last.fates, WELL_AGAIN_MS)
  expect(gone.servers).toEqual([])
  expect([...gone.machines.keys()]).toEqual([])
  const seconds = ((Date.now() - began) / 1000).toFixed(1)
  return `after ${killAt}/${answers} answers, ${work.retries} retries, well again after ${wellMs} ms, ${errors.length} in ERROR ${JSON.stringify(errors)}, ${seconds} s`
}
