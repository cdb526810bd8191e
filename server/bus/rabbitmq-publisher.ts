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

export interface Publisher {
  publish(queue: string, body: object, options?: PublishOptions): Promise<void>
  /** Refuses new publishes, gives those under way `drainMs`, then refuses them too. */
  close(drainMs: number): Promise<void>
}

interface Channel {
  connection: RecoveringChannelModel
  confirm: ConfirmChannel
  /** Ids of messages that the broker could not route. */
  returned: Set<string>
  declared: Map<string, Promise<void>>
}

/** `connection` gives channels, and waits with them while it is being recovered. */
export function makePublisher(
  connection: RecoveringChannelModel,
  log: Logger,
  waitMs: number,
): Publisher {
  let current: Channel | null = null
  let closed = false
  let waitingBytes = 0
  const underWay = new Set<Promise<void>>()
  const closing = new AbortController()
  let opened = new AbortController()
  void keepOpen()

  async function keepOpen(): Promise<void> {
    while (!closing.signal.aborted && !current) {
      try {
        await open()
      } catch (error) {
        log.debug({ err: error }, 'the publishing channel could not be opened')
        await pause(REOPEN_PAUSE_MS, closing.signal)
      }
    }
  }

  async function open(): Promise<void> {
    const confirm = await connection.createConfirmChannel()
    const channel: Channel = { connection, confirm, returned: new Set(), declared: new Map() }
    confirm.on('error', (error: Error) => log.warn({ err: error }, 'the publishing channel failed'))
    confirm.on('return', (message: Message) => {
      channel.returned.add(String(message.properties.messageId))
    })
    confirm.on('close', () => {
      current = null
      void keepOpen()
    })
    current = channel
    opened.abort()
    opened = new AbortController()
  }

  async function publish(queue: string, body: object, options: PublishOptions = {}): Promise<void> {
    if (closed) throw new BusError('CLOSED', 'the bus is closed')
    const content = encodeMessage(queue, body)
    if (underWay.size >= MAX_WAITING || waitingBytes + content.length > MAX_WAITING_BYTES) {
      throw new BusError('FULL', `${underWay.size} messages wait for the broker already`)
    }
    waitingBytes += content.length
    const sending = sendUntilConfirmed(queue, content, options).finally(() => {
      underWay.delete(sending)
      waitingBytes -= content.length
    })
    underWay.add(sending)
    await sending
  }

  async function sendUntilConfirmed(
    queue: string,
    content: Buffer,
    options: PublishOptions,
  ): Promise<void> {
    const expiresAt = Date.now() + (options.expiresInMs ?? Infinity)
    const deadline = Math.min(expiresAt, Date.now() + waitMs)
    let cause: unknown
    while (Date.now() < deadline && !closing.signal.aborted) {
      const channel = current
      if (!channel) {
        const wake = AbortSignal.any([opened.signal, closing.signal])
        await pause(deadline - Date.now(), wake)
        continue
      }
      try {
        const routed = await within(
          deadline - Date.now(),
          send(channel, { queue, content, expiresAt, exclusive: options.exclusive === true }),
          () => new Error('the broker did not confirm in time'),
        )
        if (routed || options.exclusive) return
        // Not at once: a quorum queue that is deleted and declared in one moment keeps its old
        // reader's place, and that reader takes the new messages for ones it has seen (3.10.8).
        channel.declared.delete(queue)
        await pause(RETRY_PAUSE_MS, closing.signal)
      } catch (error) {
        cause = error
        await pause(Math.min(RETRY_PAUSE_MS, deadline - Date.now()), closing.signal)
      }
    }
    if (closing.signal.aborted) throw new BusError('CLOSED', 'the bus was closed', { cause })
    const reason = cause instanceof Error ? cause.message : 'there is no connection'
    throw new BusError('UNAVAILABLE', `the broker took no message for ${queue}: ${reason}`, {
      cause,
    })
  }

  async function close(drainMs: number): Promise<void> {
    closed = true
    if (current) await settledWithin(drainMs, Promise.allSettled(underWay))
    closing.abort()
    await Promise.allSettled(underWay)
    current = null
  }

  return { publish, close }
}

interface Outgoing {
  queue: string
  content: Buffer
  /** Milliseconds since the epoch, or Infinity. */
  expiresAt: number
  exclusive: boolean
}

/** Resolves at the confirm: true when the message is in its queue, false when there is no such queue. */
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
