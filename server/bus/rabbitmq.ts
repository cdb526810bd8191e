/**
 * The bus over RabbitMQ. One connection, kept up by amqplib's own recovery; one confirm channel
 * publishes (rabbitmq-publisher.ts), one channel reads per consumer (rabbitmq-consumer.ts).
 *
 * M1 Opening fails when the broker can't be reached in `connectWaitMs`; after that an outage of any
 *    length is survived: publishes wait their bounded time, consumers come back by themselves.
 * M2 The URL holds a password: it is never logged and never part of an error.
 */
import { connect, type RecoveringChannelModel } from 'amqplib'
import type { Logger } from 'pino'
import { type Bus, BusError, type ConsumeOptions, type Consumer } from '../../workers/bus.ts'
import { settledWithin, within } from '../../workers/pause.ts'
import { redeliveryPauseMs } from './message.ts'
import { Subscription } from './rabbitmq-consumer.ts'
import { Publisher } from './rabbitmq-publisher.ts'

const CONNECT_WAIT_MS = 30_000
const PUBLISH_WAIT_MS = 30_000
const SOCKET_TIMEOUT_MS = 10_000
const DRAIN_WAIT_MS = 5_000
const CLOSE_WAIT_MS = 5_000
/** A dead broker that still holds its socket is noticed after two of these. */
const HEARTBEAT_SECONDS = 10
const RECOVERY = { initialDelay: 200, maxDelay: 5_000, factor: 2, jitter: 0.3 }

export interface RabbitMqOptions {
  /** amqp:// or amqps://, with user, password and virtual host. */
  url: string
  log: Logger
  /** How long opening, and a new consumer during an outage, waits for the broker. */
  connectWaitMs?: number
  /** How long a publish waits for the broker. */
  publishWaitMs?: number
  /** The pause before a message is given again; tests shorten it. */
  pauseMs?: (deliveries: number) => number
  /** How often the broker is asked whether it still knows a reader; tests shorten it. */
  checkEveryMs?: number
}

/**
 * Opens the bus. Rejects with a `BusError` when the broker can't be reached or refuses the login.
 */
export async function connectRabbitMq(options: RabbitMqOptions): Promise<Bus> {
  const { log, connectWaitMs = CONNECT_WAIT_MS, pauseMs = redeliveryPauseMs } = options
  const broker = parseBrokerUrl(options.url)
  const connection = await connect(broker.url, {
    noDelay: true,
    timeout: SOCKET_TIMEOUT_MS,
    recovery: { ...RECOVERY, maxRetries: Infinity, waitForConnect: false },
  })
  const trouble = watchConnection(connection, broker, log)
  const publisher = new Publisher(connection, log, options.publishWaitMs ?? PUBLISH_WAIT_MS)
  const subscriptions = new Set<Subscription>()
  let closed = false

  function unavailable(what: string, cause: unknown): BusError {
    const reason = trouble() ?? broker.withoutSecret(cause)
    return new BusError('UNAVAILABLE', `${what}: ${reason}`)
  }

  async function consume(
    queue: string,
    handler: (body: unknown) => Promise<void>,
    consumeOptions: ConsumeOptions = {},
  ): Promise<Consumer> {
    if (closed) throw new BusError('CLOSED', 'the bus is closed')
    const { checkEveryMs } = options
    const how = { ...consumeOptions, connection, queue, handler, pauseMs, checkEveryMs, log }
    const subscription = new Subscription(how)
    subscriptions.add(subscription)
    const stop = async (): Promise<void> => {
      subscriptions.delete(subscription)
      await subscription.stop()
    }
    try {
      await within(connectWaitMs, subscription.attach(), () => new Error('it took too long'))
    } catch (error) {
      await stop()
      throw error instanceof BusError ? error : unavailable(`${queue} could not be read`, error)
    }
    return { stop }
  }

  async function close(): Promise<void> {
    closed = true
    await Promise.all([...subscriptions].map((subscription) => subscription.stop()))
    subscriptions.clear()
    await publisher.close(DRAIN_WAIT_MS)
    await settledWithin(CLOSE_WAIT_MS, connection.close())
  }

  try {
    const late = (): Error => new Error('it did not answer in time')
    await within(connectWaitMs, connection.waitForConnect(), late)
  } catch (error) {
    await close()
    throw unavailable('the message broker could not be reached', error)
  }
  return {
    publish: (queue, body, publishOptions) => publisher.publish(queue, body, publishOptions),
    consume,
    problem: () => (closed ? 'the bus is closed' : trouble()),
    close,
  }
}

/**
 * Logs what becomes of the connection; the returned function says what is wrong with it, or null.
 */
function watchConnection(
  connection: RecoveringChannelModel,
  broker: Broker,
  log: Logger,
): () => string | null {
  let trouble: string | null = `RabbitMQ at ${broker.shown} has not answered yet`
  const lost = (error: Error, message: string): void => {
    const reason = broker.withoutSecret(error)
    trouble = `RabbitMQ at ${broker.shown} is not connected: ${reason}`
    log.warn({ broker: broker.shown, reason }, message)
  }
  connection.on('connect', () => {
    trouble = null
    log.info({ broker: broker.shown }, 'connected to RabbitMQ')
  })
  connection.on('disconnect', (error: Error) => lost(error, 'lost the connection to RabbitMQ'))
  connection.on('connect-failed', (error: Error) => lost(error, 'RabbitMQ does not answer'))
  connection.on('blocked', (reason: string) => {
    trouble = `RabbitMQ at ${broker.shown} takes no messages: ${reason}`
    log.warn({ broker: broker.shown, reason }, 'RabbitMQ takes no messages')
  })
  connection.on('unblocked', () => {
    trouble = null
  })
  // 'disconnect' follows and tells it; an 'error' that nobody hears would end the process.
  connection.on('error', () => {})
  return () => trouble
}

interface Broker {
  url: string
  /** For people: without user and password. */
  shown: string
  withoutSecret(error: unknown): string
}

function parseBrokerUrl(text: string): Broker {
  const url = URL.canParse(text) ? new URL(text) : null
  if (!url || !['amqp:', 'amqps:'].includes(url.protocol)) {
    throw new BusError('UNAVAILABLE', 'the broker URL must begin with amqp:// or amqps://')
  }
  if (!url.searchParams.has('heartbeat')) {
    url.searchParams.set('heartbeat', String(HEARTBEAT_SECONDS))
  }
  const secrets = [url.password, unescape(url.password)].filter((secret) => secret !== '')
  return {
    url: url.href,
    shown: `${url.protocol}//${url.host}${url.pathname}`,
    withoutSecret: (error) =>
      secrets.reduce(
        (message, secret) => message.replaceAll(secret, '***'),
        error instanceof Error ? error.message : String(error),
      ),
  }
}
