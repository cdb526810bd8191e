/**
 * Reports that are signed: by the host's own key (Ed25519, RFC 8032), over the very text that is read.
 * A replayed one is old news: reports are numbered.
 */
import { createPublicKey, type KeyObject, sign, verify } from 'node:crypto'

export interface SignedReport {
  host: string
  /** JSON. */
  body: string
  /** Base64. */
  signature: string
}

export function signed(key: KeyObject, host: string, report: object): SignedReport {
  const body = JSON.stringify(report)
  return { host, body, signature: sign(null, Buffer.from(body), key).toString('base64') }
}

export const isSigned = (message: unknown): message is SignedReport =>
  typeof message === 'object' &&
  message !== null &&
  ['host', 'body', 'signature'].every(
    (name) => typeof (message as Record<string, unknown>)[name] === 'string',
  )

/** What was signed, when it was by this key (PEM) and for this host; otherwise null. */
export function verified(
  publicKey: string,
  { host, body, signature }: SignedReport,
): object | null {
  const key = createPublicKey(publicKey)
  if (!verify(null, Buffer.from(body), key, Buffer.from(signature, 'base64'))) return null
  const report = JSON.parse(body) as { host?: unknown }
  return report.host === host ? report : null
}
