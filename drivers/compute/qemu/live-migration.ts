/**
 * Moving a running machine to another host, with its disk and without a boot. See migration-out.ts
 * and migration-in.ts for the two ends.
 */
import type { Duplex } from 'node:stream'
import type { LiveMigrating, MigrationLink } from '../abilities.ts'
import { within } from '../deadline.ts'
import { DriverError } from '../driver.ts'
import { consoleEnd } from './console-log.ts'
import type { BootRecord } from './kept-memory.ts'
import type { LiveMachine } from './machine.ts'
import {
  exists,
  type MachinePaths,
  type PowerRecord,
  readRecord,
  removeMachineFolder,
} from './machine-folder.ts'
import type { QemuMachines } from './machines.ts'
import { CONSOLE_MAX_BYTES, type Hello, MigrationChannel } from './migration-channel.ts'
import { receiveMachine } from './migration-in.ts'
import { type Outgoing, sendAll, takeBack } from './migration-out.ts'
import { isInRescue } from './root-disk.ts'
import { virtualSizeOf } from './run-file.ts'
import type { QemuUser } from './user.ts'

const OPEN_TIMEOUT_MS = 60_000
const TALK_TIMEOUT_MS = 60_000
const GONE = 'migrated away'
const UNCONFIRMED = 'nobody has said that it runs on the other host'

export const liveMigrating = (machines: QemuMachines): LiveMigrating => ({
  receive: (machine, link, signal) =>
    machines.verb('receive', machine.id, signal, (ground, paths) =>
      receiveMachine(machine, link, machines, ground, paths, signal),
    ),

  send: (id, link, onProgress, signal) =>
    machines.verb('send', id, signal, async ({ user }, paths) => {
      if (await isGone(id, machines, paths)) return { pausedMs: 0 }
      const live = await movable(id, machines, paths)
      const hello = await describe(live, paths, user, signal)
      const way = await openWay(link, signal)
      const out: Outgoing = { live, paths, user, way, onProgress, signal }
      try {
        const pausedMs = await live.silently(() => hand(out, hello, machines))
        await machines.finish(live, GONE)
        return { pausedMs }
      } finally {
        way.close()
      }
    }),
})

/** What an agent that went away in the middle left; true when the machine is to be forgotten. */
export async function settleMigration(live: LiveMachine, paths: MachinePaths): Promise<boolean> {
  if (!(await exists(paths.disk)) && (await exists(paths.incomingDisk))) {
    await live.kill()
    await removeMachineFolder(paths)
    return true
  }
  const { status } = (await live.ask('query-migrate')) as { status?: string }
  const atWork = status !== undefined && !/none|completed|cancelled|failed/.test(status)
  const sent = status === 'completed' && (await live.state()).powerState === 'PAUSED'
  const isOurs = !(await isUnconfirmed(paths)) && !(await exists(paths.suspend))
  if (isOurs && (atWork || sent)) await takeBack(live)
  return false
}

/** It was sent, and is held still here: it may run on the other host. Only a start ends that. */
export const isUnconfirmed = async (paths: MachinePaths): Promise<boolean> =>
  (await readRecord<PowerRecord>(paths.power))?.reason === UNCONFIRMED

/**
 * Somebody who knows both hosts wants it here. Written down before it goes on, so that an agent that comes
 * after this one lets it go on, too.
 */
export async function forgetUnconfirmed(
  machines: QemuMachines,
  paths: MachinePaths,
): Promise<void> {
  if (await isUnconfirmed(paths)) await machines.remember(paths, { powerState: 'RUNNING' })
}

async function isGone(id: string, machines: QemuMachines, paths: MachinePaths): Promise<boolean> {
  await machines.record(id, paths)
  if (await machines.running(id)) return false
  return (await readRecord<PowerRecord>(paths.power))?.reason === GONE
}

async function movable(
  id: string,
  machines: QemuMachines,
  paths: MachinePaths,
): Promise<LiveMachine> {
  const live = await machines.runningOrRefuse(id, paths, 'it can be moved as it lies')
  const record = await machines.record(id, paths)
  const refuse = (why: string) => new DriverError('REFUSED', `machine ${id} ${why}`)
  if (!(await machines.isRunning(id))) throw refuse('is paused: only a running one moves')
  if (await isInRescue(record, paths)) throw refuse('is being rescued')
  if (record.disks?.length || record.ports?.length) {
    throw refuse('has disks or ports beside its own, which stay on this host: detach them first')
  }
  return live
}

async function describe(
  live: LiveMachine,
  paths: MachinePaths,
  user: QemuUser | null,
  signal: AbortSignal,
): Promise<Hello> {
  const booted = await readRecord<BootRecord>(paths.booted)
  if (!booted) throw new DriverError('REFUSED', `nobody knows how machine ${live.id} was started`)
  const { machine, host } = booted
  const type = await live.ask('qom-get', { path: '/machine', property: 'type' }, signal)
  return {
    word: 'hello',
    version: 1,
    machineType: String(type).replace(/-machine$/, ''),
    accelerator: host.accelerator,
    vcpus: machine.vcpus,
    memoryMiB: machine.memoryMiB,
    configDrive: machine.configDrive === true,
    diskSizeBytes: await virtualSizeOf(paths.disk, user),
  }
}

/** The pause of the guest in milliseconds, when it runs there. */
async function hand(out: Outgoing, hello: Hello, machines: QemuMachines): Promise<number> {
  const { live, paths, way, signal } = out
  const { memory } = way
  const deadline = { timeoutMs: TALK_TIMEOUT_MS, signal }
  let stoppedAt = 0
  const unlisten = live.listen(({ event }) => {
    if (event === 'STOP') stoppedAt = Date.now()
  })
  try {
    await memory.say(hello)
    await memory.hear('ready', deadline)
    await sendAll(out)
    await memory.sendConsole(await printed(live, paths))
    await memory.hear('loaded', deadline)
    await machines.remember(paths, { powerState: 'PAUSED', reason: UNCONFIRMED })
  } catch (error) {
    await takeBack(live)
    await machines.remember(paths, { powerState: 'RUNNING' })
    throw error
  } finally {
    unlisten()
  }
  try {
    await memory.say({ word: 'go' })
    await memory.hear('running', { timeoutMs: TALK_TIMEOUT_MS })
  } catch (cause) {
    throw new DriverError('TIMEOUT', `machine ${live.id} is held still: ${UNCONFIRMED}`, false, {
      cause,
    })
  }
  return Date.now() - stoppedAt
}

/** The end of what it printed. A log that can't be read is no reason to stay. */
async function printed(live: LiveMachine, paths: MachinePaths): Promise<Buffer> {
  await live.drain().catch(() => {})
  return consoleEnd(paths.console, CONSOLE_MAX_BYTES).catch(() => Buffer.alloc(0))
}

async function openWay(link: MigrationLink, signal: AbortSignal) {
  const opened: Duplex[] = []
  const open = async (channel: 'memory' | 'disk') => {
    const stream = await link.open(channel)
    stream.on('error', () => {})
    opened.push(stream)
    return stream
  }
  const close = () => {
    for (const stream of opened) stream.destroy()
  }
  const opening = Promise.all([open('memory'), open('disk')])
  const what = 'the way to the other host'
  try {
    const deadline = { timeoutMs: OPEN_TIMEOUT_MS, signal, what }
    const [memory, disk] = await within(opening, deadline)
    const channel = new MigrationChannel(memory, async () => {
      throw new DriverError('HYPERVISOR_FAILED', 'the other host sends memory back')
    })
    return { memory: channel, disk, close }
  } catch (error) {
    opening.then(close, close)
    close()
    throw error
  }
}
