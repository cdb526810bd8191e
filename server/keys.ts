import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto'
import { chmodSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { newId } from '../services/id.ts'
import type { TokenKeys } from '../services/identity/token.ts'

/**
 * The signing keys of the cloud, `<data dir>/keys/<key id>.pem`: P-256 private keys (RFC 7518, 3.4).
 * The newest signs, all verify; the first start makes one.
 */
export function loadKeys(dataDir: string): TokenKeys {
  const folder = join(dataDir, 'keys')
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  chmodSync(folder, 0o700)
  if (keyIds(folder).length === 0) makeKey(folder)
  const ids = keyIds(folder)
  const pairs = new Map(
    ids.map((id) => {
      const privateKey = createPrivateKey(readFileSync(join(folder, `${id}.pem`)))
      return [id, { privateKey, publicKey: createPublicKey(privateKey) }] as const
    }),
  )
  return { current: ids.at(-1) ?? '', pairs }
}

/** Key ids are UUIDv7: their order is that of their making. */
const keyIds = (folder: string): string[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.pem'))
    .map((name) => name.slice(0, -'.pem'.length))
    .sort()

function makeKey(folder: string): void {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const id = newId()
  const temporary = join(folder, `${id}.new`)
  writeFileSync(temporary, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 })
  renameSync(temporary, join(folder, `${id}.pem`))
}
