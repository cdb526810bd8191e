/**
 * The key files of the cloud, in `<data dir>/keys/`, and their rotation:
 *
 *   <id>.pem          P-256 private keys (RFC 7518, 3.4): they sign tokens; who checks knows the public half
 *   fernet/<id>.key   Fernet keys, 32 random bytes in base64url: tokens of the other format
 *   seal/<id>.key     Fernet keys: secrets at rest
 *
 * K1 Ids are UUIDv7. When a key was made, and so what it is good for now, is in its id: every process that
 *    sees the folder comes to the same answer without a word between them.
 * K2 A key is staged for `STAGED_MS`: everybody can check with it, nobody makes anything with it. Then it is
 *    the primary, until the next one is; then a secondary, that checks what it made. With no older key
 *    beside it nobody waits: the first key is primary at once.
 * K3 Rotation removes a secondary when no token of it can be alive: counted from when the next key took
 *    over, not from when it was made. Sealing keys are never removed: rows need them for as long as they live.
 * K4 A key is on the disk before anybody can see it, whole, and readable by its owner only: what is sealed
 *    with a key that a power failure took is lost.
 */
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { v7, validate, version } from 'uuid'
import { writeWhole } from './whole-file.ts'

export const keyKinds = ['token', 'fernet', 'seal'] as const
export type KeyKind = (typeof keyKinds)[number]

/** Longer than a process takes to hear of a new key, and than clocks differ. */
export const STAGED_MS = 60_000
const FERNET_KEY_BYTES = 32

export interface KeyFile {
  id: string
  file: string
  /** By its id; 0 for one that was named by hand. */
  madeAt: number
}

interface Place {
  folder: string
  suffix: string
  make(): string
}

const places: Record<KeyKind, Place> = {
  token: { folder: '', suffix: '.pem', make: newSigningKey },
  fernet: { folder: 'fernet', suffix: '.key', make: newFernetKey },
  seal: { folder: 'seal', suffix: '.key', make: newFernetKey },
}

export const keyFolder = (dataDir: string, kind: KeyKind): string =>
  join(dataDir, 'keys', places[kind].folder)

/** The keys of a kind, oldest first; none when there is no folder yet. */
export function keyFiles(dataDir: string, kind: KeyKind): KeyFile[] {
  const folder = keyFolder(dataDir, kind)
  if (!existsSync(folder)) return []
  const { suffix } = places[kind]
  return readdirSync(folder)
    .filter((name) => name.endsWith(suffix) && !name.startsWith('.'))
    .map((name) => {
      const id = name.slice(0, -suffix.length)
      return { id, file: join(folder, name), madeAt: timeOf(id) }
    })
    .sort((a, b) => a.madeAt - b.madeAt || (a.id < b.id ? -1 : 1))
}

/** The first 48 bits of a UUIDv7 are milliseconds (RFC 9562, 5.7). */
const timeOf = (id: string): number =>
  validate(id) && version(id) === 7 ? Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16) : 0

/** The key that signs or seals at that moment (K2); undefined when there is none at all. */
export const primaryOf = (keys: readonly KeyFile[], at: number): KeyFile | undefined =>
  keys.findLast((key) => key.madeAt + STAGED_MS <= at) ?? keys[0]

export type KeyStage = 'staged' | 'primary' | 'secondary'

export function stageOf(keys: readonly KeyFile[], key: KeyFile, at: number): KeyStage {
  const primary = primaryOf(keys, at)
  if (!primary || primary.id === key.id) return 'primary'
  return keys.indexOf(key) > keys.indexOf(primary) ? 'staged' : 'secondary'
}

/** Makes the folder of a kind when it is missing, closed to all others, with its first key. */
export function ensureKeys(dataDir: string, kind: KeyKind, at: Date): void {
  const folder = keyFolder(dataDir, kind)
  for (const path of new Set([keyFolder(dataDir, 'token'), folder])) {
    mkdirSync(path, { recursive: true, mode: 0o700 })
    if (statSync(path).mode & 0o077) chmodSync(path, 0o700)
  }
  if (keyFiles(dataDir, kind).length === 0) makeKey(dataDir, kind, at)
}

function makeKey(dataDir: string, kind: KeyKind, at: Date): string {
  const folder = keyFolder(dataDir, kind)
  const { suffix, make } = places[kind]
  const id = v7({ msecs: at.getTime() })
  writeWhole(join(folder, `${id}${suffix}`), make())
  return id
}

function newSigningKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
}

function newFernetKey(): string {
  return `${randomBytes(FERNET_KEY_BYTES).toString('base64url')}\n`
}

export interface RotateOptions {
  which: KeyKind
  /** The longest life of a token that was issued lately. Sealing keys don't care. */
  tokenTtlSeconds: number
  at?: Date
}

export interface Rotation {
  id: string
  /** From when on the new key signs. */
  primaryAt: Date
  /** The ids of the keys that no living token can be of. */
  pruned: string[]
}

/**
 * Stages a new key and removes those that have served their time; makes the first one where there is none.
 * Refused while one is staged.
 */
export function rotateKeys(dataDir: string, options: RotateOptions): Rotation {
  const { which, tokenTtlSeconds, at = new Date() } = options
  const isFirst = keyFiles(dataDir, which).length === 0
  ensureKeys(dataDir, which, at)
  const before = keyFiles(dataDir, which)
  if (isFirst) return { id: before[0]?.id ?? '', primaryAt: at, pruned: [] }
  const waiting = before.find((key) => stageOf(before, key, at.getTime()) === 'staged')
  if (waiting) {
    const from = new Date(waiting.madeAt + STAGED_MS).toISOString()
    throw new Error(`key ${waiting.id} is staged already and takes over at ${from}`)
  }
  const id = makeKey(dataDir, which, at)
  const over = which === 'seal' ? [] : servedOut(before, at.getTime() - tokenTtlSeconds * 1000)
  for (const { file } of over) rmSync(file, { force: true })
  const primaryAt = new Date(at.getTime() + STAGED_MS)
  return { id, primaryAt, pruned: over.map((key) => key.id) }
}

/** Those that had been relieved before then, with as much to spare for clocks that differ (K3). */
const servedOut = (keys: readonly KeyFile[], before: number): KeyFile[] =>
  keys.filter((_, i) => {
    const next = keys[i + 1]
    return next !== undefined && next.madeAt + 2 * STAGED_MS <= before
  })

/** From when on a secondary is of no use; null while it isn't one. */
export function servedOutAt(
  keys: readonly KeyFile[],
  key: KeyFile,
  tokenTtlSeconds: number,
): Date | null {
  const next = keys[keys.indexOf(key) + 1]
  return next ? new Date(next.madeAt + 2 * STAGED_MS + tokenTtlSeconds * 1000) : null
}
