/**
 * The command line of a QEMU, as plain functions: nothing is read and nothing is run here.
 *
 * A1 Nothing that a user typed stands in it: the machine's name stays out, the id is a checked
 *    UUID.
 * A2 No format is probed: every block node names its driver, so a guest that writes a qcow2 header
 *    into its raw disk gains nothing.
 * A3 All paths are relative to the folder QEMU is started in. So a unix socket fits into its 107
 *    bytes however deep the data folder lies, and QEMU needs no access to the folders above.
 * A4 The backing chain is written here and not taken from the images (disk-arguments.ts).
 */
import { createHash } from 'node:crypto'
import { besideArguments, type QemuBeside } from './beside-arguments.ts'
import { CONSOLE_RING_BYTES } from './console-log.ts'
import { block, diskArguments, type QemuDisks } from './disk-arguments.ts'

export type Accelerator = 'kvm' | 'tcg'

export const QMP_SOCKET = 'qmp.sock'
export const VNC_SOCKET = 'vnc.sock'
export const AGENT_SOCKET = 'agent.sock'

/** Slots of their own on the root bus, so that nothing else of a machine ever moves. */
const SCREEN_SLOT = '0x12'
const TABLET_SLOT = '0x13'
const AGENT_SLOT = '0x14'

/** What the host allows, found by the probe. */
export interface QemuHost {
  accelerator: Accelerator
  sandbox: boolean
  /**
   * `isolated`: the guest gets an address by DHCP and reaches nothing; `open`: also the outside.
   */
  network: 'isolated' | 'open'
}

export interface QemuMachine extends QemuDisks, QemuBeside {
  id: string
  vcpus: number
  memoryMiB: number
  /** QEMU's name of the board, where it must be this one: `pc-q35-7.2`; `q35` is the newest. */
  machineType?: string
}

/** A machine that does not boot: its memory comes from an open file, or when QEMU is told where. */
export type Incoming = { fd: number } | 'defer'

export function machineArguments(
  host: QemuHost,
  machine: QemuMachine,
  incoming?: Incoming,
): string[] {
  return [
    ...bareArguments(host, machine.machineType),
    ...incomingArguments(incoming),
    ...['-uuid', machine.id],
    ...['-name', `guest=${machine.id},debug-threads=on`],
    ...['-smp', String(machine.vcpus), '-m', String(machine.memoryMiB)],
    ...['-rtc', 'base=utc'],
    ...['-boot', 'strict=on'],
    // QEMU stays when its guest powers itself off or panics: an agent that was away meanwhile still
    // finds out which of them it was, and reads the last lines of the console.
    ...['-action', 'shutdown=pause,panic=pause'],
    ...['-chardev', `socket,id=qmp,path=${QMP_SOCKET},server=on,wait=off`],
    ...['-mon', 'chardev=qmp,mode=control'],
    ...['-chardev', `ringbuf,id=console,size=${CONSOLE_RING_BYTES}`],
    ...['-serial', 'chardev:console'],
    ...diskArguments(machine),
    ...networkArguments(host, machine),
    ...['-object', 'rng-random,id=rng,filename=/dev/urandom', '-device', 'virtio-rng-pci,rng=rng'],
    ...['-device', 'pvpanic'],
    ...screenArguments(),
    ...guestAgentArguments(),
    ...besideArguments(machine, host.network),
  ]
}

/** A tiny guest that ends its QEMU with exit code 33 when it ran; see probe.ts. */
export function trialArguments(host: QemuHost, bootFile: string): string[] {
  return [
    ...bareArguments(host),
    ...['-m', '64'],
    ...['-device', 'isa-debug-exit,iobase=0x501,iosize=1'],
    ...block({ 'node-name': 'file', driver: 'file', filename: bootFile, 'read-only': true }),
    ...block({ 'node-name': 'disk', driver: 'raw', file: 'file', 'read-only': true }),
    ...['-device', 'virtio-blk-pci,drive=disk,bootindex=0'],
  ]
}

function bareArguments(host: QemuHost, machineType = 'q35'): string[] {
  const deny = 'obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny'
  return [
    ...['-nodefaults', '-no-user-config'],
    ...['-display', 'none'],
    ...(host.sandbox ? ['-sandbox', `on,${deny}`] : []),
    // graphics=off sends the firmware's own messages to the serial console.
    ...['-machine', `${machineType},graphics=off,usb=off,vmport=off`],
    ...(host.accelerator === 'kvm'
      ? ['-accel', 'kvm', '-cpu', 'host']
      : ['-accel', 'tcg,thread=multi', '-cpu', 'max']),
  ]
}

function incomingArguments(incoming?: Incoming): string[] {
  if (!incoming) return []
  // What comes from another host is held still until that one has let it go.
  return incoming === 'defer' ? ['-incoming', 'defer', '-S'] : ['-incoming', `fd:${incoming.fd}`]
}

/**
 * A screen for whoever looks, on a socket; its keyboard and mouse are q35's own, and the tablet puts
 * the pointer where the looker's is, in guests that know it. The firmware speaks to the serial
 * console all the same.
 */
function screenArguments(): string[] {
  return [
    ...['-vnc', `unix:${VNC_SOCKET},share=force-shared`],
    ...['-device', `VGA,addr=${SCREEN_SLOT}`],
    ...['-device', `virtio-tablet-pci,addr=${TABLET_SLOT}`],
  ]
}

function guestAgentArguments(): string[] {
  return [
    ...['-chardev', `socket,id=agent,path=${AGENT_SOCKET},server=on,wait=off`],
    ...['-device', `virtio-serial-pci,addr=${AGENT_SLOT}`],
    ...['-device', 'virtserialport,chardev=agent,name=org.qemu.guest_agent.0'],
  ]
}

/**
 * QEMU's user mode network. Unrestricted, it lets a guest open connections to the loopback of the
 * host (10.0.2.2), where the database and the API listen; so guests are restricted by default.
 */
function networkArguments(host: QemuHost, machine: QemuMachine): string[] {
  const restrict = host.network === 'isolated' ? 'on' : 'off'
  return [
    ...['-netdev', `user,id=net0,restrict=${restrict}`],
    ...['-device', `virtio-net-pci,netdev=net0,mac=${macAddress(machine.id)},romfile=`],
  ]
}

/** The same for each start of a machine, so that guests which remember their card find it again. */
function macAddress(id: string): string {
  const digest = createHash('sha256').update(id).digest()
  const tail = [...digest.subarray(0, 3)].map((byte) => byte.toString(16).padStart(2, '0'))
  return ['52', '54', '00', ...tail].join(':')
}
