/**
 * A machine that comes in alive: a QEMU that waits for its memory, with an empty disk that the
 * source writes through QEMU's own NBD server. How the two ends agree stands in migration-channel.ts.
 *
 * J1 The disk has another name until the source has let the guest go. A machine without its disk is
 *    no machine: whoever finds one, after this agent was killed, removes it with its QEMU.
 * J2 What comes is bytes for an empty disk and a stream for QEMU, which runs confined; the sizes are
 *    those that we were told by our own side.
 */
import type { Duplex } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { MigrationLink } from '../abilities.ts'
import { poll, throwIfAborted, within } from '../deadline.ts'
import { DriverError, type MachineSpec } from '../driver.ts'
import { programFailed, tailOf } from '../failure.ts'
import { appendConsole } from './console-log.ts'
import { describeMachine } from './description.ts'
import { INCOMING_DISK_FILE } from './disk-arguments.ts'
import { renameDurably } from './durably.ts'
import type { Ground } from './ground.ts'
import { createDisk } from './image.ts'
import type { LiveMachine } from './machine.ts'
import {
  exists,
  type MachinePaths,
  makeMachineFolder,
  removeMachineFolder,
  writeRecord,
} from './machine-folder.ts'
import type { QemuMachines } from './machines.ts'
import { type Hello, MigrationChannel } from './migration-channel.ts'
import { replaceConfigDrive } from './root-disk.ts'
import { connectRunSocket } from './run-socket.ts'

const TALK_TIMEOUT_MS = 60_000
/** The source gives up after a minute without a byte, and tells by hanging up. */
const STALL_TIMEOUT_MS = 180_000
const POLL_MS = 20
const DISK_SOCKET = 'disk-in.sock'
const MEMORY_SOCKET = 'memory-in.sock'
/** 64 TiB: a size that no disk here has. */
const DISK_MAX_BYTES = 64 * 1024 ** 4

export async function receiveMachine(
  machine: MachineSpec,
  link: MigrationLink,
  machines: QemuMachines,
  ground: Ground,
  paths: MachinePaths,
  signal: AbortSignal,
): Promise<void> {
  if (await exists(paths.disk)) {
    if (await machines.isRunning(machine.id)) return
    throw new DriverError('REFUSED', `machine ${machine.id} is on this host already`)
  }
  await removeMachineFolder(paths)
  const way = new WayIn()
  try {
    await way.open(link, signal)
    const hello = await way.memory.hear('hello', { timeoutMs: TALK_TIMEOUT_MS, signal })
    await prepare(machine, hello, machines, ground, paths, signal)
    const bare = { image: null }
    const described = await describeMachine(machine, bare, paths)
    const incoming = { ...described, machineType: hello.machineType, rootFile: INCOMING_DISK_FILE }
    await machines.bootAs(incoming, paths, signal, {
      incoming: 'defer',
      ready: (live) => live.silently(() => takeIn(live, way, paths, signal)),
    })
    await way.memory.say({ word: 'running' }).catch(() => {})
  } catch (error) {
    await removeMachineFolder(paths)
    throw error
  } finally {
    way.close()
  }
}

class WayIn {
  memory!: MigrationChannel
  disk!: Duplex
  /** Takes the memory, once there is a QEMU that waits for it. */
  take: ((bytes: Buffer | null) => Promise<void>) | null = null
  private readonly opened: Duplex[] = []

  async open(link: MigrationLink, signal: AbortSignal): Promise<void> {
    const opening = (['memory', 'disk'] as const).map(async (channel) => {
      const stream = await link.open(channel)
      stream.on('error', () => {})
      if (signal.aborted) stream.destroy()
      this.opened.push(stream)
      return stream
    })
    const what = 'the way to the other host'
    const both = Promise.all(opening)
    const [memory, disk] = await within(both, { timeoutMs: TALK_TIMEOUT_MS, signal, what })
    if (!memory || !disk) throw new DriverError('HYPERVISOR_FAILED', `there is no ${what}`, true)
    this.disk = disk
    this.memory = new MigrationChannel(memory, async (bytes) => {
      if (!this.take) throw new DriverError('HYPERVISOR_FAILED', 'memory came too early')
      await this.take(bytes)
    })
  }

  close(): void {
    for (const stream of this.opened) stream.end(() => stream.destroy())
  }
}

async function prepare(
  machine: MachineSpec,
  hello: Hello,
  machines: QemuMachines,
  { user }: Ground,
  paths: MachinePaths,
  signal: AbortSignal,
): Promise<void> {
  const { host } = await machines.probe()
  const { diskSizeBytes: size } = hello
  const problem = misfit(machine, hello, host.accelerator)
  if (problem) throw new DriverError('REFUSED', `it does not fit here: ${problem}`)
  if (!Number.isSafeInteger(size) || size <= 0 || size > DISK_MAX_BYTES) {
    throw new DriverError('REFUSED', 'its disk has no size that a disk can have')
  }
  await makeMachineFolder(paths, user)
  await writeRecord(paths.machine, { image: null })
  await replaceConfigDrive(machine, user, paths, signal)
  await createDisk(paths.incomingDisk, size, user, signal)
}

function misfit(machine: MachineSpec, hello: Hello, accelerator: string): string | null {
  if (hello.version !== 1) return 'it is sent in another way'
  if (!/^pc-q35-\d+\.\d+$/.test(hello.machineType)) return 'its board is another one'
  if (hello.accelerator !== accelerator) {
    return `it runs by ${hello.accelerator}, and this host by ${accelerator}`
  }
  const wanted = `${machine.vcpus} vcpus and ${machine.memoryMiB} MiB`
  const found = `${hello.vcpus} vcpus and ${hello.memoryMiB} MiB`
  if (wanted !== found) return `it has ${found}, and ${wanted} were asked for`
  const configDrive = machine.configDrive !== undefined
  if (hello.configDrive !== configDrive) return 'only one of the two has a config drive'
  return null
}

/** From a QEMU that waits to a guest that runs. */
async function takeIn(
  live: LiveMachine,
  way: WayIn,
  paths: MachinePaths,
  signal: AbortSignal,
): Promise<void> {
  const { memory, disk } = way
  const abandoned = memory.broken
  await serveDisk(live, signal)
  const nbd = await connectRunSocket(paths.run, DISK_SOCKET, signal)
  await live.ask('migrate-incoming', { uri: `unix:${MEMORY_SOCKET}` }, signal)
  const socket = await connectRunSocket(paths.run, MEMORY_SOCKET, signal)
  try {
    // Should the disk's channel break, the source notices: its mirror fails.
    pipeline(disk, nbd, disk, { end: true }).catch(() => {})
    way.take = (bytes) =>
      new Promise((resolve, reject) => {
        if (bytes === null) return socket.end(() => resolve())
        socket.write(bytes, (error) => (error ? reject(error) : resolve()))
      })
    await memory.say({ word: 'ready' })
    const moved = () => memory.bytes + nbd.bytesWritten
    await Promise.race([loaded(live, paths, moved, signal), abandoned])
    await live.ask('nbd-server-stop', {}, signal)
    await memory.say({ word: 'loaded' })
    await memory.hear('go', { timeoutMs: TALK_TIMEOUT_MS, signal })
    // From here on nobody turns back: the source has let it go.
    await renameDurably(paths.incomingDisk, paths.disk)
    // It goes on with its log where it was; without it when there is no room.
    await appendConsole(paths.console, memory.console).catch(() => {})
    await live.ask('cont')
  } catch (error) {
    throwIfAborted(signal, 'a machine to come')
    throw error
  } finally {
    nbd.destroy()
    socket.destroy()
  }
}

async function serveDisk(live: LiveMachine, signal: AbortSignal): Promise<void> {
  const addr = { type: 'unix', data: { path: DISK_SOCKET } }
  await live.ask('nbd-server-start', { addr, 'max-connections': 1 }, signal)
  const what = { type: 'nbd', id: 'incoming', 'node-name': 'root', name: 'root', writable: true }
  await live.ask('block-export-add', what, signal)
}

async function loaded(
  live: LiveMachine,
  paths: MachinePaths,
  moved: () => number,
  signal: AbortSignal,
): Promise<void> {
  let before = -1
  let deadline = Date.now() + STALL_TIMEOUT_MS
  for (;;) {
    const status = await poll(
      async () => {
        if (live.down) {
          throw programFailed('the machine could not be taken in', await tailOf(paths.log))
        }
        const answer = await live.ask('query-status', {}, signal).catch((error) => {
          if (signal.aborted) throw error
          // It may be dying of what it read; the next look tells.
          return { status: 'inmigrate' }
        })
        const now = (answer as { status: string }).status
        return now === 'inmigrate' ? null : now
      },
      { everyMs: POLL_MS, timeoutMs: 1_000, signal },
    )
    if (status === 'paused') return
    if (status) throw new DriverError('HYPERVISOR_FAILED', `the machine came in ${status}`)
    if (moved() !== before) deadline = Date.now() + STALL_TIMEOUT_MS
    before = moved()
    if (Date.now() > deadline)
      throw new DriverError('TIMEOUT', 'the other host sends nothing', true)
  }
}
