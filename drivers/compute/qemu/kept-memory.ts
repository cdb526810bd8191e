/**
 * The memory of a suspended machine on disk.
 *
 * K1 A machine is suspended when the file `memory` exists: whole, and synced before it got its name.
 *    Whoever boots the machine otherwise removes it first, for it belongs to the disk as it was.
 * K2 `suspend.json` is written before the guest is held still and tells how to take the machine up
 *    again. Without `memory` beside it, a suspend or resume was broken off with the guest still in
 *    its QEMU: it goes on if it ran before.
 * K3 QEMU sends the memory through a socket in a folder that it cannot write, and gets it back as
 *    an open file: it needs no name and starts no program.
 */
import { chmod, chown, type FileHandle, open, rm } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { basename } from 'node:path'
import { poll, throwIfAborted, within } from '../deadline.ts'
import { DriverError } from '../driver.ts'
import { asDriverError, programFailed } from '../failure.ts'
import type { QemuHost, QemuMachine } from './arguments.ts'
import { describeMachine } from './description.ts'
import { refuseWithoutRoom, renameDurably } from './durably.ts'
import type { Ground } from './ground.ts'
import type { LiveMachine } from './machine.ts'
import {
  exists,
  type MachinePaths,
  type MachineRecord,
  readRecord,
  writeRecord,
} from './machine-folder.ts'

const MIB = 1024 ** 2
/** What devices have to tell beside the memory. */
const DEVICES_MAX_BYTES = 64 * MIB
const CONNECT_TIMEOUT_MS = 10_000
/** A migration that writes nothing for so long is given up. */
const STALL_TIMEOUT_MS = 60_000
const LOAD_TIMEOUT_MS = 10 * 60_000
const POLL_MS = 50
/** The guest is held still meanwhile, so there is nobody to be gentle to. */
const MAX_BANDWIDTH_BYTES = 16 * 1024 ** 3
const CANCEL_TIMEOUT_MS = 10_000

/** What QEMU was started with, and so must be started with again. */
export interface BootRecord {
  machine: QemuMachine
  host: QemuHost
}

export interface SuspendRecord extends BootRecord {
  /** It ran, and was not paused. */
  ran: boolean
}

/** Saves the memory of a machine, which is held still then. What fails leaves it as it was. */
export async function keepMemory(
  live: LiveMachine,
  paths: MachinePaths,
  ground: Ground,
  signal: AbortSignal,
): Promise<void> {
  const booted = await readRecord<BootRecord>(paths.booted)
  if (!booted) {
    throw new DriverError('REFUSED', `nobody knows how machine ${live.id} was started`)
  }
  const needed = booted.machine.memoryMiB * MIB + DEVICES_MAX_BYTES
  await refuseWithoutRoom('its memory', needed, paths.folder)
  const ran = (await live.state()).powerState === 'RUNNING'
  // `q35` is the newest there is; after an update of QEMU it would be another machine.
  const type = await live.ask('qom-get', { path: '/machine', property: 'type' }, signal)
  // What was plugged in since the start is in the machine's record.
  const made = (await readRecord<MachineRecord>(paths.machine)) ?? { image: null }
  const machine = {
    ...(await describeMachine(booted.machine, made, paths)),
    machineType: String(type).replace(/-machine$/, ''),
  }
  const record: SuspendRecord = { host: booted.host, machine, ran }
  await writeRecord(paths.suspend, record, { durable: true })
  try {
    await live.pause(signal)
    await live.drain()
    await live.silently(() => receiveMemory(live, paths, ground, signal))
    throwIfAborted(signal, 'the memory to be saved')
    // Fails when this driver was closed: another one may have let the guest go on.
    await live.ask('query-status')
    await renameDurably(paths.memoryPartial, paths.memory)
  } catch (error) {
    await goOn(live, paths, record)
    throw asDriverError(error, `the memory of machine ${live.id}`)
  }
}

/** Ends a suspend that did not come to its end (K2). */
export async function goOn(
  live: LiveMachine,
  paths: MachinePaths,
  record: SuspendRecord,
): Promise<void> {
  const never = new AbortController().signal
  if (live.down) return
  await live.ask('migrate_cancel')
  await poll(async () => ((await migrationStatus(live)).over ? true : null), {
    everyMs: POLL_MS,
    timeoutMs: CANCEL_TIMEOUT_MS,
  })
  if (record.ran) await live.resume(never)
  await forgetMemory(paths)
}

/** Removes what a suspend kept; the memory first, since that is what counts (K1). */
export async function forgetMemory(paths: MachinePaths): Promise<void> {
  for (const path of [paths.memory, paths.memoryPartial, paths.memorySocket, paths.suspend]) {
    await rm(path, { force: true })
  }
}

/** Waits until QEMU has read the memory it was started with. */
export async function memoryArrived(
  live: LiveMachine,
  log: () => Promise<string>,
  signal: AbortSignal,
): Promise<void> {
  const arrived = await poll(
    async () => {
      if (live.down) throw programFailed('the kept memory does not fit the machine', await log())
      const { status } = (await live.ask('query-status', {}, signal).catch((error) => {
        if (signal.aborted) throw error
        // It may be dying of what it read; the next look tells.
        return { status: 'inmigrate' }
      })) as { status: string }
      return status === 'inmigrate' ? null : true
    },
    { everyMs: POLL_MS, timeoutMs: LOAD_TIMEOUT_MS, signal },
  )
  if (arrived) return
  throw new DriverError('TIMEOUT', `the memory of machine ${live.id} was not read in time`, true)
}

export const memoryIsKept = (paths: MachinePaths): Promise<boolean> => exists(paths.memory)

async function receiveMemory(
  live: LiveMachine,
  paths: MachinePaths,
  { user }: Ground,
  signal: AbortSignal,
): Promise<void> {
  await rm(paths.memoryPartial, { force: true })
  await rm(paths.memorySocket, { force: true })
  const folder = await open(paths.folder, 'r')
  const file = await open(paths.memoryPartial, 'wx', 0o600)
  const server = createServer()
  server.maxConnections = 1
  const connected = new Promise<Socket>((resolve) => server.once('connection', resolve))
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      // Through the open folder the path is always short enough for a socket.
      const name = basename(paths.memorySocket)
      server.listen(`/proc/self/fd/${folder.fd}/${name}`, () => resolve())
    })
    if (user) await chown(paths.memorySocket, -1, user.gid)
    await chmod(paths.memorySocket, 0o660)
    await live.ask('migrate-set-parameters', { 'max-bandwidth': MAX_BANDWIDTH_BYTES }, signal)
    await live.ask('migrate', { uri: `unix:../${basename(paths.memorySocket)}` }, signal)
    const what = 'QEMU to send the memory'
    const socket = await within(connected, { timeoutMs: CONNECT_TIMEOUT_MS, signal, what })
    await Promise.all([
      writeAll(socket, file),
      migrationEnds(live, () => socket.bytesRead, signal).catch((error) => {
        socket.destroy()
        throw error
      }),
    ])
  } finally {
    server.close()
    void connected.then((socket) => socket.destroy())
    await file.close()
    await folder.close()
    await rm(paths.memorySocket, { force: true })
  }
}

async function writeAll(source: Socket, file: FileHandle): Promise<void> {
  for await (const chunk of source as AsyncIterable<Buffer>) await file.appendFile(chunk)
}

async function migrationEnds(
  live: LiveMachine,
  written: () => number,
  signal: AbortSignal,
): Promise<void> {
  let before = -1
  let deadline = Date.now() + STALL_TIMEOUT_MS
  const ended = await poll(
    async () => {
      const { over, error } = await migrationStatus(live, signal)
      if (error) throw new DriverError('HYPERVISOR_FAILED', `QEMU gave up: ${error}`)
      if (written() !== before) deadline = Date.now() + STALL_TIMEOUT_MS
      before = written()
      return over || Date.now() > deadline ? over : null
    },
    { everyMs: POLL_MS, timeoutMs: Number.POSITIVE_INFINITY, signal },
  )
  if (!ended) throw new DriverError('TIMEOUT', 'QEMU stopped sending the memory', true)
}

async function migrationStatus(
  live: LiveMachine,
  signal?: AbortSignal,
): Promise<{ over: boolean; error?: string }> {
  const answer = (await live.ask('query-migrate', {}, signal)) as Record<string, string | undefined>
  const { status = 'none' } = answer
  const failed = status === 'failed' || status === 'cancelled'
  const over = failed || status === 'completed' || status === 'none'
  return failed ? { over, error: answer['error-desc'] ?? status } : { over }
}
