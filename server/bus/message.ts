/**
 * What both buses do alike with a message: its bytes, its size limit, the pause before it is given
 * again.
 */
import { BusError, MAX_MESSAGE_BYTES } from '../../workers/bus.ts'

const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 2_000

export function encodeMessage(queue: string, body: object): Buffer {
  const content = Buffer.from(JSON.stringify(body))
  if (content.length > MAX_MESSAGE_BYTES) {
    throw new BusError(
      'TOO_LARGE',
      `a message of ${content.length} bytes for ${queue}: the limit is ${MAX_MESSAGE_BYTES}`,
    )
  }
  return content
}

export function decodeMessage(content: Buffer): unknown {
  if (content.length > MAX_MESSAGE_BYTES) {
    throw new BusError('TOO_LARGE', `a message of ${content.length} bytes arrived`)
  }
  return JSON.parse(content.toString('utf8')) as unknown
}

/** Doubles from 100 ms to 2 s: ten deliveries are spread over about ten seconds. */
export function redeliveryPauseMs(deliveries: number): number {
  return Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (deliveries - 1))
}
