/**
 * Disks and network cards that come and go.
 *
 * H1 The machine's record has what is attached before QEMU does and until QEMU has let it go; so it
 *    is there at each boot, and a verb that was broken off is taken on by doing it again.
 * H2 Letting go is the guest's decision: it is asked until it does, or until its time is over.
 */
import type { DiskSpec, HotPlugging, PortSpec } from '../abilities.ts'
import { pause } from '../deadline.ts'
import { DriverError } from '../driver.ts'
import {
  type AttachedDisk,
  type AttachedPort,
  diskDevice,
  diskDeviceId,
  diskNodeNames,
  diskNodes,
  portDevice,
  portDeviceId,
  portNetwork,
  portNetworkId,
  SLOTS,
} from './beside-arguments.ts'
import type { LiveMachine } from './machine.ts'
import type { MachinePaths, MachineRecord } from './machine-folder.ts'
import type { QemuMachines } from './machines.ts'
import { makeTaps, removeTaps } from './tap.ts'

const PLUG_TIMEOUT_MS = 15_000
const LET_GO_TIMEOUT_MS = 30_000
/** A guest that still boots does not hear that it shall let go. */
const ASK_AGAIN_MS = 3_000
const POLL_MS = 100
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const MAC_ADDRESS = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i
const DEVICE_NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,14}$/

export const hotplugging = (machines: QemuMachines): HotPlugging => {
  const attach = async (
    id: string,
    paths: MachinePaths,
    kept: Partial<MachineRecord>,
    wanted: Partial<MachineRecord>,
    plug: (live: LiveMachine) => Promise<void>,
  ) => {
    await machines.changeRecord(id, paths, wanted)
    try {
      const live = await machines.running(id)
      if (live) await plug(live)
    } catch (error) {
      await machines.changeRecord(id, paths, kept)
      throw error
    }
  }

  return {
    attachDisk: (id, disk, signal) =>
      machines.verb('attachDisk', id, signal, async (_, paths) => {
        const record = await machines.record(id, paths)
        const { disks = [] } = record
        const found = disks.find((one) => one.id === disk.id)
        const attached = found ?? { ...checkedDisk(disk), slot: freeSlot(record) }
        const wanted = { disks: found ? disks : [...disks, attached] }
        await attach(id, paths, { disks: record.disks }, wanted, (live) =>
          plugDisk(live, attached, signal),
        )
      }),

    detachDisk: (id, diskId, signal) =>
      machines.verb('detachDisk', id, signal, async (_, paths) => {
        const { disks = [] } = await machines.record(id, paths)
        if (!disks.some((disk) => disk.id === diskId)) return
        const live = await machines.running(id)
        if (live) await unplug(live, diskDeviceId(diskId), signal)
        if (live) await closeDisk(live, diskId)
        const rest = disks.filter((disk) => disk.id !== diskId)
        await machines.changeRecord(id, paths, { disks: rest })
      }),

    attachPort: (id, port, signal) =>
      machines.verb('attachPort', id, signal, async ({ user }, paths) => {
        const record = await machines.record(id, paths)
        const { network } = (await machines.probe()).host
        const { ports = [] } = record
        const found = ports.find((one) => one.id === port.id)
        const attached = found ?? { ...checkedPort(port), slot: freeSlot(record) }
        const wanted = { ports: found ? ports : [...ports, attached] }
        try {
          await attach(id, paths, { ports: record.ports }, wanted, async (live) => {
            await makeTaps([attached], user)
            await plugPort(live, attached, network, signal)
          })
        } catch (error) {
          if (!found) await removeTaps([attached])
          throw error
        }
      }),

    detachPort: (id, portId, signal) =>
      machines.verb('detachPort', id, signal, async (_, paths) => {
        const { ports = [] } = await machines.record(id, paths)
        const port = ports.find((one) => one.id === portId)
        if (!port) return
        const live = await machines.running(id)
        if (live) await unplug(live, portDeviceId(portId), signal)
        if (live) await live.ask('netdev_del', { id: portNetworkId(portId) }).catch(ignoreRefusal)
        await removeTaps([port])
        const rest = ports.filter((one) => one.id !== portId)
        await machines.changeRecord(id, paths, { ports: rest })
      }),
  }
}

function checkedDisk({ id, kind, path, format, readOnly }: DiskSpec): DiskSpec {
  if (UUID.test(id) && path.startsWith('/') && !path.includes('\0')) {
    return { id, kind, path, format, readOnly }
  }
  throw new DriverError(
    'REFUSED',
    `a disk needs a UUID and an absolute path, not ${id} and ${path}`,
  )
}

function checkedPort({ id, macAddress, kind, bridge }: PortSpec): PortSpec {
  if (!UUID.test(id) || !MAC_ADDRESS.test(macAddress)) {
    throw new DriverError('REFUSED', `a port needs a UUID and an address, not ${id}, ${macAddress}`)
  }
  if (kind === 'bridge' && !DEVICE_NAME.test(bridge ?? '')) {
    throw new DriverError('REFUSED', `${bridge ?? 'nothing'} is no name of a bridge`)
  }
  return { id, macAddress, kind, ...(bridge === undefined ? {} : { bridge }) }
}

function freeSlot({ disks = [], ports = [] }: MachineRecord): number {
  const taken = new Set([...disks, ...ports].map(({ slot }) => slot))
  for (let slot = 0; slot < SLOTS; slot++) if (!taken.has(slot)) return slot
  throw new DriverError('REFUSED', `a machine has room for ${SLOTS} disks and ports beside its own`)
}

async function plugDisk(live: LiveMachine, disk: AttachedDisk, signal: AbortSignal): Promise<void> {
  if (await isPlugged(live, diskDeviceId(disk.id), signal)) return
  await closeDisk(live, disk.id)
  try {
    for (const node of diskNodes(disk)) {
      await live.ask('blockdev-add', node, signal, PLUG_TIMEOUT_MS)
    }
    await live.ask('device_add', diskDevice(disk), signal, PLUG_TIMEOUT_MS)
  } catch (error) {
    await live.ask('device_del', { id: diskDeviceId(disk.id) }).catch(() => {})
    await closeDisk(live, disk.id).catch(() => {})
    throw error
  }
}

async function plugPort(
  live: LiveMachine,
  port: AttachedPort,
  network: 'isolated' | 'open',
  signal: AbortSignal,
): Promise<void> {
  if (await isPlugged(live, portDeviceId(port.id), signal)) return
  const closeNetwork = () => live.ask('netdev_del', { id: portNetworkId(port.id) })
  await closeNetwork().catch(ignoreRefusal)
  try {
    await live.ask('netdev_add', portNetwork(port, network), signal, PLUG_TIMEOUT_MS)
    await live.ask('device_add', portDevice(port), signal, PLUG_TIMEOUT_MS)
  } catch (error) {
    await live.ask('device_del', { id: portDeviceId(port.id) }).catch(() => {})
    await closeNetwork().catch(() => {})
    throw error
  }
}

async function closeDisk(live: LiveMachine, id: string): Promise<void> {
  const { format, file } = diskNodeNames(id)
  for (const name of [format, file]) {
    await live.ask('blockdev-del', { 'node-name': name }).catch(ignoreRefusal)
  }
}

/** Asks the guest to let a device go, and waits until it has (H2). */
async function unplug(live: LiveMachine, device: string, signal: AbortSignal): Promise<void> {
  const end = Date.now() + LET_GO_TIMEOUT_MS
  let askAt = 0
  while (await isPlugged(live, device, signal)) {
    if (live.down) return
    const now = Date.now()
    if (now >= end) {
      const seconds = LET_GO_TIMEOUT_MS / 1000
      throw new DriverError('TIMEOUT', `the guest did not let it go within ${seconds} s`, true)
    }
    if (now >= askAt) {
      askAt = now + ASK_AGAIN_MS
      // QEMU refuses to ask while the guest still thinks about it.
      await live.ask('device_del', { id: device }, signal).catch(ignoreRefusal)
    }
    await pause(POLL_MS, signal)
  }
}

async function isPlugged(live: LiveMachine, device: string, signal: AbortSignal): Promise<boolean> {
  const found = await live.ask('qom-list', { path: '/machine/peripheral' }, signal)
  return (found as { name: string }[]).some(({ name }) => name === device)
}

function ignoreRefusal(error: unknown): void {
  const refused = error instanceof DriverError && error.code === 'HYPERVISOR_FAILED'
  if (!refused || error.retryable) throw error
}
