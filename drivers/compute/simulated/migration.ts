/**
 * Live migration between two simulators, over a real link.
 *
 * The disk goes over its channel as a file; over the memory channel the two hosts talk:
 * source `offer`, destination `ready`, source `memory` ten times, `switch`, destination `loaded`,
 * source `go`, destination `running`.
 *
 * L1 Never do two of them run: the source is off before it says `go`, and the destination runs after
 *    it. What breaks before `loaded` was heard leaves the machine running at its source and nothing
 *    at the destination. What breaks later leaves it off at its source, which then can not know
 *    whether it runs at the destination; the verb fails, and whoever asks both hosts finds out.
 */
import type { Duplex } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { LiveMigrating, MigrationLink, MigrationProgress } from '../abilities.ts'
import { within } from '../deadline.ts'
import { DriverError, type MachineSpec } from '../driver.ts'
import { diskFile, diskOf, pieces, readWhole } from './disk-copy.ts'
import type { SimulatedHost } from './host.ts'
import { JsonLines } from './lines.ts'
import { configDriveOf, machineFrom, type SimulatedMachine, turnedOff } from './machine.ts'

const ANSWER_TIMEOUT_MS = 60_000
const MEMORY_PARTS = 10
const MIB = 1024 ** 2

/** What of a machine moves with its memory. */
type Moving = Pick<SimulatedMachine, 'boots' | 'deaf' | 'silent' | 'passwords' | 'disks' | 'ports'>

export class SimulatedLiveMigrating implements LiveMigrating {
  constructor(private readonly host: SimulatedHost) {}

  send(
    id: string,
    link: MigrationLink,
    onProgress: (progress: MigrationProgress) => void,
    signal: AbortSignal,
  ): Promise<{ pausedMs: number }> {
    return this.host.verb('send', id, signal, async () => {
      const found = this.host.find(id)
      if (found.sentAfterMs !== undefined) return { pausedMs: found.sentAfterMs }
      if (found.powerState !== 'RUNNING' || found.rescueDisk) {
        const state = found.rescueDisk ? 'being rescued' : found.powerState
        throw new DriverError('REFUSED', `machine ${id} is ${state}, not running`)
      }
      return withChannels(link, signal, async ({ memory, disk, signal: unbroken }) => {
        const lines = new JsonLines(memory)
        const deadline = { timeoutMs: ANSWER_TIMEOUT_MS, signal: unbroken }
        await lines.send({ step: 'offer', machine: id })
        await lines.expect('ready', deadline)
        await pipeline(pieces(diskFile(found), unbroken), disk, { signal: unbroken })
        await this.sendMemory(found, lines, onProgress, unbroken)
        const heldAt = performance.now()
        const now = this.host.find(id)
        await lines.send({ step: 'switch', ...moving(now) })
        await lines.expect('loaded', deadline)
        await this.host.keep({ ...turnedOff(now, 'sent to another host'), sentAfterMs: 0 })
        await lines.send({ step: 'go' })
        // The signal comes too late for this one.
        await lines.expect('running', { ...deadline, signal: new AbortController().signal })
        const pausedMs = Math.round(performance.now() - heldAt)
        await this.host.keep({ ...this.host.find(id), sentAfterMs: pausedMs })
        return { pausedMs }
      })
    })
  }

  receive(machine: MachineSpec, link: MigrationLink, signal: AbortSignal): Promise<void> {
    return this.host.verb('receive', machine.id, signal, async () => {
      const { id, name, vcpus, memoryMiB } = machine
      if (this.host.has(id)) {
        if (this.host.find(id).powerState === 'RUNNING') return
        throw new DriverError('REFUSED', `machine ${id} is here already, and off`)
      }
      await withChannels(link, signal, async ({ memory, disk, signal: unbroken }) => {
        const lines = new JsonLines(memory)
        const deadline = { timeoutMs: ANSWER_TIMEOUT_MS, signal: unbroken }
        const { machine: offered } = await lines.expect<{ step: 'offer'; machine: string }>(
          'offer',
          deadline,
        )
        if (offered !== id) throw new DriverError('REFUSED', 'the other host sends another machine')
        await lines.send({ step: 'ready' })
        const root = diskOf(await readWhole(disk, unbroken))
        for (let part = 0; part < MEMORY_PARTS; part++) await lines.expect('memory', deadline)
        const moved = await lines.expect<{ step: 'switch' } & Moving>('switch', deadline)
        await lines.send({ step: 'loaded' })
        await lines.expect('go', deadline)
        const came = { ...machineFrom(machine, root), ...moving(moved), ...configDriveOf(machine) }
        await this.host.keep({ ...came, name, vcpus, memoryMiB, powerState: 'RUNNING' })
        await lines.send({ step: 'running' }).catch(() => {})
      })
    })
  }

  private async sendMemory(
    { memoryMiB }: SimulatedMachine,
    lines: JsonLines,
    onProgress: (progress: MigrationProgress) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const totalBytes = memoryMiB * MIB
    for (let part = 1; part <= MEMORY_PARTS; part++) {
      await this.host.knobs.enter('transfer', signal)
      const doneBytes = Math.round((totalBytes * part) / MEMORY_PARTS)
      await lines.send({ step: 'memory', doneBytes })
      onProgress({ doneBytes, totalBytes, remainingBytes: totalBytes - doneBytes })
    }
  }
}

function moving({ boots, deaf, silent, passwords, disks, ports }: Moving): Moving {
  return {
    boots,
    ...(deaf !== undefined && { deaf }),
    ...(silent !== undefined && { silent }),
    ...(passwords && { passwords }),
    ...(disks && { disks }),
    ...(ports && { ports }),
  }
}

/** Opens both channels, and lets go of them however the work ends; `signal` fires as they break. */
async function withChannels<T>(
  link: MigrationLink,
  signal: AbortSignal,
  work: (channels: { memory: Duplex; disk: Duplex; signal: AbortSignal }) => Promise<T>,
): Promise<T> {
  const opened: Duplex[] = []
  const torn = new AbortController()
  const open = async (channel: 'memory' | 'disk'): Promise<Duplex> => {
    const what = `the ${channel} channel to the other host`
    const duplex = await within(link.open(channel), { timeoutMs: ANSWER_TIMEOUT_MS, signal, what })
    duplex.on('error', () => {})
    opened.push(duplex)
    return duplex
  }
  try {
    const [memory, disk] = await Promise.all([open('memory'), open('disk')])
    memory.once('close', () => torn.abort())
    const either = AbortSignal.any([signal, torn.signal])
    const result = await work({ memory, disk, signal: either })
    memory.end()
    return result
  } catch (error) {
    for (const duplex of opened) duplex.destroy()
    if (signal.aborted) throw new DriverError('ABORTED', 'the migration was aborted', true)
    if (error instanceof DriverError && !torn.signal.aborted) throw error
    const options = { cause: error }
    throw new DriverError('HYPERVISOR_FAILED', 'the link to the other host broke', true, options)
  }
}
