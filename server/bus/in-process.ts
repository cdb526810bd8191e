/**
 * The bus inside one process: queues in memory, no broker. What it holds goes with the process;
 * that is safe because rows, not messages, are the jobs.
 *
 * I1 A queue holds at most `MAX_QUEUED` messages; expired ones give way first, then a publish is
 *    refused.
 * I2 A message is in exactly one place: waiting in its queue or in the hand of one consumer.
 * I3 Handlers never run inside `publish`: a publisher isn't slowed or broken by a consumer.
 */
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

export function makeInProcessBus({ log, pauseMs = redeliveryPauseMs }: InProcessOptions): Bus {
  const queues = new Map<string, Queue>()
  let closed = false

  function queueOf(name: string, exclusive: boolean): Queue {
    const known = queues.get(name)
    if (known) return known
    const queue: Queue = { name, exclusive, waiting: [], readers: [], turn: 0, pumping: false }
    queues.set(name, queue)
    return queue
  }

  async function publish(name: string, body: object, options: PublishOptions = {}): Promise<void> {
    if (closed) throw new BusError('CLOSED', 'the bus is closed')
    const content = encodeMessage(name, body)
    if (options.exclusive && !queues.has(name)) return
    const queue = queueOf(name, false)
    const now = Date.now()
    if (queue.waiting.length >= MAX_QUEUED) {
      queue.waiting = queue.waiting.filter((message) => message.expiresAt > now)
    }
    if (queue.waiting.length >= MAX_QUEUED) {
      throw new BusError('FULL', `${MAX_QUEUED} messages wait in ${name} already`)
    }
    const expiresAt = options.expiresInMs === undefined ? Infinity : now + options.expiresInMs
    queue.waiting.push({ content, expiresAt, deliveries: 0 })
    wake(queue)
  }

  function wake(queue: Queue): void {
    if (queue.pumping) return
    queue.pumping = true
    setImmediate(() => {
      queue.pumping = false
      pump(queue)
    })
  }

  function pump(queue: Queue): void {
    while (queue.waiting.length > 0) {
      const reader = nextFreeReader(queue)
      if (!reader) return
      const message = queue.waiting.shift() as Message
      if (message.expiresAt <= Date.now()) continue
      const handling = deliver(queue, reader, message).finally(() => {
        reader.inHand.delete(handling)
        wake(queue)
      })
      reader.inHand.add(handling)
    }
  }

  async function deliver(queue: Queue, reader: Reader, message: Message): Promise<void> {
    message.deliveries += 1
    try {
      await reader.handler(decodeMessage(message.content))
    } catch (error) {
      const facts = { queue: queue.name, deliveries: message.deliveries, err: error }
      if (message.deliveries >= MAX_DELIVERIES) {
        log.error(facts, 'a message failed too often and was dropped')
        return
      }
      log.warn(facts, 'a message failed and will be given again')
      await pause(pauseMs(message.deliveries), reader.stopping.signal)
      queue.waiting.push(message)
    }
  }

  async function consume(
    name: string,
    handler: (body: unknown) => Promise<void>,
    { concurrency = 1, exclusive = false }: ConsumeOptions = {},
  ): Promise<Consumer> {
    if (closed) throw new BusError('CLOSED', 'the bus is closed')
    const queue = queueOf(name, exclusive)
    if (queue.readers.length > 0 && (exclusive || queue.exclusive)) {
      throw new BusError('IN_USE', `${name} is private and has a reader`)
    }
    queue.exclusive = exclusive
    const reader = {
      handler,
      concurrency,
      inHand: new Set<Promise<void>>(),
      stopping: new AbortController(),
    }
    queue.readers.push(reader)
    wake(queue)
    return { stop: () => stopReader(queue, reader) }
  }

  async function stopReader(queue: Queue, reader: Reader): Promise<void> {
    queue.readers = queue.readers.filter((other) => other !== reader)
    reader.stopping.abort()
    await settledWithin(STOP_WAIT_MS, Promise.all(reader.inHand))
    if (queue.exclusive && queues.get(queue.name) === queue) queues.delete(queue.name)
  }

  async function close(): Promise<void> {
    closed = true
    const readers = [...queues.values()].flatMap((queue) =>
      queue.readers.map((reader) => stopReader(queue, reader)),
    )
    await Promise.all(readers)
    queues.clear()
  }

  return { publish, consume, problem: () => (closed ? 'the bus is closed' : null), close }
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
