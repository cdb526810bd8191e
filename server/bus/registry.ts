import type { Logger } from 'pino'
import type { Bus } from '../../workers/bus.ts'
import { makeInProcessBus } from './in-process.ts'
import { connectRabbitMq } from './rabbitmq.ts'

/** The bus of this process: RabbitMQ when there is an `AMQP_URL`, otherwise one in memory. */
export async function openBus(amqpUrl: string | undefined, log: Logger): Promise<Bus> {
  return amqpUrl ? await connectRabbitMq({ url: amqpUrl, log }) : makeInProcessBus({ log })
}
