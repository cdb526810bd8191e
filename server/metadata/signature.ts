/** The proxy's word for which server asks: HMAC-SHA256 of the instance id, in hex, as Neutron makes it. */
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Secret } from '../secret.ts'

const HEX_LETTERS = 64

export const signatureOf = (secret: Secret, instanceId: string): string =>
  createHmac('sha256', secret.reveal()).update(instanceId).digest('hex')

/** In a time that does not tell how much of it was right. */
export function isSigned(secret: Secret, instanceId: string, signature: string): boolean {
  if (signature.length !== HEX_LETTERS) return false
  const [wanted, given] = [signatureOf(secret, instanceId), signature.toLowerCase()]
  const [a, b] = [Buffer.from(wanted), Buffer.from(given)]
  return a.length === b.length && timingSafeEqual(a, b)
}
