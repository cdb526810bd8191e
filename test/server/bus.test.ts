/** Both buses under one contract, and what only a broker can do: go away and come back. */
import { randomUUID } from 'node:crypto'
import { connect } from 'amqplib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeInProcessBus } from '../../server/bus/in-process.ts'
import { connectRabbitMq } from '../../server/bus/rabbitmq.ts'
import { openBus } from '../../server/bus/registry.ts'
import type { Bus } from '../../workers/bus.ts'
import { describeNeeds } from '../support/host.ts'
import { makeTestLog } from '../support/log.ts'
import { type Broker, rabbitMqProblem, startRabbitMq } from '../support/rabbitmq.ts'
import { until } from '../support/until.ts'
import { busContract } from './bus.contract.ts'

const pauseMs = (): number => 10

busContract('in-process', async () => {
  const { log, lines } = makeTestLog()
  const shared = makeInProcessBus({ log, pauseMs })
  return {
    open: async () => shared,
    openAlone: async () => makeInProcessBus({ log, pauseMs }),
    logLines: lines,
  }
})

describe('the in-process bus', () => {
  it('refuses more than a queue may hold, but lets expired messages give way', async () => {
    const bus = makeInProcessBus({ log: makeTestLog().log })
    for (let n = 0; n < 10_000; n += 1) {
      await bus.publish('full', { n }, n === 0 ? { expiresInMs: 1 } : {})
    }
    const filled = Date.now() + 1
    await until('the first has expired', () => Date.now() > filled)
    await bus.publish('full', { n: 'in its place' })
    await expect(bus.publish('full', {})).rejects.toMatchObject({ code: 'FULL' })
    await bus.publish('another', {})
    await bus.close()
  })

  it('is what a process without AMQP_URL gets', async () => {
    const bus = await openBus(undefined, makeTestLog().log)
    expect(bus.problem()).toBeNull()
    await bus.close()
  })
})

describeNeeds(rabbitMqProblem(), 'RabbitMQ', () => {
  let broker: Broker
  beforeAll(async () => {
    broker = await startRabbitMq()
  }, 120_000)
  afterAll(async () => {
    await broker?.stop()
  }, 60_000)

  busContract('RabbitMQ', async () => {
    const { log, lines } = makeTestLog()
    const open = (): Promise<Bus> => connectRabbitMq({ url: broker.url, log, pauseMs })
    return { open, openAlone: open, logLines: lines }
  })

  describe('a broker that is killed', () => {
    it('loses nothing confirmed, and consumers come back', async () => {
      const { log, lines } = makeTestLog()
      const sender = await connectRabbitMq({ url: broker.url, log, publishWaitMs: 90_000 })
      const receiver = await openBus(broker.url, log)
      const work = `test.${randomUUID()}`
      const answers = `test.${randomUUID()}`
      const got = new Set<number>()
      const gotAnswers = new Set<number>()
      let inHand = 0
      let release = (): void => {}
      const held = new Promise<void>((resolve) => {
        release = resolve
      })
      await receiver.consume(
        work,
        async (body) => {
          const { n } = body as { n: number }
          // The first waits in hand over the crash: the broker must give it again.
          if (n === 0 && inHand++ === 0) await held
          got.add(n)
        },
        { concurrency: 10 },
      )
      await sender.consume(
        answers,
        async (body) => void gotAnswers.add((body as { n: number }).n),
        {
          exclusive: true,
        },
      )

      const declared = Date.now()
      const confirmed: number[] = []
      let mostBeforeKill = 0
      const enough = new AbortController()
      let next = 0
      async function publishOneAfterAnother(): Promise<void> {
        while (!enough.signal.aborted) {
          const n = next++
          await sender.publish(work, { n })
          await receiver.publish(answers, { n }, { exclusive: true })
          confirmed.push(n)
        }
      }
      const publishers = [1, 2, 3, 4].map(() => publishOneAfterAnother())
      await until('the stream is under way', () => confirmed.length > 200, 30_000)
      // See rabbitmq-queue.ts: before, the broker has not saved that there are these queues.
      await until('the queues are old enough', () => Date.now() > declared + 1_500)
      mostBeforeKill = confirmed.length
      await broker.kill()
      await until('the loss is noticed', () => sender.problem() !== null, 30_000)
      expect(sender.problem()).toMatch(/not connected/)
      await broker.start()
      await until('it goes on', () => confirmed.length > mostBeforeKill + 200, 60_000)
      enough.abort()
      release()
      await Promise.all(publishers)

      const missing = (seen: Set<number>): number[] => confirmed.filter((n) => !seen.has(n))
      await until('all of the work arrives', () => missing(got).length === 0, 30_000)
      await until('all answers arrive', () => missing(gotAnswers).length === 0, 30_000)
      expect(inHand).toBeGreaterThanOrEqual(2)
      expect(sender.problem()).toBeNull()
      await sender.close()
      await receiver.close()
      expect(lines.join('')).not.toContain('guest')
    }, 180_000)

    it('is waited for, within a bound, and can be closed without', async () => {
      const { log } = makeTestLog()
      const bus = await connectRabbitMq({
        url: broker.url,
        log,
        publishWaitMs: 300,
        // The first connection has to come within it, too.
        connectWaitMs: 5_000,
      })
      await broker.kill()
      try {
        await until('the loss is noticed', () => bus.problem() !== null)
        await expect(bus.publish('test.away', {})).rejects.toMatchObject({ code: 'UNAVAILABLE' })
        const consuming = bus.consume('test.away', async () => {})
        await expect(consuming).rejects.toMatchObject({ code: 'UNAVAILABLE' })
        const short = connectRabbitMq({ url: broker.url, log, connectWaitMs: 300 })
        await expect(short).rejects.toMatchObject({ code: 'UNAVAILABLE' })
        const begun = Date.now()
        await bus.close()
        expect(Date.now() - begun).toBeLessThan(3_000)
      } finally {
        await broker.start()
      }
    }, 120_000)
  })

  it('survives a queue that was deleted under a publisher and a consumer', async () => {
    const { log } = makeTestLog()
    const bus = await connectRabbitMq({ url: broker.url, log, pauseMs })
    const queue = `test.${randomUUID()}`
    const got: unknown[] = []
    await bus.consume(queue, async (body) => void got.push(body))
    await bus.publish(queue, { n: 1 })
    await until('the first arrives', () => got.length === 1)
    const direct = await connect(broker.url)
    await (await direct.createChannel()).deleteQueue(queue)
    await direct.close()
    await bus.publish(queue, { n: 2 })
    await until('the second arrives', () => got.length === 2)
    await bus.close()
  })

  it('drops what is not JSON', async () => {
    const { log, lines } = makeTestLog()
    const bus = await connectRabbitMq({ url: broker.url, log, pauseMs })
    const queue = `test.${randomUUID()}`
    const got: unknown[] = []
    await bus.consume(queue, async (body) => void got.push(body))
    const direct = await connect(broker.url)
    const channel = await direct.createConfirmChannel()
    channel.sendToQueue(queue, Buffer.from('{"half'))
    await channel.waitForConfirms()
    await direct.close()
    await bus.publish(queue, { n: 1 })
    await until('the next arrives', () => got.length === 1)
    await until('the drop is logged', () => lines.some((line) => line.includes('not JSON')))
    await bus.close()
  })

  it('never tells the password', async () => {
    const { log, lines } = makeTestLog()
    const url = broker.url.replace('guest:guest', 'guest:hunter2%2Fsecret')
    const failure: unknown = await connectRabbitMq({ url, log, connectWaitMs: 20_000 }).then(
      (bus) => bus.close(),
      (error: unknown) => error,
    )
    expect(failure).toMatchObject({ code: 'UNAVAILABLE' })
    expect(String(failure)).toMatch(/ACCESS_REFUSED|ACCESS-REFUSED/)
    for (const text of [...lines, (failure as Error).stack ?? ''])
      expect(text).not.toMatch(/hunter2/)
    const broken: unknown = await openBus('ampq://u:hunter2@x', log).catch(
      (error: unknown) => error,
    )
    expect(String(broken)).toMatch(/must begin with amqp/)
    expect(String(broken)).not.toMatch(/hunter2/)
  })
})
