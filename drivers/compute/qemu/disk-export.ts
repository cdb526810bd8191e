/**
 * A copy of the root disk as it is at one moment, in a qcow2 that stands alone.
 *
 * X1 Of a running machine QEMU makes it: before a cluster is written anew, its old content goes to
 *    the copy. So the copy is of the moment in which the job began, however long it takes.
 * X2 The copy has a name only until it is whole; then it is open, and vanishes when it is closed.
 */
import { type FileHandle, rm } from 'node:fs/promises'
import type { DiskExport } from '../abilities.ts'
import { poll } from '../deadline.ts'
import { DriverError } from '../driver.ts'
import { programFailed } from '../failure.ts'
import { EXPORTED_DISK_FILE } from './disk-arguments.ts'
import { bytesOf, refuseWithoutRoom } from './durably.ts'
import type { Ground } from './ground.ts'
import { createDisk, flattenDisk } from './image.ts'
import type { LiveMachine } from './machine.ts'
import { exists, type MachinePaths } from './machine-folder.ts'
import type { QemuMachines } from './machines.ts'
import { readQcow2Header } from './qcow2-header.ts'
import { openRunFile, virtualSizeOf } from './run-file.ts'

/** The job, and the block node that it writes to. */
const NAME = 'export'
const POLL_MS = 100
/** A job that copies nothing for so long is given up. */
const STALL_TIMEOUT_MS = 120_000
const COPY_TIMEOUT_MS = 24 * 60 * 60_000
const CANCEL_TIMEOUT_MS = 30_000
/** It waits for what the guest is writing. */
const BEGIN_TIMEOUT_MS = 30_000

interface Job {
  id: string
  status: string
  'current-progress': number
  error?: string
}

export interface DiskCopy {
  file: FileHandle
  found: DiskExport
}

export async function copyRootDisk(
  id: string,
  machines: QemuMachines,
  ground: Ground,
  paths: MachinePaths,
  signal: AbortSignal,
): Promise<DiskCopy> {
  const { image } = await machines.record(id, paths)
  if (!(await exists(paths.disk))) {
    throw new DriverError('MACHINE_NOT_FOUND', `machine ${id} has no disk`)
  }
  const { user } = ground
  const live = await machines.running(id)
  const parts = [paths.disk, ...(image ? [ground.cache.path(image.checksum)] : [])]
  await refuseWithoutRoom('a copy of the disk', await bytesOf(parts), paths.run)
  try {
    let quiesced = false
    if (live) quiesced = await copyRunning(live, machines, paths, user, signal)
    else await flattenDisk(paths.disk, image, paths.exportedDisk, user, signal)
    return await openCopy(paths, user, quiesced)
  } finally {
    await rm(paths.exportedDisk, { force: true })
  }
}

/** Ends a copy that somebody began and cannot end any more. */
export async function leaveCopy(live: LiveMachine, paths: MachinePaths): Promise<void> {
  await endJob(live)
  await rm(paths.exportedDisk, { force: true })
}

/** True when the guest's file systems were held still for the moment of the copy. */
async function copyRunning(
  live: LiveMachine,
  machines: QemuMachines,
  paths: MachinePaths,
  user: Ground['user'],
  signal: AbortSignal,
): Promise<boolean> {
  await leaveCopy(live, paths)
  try {
    await createDisk(paths.exportedDisk, await virtualSizeOf(paths.disk, user), user, signal)
    const file = { driver: 'file', filename: EXPORTED_DISK_FILE }
    await live.ask('blockdev-add', { 'node-name': NAME, driver: 'qcow2', file }, signal)
    const quiesced = await beginCopy(live, machines, signal)
    await copyEnds(live, signal)
    return quiesced
  } finally {
    // Also of a copy that is whole: only with its node gone is it all in the file.
    await endJob(live)
  }
}

async function beginCopy(
  live: LiveMachine,
  machines: QemuMachines,
  signal: AbortSignal,
): Promise<boolean> {
  const thaw = (await machines.holdStill?.(live, signal)) ?? null
  try {
    const what = { device: 'root', target: NAME, sync: 'full' }
    const job = { 'job-id': NAME, 'auto-dismiss': false }
    await live.ask('blockdev-backup', { ...job, ...what }, signal, BEGIN_TIMEOUT_MS)
  } finally {
    await thaw?.()
  }
  return thaw !== null
}

async function copyEnds(live: LiveMachine, signal: AbortSignal): Promise<void> {
  let before = -1
  let deadline = Date.now() + STALL_TIMEOUT_MS
  const ended = await poll(
    async () => {
      const job = await jobOf(live, signal)
      if (!job) throw new DriverError('HYPERVISOR_FAILED', 'the copy of the disk is lost', true)
      if (isOver(job)) return job
      if (job['current-progress'] !== before) deadline = Date.now() + STALL_TIMEOUT_MS
      before = job['current-progress']
      return Date.now() > deadline ? job : null
    },
    { everyMs: POLL_MS, timeoutMs: COPY_TIMEOUT_MS, signal },
  )
  if (!ended || !isOver(ended)) {
    throw new DriverError('TIMEOUT', 'the copy of the disk does not go on', true)
  }
  if (ended.error) throw programFailed('the copy of the disk', ended.error)
}

async function endJob(live: LiveMachine): Promise<void> {
  const job = await jobOf(live)
  if (job && !isOver(job)) {
    await live.ask('block-job-cancel', { device: NAME, force: true }).catch(ignoreRefusal)
    const over = async () => {
      const now = await jobOf(live)
      return !now || isOver(now) || null
    }
    if (!(await poll(over, { everyMs: POLL_MS, timeoutMs: CANCEL_TIMEOUT_MS }))) {
      throw new DriverError('TIMEOUT', 'the copy of a disk could not be ended', true)
    }
  }
  await live.ask('job-dismiss', { id: NAME }).catch(ignoreRefusal)
  await live.ask('blockdev-del', { 'node-name': NAME }).catch(ignoreRefusal)
}

async function jobOf(live: LiveMachine, signal?: AbortSignal): Promise<Job | null> {
  const jobs = (await live.ask('query-jobs', {}, signal)) as Job[]
  return jobs.find(({ id }) => id === NAME) ?? null
}

const isOver = ({ status }: Job): boolean => status === 'concluded' || status === 'null'

async function openCopy(
  paths: MachinePaths,
  user: Ground['user'],
  quiesced: boolean,
): Promise<DiskCopy> {
  const file = await openRunFile(paths.exportedDisk, user)
  try {
    const { virtualSizeBytes } = await readQcow2Header(file)
    const { size: sizeBytes } = await file.stat()
    return { file, found: { sizeBytes, virtualSizeBytes, quiesced } }
  } catch (error) {
    await file.close()
    throw error
  }
}

function ignoreRefusal(error: unknown): void {
  const refused = error instanceof DriverError && error.code === 'HYPERVISOR_FAILED'
  if (!refused || error.retryable) throw error
}
