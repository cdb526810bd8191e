/** What qemu-img is asked to do: always as the unprivileged user, always with the format given. */
import { rm } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { run } from '../../shell.ts'
import { DriverError } from '../driver.ts'
import { programFailed } from '../failure.ts'
import { BASE_PATH, type BaseImage, nestedDisk } from './disk-arguments.ts'
import { renameDurably } from './durably.ts'
import { QEMU_IMG } from './probe.ts'
import { asUser, type QemuUser } from './user.ts'

const CREATE_TIMEOUT_MS = 60_000
const CHECK_TIMEOUT_MS = 60_000
/** For terabytes on a slow disk. */
const COPY_TIMEOUT_MS = 6 * 60 * 60_000
/** `qemu-img check` found clusters that nobody uses: a waste, and no damage. */
const LEAKS_EXIT_CODE = 3

/** Throws IMAGE_INVALID when QEMU cannot open the image as what it is said to be. */
export async function checkImage(
  path: string,
  format: 'qcow2' | 'raw',
  user: QemuUser | null,
  signal: AbortSignal,
): Promise<void> {
  const args = ['info', '-f', format, '--output=json', basename(path)]
  const options = { timeoutMs: CHECK_TIMEOUT_MS, cwd: dirname(path), signal }
  const result = await run(...asUser(user, QEMU_IMG, args), options)
  if (result.exitCode === 0) return
  const message = `QEMU cannot open the image: ${result.stderr.trim()}`
  throw new DriverError('IMAGE_INVALID', message)
}

/**
 * Makes a disk, an overlay of `sizeBytes` on a base. It appears whole or not at all.
 * `-u`: the base is not opened, since its size is known and its header has been read.
 */
export async function createOverlay(
  disk: string,
  { checksum, format }: BaseImage,
  sizeBytes: number,
  user: QemuUser | null,
  signal: AbortSignal,
): Promise<void> {
  const partial = `${basename(disk)}.partial`
  const base = ['-u', '-b', `${BASE_PATH}/${checksum}`, '-F', format]
  const args = ['create', '-q', '-f', 'qcow2', ...base, partial, String(sizeBytes)]
  await rm(`${disk}.partial`, { force: true })
  const options = { timeoutMs: CREATE_TIMEOUT_MS, cwd: dirname(disk), signal }
  const result = await run(...asUser(user, QEMU_IMG, args), options)
  if (result.exitCode !== 0) throw programFailed('the disk could not be made', result.stderr)
  await renameDurably(`${disk}.partial`, disk)
}

/** An empty qcow2 that stands alone. */
export async function createDisk(
  path: string,
  sizeBytes: number,
  user: QemuUser | null,
  signal: AbortSignal,
): Promise<void> {
  const args = ['create', '-q', '-f', 'qcow2', basename(path), String(sizeBytes)]
  await runAsUser([QEMU_IMG, args], path, CREATE_TIMEOUT_MS, user, signal)
}

/** The same bytes under another name in the same folder. */
export async function copyDisk(
  from: string,
  to: string,
  user: QemuUser | null,
  signal: AbortSignal,
): Promise<void> {
  await rm(to, { force: true })
  const args = ['--reflink=auto', '--sparse=always', '--', basename(from), basename(to)]
  await runAsUser(['cp', args], to, COPY_TIMEOUT_MS, user, signal)
}

export async function growDisk(
  path: string,
  base: BaseImage | null,
  sizeBytes: number,
  user: QemuUser | null,
  signal: AbortSignal,
): Promise<void> {
  const args = ['resize', '-q', nestedDisk(basename(path), base), String(sizeBytes)]
  await runAsUser([QEMU_IMG, args], path, CREATE_TIMEOUT_MS, user, signal)
}

/** Makes a copy that stands alone of a disk that nobody writes. */
export async function flattenDisk(
  from: string,
  base: BaseImage | null,
  to: string,
  user: QemuUser | null,
  signal: AbortSignal,
): Promise<void> {
  await rm(to, { force: true })
  // -U: a copy that an earlier agent began may still be at it, and its lock is of no importance.
  const args = ['convert', '-q', '-U', '-O', 'qcow2', nestedDisk(basename(from), base)]
  await runAsUser([QEMU_IMG, [...args, basename(to)]], to, COPY_TIMEOUT_MS, user, signal)
}

/** Throws IMAGE_INVALID for a qcow2 whose tables do not fit together or that is not whole. */
export async function checkDisk(
  path: string,
  user: QemuUser | null,
  signal: AbortSignal,
): Promise<void> {
  const args = ['check', '-q', '-f', 'qcow2', basename(path)]
  const options = { timeoutMs: COPY_TIMEOUT_MS, cwd: dirname(path), signal }
  const result = await run(...asUser(user, QEMU_IMG, args), options)
  if (result.exitCode === 0 || result.exitCode === LEAKS_EXIT_CODE) return
  throw new DriverError('IMAGE_INVALID', `the disk is damaged: ${result.stderr.trim()}`)
}

/** In the folder of the file that it makes. */
async function runAsUser(
  [command, args]: [string, string[]],
  path: string,
  timeoutMs: number,
  user: QemuUser | null,
  signal: AbortSignal,
): Promise<void> {
  const result = await run(...asUser(user, command, args), {
    timeoutMs,
    cwd: dirname(path),
    signal,
  })
  if (result.exitCode !== 0) throw programFailed(`${command} ${args[0]}`, result.stderr)
}
