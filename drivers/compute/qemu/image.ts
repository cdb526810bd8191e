/** What qemu-img is asked to do: always as the unprivileged user, always with the format given. */
import { open, rename, rm } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { run } from '../../shell.ts'
import { DriverError } from '../driver.ts'
import { programFailed } from '../failure.ts'
import { BASE_PATH, type BaseImage } from './disk-arguments.ts'
import { QEMU_IMG } from './probe.ts'
import { asUser, type QemuUser } from './user.ts'

const CREATE_TIMEOUT_MS = 60_000
const CHECK_TIMEOUT_MS = 60_000

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
  const file = await open(`${disk}.partial`, 'r')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(`${disk}.partial`, disk)
}
