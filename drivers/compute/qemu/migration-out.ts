/**
 * A machine that goes out alive: its disk is mirrored, then its memory follows, and at the moment
 * when QEMU holds it still the mirror ends, so that both are of the same instant. How the two ends
 * agree stands in migration-channel.ts.
 *
 * T1 Until `go` was said, whatever fails is undone and the guest goes on here. After it the guest
 *    is never let go on by itself: should the answer be lost, nobody here can know whether it runs
 *    there. It is then PAUSED here and refuses `unpause`; whoever knows both hosts starts or
 *    destroys it.
 * T2 That it was said is written down first, for the agent that comes after this one.
 * T3 The disk is mirrored with each write of the guest waiting for the other side, so the mirror
 *    comes to its end however fast a guest writes; the memory of one that is too fast is held back
 *    by slowing its processors, and by a longer pause the longer it takes.
 */
import type { Duplex } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { MigrationProgress } from '../abilities.ts'
import { poll, throwIfAborted, within } from '../deadline.ts'
import { DriverError } from '../driver.ts'
import { programFailed } from '../failure.ts'
import type { LiveMachine } from './machine.ts'
import type { MachinePaths } from './machine-folder.ts'
import type { MigrationChannel } from './migration-channel.ts'
import { serveSocket } from './run-socket.ts'
import type { QemuUser } from './user.ts'

const JOB = 'migrate-disk'
const TARGET = 'migrate-target'
const DISK_SOCKET = 'disk-out.sock'
const MEMORY_SOCKET = 'memory-out.sock'
const CONNECT_TIMEOUT_MS = 30_000
const POLL_MS = 20
const PROGRESS_EVERY_MS = 500
/** Nothing moved for so long: the way is dead, and a guest that writes waits for it. */
const STALL_TIMEOUT_MS = 60_000
const CANCEL_TIMEOUT_MS = 15_000
const MAX_BANDWIDTH_BYTES = 16 * 1024 ** 3
const PAUSE_WANTED_MS = 300
/** The pause may be twice as long after each of these. */
const PATIENCE_MS = 60_000
const PAUSE_MAX_MS = 20_000

interface Way {
  memory: MigrationChannel
  disk: Duplex
}

export interface Outgoing {
  live: LiveMachine
  paths: MachinePaths
  user: QemuUser | null
  way: Way
  onProgress(progress: MigrationProgress): void
  signal: AbortSignal
}

/** Copies disk and memory; returns when the guest is held still and all of it was sent. */
export async function sendAll(out: Outgoing): Promise<void> {
  const { live, paths, user, way, signal } = out
  const abandoned = Promise.race([way.memory.broken, wentDown(live)])
  const disk = await serveSocket(paths.folder, DISK_SOCKET, user)
  const memory = await serveSocket(paths.folder, MEMORY_SOCKET, user)
  try {
    // The mirror itself tells when its way breaks.
    disk.connected.then((nbd) => pipeline(way.disk, nbd, way.disk)).catch(() => {})
    await Promise.race([mirrorDisk(out, disk.path), abandoned])
    const sent = sendMemory(out, memory)
    await Promise.race([sent, abandoned])
  } finally {
    await disk.close()
    await memory.close()
    throwIfAborted(signal, 'a machine to go')
  }
}

/** Ends what is left of a migration; a guest that was held still for it goes on. */
export async function takeBack(live: LiveMachine): Promise<void> {
  if (live.down) return
  const never = new AbortController().signal
  await live.silently(async () => {
    await live.ask('migrate_cancel')
    const over = async () => {
      const { status = 'none' } = await migration(live)
      return !/setup|active|cancelling|switchover|device|wait/.test(status) || null
    }
    await poll(over, { everyMs: POLL_MS, timeoutMs: CANCEL_TIMEOUT_MS })
    await endMirror(live)
    await live.resume(never)
  })
}

async function mirrorDisk(out: Outgoing, path: string): Promise<void> {
  const { live, signal } = out
  const server = { type: 'unix', path }
  const target = { 'node-name': TARGET, driver: 'nbd', server, export: 'root', discard: 'unmap' }
  await live.ask('blockdev-add', target, signal, CONNECT_TIMEOUT_MS)
  const job = { 'job-id': JOB, 'auto-dismiss': false, 'copy-mode': 'write-blocking' }
  const what = { ...job, device: 'root', target: TARGET, sync: 'full' }
  await live.ask('blockdev-mirror', what, signal, CONNECT_TIMEOUT_MS)
  const ready = async () => {
    const now = await mirror(live, signal)
    if (!now || now.error || now.status === 'concluded') {
      throw programFailed('the disk could not be sent', now?.error ?? 'its mirror ended')
    }
    const { 'current-progress': doneBytes, 'total-progress': totalBytes } = now
    const remainingBytes = Math.max(0, totalBytes - doneBytes)
    const { memoryBytes } = await sizes(live)
    tell(out, { doneBytes, totalBytes: totalBytes + memoryBytes, remainingBytes })
    return { over: now.status === 'ready', moved: doneBytes }
  }
  await moving(ready, signal)
}

async function sendMemory(
  out: Outgoing,
  served: Awaited<ReturnType<typeof serveSocket>>,
): Promise<void> {
  const { live, way, signal } = out
  const capabilities = ['pause-before-switchover', 'auto-converge'].map((capability) => ({
    capability,
    state: true,
  }))
  await live.ask('migrate-set-capabilities', { capabilities }, signal)
  const limits = { 'max-bandwidth': MAX_BANDWIDTH_BYTES, 'downtime-limit': PAUSE_WANTED_MS }
  await live.ask('migrate-set-parameters', limits, signal)
  await live.ask('migrate', { uri: `unix:${served.path}` }, signal)
  const what = 'QEMU to send the memory'
  const socket = await within(served.connected, { timeoutMs: CONNECT_TIMEOUT_MS, signal, what })
  const sending = way.memory.sendMemory(socket)
  await Promise.all([sending, switchOver(out)])
}

/** Watches the memory go, ends the mirror when the guest is held still, and lets QEMU finish. */
async function switchOver(out: Outgoing): Promise<void> {
  const { live, way, signal } = out
  const begun = Date.now()
  const disk = (await mirror(live, signal))?.['total-progress'] ?? 0
  let mirrored = false
  let limit = PAUSE_WANTED_MS
  const completed = async () => {
    const { status, ram, 'error-desc': why } = await migration(live, signal)
    if (status === 'failed' || status === 'cancelled') {
      throw programFailed('the memory could not be sent', why ?? status)
    }
    if (status === 'pre-switchover' && !mirrored) {
      await finishMirror(live, signal)
      mirrored = true
      await live.ask('migrate-continue', { state: 'pre-switchover' }, signal)
    }
    const wanted = pauseAfter(Date.now() - begun)
    if (wanted !== limit && !mirrored) {
      limit = wanted
      await live.ask('migrate-set-parameters', { 'downtime-limit': limit }, signal)
    }
    if (ram) {
      const doneBytes = disk + ram.total - Math.min(ram.total, ram.remaining)
      const totalBytes = disk + ram.total
      tell(out, { doneBytes, totalBytes, remainingBytes: ram.remaining })
    }
    return { over: status === 'completed', moved: way.memory.bytes + (mirrored ? 1 : 0) }
  }
  await moving(completed, signal)
}

function pauseAfter(elapsedMs: number): number {
  return Math.min(PAUSE_MAX_MS, PAUSE_WANTED_MS * 2 ** Math.floor(elapsedMs / PATIENCE_MS))
}

/** The guest is held still: what it wrote last reaches the other side, and the mirror is over. */
async function finishMirror(live: LiveMachine, signal: AbortSignal): Promise<void> {
  await live.ask('block-job-cancel', { device: JOB, force: false }, signal)
  const concluded = async () => {
    const now = await mirror(live, signal)
    if (now?.error) throw programFailed('the disk could not be sent', now.error)
    return {
      over: !now || now.status === 'concluded',
      moved: now?.['current-progress'] ?? 0,
    }
  }
  await moving(concluded, signal)
  await endMirror(live)
}

async function endMirror(live: LiveMachine): Promise<void> {
  const now = await mirror(live)
  if (now && now.status !== 'concluded') {
    await live.ask('block-job-cancel', { device: JOB, force: true }).catch(ignoreRefusal)
    const over = async () => {
      const job = await mirror(live)
      return !job || job.status === 'concluded' || null
    }
    if (!(await poll(over, { everyMs: POLL_MS, timeoutMs: CANCEL_TIMEOUT_MS }))) {
      throw new DriverError('TIMEOUT', 'the mirror of a disk could not be ended', true)
    }
  }
  await live.ask('job-dismiss', { id: JOB }).catch(ignoreRefusal)
  await live.ask('blockdev-del', { 'node-name': TARGET }).catch(ignoreRefusal)
}

/** Asks until it is over. Throws TIMEOUT when nothing moves any more. */
async function moving(
  look: () => Promise<{ over: boolean; moved: number }>,
  signal: AbortSignal,
): Promise<void> {
  let before = -1
  let deadline = Date.now() + STALL_TIMEOUT_MS
  await poll(
    async () => {
      const { over, moved } = await look()
      if (over) return true
      if (moved !== before) deadline = Date.now() + STALL_TIMEOUT_MS
      before = moved
      if (Date.now() < deadline) return null
      throw new DriverError('TIMEOUT', 'nothing reaches the other host any more', true)
    },
    { everyMs: POLL_MS, timeoutMs: Number.POSITIVE_INFINITY, signal },
  )
}

const lastTold = new WeakMap<Outgoing, number>()

function tell(out: Outgoing, progress: MigrationProgress): void {
  const now = Date.now()
  if (now - (lastTold.get(out) ?? 0) < PROGRESS_EVERY_MS) return
  lastTold.set(out, now)
  out.onProgress(progress)
}

async function wentDown(live: LiveMachine): Promise<never> {
  const { reason } = await live.whenDown
  throw new DriverError('REFUSED', `the machine went down meanwhile: ${reason}`)
}

interface Migration {
  status?: string
  ram?: { total: number; remaining: number }
  'error-desc'?: string
}

async function migration(live: LiveMachine, signal?: AbortSignal): Promise<Migration> {
  return (await live.ask('query-migrate', {}, signal)) as Migration
}

interface Job {
  id: string
  status: string
  error?: string
  'current-progress': number
  'total-progress': number
}

async function mirror(live: LiveMachine, signal?: AbortSignal): Promise<Job | null> {
  const jobs = (await live.ask('query-jobs', {}, signal)) as Job[]
  return jobs.find(({ id }) => id === JOB) ?? null
}

async function sizes(live: LiveMachine): Promise<{ memoryBytes: number }> {
  const found = await live.ask('query-memory-size-summary')
  return { memoryBytes: (found as { 'base-memory': number })['base-memory'] }
}

function ignoreRefusal(error: unknown): void {
  const refused = error instanceof DriverError && error.code === 'HYPERVISOR_FAILED'
  if (!refused || error.retryable) throw error
}
