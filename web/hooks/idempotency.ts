import { useState } from 'react'

/** Random, also where the page was not loaded over TLS: crypto.randomUUID is not there then. */
export function randomKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** One key for as long as the input stays the same: a repeated submit is the same request. */
export function keyHolder(): (input: unknown) => string {
  let last = { input: '', key: '' }
  return (input) => {
    const text = JSON.stringify(input)
    if (text !== last.input) last = { input: text, key: randomKey() }
    return last.key
  }
}

/** The idempotency key of a form, for the input that it is about to send. */
export function useIdempotencyKey(): (input: unknown) => string {
  const [keyFor] = useState(keyHolder)
  return keyFor
}
