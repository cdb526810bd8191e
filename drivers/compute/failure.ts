/** Turns what goes wrong underneath into the errors of the contract. */
import { open } from 'node:fs/promises'
import { ShellError } from '../shell.ts'
import { DriverError } from './driver.ts'

const TAIL_BYTES = 2 * 1024
const OUT_OF_SPACE = /no space left on device|disk quota exceeded/i

/** Every verb ends with this, so that nothing but a DriverError leaves the driver. */
export function asDriverError(error: unknown, doing: string): DriverError {
  if (error instanceof DriverError) return error
  const options = { cause: error }
  if (isOutOfSpace(error)) {
    return new DriverError('NO_SPACE', `${doing}: the host's disk is full`, true, options)
  }
  if (error instanceof ShellError && error.reason !== 'NOT_STARTED') {
    return new DriverError(error.reason, `${doing}: ${error.message}`, true, options)
  }
  const text = error instanceof Error ? error.message : String(error)
  return new DriverError('HYPERVISOR_FAILED', `${doing}: ${text}`, false, options)
}

/** A program of QEMU failed and said why on its standard error. */
export function programFailed(doing: string, stderr: string): DriverError {
  const tail = stderr.trim().slice(-TAIL_BYTES)
  if (OUT_OF_SPACE.test(tail)) {
    return new DriverError('NO_SPACE', `${doing}: the host's disk is full`, true)
  }
  return new DriverError('HYPERVISOR_FAILED', `${doing}: ${tail || 'it did not say why'}`)
}

export function isOutOfSpace(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException
  return code === 'ENOSPC' || code === 'EDQUOT'
}

/** The end of a log file; empty when there is none. */
export async function tailOf(path: string): Promise<string> {
  const file = await open(path, 'r').catch(() => null)
  if (!file) return ''
  try {
    const { size } = await file.stat()
    const buffer = Buffer.alloc(Math.min(size, TAIL_BYTES))
    await file.read(buffer, 0, buffer.length, size - buffer.length)
    return buffer.toString('utf8').trim()
  } finally {
    await file.close()
  }
}
