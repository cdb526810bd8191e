import { mkdirSync, renameSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { destination, type Logger, pino, stdSerializers } from 'pino'

/** A log of a start before is kept once, under `.old`, when it is larger. */
const MAX_LOG_BYTES = 20 * 1024 * 1024

/** An error without the client that it happened to: pg hangs all that it holds onto its errors. */
function errorOf(error: Error): object {
  const { client: _, ...told } = stdSerializers.err(error) as Record<string, unknown>
  return told
}

/**
 * The structured log: on standard output for whoever collects it; in the data directory when a
 * person sits at the terminal, who gets the few lines of main.ts instead.
 */
export function makeLog(level: string, dataDir: string): { log: Logger; file: string | null } {
  const base = {
    level,
    base: { service: 'nephograph' },
    redact: ['*.password', '*.secret', '*.ticket'],
    serializers: { err: errorOf },
  }
  if (!process.stdout.isTTY) return { log: pino(base), file: null }
  mkdirSync(dataDir, { recursive: true, mode: 0o711 })
  const file = join(dataDir, 'nephograph.log')
  if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) > MAX_LOG_BYTES) {
    renameSync(file, `${file}.old`)
  }
  return { log: pino(base, destination({ dest: file, mode: 0o600, sync: true })), file }
}
