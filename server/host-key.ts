/** The key of this machine as a host: made when it joins, kept in its data directory, never sent. */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { hostTrust } from '../services/compute/host-join.ts'
import type { Db } from '../services/context.ts'
import { readWhole, writeWhole } from './whole-file.ts'

const fileOf = (dataDir: string, hostName: string): string =>
  join(dataDir, 'agent', `${hostName}.key.pem`)

/** Null when this machine never joined under that name. */
export function readHostKey(dataDir: string, hostName: string): KeyObject | null {
  const text = readWhole(fileOf(dataDir, hostName))
  return text === null ? null : createPrivateKey(text)
}

/** The key that is there, or a new one. */
export function makeHostKey(dataDir: string, hostName: string): KeyObject {
  const known = readHostKey(dataDir, hostName)
  if (known) return known
  const { privateKey } = generateKeyPairSync('ed25519')
  const file = fileOf(dataDir, hostName)
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  const text = privateKey.export({ type: 'pkcs8', format: 'pem' })
  writeWhole(file, text.toString())
  return privateKey
}

export const publicPem = (key: KeyObject): string =>
  createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString()

/** The hosts of a process that has the database need no word: it writes whose key they have itself. */
export async function trustOwnHosts(
  db: Db,
  dataDir: string,
  hostNames: readonly string[],
): Promise<void> {
  for (const name of hostNames) {
    const publicKey = publicPem(makeHostKey(dataDir, name))
    await db.$transaction((tx) =>
      hostTrust(tx, name, publicKey, { at: new Date(), mayReplace: true }),
    )
  }
}
