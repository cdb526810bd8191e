/**
 * Time-based one-time passwords (RFC 6238) as authenticator apps read them: 6 digits, 30 seconds,
 * HMAC-SHA1. A code is good in its own time step and in the one before and after, for the clocks.
 */
import { Secret, TOTP } from 'otpauth'

const DIGITS = 6
const PERIOD_SECONDS = 30
/** Steps to either side (RFC 6238, 5.2 wants at most one for the way of the code). */
const SKEW_STEPS = 1
/** RFC 4226, section 4, R6 recommends 160 bits. */
const SECRET_BYTES = 20
/** The same rule: at least 128 bits. */
const MIN_SECRET_BYTES = 16

const settings = { algorithm: 'SHA1', digits: DIGITS, period: PERIOD_SECONDS }

/** A new secret in base32, to be sealed at rest. */
export const newTotpSecret = (): string => new Secret({ size: SECRET_BYTES }).base32

/** What the QR code of the enrolment says: `otpauth://totp/...`. It holds the secret. */
export function totpUri({
  issuer,
  account,
  secret,
}: {
  issuer: string
  account: string
  secret: string
}): string {
  // Apps split the label at its first colon, so neither part may have one.
  const plain = (text: string) => text.replaceAll(':', ' ')
  const label = { issuer: plain(issuer), label: plain(account) }
  return new TOTP({ ...settings, ...label, secret: secretOf(secret) }).toString()
}

/**
 * The time step that the code is good for, or null when it is not good now.
 * A code is good once (RFC 6238, 5.2): the caller keeps the step of the last code that it took and
 * refuses every step that is not greater, in the statement that stores the new one.
 */
export function totpStepOf(secret: string, code: string, at: Date): number | null {
  if (!/^[0-9]{6}$/.test(code)) return null
  const timestamp = at.getTime()
  const delta = TOTP.validate({
    ...settings,
    secret: secretOf(secret),
    token: code,
    timestamp,
    window: SKEW_STEPS,
  })
  return delta === null ? null : TOTP.counter({ period: PERIOD_SECONDS, timestamp }) + delta
}

/** The library's error would show a character of the secret. */
function secretOf(base32: string): Secret {
  let secret: Secret | null = null
  try {
    secret = Secret.fromBase32(base32)
  } catch {}
  if (!secret || secret.bytes.length < MIN_SECRET_BYTES) {
    throw new Error(`a TOTP secret is base32 of at least ${MIN_SECRET_BYTES} bytes`)
  }
  return secret
}
