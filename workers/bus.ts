/**
 * The bus: named queues between the processes of the cloud. It only carries doorbells, calls and
 * reports; the truth is in PostgreSQL, so a lost or repeated message is never more than a delay.
 *
 * B1 `publish` resolves only when the message is safe with the bus (a broker's confirm). While the
 *    broker is away it waits, bounded in time and in number, then rejects. A rejected publish may
 *    still arrive.
 * B2 Consumers of one queue compete; a message goes to one of them, at least once. Nothing is
 *    promised about order.
 * B3 A message is acknowledged when its handler resolves; when it rejects, it is given again after
 *    a pause, at most `MAX_DELIVERIES` times in all, then dropped and logged. The pause keeps its
 *    place among the consumer's `concurrency`: a consumer that fails slows down by itself.
 * B4 A message may carry a time to live; after it, nobody receives it.
 * B5 A body is JSON: what arrives is a copy, never the sender's object.
 *
 * Implementations are in `server/bus/`.
 */
export interface Bus {
  /** Rejects with a `BusError`. */
  publish(queue: string, body: object, options?: PublishOptions): Promise<void>
  /** Resolves when the queue exists and is being read. Rejects with a `BusError`. */
  consume(
    queue: string,
    handler: (body: unknown) => Promise<void>,
    options?: ConsumeOptions,
  ): Promise<Consumer>
  /** What readiness reports: null when well, otherwise what is wrong. */
  problem(): string | null
  /** Stops all consumers, waits a bounded time for what is in hand, and lets go of the broker. */
  close(): Promise<void>
}

export interface PublishOptions {
  /** After this time the message is dropped instead of delivered. */
  expiresInMs?: number
  /** To somebody's private queue: it is not made when it is gone, the message is dropped. */
  exclusive?: boolean
}

export interface ConsumeOptions {
  /** How many messages are handled at once. Default 1. */
  concurrency?: number
  /**
   * A private queue: only this consumer reads it, and it goes when the consumer does (after a
   * minute, when the consumer's process was killed). Its name must be the consumer's own.
   */
  exclusive?: boolean
}

export interface Consumer {
  /** Takes no new messages and resolves when those in hand are done. */
  stop(): Promise<void>
}

export const MAX_DELIVERIES = 10

/** Large enough for a console log of 1 MiB in which every byte had to be escaped. */
export const MAX_MESSAGE_BYTES = 8 * 1024 * 1024

/**
 * UNAVAILABLE: the broker did not take it in time. FULL: too much waits already. TOO_LARGE: above
 * `MAX_MESSAGE_BYTES`. IN_USE: the private queue has a reader. CLOSED: this bus was closed.
 */
export type BusErrorCode = 'UNAVAILABLE' | 'FULL' | 'TOO_LARGE' | 'IN_USE' | 'CLOSED'

export class BusError extends Error {
  constructor(
    readonly code: BusErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options)
    this.name = 'BusError'
  }
}
