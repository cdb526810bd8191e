/**
 * The publishing half of the RabbitMQ bus: one confirm channel.
 *
 * P1 A publish resolves only after the broker's confirm of a message that was routed to its queue.
 *    Messages are `mandatory`: what the broker could not route comes back before its confirm, and
 *    the queue is declared and the message sent again. So a broker that lost its data heals.
 * P2 What was sent but not confirmed when the channel went is sent again on the next one.
 * P3 At most `MAX_WAITING` publishes, and `MAX_WAITING_BYTES`, wait at once, none longer than its
 *    deadline.
 */
import { randomUUID } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import type { ConfirmChannel, Message, RecoveringChannelModel } from 'amqplib'
import type { Logger } from 'pino'
import { BusError, type PublishOptions } from '../../workers/bus.ts'
import { pause, settledWithin, within } from '../../workers/pause.ts'
import { encodeMessage } from './message.ts'
import { declareQueue } from './rabbitmq-queue.ts'

const MAX_WAITING = 10_000
const MAX_WAITING_BYTES = 64 * 1024 * 1024
const RETRY_PAUSE_MS = 200
const REOPEN_PAUSE_MS = 1_000

interface Channel {
  connection: RecoveringChannelModel
  confirm: ConfirmChannel
  /** Ids of messages that the broker could not route. */
  returned: Set<string>
  declared: Map<string, Promise<void>>
}

export class Publisher {
  private current: Channel | null = null
  private closed = false
  private waitingBytes = 0
  private readonly underWay = new Set<Promise<void>>()
  private readonly closing = new AbortController()
  private opened = new AbortController()

  /** `connection` gives channels, and waits with them while it is being recovered. */
  constructor(
    private readonly connection: RecoveringChannelModel,
    private readonly log: Logger,
    /** How long a publish waits for the broker. */
    private readonly waitMs: number,
  ) {
    // One listener per publish that pauses.
    setMaxListeners(0, this.closing.signal)
    void this.keepOpen()
  }

  async publish(queue: string, body: object, options: PublishOptions = {}): Promise<void> {
    if (this.closed) throw new BusError('CLOSED', 'the bus is closed')
    const content = encodeMessage(queue, body)
    const { size } = this.underWay
    if (size >= MAX_WAITING || this.waitingBytes + content.length > MAX_WAITING_BYTES) {
      throw new BusError('FULL', `${size} messages wait for the broker already`)
    }
    this.waitingBytes += content.length
    const sending = this.sendUntilConfirmed(queue, content, options).finally(() => {
      this.underWay.delete(sending)
      this.waitingBytes -= content.length
    })
    this.underWay.add(sending)
    await sending
  }

  /** Refuses new publishes, gives those under way `drainMs`, then refuses them too. */
  async close(drainMs: number): Promise<void> {
    this.closed = true
    if (this.current) await settledWithin(drainMs, Promise.allSettled(this.underWay))
    this.closing.abort()
    await Promise.allSettled(this.underWay)
    this.current = null
  }

  private async keepOpen(): Promise<void> {
    while (!this.closing.signal.aborted && !this.current) {
      try {
        await this.open()
      } catch (error) {
        this.log.debug({ err: error }, 'the publishing channel could not be opened')
        await pause(REOPEN_PAUSE_MS, this.closing.signal)
      }
    }
  }

  private async open(): Promise<void> {
    const { connection, log } = this
    const confirm = await connection.createConfirmChannel()
    const channel: Channel = { connection, confirm, returned: new Set(), declared: new Map() }
    confirm.on('error', (error: Error) => log.warn({ err: error }, 'the publishing channel failed'))
    confirm.on('return', (message: Message) => {
      channel.returned.add(String(message.properties.messageId))
    })
    confirm.on('close', () => {
      this.current = null
      void this.keepOpen()
    })
    this.current = channel
    this.opened.abort()
    this.opened = new AbortController()
  }

  private async sendUntilConfirmed(
    queue: string,
    content: Buffer,
    { expiresInMs = Infinity, exclusive = false }: PublishOptions,
  ): Promise<void> {
    const { signal } = this.closing
    const expiresAt = Date.now() + expiresInMs
    const deadline = Math.min(expiresAt, Date.now() + this.waitMs)
    const message = { queue, content, expiresAt, exclusive }
    const late = (): Error => new Error('the broker did not confirm in time')
    let cause: unknown
    while (Date.now() < deadline && !signal.aborted) {
      const channel = this.current
      if (!channel) {
        await pause(deadline - Date.now(), AbortSignal.any([this.opened.signal, signal]))
        continue
      }
      try {
        const routed = await within(deadline - Date.now(), send(channel, message), late)
        if (routed || exclusive) return
        channel.declared.delete(queue)
      } catch (error) {
        cause = error
      }
      // Also before a queue is declared again: a quorum queue that is deleted and declared in one
      // moment keeps its old reader's place, and that reader takes new messages for ones it has
      // seen (RabbitMQ 3.10.8).
      await pause(Math.min(RETRY_PAUSE_MS, deadline - Date.now()), signal)
    }
    if (signal.aborted) throw new BusError('CLOSED', 'the bus was closed', { cause })
    const reason = cause instanceof Error ? cause.message : 'there is no connection'
    throw new BusError('UNAVAILABLE', `the broker took no message for ${queue}: ${reason}`, {
      cause,
    })
  }
}

interface Outgoing {
  queue: string
  content: Buffer
  /** Milliseconds since the epoch, or Infinity. */
  expiresAt: number
  exclusive: boolean
}

/**
 * Resolves at the confirm: true when the message is in its queue, false when there is no such
 * queue.
 */
async function send(channel: Channel, message: Outgoing): Promise<boolean> {
  const { queue, content, expiresAt, exclusive } = message
  if (!exclusive) await declareOnce(channel, queue)
  const messageId = randomUUID()
  const leftMs = expiresAt - Date.now()
  await new Promise<void>((resolve, reject) => {
    channel.confirm.sendToQueue(
      queue,
      content,
      {
        persistent: true,
        mandatory: true,
        contentType: 'application/json',
        messageId,
        ...(Number.isFinite(leftMs) ? { expiration: Math.max(1, Math.ceil(leftMs)) } : {}),
      },
      (error: unknown) => (error ? reject(error) : resolve()),
    )
  })
  return !channel.returned.delete(messageId)
}

/**
 * On a channel of its own, because a refused declaration closes its channel and would take the
 * confirms of others with it.
 */
function declareOnce(channel: Channel, queue: string): Promise<void> {
  const known = channel.declared.get(queue)
  if (known) return known
  const declaring = declare(channel.connection, queue)
  channel.declared.set(queue, declaring)
  declaring.catch(() => channel.declared.delete(queue))
  return declaring
}

async function declare(connection: RecoveringChannelModel, queue: string): Promise<void> {
  const channel = await connection.createChannel()
  channel.on('error', () => {})
  await declareQueue(channel, queue, false)
  await channel.close()
}
