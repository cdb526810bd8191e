/**
 * A cloud of two hosts, of one driver, and the ways to break what runs there: what the stories of
 * faults are played on. Of QEMU each host has a small file system of its own, where one can be mounted.
 *
 * P1 Whatever a story breaks it mends again: each way to break returns the way to mend.
 * P2 `stop` ends every QEMU by its pid and takes the file systems away, whatever became of the test.
 */
import { execFileSync } from 'node:child_process'
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { Machine } from '../../drivers/compute/driver.ts'
import { findMachineProcesses } from '../../drivers/compute/qemu/process.ts'
import { QemuComputeDriver } from '../../drivers/compute/qemu.ts'
import type { SimulatedVerb } from '../../drivers/compute/simulated/knobs.ts'
import type { SimulatedComputeDriver } from '../../drivers/compute/simulated.ts'
import { bootDisk, type GuestKind } from '../drivers/boot-disk.ts'
import { type Cluster, startCluster } from '../support/cluster.ts'
import { newFlavor } from '../support/moves.ts'
import { kill } from '../support/process.ts'
import { until } from '../support/until.ts'

const HEARTBEAT_MS = 500
/** A QEMU that does not answer is waited for: the host must not count as silent meanwhile. */
const QEMU_HEARTBEAT_MS = 3_000
/** Room for the memory of a guest or two. */
const HOST_DISK = 'size=300m,mode=711'
const PROMISED_GIB = 100
const FILLING_BYTES = [1024 * 1024, 4096]

export type Mend = () => Promise<void>
const nothing: Mend = async () => {}

export interface Stage {
  readonly driver: 'simulated' | 'qemu'
  readonly cloud: Cluster
  readonly token: string
  readonly flavorId: string
  readonly biggerFlavorId: string
  /** With a disk that is larger than any image. */
  readonly roomyFlavorId: string
  /** Of its first boot on the guest does this; of the simulator `afterBoot` makes it so. */
  image(kind: GuestKind): Promise<string>
  afterBoot(id: string, kind: GuestKind): Promise<void>
  /** The hypervisor of a machine is killed. */
  crash(id: string): Promise<Mend>
  /** It answers nothing any more; of the simulator what these verbs would ask it. */
  mute(id: string, verbs: readonly SimulatedVerb[]): Promise<Mend>
  /** The disks of all hosts are full; of the simulator for these verbs. */
  fill(verbs: readonly SimulatedVerb[]): Promise<Mend>
  /** The disks are full under a guest that writes. */
  fillUnder(id: string): Promise<Mend>
  /** The bytes of an image are changed where they lie. */
  corrupt(imageId: string, verbs: readonly SimulatedVerb[]): Promise<Mend>
  /** The agents of all hosts end, and start anew; with `machines` these end at once with them. */
  restart(options?: { machines: boolean }): Promise<void>
  /** As the host of that name has it now; null when it has none. */
  machineOn(host: string, id: string): Promise<Machine | null>
  /** Why no full disk can be made here; null when one can. */
  readonly fillProblem: string | null
  stop(): Promise<void>
}

async function newImage(cloud: Cluster, token: string, kind: GuestKind): Promise<string> {
  const { imageCreate } = await cloud.must(
    'mutation ($input: ImageCreateInput!) { imageCreate(input: $input) { image { id } uploadUrl } }',
    { input: { name: kind, diskFormat: 'RAW' } },
    token,
  )
  const response = await fetch(new URL(imageCreate.uploadUrl, cloud.url), {
    method: 'PUT',
    headers: { authorization: `Bearer ${token}` },
    body: new Uint8Array(bootDisk(kind)),
  })
  if (!response.ok) throw new Error(`the image was refused: ${await response.text()}`)
  return imageCreate.image.id
}

/** What both stages have. */
async function ground(cloud: Cluster) {
  const token = await cloud.signIn()
  const size = { vcpus: 1, memoryMiB: 64, diskGiB: 0 }
  const flavorId = await newFlavor(cloud, token, { name: 'f.small', ...size })
  const bigger = { name: 'f.bigger', ...size, memoryMiB: 96 }
  const images = new Map<GuestKind, Promise<string>>()
  const image = (kind: GuestKind): Promise<string> => {
    const known = images.get(kind) ?? newImage(cloud, token, kind)
    images.set(kind, known)
    return known
  }
  const biggerFlavorId = await newFlavor(cloud, token, bigger)
  const roomy = { name: 'f.roomy', ...size, diskGiB: 1 }
  const roomyFlavorId = await newFlavor(cloud, token, roomy)
  return { cloud, token, flavorId, biggerFlavorId, roomyFlavorId, image }
}

export async function simulatedStage(): Promise<Stage> {
  const cloud = await startCluster({ heartbeatMs: HEARTBEAT_MS })
  const { drivers } = cloud
  const on = async (id: string): Promise<SimulatedComputeDriver | null> => {
    let found: SimulatedComputeDriver | null = null
    for (const driver of drivers) {
      const machine = (await driver.recover()).find((one) => one.id === id)
      // Where it came from a moved one lies, too.
      if (machine && (!found || machine.powerState !== 'SHUTDOWN')) found = driver
    }
    return found
  }
  const fail = (
    verbs: readonly SimulatedVerb[],
    fault: Parameters<SimulatedComputeDriver['failNext']>[1],
  ): Mend => {
    const set = (times: number): void => {
      for (const driver of drivers) for (const v of verbs) driver.failNext(v, { ...fault, times })
    }
    set(1_000)
    return async () => set(0)
  }
  return {
    ...(await ground(cloud)),
    driver: 'simulated',
    fillProblem: null,
    async afterBoot(id, kind) {
      const driver = await on(id)
      if (kind === 'panics') await driver?.crash(id, 'guest panicked')
      if (kind === 'powers-off') await driver?.powerOff(id)
    },
    async crash(id) {
      await (await on(id))?.crash(id)
      return nothing
    },
    async mute(id, verbs) {
      const driver = await on(id)
      await driver?.setMute(id, true)
      const mend = fail(verbs, { code: 'TIMEOUT', retryable: true })
      return async () => {
        await mend()
        await driver?.setMute(id, false).catch(() => {})
      }
    },
    fill: async (verbs) => fail(verbs, { code: 'NO_SPACE', retryable: true }),
    async fillUnder(id) {
      const driver = await on(id)
      await driver?.holdStill(id, "the host's disk is full")
      const { signal } = new AbortController()
      return async () => driver?.abilities.pausing?.unpause(id, signal)
    },
    corrupt: async (_id, verbs) => fail(verbs, { code: 'IMAGE_INVALID' }),
    async restart({ machines } = { machines: false }) {
      if (machines) {
        for (const driver of drivers) {
          for (const { id } of await driver.recover()) await driver.crash(id)
        }
      }
      await cloud.restart()
    },
    async machineOn(host, id) {
      const driver = drivers[Number(host.slice('sim-'.length)) - 1]
      return (await driver?.recover())?.find((machine) => machine.id === id) ?? null
    },
    stop: () => cloud.stop(),
  }
}

export async function qemuStage(): Promise<Stage> {
  const hosts = new Set<string>()
  /** The one that works now, by host. */
  const drivers = new Map<string, QemuComputeDriver>()
  let fillProblem: string | null = null
  const cloud = await startCluster({
    heartbeatMs: QEMU_HEARTBEAT_MS,
    makeDriver(dir) {
      const host = dirname(dir)
      if (!hosts.has(host)) {
        hosts.add(host)
        mkdirSync(host, { recursive: true })
        try {
          execFileSync('mount', ['-t', 'tmpfs', '-o', HOST_DISK, 'none', host], { stdio: 'ignore' })
        } catch {
          fillProblem = 'a small file system cannot be mounted here'
        }
      }
      const driver = new QemuComputeDriver({ dir })
      const inventory = driver.inventory.bind(driver)
      // Placement shall not refuse what a full disk is to refuse.
      driver.inventory = async () => ({ ...(await inventory()), diskGiB: PROMISED_GIB })
      drivers.set(basename(host), driver)
      return driver
    },
  })
  const pids = () => [...hosts].flatMap((host) => [...machinesIn(host)])
  const pidOf = (id: string) => pids().find(([machine]) => machine === id)?.[1]
  const signal = (id: string, name: NodeJS.Signals): void => {
    const pid = pidOf(id)
    if (pid === undefined) throw new Error(`no QEMU runs for ${id}`)
    kill(pid, name)
  }
  async function fill(): Promise<Mend> {
    for (const host of hosts) fillDisk(host)
    return async () => {
      for (const host of hosts) rmSync(join(host, 'filler'), { force: true })
    }
  }
  return {
    ...(await ground(cloud)),
    driver: 'qemu',
    get fillProblem() {
      return fillProblem
    },
    afterBoot: nothing,
    async crash(id) {
      signal(id, 'SIGKILL')
      return nothing
    },
    async mute(id) {
      const pid = pidOf(id)
      signal(id, 'SIGSTOP')
      return async () => {
        if (pid !== undefined && pids().some(([, alive]) => alive === pid)) kill(pid, 'SIGCONT')
      }
    },
    fill,
    fillUnder: fill,
    async corrupt(imageId) {
      const path = fileOf(join(cloud.dataDir, 'images'), imageId)
      const bytes = bootDisk('deaf')
      writeFileSync(path, Buffer.alloc(bytes.length, 0xee))
      return nothing
    },
    async restart({ machines } = { machines: false }) {
      if (machines) for (const [, pid] of pids()) kill(pid)
      await cloud.restart()
    },
    async machineOn(host, id) {
      return (await drivers.get(host)?.recover())?.find((machine) => machine.id === id) ?? null
    },
    async stop() {
      const end = (): boolean => {
        const left = pids()
        for (const [, pid] of left) kill(pid)
        return left.length === 0
      }
      await until('every QEMU of the stage is gone', end)
      for (const host of hosts) {
        if (!fillProblem) execFileSync('umount', ['-l', host], { stdio: 'ignore' })
      }
      await cloud.stop()
    },
  }
}

const machinesIn = (host: string): Map<string, number> =>
  findMachineProcesses(join(host, 'driver', 'machines'))

/** Up to the last byte. */
function fillDisk(folder: string): void {
  const file = openSync(join(folder, 'filler'), 'a')
  try {
    for (const bytes of FILLING_BYTES) {
      try {
        for (;;) writeSync(file, Buffer.alloc(bytes))
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
      }
    }
  } finally {
    closeSync(file)
  }
}

/** Where the store keeps the bytes of an image. */
function fileOf(folder: string, imageId: string): string {
  const found = readdirSync(folder, { recursive: true, encoding: 'utf8' }).find((name) =>
    name.includes(imageId),
  )
  if (!found) throw new Error(`there are no bytes of image ${imageId}`)
  return join(folder, found)
}
