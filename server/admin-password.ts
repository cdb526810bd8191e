import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Secret } from './secret.ts'

/** The first administrator's password: as set, as kept from an earlier start, or a new one. */
export function adminPassword(
  dataDir: string,
  given: Secret | undefined,
): { password: string; file: string | null; isNew: boolean } {
  if (given) return { password: given.reveal(), file: null, isNew: false }
  const file = join(dataDir, 'admin-password')
  if (existsSync(file)) return { password: readFileSync(file, 'utf8').trim(), file, isNew: false }
  const password = randomBytes(15).toString('base64url')
  writeFileSync(file, `${password}\n`, { mode: 0o600, flag: 'wx' })
  return { password, file, isNew: true }
}
