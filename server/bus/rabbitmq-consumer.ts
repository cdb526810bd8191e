/**
 * The reading half of the RabbitMQ bus: one queue, one handler, one channel at a time.
 *
 * R1 A message is acknowledged on the channel that it came from, after its handler. When that
 *    channel is gone the broker gives the message again, to whoever reads then.
 * R2 Prefetch is the concurrency: what this process cannot handle now is left for others.
 * R3 A lost channel or a cancelled consumer is set up again until the subscription is stopped; the
 *    connection makes that wait while it is being recovered.
 * R4 Every `CHECK_EVERY_MS` the broker is asked whether it still knows this reader: one that was lost
 *    without a word would look well for ever, and its host with it.
 */
import type { Channel, ConsumeMessage, RecoveringChannelModel } from 'amqplib'
import type { Logger } from 'pino'
import { BusError, type ConsumeOptions, MAX_DELIVERIES } from '../../workers/bus.ts'
import { pause, settledWithin, within } from '../../workers/pause.ts'
import { decodeMessage } from './message.ts'
import { declareQueue } from './rabbitmq-queue.ts'

const STOP_WAIT_MS = 30_000
const CHECK_EVERY_MS = 15_000
const REATTACH_PAUSE_MS = 1_000
const SETUP_TIMEOUT_MS = 20_000
const CLOSE_WAIT_MS = 2_000

export interface Subscription {
  /** Begins to read; waits for the connection and rejects when the broker refuses. */
  attach(): Promise<void>
  stop(): Promise<void>
}

export interface SubscriptionOptions extends ConsumeOptions {
  connection: RecoveringChannelModel
  queue: string
  handler: (body: unknown) => Promise<void>
  pauseMs: (deliveries: number) => number
  /** How often the reader is checked; tests shorten it. */
  checkEveryMs?: number
  log: Logger
}

export function makeSubscription(options: SubscriptionOptions): Subscription {
  const { connection, queue, handler, pauseMs, log } = options
  const exclusive = options.exclusive ?? false
  const inHand = new Set<Promise<void>>()
  const stopping = new AbortController()
  let current: { channel: Channel; consumerTag: string } | null = null
  let everAttached = false
  const checks = setInterval(() => void check(), options.checkEveryMs ?? CHECK_EVERY_MS)

  async function attach(): Promise<void> {
    const channel = await connection.createChannel()
    channel.on('error', (error: Error) =>
      log.warn({ queue, err: error }, 'a reading channel failed'),
    )
    let open = true
    channel.on('close', () => {
      open = false
      if (current?.channel === channel) {
        current = null
        void attachAgain()
      }
    })
    try {
      const late = (): Error => new Error(`reading ${queue} could not begin in time`)
      const consumerTag = await within(SETUP_TIMEOUT_MS, read(channel), late)
      if (!open) throw new Error(`the channel for ${queue} closed at once`)
      current = { channel, consumerTag }
      everAttached = true
    } catch (error) {
      await closeQuietly(channel)
      throw error
    }
  }

  async function read(channel: Channel): Promise<string> {
    if (stopping.signal.aborted) throw new BusError('CLOSED', `${queue} is not read any more`)
    await channel.prefetch(options.concurrency ?? 1)
    const { consumerCount } = await declareQueue(channel, queue, exclusive)
    if (exclusive && !everAttached && consumerCount > 0) {
      throw new BusError('IN_USE', `${queue} is private and has a reader`)
    }
    return (await channel.consume(queue, (message) => take(channel, message))).consumerTag
  }

  async function check(): Promise<void> {
    const channel = current?.channel
    if (!channel) return
    const late = (): Error => new Error('the broker did not answer')
    try {
      const known = await within(SETUP_TIMEOUT_MS, declareQueue(channel, queue, exclusive), late)
      if (known.consumerCount > 0) return
    } catch (error) {
      log.debug({ queue, err: error }, 'a reader could not be checked')
    }
    if (stopping.signal.aborted || current?.channel !== channel) return
    log.warn({ queue }, 'the broker has lost the reader of a queue')
    current = null
    await closeQuietly(channel)
    await attachAgain()
  }

  async function attachAgain(): Promise<void> {
    while (!stopping.signal.aborted && !current) {
      try {
        await attach()
      } catch (error) {
        log.debug({ queue, err: error }, 'a queue could not be read and will be tried again')
        await pause(REATTACH_PAUSE_MS, stopping.signal)
      }
    }
  }

  function take(channel: Channel, message: ConsumeMessage | null): void {
    if (!message) {
      log.warn({ queue }, 'the broker ended the reading of a queue')
      void closeQuietly(channel)
      return
    }
    if (stopping.signal.aborted) return settle(() => channel.nack(message, false, true))
    const handling = deliver(channel, message).finally(() => inHand.delete(handling))
    inHand.add(handling)
  }

  async function deliver(channel: Channel, message: ConsumeMessage): Promise<void> {
    const body = readBody(message)
    if (body === undefined) return settle(() => channel.ack(message))
    for (let deliveries = deliveriesOf(message); ; deliveries += 1) {
      try {
        await handler(body)
        return settle(() => channel.ack(message))
      } catch (error) {
        const facts = { queue, deliveries, err: error }
        if (deliveries >= MAX_DELIVERIES) {
          log.error(facts, 'a message failed too often and was dropped')
          return settle(() => channel.ack(message))
        }
        log.warn(facts, 'a message failed and will be given again')
        await pause(pauseMs(deliveries), stopping.signal)
      }
      // Another consumer may do better; a private queue has none, and does not count deliveries.
      if (!exclusive || stopping.signal.aborted) {
        return settle(() => channel.nack(message, false, true))
      }
    }
  }

  function readBody(message: ConsumeMessage): unknown {
    try {
      return decodeMessage(message.content)
    } catch (error) {
      log.error({ queue, err: error }, 'a message that is not JSON was dropped')
      return undefined
    }
  }

  /** Acknowledging on a channel that is gone throws; the broker has taken the message back by then. */
  function settle(acknowledge: () => void): void {
    try {
      acknowledge()
    } catch (error) {
      log.debug({ queue, err: error }, 'a message was handled but will be given again')
    }
  }

  async function stop(): Promise<void> {
    if (stopping.signal.aborted) return
    stopping.abort()
    clearInterval(checks)
    const last = current
    if (last) await settledWithin(CLOSE_WAIT_MS, cancel(last.channel, last.consumerTag))
    await settledWithin(STOP_WAIT_MS, Promise.all(inHand))
    current = null
    if (!last) return
    if (exclusive) await settledWithin(CLOSE_WAIT_MS, drop(last.channel, queue))
    await closeQuietly(last.channel)
  }

  return { attach, stop }
}

/** Quorum queues say how often a message was given before. */
function deliveriesOf(message: ConsumeMessage): number {
  const before: unknown = message.properties.headers?.['x-delivery-count']
  return (typeof before === 'number' ? before : 0) + 1
}

/** `async`, because amqplib throws at once on a channel that is gone. */
async function cancel(channel: Channel, consumerTag: string): Promise<void> {
  await channel.cancel(consumerTag)
}

async function drop(channel: Channel, queue: string): Promise<void> {
  await channel.deleteQueue(queue)
}

/** Closing a channel that is closed already throws. */
async function closeQuietly(channel: Channel): Promise<void> {
  try {
    await settledWithin(CLOSE_WAIT_MS, channel.close())
  } catch {}
}
