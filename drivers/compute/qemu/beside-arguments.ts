/**
 * Disks and network cards beside those that a machine has of its own: how QEMU is told of them, on
 * its command line and while it runs.
 *
 * E1 Each sits behind a port of its own on q35's PCI Express bus, for only there a device can come
 *    and go. There are eight, and what is attached keeps its port through every boot.
 * E2 A qcow2 opens no other file: its backing chain is not followed.
 */
import { createHash } from 'node:crypto'
import type { DiskSpec, PortSpec } from '../abilities.ts'
import { block } from './disk-arguments.ts'
import { tapName } from './tap.ts'

export const SLOTS = 8
/** One slot of the root bus holds them all, as its eight functions. */
const PORTS_SLOT = '0x18'
const SERIAL_LETTERS = 20

export interface AttachedDisk extends DiskSpec {
  slot: number
}

export interface AttachedPort extends PortSpec {
  slot: number
}

export interface QemuBeside {
  disks?: AttachedDisk[]
  ports?: AttachedPort[]
}

export function besideArguments(
  { disks = [], ports = [] }: QemuBeside,
  network: 'isolated' | 'open',
): string[] {
  return [
    ...Array.from({ length: SLOTS }, (_, slot) => ['-device', slotDevice(slot)]).flat(),
    ...disks.flatMap((disk) => [
      ...diskNodes(disk).flatMap(block),
      ...['-device', JSON.stringify(diskDevice(disk))],
    ]),
    ...ports.flatMap((port) => [
      ...['-netdev', JSON.stringify(portNetwork(port, network))],
      ...['-device', JSON.stringify(portDevice(port))],
    ]),
  ]
}

function slotDevice(slot: number): string {
  const place = `addr=${PORTS_SLOT}.${slot},multifunction=on`
  return `pcie-root-port,id=slot${slot},chassis=${slot + 1},${place}`
}

/** In the order in which they are opened. */
export function diskNodes(disk: AttachedDisk): Record<string, unknown>[] {
  const { file, format } = diskNodeNames(disk.id)
  const readOnly = { 'read-only': disk.readOnly }
  return [
    { 'node-name': file, driver: 'file', filename: disk.path, ...readOnly },
    {
      'node-name': format,
      driver: disk.format,
      file,
      ...readOnly,
      ...(disk.format === 'qcow2' ? { backing: null } : {}),
    },
  ]
}

/** QEMU's names of nodes have at most 31 letters. */
export function diskNodeNames(id: string): { file: string; format: string } {
  const name = `d-${createHash('sha256').update(id).digest('hex').slice(0, 24)}`
  return { file: `${name}-file`, format: name }
}

export const diskDeviceId = (id: string): string => `disk-${id}`
export const portDeviceId = (id: string): string => `port-${id}`
export const portNetworkId = (id: string): string => `net-${id}`

export function diskDevice({ id, slot }: AttachedDisk): Record<string, unknown> {
  return {
    driver: 'virtio-blk-pci',
    id: diskDeviceId(id),
    bus: `slot${slot}`,
    drive: diskNodeNames(id).format,
    serial: id.slice(0, SERIAL_LETTERS),
  }
}

export function portNetwork(port: AttachedPort, network: 'isolated' | 'open') {
  const id = portNetworkId(port.id)
  if (port.kind === 'user') return { type: 'user', id, restrict: network === 'isolated' }
  return { type: 'tap', id, ifname: tapName(port.id), script: 'no', downscript: 'no' }
}

export function portDevice({ id, slot, macAddress }: AttachedPort): Record<string, unknown> {
  return {
    driver: 'virtio-net-pci',
    id: portDeviceId(id),
    bus: `slot${slot}`,
    netdev: portNetworkId(id),
    mac: macAddress,
    romfile: '',
  }
}
