/**
 * Fernet (github.com/fernet/spec, version 0x80): a message under AES-128-CBC and HMAC-SHA256 with the
 * time of its making. What Keystone's Fernet tokens are made of, and our secrets at rest (sealed.ts).
 *
 * 1. Nothing of a token is decrypted or believed, its time included, before its HMAC was found right.
 * 2. A token has one spelling, with or without its padding: Keystone hands tokens out without.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto'

/** 32 bytes: the first 16 sign, the last 16 encrypt. */
export type FernetKey = Uint8Array

/** malformed: no token at all; forged: of none of the keys; future: made later than now. */
export type FernetProblem = 'malformed' | 'forged' | 'expired' | 'future'

export class FernetError extends Error {
  constructor(readonly problem: FernetProblem) {
    super(`the Fernet token is ${problem === 'future' ? 'from the future' : problem}`)
    this.name = 'FernetError'
  }
}

const VERSION = 0x80
const KEY_BYTES = 32
const IV_BYTES = 16
const BLOCK_BYTES = 16
const MAC_BYTES = 32
const HEAD_BYTES = 1 + 8 + IV_BYTES
const CIPHER = 'aes-128-cbc'
/** How far ahead the clock may be of the one that made the token. */
const MAX_SKEW_SECONDS = 60
/** The last second that a Date can tell (ECMA-262, time values). */
const LAST_SECOND = 8_640_000_000_000n
const MAX_MESSAGE_BYTES = 48 * 1024
const MAX_TOKEN_LENGTH = 64 * 1024 + 256

/** A key as key files have it: base64url of 32 bytes. */
export function fernetKey(text: string): FernetKey {
  const key = fromBase64(text.trim())
  if (key?.length !== KEY_BYTES) {
    throw new Error(`a Fernet key is base64url of ${KEY_BYTES} bytes`)
  }
  return key
}

/** A token of the message, made at `at` (whole seconds). Only tests against vectors give an `iv`. */
export function fernetEncrypt(
  key: FernetKey,
  message: Uint8Array,
  at: Date,
  iv: Uint8Array = randomBytes(IV_BYTES),
): string {
  if (message.length > MAX_MESSAGE_BYTES) {
    throw new RangeError(`a Fernet message has at most ${MAX_MESSAGE_BYTES} bytes`)
  }
  const { signing, encryption } = halves(key)
  const head = Buffer.alloc(1 + 8)
  head.writeUInt8(VERSION)
  head.writeBigUInt64BE(BigInt(secondsOf(at)), 1)
  const cipher = createCipheriv(CIPHER, encryption, iv)
  const signed = Buffer.concat([head, iv, cipher.update(message), cipher.final()])
  const bytes = Buffer.concat([signed, macOf(signing, signed)])
  return bytes.toString('base64').replaceAll('+', '-').replaceAll('/', '_')
}

/**
 * The message and the time of its making. The keys are tried in their order.
 * Without a clock the time does not matter; with one, a token from the future is refused, and with
 * `ttlSeconds` one that is older. Throws FernetError, which holds nothing of the token.
 */
export function fernetDecrypt(
  keys: readonly FernetKey[],
  token: string,
  clock?: { at: Date; ttlSeconds?: number },
): { message: Buffer; at: Date } {
  const bytes = token.length <= MAX_TOKEN_LENGTH ? fromBase64(token) : null
  if (!bytes || !isShaped(bytes)) throw new FernetError('malformed')
  const key = fernetKeyOf(keys, bytes)
  if (!key) throw new FernetError('forged')
  const seconds = bytes.readBigUInt64BE(1)
  if (seconds > LAST_SECOND) throw new FernetError('future')
  const at = new Date(Number(seconds) * 1000)
  if (clock) checkTime(at, clock)
  return { message: decrypted(key, bytes), at }
}

function fernetKeyOf(keys: readonly FernetKey[], bytes: Buffer): FernetKey | undefined {
  const signed = bytes.subarray(0, -MAC_BYTES)
  const mac = bytes.subarray(-MAC_BYTES)
  return keys.find((key) => timingSafeEqual(macOf(halves(key).signing, signed), mac))
}

function checkTime(made: Date, { at, ttlSeconds }: { at: Date; ttlSeconds?: number }): void {
  const age = secondsOf(at) - secondsOf(made)
  if (age < -MAX_SKEW_SECONDS) throw new FernetError('future')
  if (ttlSeconds !== undefined && age > ttlSeconds) throw new FernetError('expired')
}

function decrypted(key: FernetKey, bytes: Buffer): Buffer {
  const iv = bytes.subarray(HEAD_BYTES - IV_BYTES, HEAD_BYTES)
  const decipher = createDecipheriv(CIPHER, halves(key).encryption, iv)
  try {
    return Buffer.concat([
      decipher.update(bytes.subarray(HEAD_BYTES, -MAC_BYTES)),
      decipher.final(),
    ])
  } catch {
    throw new FernetError('malformed')
  }
}

function isShaped(bytes: Buffer): boolean {
  const encrypted = bytes.length - HEAD_BYTES - MAC_BYTES
  return bytes[0] === VERSION && encrypted >= BLOCK_BYTES && encrypted % BLOCK_BYTES === 0
}

function halves(key: FernetKey): { signing: Uint8Array; encryption: Uint8Array } {
  if (key.length !== KEY_BYTES) throw new RangeError(`a Fernet key has ${KEY_BYTES} bytes`)
  return { signing: key.subarray(0, 16), encryption: key.subarray(16) }
}

const macOf = (signing: Uint8Array, signed: Uint8Array): Buffer =>
  createHmac('sha256', signing).update(signed).digest()

const secondsOf = (at: Date): number => Math.floor(at.getTime() / 1000)

/** Node skips what is no base64, so what was read is written again and compared. */
function fromBase64(text: string): Buffer | null {
  const bytes = Buffer.from(text, 'base64url')
  const bare = bytes.toString('base64url')
  const padded = bare + '='.repeat((4 - (bare.length % 4)) % 4)
  return text === padded || text === bare ? bytes : null
}
