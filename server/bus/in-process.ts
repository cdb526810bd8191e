/**
 * The bus inside one process: queues in memory, no broker. What it holds goes with the process;
 * that is safe because rows, not messages, are the jobs.
 *
 * I1 A queue holds at most `MAX_QUEUED` messages; expired ones give way first, then a publish is
 *    refused.
 * I2 A message is in exactly one place: waiting in its queue or in the hand of one consumer.
 * I3 Handlers never run inside `publish`: a publisher isn't slowed or broken by a consumer.
 */
import { setMaxListeners } from 'node:events'
import type { Logger } from 'pino'
import {
  type Bus,
  BusError,
  type ConsumeOptions,
  type Consumer,
  MAX_DELIVERIES,
  type PublishOptions,
} from '../../workers/bus.ts'
import { pause, settledWithin } from '../../workers/pause.ts'
import { decodeMessage, encodeMessage, redeliveryPauseMs } from './message.ts'

const MAX_QUEUED = 10_000
const STOP_WAIT_MS = 30_000

interface Message {
  content: Buffer
  expiresAt: number
  deliveries: number
}

interface Reader {
  handler: (body: unknown) => Promise<void>
  concurrency: number
  inHand: Set<Promise<void>>
  stopping: AbortController
}

interface Queue {
  name: string
  exclusive: boolean
  waiting: Message[]
  readers: Reader[]
  /** Where the next round begins, so that readers take turns. */
  turn: number
  pumping: boolean
}

export interface InProcessOptions {
  log: Logger
  /** The pause before a message is given again; tests shorten it. */
  pauseMs?: (deliveries: number) => number
}

export function makeInProcessBus(options: InProcessOptions): Bus {
  const bus = new InProcessBus(options)
  return {
    publish: (queue, body, publishOptions) => bus.publish(queue, body, publishOptions),
    consume: (queue, handler, consumeOptions) => bus.consume(queue, handler, consumeOptions),
    problem: () => bus.problem(),
    close: () => bus.close(),
  }
}

class InProcessBus {
  private readonly queues = new Map<string, Queue>()
  private readonly log: Logger
  private readonly pauseMs: (deliveries: number) => number
  private closed = false

  constructor({ log, pauseMs = redeliveryPauseMs }: InProcessOptions) {
    this.log = log
    this.pauseMs = pauseMs
  }

  problem(): string | null {
    return this.closed ? 'the bus is closed' : null
  }

  async publish(name: string, body: object, options: PublishOptions = {}): Promise<void> {
    if (this.closed) throw new BusError('CLOSED', 'the bus is closed')
    const content = encodeMessage(name, body)
    if (options.exclusive && !this.queues.has(name)) return
    const queue = this.queueOf(name, false)
    const now = Date.now()
    if (queue.waiting.length >= MAX_QUEUED) {
      queue.waiting = queue.waiting.filter((message) => message.expiresAt > now)
    }
    if (queue.waiting.length >= MAX_QUEUED) {
      throw new BusError('FULL', `${MAX_QUEUED} messages wait in ${name} already`)
    }
    const expiresAt = options.expiresInMs === undefined ? Infinity : now + options.expiresInMs
    queue.waiting.push({ content, expiresAt, deliveries: 0 })
    this.wake(queue)
  }

  async consume(
    name: string,
    handler: (body: unknown) => Promise<void>,
    { concurrency = 1, exclusive = false }: ConsumeOptions = {},
  ): Promise<Consumer> {
    if (this.closed) throw new BusError('CLOSED', 'the bus is closed')
    const queue = this.queueOf(name, exclusive)
    if (queue.readers.length > 0 && (exclusive || queue.exclusive)) {
      throw new BusError('IN_USE', `${name} is private and has a reader`)
    }
    queue.exclusive = exclusive
    const stopping = new AbortController()
    // One listener per message that pauses.
    setMaxListeners(0, stopping.signal)
    const reader: Reader = { handler, concurrency, inHand: new Set(), stopping }
    queue.readers.push(reader)
    this.wake(queue)
    return { stop: () => this.stopReader(queue, reader) }
  }

  async close(): Promise<void> {
    this.closed = true
    const stopped = [...this.queues.values()].flatMap((queue) =>
      queue.readers.map((reader) => this.stopReader(queue, reader)),
    )
    await Promise.all(stopped)
    this.queues.clear()
  }

  private queueOf(name: string, exclusive: boolean): Queue {
    const known = this.queues.get(name)
    if (known) return known
    const queue: Queue = { name, exclusive, waiting: [], readers: [], turn: 0, pumping: false }
    this.queues.set(name, queue)
    return queue
  }

  private wake(queue: Queue): void {
    if (queue.pumping) return
    queue.pumping = true
    setImmediate(() => {
      queue.pumping = false
      this.pump(queue)
    })
  }

  private pump(queue: Queue): void {
    while (queue.waiting.length > 0) {
      const reader = nextFreeReader(queue)
      if (!reader) return
      const message = queue.waiting.shift() as Message
      if (message.expiresAt <= Date.now()) continue
      const handling = this.deliver(queue, reader, message).finally(() => {
        reader.inHand.delete(handling)
        this.wake(queue)
      })
      reader.inHand.add(handling)
    }
  }

  private async deliver(queue: Queue, reader: Reader, message: Message): Promise<void> {
    message.deliveries += 1
    try {
      await reader.handler(decodeMessage(message.content))
    } catch (error) {
      const facts = { queue: queue.name, deliveries: message.deliveries, err: error }
      if (message.deliveries >= MAX_DELIVERIES) {
        this.log.error(facts, 'a message failed too often and was dropped')
        return
      }
      this.log.warn(facts, 'a message failed and will be given again')
      await pause(this.pauseMs(message.deliveries), reader.stopping.signal)
      queue.waiting.push(message)
    }
  }

  private async stopReader(queue: Queue, reader: Reader): Promise<void> {
    queue.readers = queue.readers.filter((other) => other !== reader)
    reader.stopping.abort()
    await settledWithin(STOP_WAIT_MS, Promise.all(reader.inHand))
    const { name, exclusive } = queue
    if (exclusive && this.queues.get(name) === queue) this.queues.delete(name)
  }
}

function nextFreeReader(queue: Queue): Reader | null {
  for (let step = 0; step < queue.readers.length; step += 1) {
    const index = (queue.turn + step) % queue.readers.length
    const reader = queue.readers[index] as Reader
    if (reader.inHand.size < reader.concurrency) {
      queue.turn = index + 1
      return reader
    }
  }
  return null
}
