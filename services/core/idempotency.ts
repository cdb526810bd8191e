/**
 * Idempotency keys: the first answer to a keyed request is stored in the transaction of its change.
 * The same key with the same arguments is given that answer again; with others it is refused.
 */
import { createHmac } from 'node:crypto'
import type { Db, Tx } from '../context.ts'
import { CloudError } from '../errors.ts'

export interface Keyed {
  userId: string
  key: string
  command: string
  /** Under each of our keys, the current one first. */
  argumentsHashes: string[]
}

/**
 * Hashes what was asked for and in which scope, whatever the order of the fields. With a key: there are passwords among
 * the arguments, and who reads the table could guess them offline.
 */
export function argumentsHash(key: Uint8Array, scope: string | null, input: object): string {
  const canonical = (value: unknown): unknown => {
    // JSON has no whole numbers of 64 bits.
    if (typeof value === 'bigint') return String(value)
    if (Array.isArray(value)) return value.map(canonical)
    return value && typeof value === 'object' && !(value instanceof Date)
      ? Object.fromEntries(
          Object.entries(value)
            .filter(([, v]) => v !== undefined && v !== null)
            .sort(([a], [b]) => (a < b ? -1 : 1))
            .map(([k, v]) => [k, canonical(v)]),
        )
      : value
  }
  return createHmac('sha256', key)
    .update(JSON.stringify([scope, canonical(input)]))
    .digest('hex')
}

export async function earlierAnswer<R>(db: Db, keyed: Keyed): Promise<R | null> {
  const row = await db.idempotencyKey.findUnique({
    where: { userId_key: { userId: keyed.userId, key: keyed.key } },
  })
  if (!row) return null
  if (row.command !== keyed.command || !keyed.argumentsHashes.includes(row.argumentsHash)) {
    throw new CloudError('CONFLICT', 'This idempotency key was used with other arguments')
  }
  return row.result as R
}

export async function keepAnswer(tx: Tx, keyed: Keyed, result: object, at: Date): Promise<void> {
  const { userId, key, command, argumentsHashes } = keyed
  const argumentsHash = argumentsHashes[0] ?? ''
  await tx.idempotencyKey.create({
    data: { userId, key, command, argumentsHash, result: { ...result }, createdAt: at },
  })
}
