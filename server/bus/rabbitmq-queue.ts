/**
 * How our queues are declared; publishers and consumers must say exactly the same.
 *
 * Q1 Shared queues are durable quorum queues: they are replicated where there is a cluster, and
 *    they count deliveries, so that a message that kills its consumers is dropped by the broker.
 *    (What a handler merely rejects is counted and logged by the consumer.) The limit is of
 *    redeliveries, hence one less.
 * Q2 Private queues are durable classic ones that expire when nobody reads them: they outlive a
 *    lost connection and a crashed broker, so that no answer is lost while both sides come back.
 *
 * Seen with RabbitMQ 3.10.8: a quorum queue that is declared for the first time less than half a
 * second before the broker is killed has no leader afterwards and confirms nothing until the broker
 * is restarted once more (the broker's register of queues is saved every 500 ms). Private queues
 * are made at each start of a process; this is why they are not quorum queues.
 */
import type { Channel } from 'amqplib'
import { MAX_DELIVERIES } from '../../workers/bus.ts'

const PRIVATE_QUEUE_EXPIRES_MS = 60_000

export async function declareQueue(
  channel: Channel,
  queue: string,
  exclusive: boolean,
): Promise<{ consumerCount: number }> {
  if (exclusive) {
    const expires = PRIVATE_QUEUE_EXPIRES_MS
    return await channel.assertQueue(queue, { durable: true, expires })
  }
  return await channel.assertQueue(queue, {
    durable: true,
    arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': MAX_DELIVERIES - 1 },
  })
}
