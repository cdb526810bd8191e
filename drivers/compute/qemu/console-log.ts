/**
 * The serial console of a machine on disk, within a bound.
 *
 * QEMU keeps what the guest prints in a ring of 1 MiB in its own memory (a `ringbuf` character
 * device), and the driver moves it from there to `console.log` every other second. A log file that
 * QEMU wrote itself would grow without a bound while no agent runs; a socket would lose what is
 * printed meanwhile. With the ring, an absent agent costs only what lies further back than 1 MiB,
 * and a QEMU that is killed costs the last two seconds.
 *
 * L1 `console.log` holds at most 1 MiB and `console.log.1` the stretch before it: 2 MiB in all.
 */
import { appendFile, open, rename, stat } from 'node:fs/promises'
import { lastLines } from '../last-lines.ts'

export const CONSOLE_RING_BYTES = 1024 * 1024
const FILE_LIMIT_BYTES = 1024 * 1024
const READ_LIMIT_BYTES = 1024 * 1024

export async function appendConsole(path: string, bytes: Buffer): Promise<void> {
  if (bytes.length === 0) return
  const size = await sizeOf(path)
  if (size + bytes.length > FILE_LIMIT_BYTES && size > 0) await rename(path, `${path}.1`)
  await appendFile(path, bytes.subarray(-FILE_LIMIT_BYTES), { mode: 0o600 })
}

/** The last `lines` lines, at most 1 MiB; what is no UTF-8 shows as U+FFFD. */
export async function readConsole(path: string, lines: number): Promise<string> {
  const text = (await consoleEnd(path, READ_LIMIT_BYTES)).toString('utf8')
  // A byte that is no UTF-8 becomes a character of three.
  const fits = Buffer.byteLength(text) <= READ_LIMIT_BYTES
  return lastLines(fits ? text : text.slice(-Math.floor(READ_LIMIT_BYTES / 3)), lines)
}

/** Its last bytes, as they were printed. */
export async function consoleEnd(path: string, limitBytes: number): Promise<Buffer> {
  const current = await readTail(path, limitBytes)
  const older = await readTail(`${path}.1`, limitBytes - current.length)
  return Buffer.concat([older, current])
}

async function readTail(path: string, limitBytes: number): Promise<Buffer> {
  if (limitBytes <= 0) return Buffer.alloc(0)
  const file = await open(path, 'r').catch(ignoreMissing)
  if (!file) return Buffer.alloc(0)
  try {
    const { size } = await file.stat()
    const length = Math.min(size, limitBytes)
    const buffer = Buffer.alloc(length)
    const { bytesRead } = await file.read(buffer, 0, length, size - length)
    return buffer.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}

async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(ignoreMissing))?.size ?? 0
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error
  return undefined
}
