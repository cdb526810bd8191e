import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { Secret } from './secret.ts'
import { readWhole, writeWhole } from './whole-file.ts'

/** The first administrator's password: as set, as kept from an earlier start, or a new one. */
export function adminPassword(
  dataDir: string,
  given: Secret | undefined,
): { password: string; file: string | null; isNew: boolean } {
  if (given) return { password: given.reveal(), file: null, isNew: false }
  const file = join(dataDir, 'admin-password')
  const kept = readWhole(file)?.trim()
  if (kept) return { password: kept, file, isNew: false }
  const password = randomBytes(15).toString('base64url')
  writeWhole(file, `${password}\n`)
  return { password, file, isNew: true }
}
