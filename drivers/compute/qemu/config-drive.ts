/**
 * The config drive of a machine: a small VFAT disk labelled `config-2`, made by mtools from files
 * that are never written out one by one, since they may hold secrets.
 *
 * It lies beside the run folder, where QEMU reads it and cannot replace it, and appears whole.
 */
import { chmod, chown, open, rm } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { run } from '../../shell.ts'
import { type ConfigFile, DriverError } from '../driver.ts'
import { programFailed } from '../failure.ts'
import { renameDurably } from './durably.ts'
import type { QemuUser } from './user.ts'

const FILES_MAX = 256
const CONTENT_MAX_BYTES = 64 * 1024 * 1024
const DEPTH_MAX = 8
const SECTOR_BYTES = 512
const HEADS = 64
const SECTORS_PER_TRACK = 32
const CYLINDER_BYTES = HEADS * SECTORS_PER_TRACK * SECTOR_BYTES
/** Of each file its last cluster is half empty, and of the disk its tables take a part. */
const WASTE_PER_FILE_BYTES = 16 * 1024
const TABLES_BYTES = 1024 * 1024
const PATH = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}(\/[A-Za-z0-9_][A-Za-z0-9._-]{0,127})*$/
const LABEL = 'config-2'
const LABEL_SEARCH_BYTES = 1024 * 1024
const TIMEOUT_MS = 30_000

/** Makes the drive, or replaces it. Throws REFUSED for files that no config drive can hold. */
export async function writeConfigDrive(
  path: string,
  files: ConfigFile[],
  user: QemuUser | null,
  signal: AbortSignal,
): Promise<void> {
  const contents = files.map((file) => ({ path: file.path, bytes: decode(file) }))
  const sizeBytes = driveSize(contents)
  const partial = `${path}.partial`
  await rm(partial, { force: true })
  try {
    await makeEmpty(partial, sizeBytes)
    const mtools = (command: string, args: string[], input?: Uint8Array) =>
      runMtools(command, ['-i', basename(partial), ...args], { cwd: dirname(path), signal, input })
    const tracks = ['-h', String(HEADS), '-s', String(SECTORS_PER_TRACK)]
    const size = ['-t', String(sizeBytes / CYLINDER_BYTES)]
    await mtools('mformat', ['-v', LABEL, ...size, ...tracks, '::'])
    await writeLabel(partial)
    for (const folder of foldersOf(contents)) await mtools('mmd', [`::/${folder}`])
    for (const file of contents) await mtools('mcopy', ['-', `::/${file.path}`], file.bytes)
    if (user) await chown(partial, -1, user.gid)
    await chmod(partial, user ? 0o440 : 0o400)
    await renameDurably(partial, path)
  } finally {
    await rm(partial, { force: true })
  }
}

function decode({ path, content }: ConfigFile): Buffer {
  if (!PATH.test(path) || path.split('/').length > DEPTH_MAX) {
    throw new DriverError('REFUSED', 'a file of the config drive has a path that it cannot have')
  }
  return Buffer.from(content, 'base64')
}

/** A whole number of cylinders, for the geometry that FAT still has. */
function driveSize(files: { bytes: Buffer }[]): number {
  const content = files.reduce((sum, { bytes }) => sum + bytes.length, 0)
  if (content > CONTENT_MAX_BYTES || files.length > FILES_MAX) {
    const limit = `${FILES_MAX} files and ${CONTENT_MAX_BYTES / 1024 ** 2} MiB`
    throw new DriverError('REFUSED', `the config drive holds more than ${limit}`)
  }
  const needed = content + files.length * WASTE_PER_FILE_BYTES + TABLES_BYTES
  return Math.ceil(needed / CYLINDER_BYTES) * CYLINDER_BYTES
}

/** Parents first. */
function foldersOf(files: { path: string }[]): string[] {
  const folders = new Set<string>()
  for (const { path } of files) {
    const names = path.split('/').slice(0, -1)
    for (let depth = 1; depth <= names.length; depth++) folders.add(names.slice(0, depth).join('/'))
  }
  return [...folders].sort((a, b) => a.split('/').length - b.split('/').length)
}

async function makeEmpty(path: string, sizeBytes: number): Promise<void> {
  const file = await open(path, 'wx', 0o600)
  try {
    await file.truncate(sizeBytes)
  } finally {
    await file.close()
  }
}

/** mtools writes a label in capitals, and those who look for one in lower case find none. */
async function writeLabel(path: string): Promise<void> {
  const file = await open(path, 'r+')
  try {
    const { buffer } = await file.read(Buffer.alloc(LABEL_SEARCH_BYTES), 0, LABEL_SEARCH_BYTES, 0)
    const at = buffer.indexOf(`${LABEL.toUpperCase().padEnd(11)}\x08`, 0, 'latin1')
    if (at < 0) throw new DriverError('HYPERVISOR_FAILED', 'mformat gave the config drive no label')
    await file.write(Buffer.from(LABEL, 'latin1'), 0, LABEL.length, at)
  } finally {
    await file.close()
  }
}

async function runMtools(
  command: string,
  args: string[],
  options: { cwd: string; signal: AbortSignal; input?: Uint8Array },
): Promise<void> {
  const result = await run(command, args, { timeoutMs: TIMEOUT_MS, ...options })
  if (result.exitCode === 0) return
  throw programFailed('the config drive could not be made', result.stderr)
}
