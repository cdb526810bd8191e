/**
 * How long a live migration holds its guest still: the tiny guest, between two drivers of the real
 * hypervisor on this machine. Beside it the same guest, held and let go by hand.
 */
import { createHash, randomUUID } from 'node:crypto'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { loadTypeScript } from '../load-typescript.mjs'
import { until } from './client.mjs'
import { median } from './figures.mjs'
import { makeDataDir, removeDataDir } from './product.mjs'

const IMAGE = 'dist/guest-image/nephograph-guest.qcow2'
const BOOT_MS = 120_000
const never = new AbortController().signal

/** @returns {Promise<import('./figures.mjs').Row[]>} */
export async function measureMigration({ rounds }) {
  const { QemuComputeDriver } = await loadTypeScript('drivers/compute/qemu.ts')
  const { pair } = await loadTypeScript('drivers/compute/simulated/pair.ts')
  const dataDir = makeDataDir()
  const hosts = ['here', 'there'].map((name) => {
    mkdirSync(join(dataDir, name))
    return new QemuComputeDriver({ dir: join(dataDir, name) })
  })
  const machine = { id: randomUUID(), name: 'mover', vcpus: 1, memoryMiB: 256, diskGiB: 1 }
  try {
    return [await moves(hosts, machine, { rounds, pair })]
  } finally {
    for (const host of hosts) {
      await host.destroy(machine.id, never).catch(() => {})
      await host.close()
    }
    removeDataDir(dataDir)
  }
}

async function moves(hosts, machine, { rounds, pair }) {
  await hosts[0].create(machine, guestImage(), never)
  await hosts[0].start(machine, never)
  const isUp = async () => (await hosts[0].consoleLog(machine.id, 1000)).includes('login:')
  await until('the guest is up', isUp, { everyMs: 100, timeoutMs: BOOT_MS })
  const [held, byHand] = [[], []]
  for (let round = 0; round < rounds; round++) {
    const [from, to] = round % 2 ? [hosts[1], hosts[0]] : hosts
    byHand.push(await pause(from, machine.id))
    const ends = { memory: pair(), disk: pair() }
    const link = (end) => ({ open: async (channel) => ends[channel][end] })
    const [{ pausedMs }] = await Promise.all([
      from.abilities.liveMigration.send(machine.id, link(0), () => {}, never),
      to.abilities.liveMigration.receive(machine, link(1), never),
    ])
    held.push(pausedMs)
    await from.destroy(machine.id, never)
  }
  return {
    measure: 'guest held still by a live migration, local disk included',
    ...{ value: median(held), unit: 'ms' },
    baseline: { name: 'held and let go by hand', value: median(byHand) },
  }
}

async function pause({ abilities: { pausing } }, id) {
  const began = performance.now()
  await pausing.pause(id, never)
  await pausing.unpause(id, never)
  return performance.now() - began
}

function guestImage() {
  const bytes = readFileSync(IMAGE)
  return {
    id: randomUUID(),
    format: 'qcow2',
    checksum: createHash('sha512').update(bytes).digest('hex'),
    sizeBytes: bytes.length,
    virtualSizeBytes: Number(bytes.readBigUInt64BE(24)),
    fetch: async () => Readable.from([bytes]),
  }
}
