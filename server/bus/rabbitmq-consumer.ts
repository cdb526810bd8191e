/**
 * The reading half of the RabbitMQ bus: one queue, one handler, one channel at a time.
 *
 * R1 A message is acknowledged on the channel that it came from, after its handler. When that
 *    channel is gone the broker gives the message again, to whoever reads then.
 * R2 Prefetch is the concurrency: what this process cannot handle now is left for others.
 * R3 A lost channel or a cancelled consumer is set up again until the subscription is stopped; the
 *    connection makes that wait while it is being recovered.
 * R4 Every `CHECK_EVERY_MS` the broker is asked whether it still knows this reader: one that was
 *    lost without a word would look well for ever, and its host with it.
 */
import { setMaxListeners } from 'node:events'
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

export interface SubscriptionOptions extends ConsumeOptions {
  connection: RecoveringChannelModel
  queue: string
  handler: (body: unknown) => Promise<void>
  pauseMs: (deliveries: number) => number
  /** How often the reader is checked; tests shorten it. */
  checkEveryMs?: number
  log: Logger
}

export class Subscription {
  private readonly exclusive: boolean
  private readonly inHand = new Set<Promise<void>>()
  private readonly stopping = new AbortController()
  private readonly checks: NodeJS.Timeout
  private current: { channel: Channel; consumerTag: string } | null = null
  private everAttached = false

  constructor(private readonly options: SubscriptionOptions) {
    this.exclusive = options.exclusive ?? false
    // One listener per message that pauses.
    setMaxListeners(0, this.stopping.signal)
    this.checks = setInterval(() => void this.check(), options.checkEveryMs ?? CHECK_EVERY_MS)
  }

  /** Begins to read; waits for the connection and rejects when the broker refuses. */
  async attach(): Promise<void> {
    const { connection, queue, log } = this.options
    const channel = await connection.createChannel()
    let open = true
    channel.on('error', (error: Error) => {
      log.warn({ queue, err: error }, 'a reading channel failed')
    })
    channel.on('close', () => {
      open = false
      if (this.current?.channel !== channel) return
      this.current = null
      void this.attachAgain()
    })
    try {
      const late = (): Error => new Error(`reading ${queue} could not begin in time`)
      const consumerTag = await within(SETUP_TIMEOUT_MS, this.read(channel), late)
      if (!open) throw new Error(`the channel for ${queue} closed at once`)
      this.current = { channel, consumerTag }
      this.everAttached = true
    } catch (error) {
      await closeQuietly(channel)
      throw error
    }
  }

  async stop(): Promise<void> {
    if (this.stopping.signal.aborted) return
    this.stopping.abort()
    clearInterval(this.checks)
    const last = this.current
    if (last) await settledWithin(CLOSE_WAIT_MS, cancel(last.channel, last.consumerTag))
    await settledWithin(STOP_WAIT_MS, Promise.all(this.inHand))
    this.current = null
    if (!last) return
    const { queue } = this.options
    if (this.exclusive) await settledWithin(CLOSE_WAIT_MS, drop(last.channel, queue))
    await closeQuietly(last.channel)
  }

  private async read(channel: Channel): Promise<string> {
    const { queue, concurrency = 1 } = this.options
    if (this.stopping.signal.aborted) throw new BusError('CLOSED', `${queue} is not read any more`)
    await channel.prefetch(concurrency)
    const { consumerCount } = await declareQueue(channel, queue, this.exclusive)
    if (this.exclusive && !this.everAttached && consumerCount > 0) {
      throw new BusError('IN_USE', `${queue} is private and has a reader`)
    }
    return (await channel.consume(queue, (message) => this.take(channel, message))).consumerTag
  }

  private async check(): Promise<void> {
    const channel = this.current?.channel
    if (!channel) return
    const { queue, log } = this.options
    const late = (): Error => new Error('the broker did not answer')
    try {
      const asking = declareQueue(channel, queue, this.exclusive)
      if ((await within(SETUP_TIMEOUT_MS, asking, late)).consumerCount > 0) return
    } catch (error) {
      log.debug({ queue, err: error }, 'a reader could not be checked')
    }
    if (this.stopping.signal.aborted || this.current?.channel !== channel) return
    log.warn({ queue }, 'the broker has lost the reader of a queue')
    this.current = null
    await closeQuietly(channel)
    await this.attachAgain()
  }

  private async attachAgain(): Promise<void> {
    const { queue, log } = this.options
    while (!this.stopping.signal.aborted && !this.current) {
      try {
        await this.attach()
      } catch (error) {
        log.debug({ queue, err: error }, 'a queue could not be read and will be tried again')
        await pause(REATTACH_PAUSE_MS, this.stopping.signal)
      }
    }
  }

  private take(channel: Channel, message: ConsumeMessage | null): void {
    if (!message) {
      this.options.log.warn(
        { queue: this.options.queue },
        'the broker ended the reading of a queue',
      )
      void closeQuietly(channel)
      return
    }
    if (this.stopping.signal.aborted) return this.settle(() => channel.nack(message, false, true))
    const handling = this.deliver(channel, message).finally(() => this.inHand.delete(handling))
    this.inHand.add(handling)
  }

  private async deliver(channel: Channel, message: ConsumeMessage): Promise<void> {
    const { queue, handler, pauseMs, log } = this.options
    const { signal } = this.stopping
    const body = this.readBody(message)
    if (body === undefined) return this.settle(() => channel.ack(message))
    for (let deliveries = deliveriesOf(message); ; deliveries += 1) {
      try {
        await handler(body)
        return this.settle(() => channel.ack(message))
      } catch (error) {
        const facts = { queue, deliveries, err: error }
        if (deliveries >= MAX_DELIVERIES) {
          log.error(facts, 'a message failed too often and was dropped')
          return this.settle(() => channel.ack(message))
        }
        log.warn(facts, 'a message failed and will be given again')
        await pause(pauseMs(deliveries), signal)
      }
      // Another consumer may do better; a private queue has none, and does not count deliveries.
      if (!this.exclusive || signal.aborted) {
        return this.settle(() => channel.nack(message, false, true))
      }
    }
  }

  private readBody(message: ConsumeMessage): unknown {
    const { queue, log } = this.options
    try {
      return decodeMessage(message.content)
    } catch (error) {
      log.error({ queue, err: error }, 'a message that is not JSON was dropped')
      return undefined
    }
  }

  /** Settling on a channel that is gone throws; the broker has taken the message back by then. */
  private settle(acknowledge: () => void): void {
    const { queue, log } = this.options
    try {
      acknowledge()
    } catch (error) {
      log.debug({ queue, err: error }, 'a message was handled but will be given again')
    }
  }
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
