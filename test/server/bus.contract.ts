/**
 * What every bus must do (`workers/bus.ts`, B1 to B5). `open` gives a bus as another process would
 * see it: over a broker each call is a connection of its own, in one process it is the same bus.
 */
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Bus, MAX_DELIVERIES, MAX_MESSAGE_BYTES } from '../../workers/bus.ts'
import { until } from '../support/until.ts'

export interface BusUnderTest {
  open(): Promise<Bus>
  /** A bus that shares nothing with the others. */
  openAlone(): Promise<Bus>
  logLines: string[]
}

export function busContract(name: string, prepare: () => Promise<BusUnderTest>): void {
  describe(`the bus: ${name}`, () => {
    let tested: BusUnderTest
    let here: Bus
    let there: Bus

    beforeAll(async () => {
      tested = await prepare()
      here = await tested.open()
      there = await tested.open()
    }, 120_000)
    afterAll(async () => {
      await here?.close()
      await there?.close()
    }, 60_000)

    const newName = (): string => `test.${randomUUID()}`

    it('delivers a copy as JSON, also to a consumer that comes later', async () => {
      const queue = newName()
      const sent = { word: 'cloud', nested: { list: [1, 2] }, nothing: undefined }
      await here.publish(queue, sent)
      sent.nested.list.push(3)
      const got: unknown[] = []
      const consumer = await there.consume(queue, async (body) => void got.push(body))
      await until('the message arrives', () => got.length === 1)
      expect(got).toEqual([{ word: 'cloud', nested: { list: [1, 2] } }])
      expect(got[0]).not.toHaveProperty('nothing')
      await consumer.stop()
    })

    it('gives each message to one of the competing consumers', async () => {
      const queue = newName()
      const first: unknown[] = []
      const second: unknown[] = []
      // Each consumer stays busy until the other has had a message too.
      const both = (): Promise<void> =>
        until('both consumers have one', () => first.length > 0 && second.length > 0)
      const consumers = [
        await here.consume(queue, async (body) => (first.push(body), both())),
        await there.consume(queue, async (body) => (second.push(body), both())),
      ]
      for (let n = 0; n < 20; n += 1) await here.publish(queue, { n })
      await until('all have arrived', () => first.length + second.length >= 20)
      const numbers = [...first, ...second].map((body) => (body as { n: number }).n)
      expect(numbers.sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, n) => n))
      for (const consumer of consumers) await consumer.stop()
    })

    it('handles as many at once as it was told, and not more', async () => {
      const queue = newName()
      let running = 0
      let most = 0
      let done = 0
      const consumer = await here.consume(
        queue,
        async () => {
          running += 1
          most = Math.max(most, running)
          await until('three run together', () => most >= 3)
          running -= 1
          done += 1
        },
        { concurrency: 3 },
      )
      for (let n = 0; n < 9; n += 1) await there.publish(queue, { n })
      await until('all are done', () => done === 9)
      expect(most).toBe(3)
      await consumer.stop()
    })

    it('gives a rejected message again', async () => {
      const queue = newName()
      let attempts = 0
      const consumer = await here.consume(queue, async () => {
        attempts += 1
        if (attempts < 3) throw new Error('not yet')
      })
      await here.publish(queue, {})
      await until('the third attempt', () => attempts === 3)
      await consumer.stop()
      // It was acknowledged: nobody gets it now.
      await expectNothingBut(there, queue, [])
      expect(attempts).toBe(3)
    })

    it('gives a rejected message of a private queue again, as often as any other', async () => {
      const queue = newName()
      let attempts = 0
      const got: unknown[] = []
      const refuse = async (body: unknown): Promise<void> => {
        if ((body as { n?: number }).n === 1) return void got.push(body)
        attempts += 1
        throw new Error('poison')
      }
      const reader = await here.consume(queue, refuse, { exclusive: true })
      await there.publish(queue, {}, { exclusive: true })
      await there.publish(queue, { n: 1 }, { exclusive: true })
      await until('all deliveries', () => attempts === MAX_DELIVERIES)
      await until('the queue goes on', () => got.length === 1)
      expect(attempts).toBe(MAX_DELIVERIES)
      await reader.stop()
    })

    it('lets another consumer have what one has rejected', async () => {
      const queue = newName()
      let refused = 0
      let letGo = () => {}
      const healthyIsThere = new Promise<void>((resolve) => (letGo = resolve))
      const failing = await here.consume(queue, async () => {
        refused += 1
        // Its deliveries are numbered: without this all could be over before anybody else is there.
        if (refused > 1) await healthyIsThere
        throw new Error('never here')
      })
      await here.publish(queue, { n: 1 })
      await until('it was refused', () => refused > 0)
      const got: unknown[] = []
      const healthy = await there.consume(queue, async (body) => void got.push(body))
      letGo()
      await failing.stop()
      await until('the other consumer has it', () => got.length === 1)
      await healthy.stop()
    })

    it(`drops and logs a message after ${MAX_DELIVERIES} deliveries`, async () => {
      const queue = newName()
      let attempts = 0
      const got: unknown[] = []
      const consumer = await here.consume(queue, async (body) => {
        if ((body as { poison?: boolean }).poison) {
          attempts += 1
          throw new Error('poison')
        }
        got.push(body)
      })
      await here.publish(queue, { poison: true })
      await until('all deliveries', () => attempts === MAX_DELIVERIES)
      await here.publish(queue, { n: 1 })
      await until('the queue goes on', () => got.length === 1)
      expect(attempts).toBe(MAX_DELIVERIES)
      const dropped = tested.logLines.filter(
        (line) => line.includes(queue) && line.includes('dropped'),
      )
      expect(dropped).toHaveLength(1)
      await consumer.stop()
    })

    it('drops what is past its time to live', async () => {
      const queue = newName()
      const expiresInMs = 300
      await here.publish(queue, { n: 'expired' }, { expiresInMs })
      await here.publish(queue, { n: 'fresh' }, { expiresInMs: 60_000 })
      const expired = Date.now() + expiresInMs
      await until('the first one is past its time', () => Date.now() > expired)
      await expectNothingBut(there, queue, [{ n: 'fresh' }])
    })

    it('keeps a private queue for one reader, and no longer than that reader', async () => {
      const queue = newName()
      await here.publish(queue, { n: 'nobody is there' }, { exclusive: true })
      const got: unknown[] = []
      const reader = await here.consume(queue, async (body) => void got.push(body), {
        exclusive: true,
      })
      const second = there.consume(queue, async () => {}, { exclusive: true })
      await expect(second).rejects.toMatchObject({ code: 'IN_USE' })
      await there.publish(queue, { n: 'for you' }, { exclusive: true })
      await until('the message arrives', () => got.length === 1)
      expect(got).toEqual([{ n: 'for you' }])
      await reader.stop()
      await there.publish(queue, { n: 'too late' }, { exclusive: true })
      await expectNothingBut(here, queue, [])
    })

    it('stops when what is in hand is done, and leaves the rest to others', async () => {
      const queue = newName()
      let started = 0
      let finished = 0
      let mayFinish = false
      const consumer = await here.consume(queue, async () => {
        started += 1
        await until('the test lets it finish', () => mayFinish)
        finished += 1
      })
      await here.publish(queue, { n: 1 })
      await until('the first is in hand', () => started === 1)
      await here.publish(queue, { n: 2 })
      const stopped = consumer.stop()
      mayFinish = true
      await stopped
      expect([started, finished]).toEqual([1, 1])
      await expectNothingBut(there, queue, [{ n: 2 }])
    })

    it('refuses a message that is too large, and takes the largest', async () => {
      const queue = newName()
      const text = 'x'.repeat(MAX_MESSAGE_BYTES)
      await expect(here.publish(queue, { text })).rejects.toMatchObject({ code: 'TOO_LARGE' })
      const largest = { text: text.slice(JSON.stringify({ text: '' }).length) }
      await here.publish(queue, largest)
      await expectNothingBut(there, queue, [largest])
    })

    it('says that it is closed', async () => {
      const bus = await tested.openAlone()
      expect(bus.problem()).toBeNull()
      await bus.close()
      expect(bus.problem()).toMatch(/closed/)
      await expect(bus.publish(newName(), {})).rejects.toMatchObject({ code: 'CLOSED' })
      await expect(bus.consume(newName(), async () => {})).rejects.toMatchObject({ code: 'CLOSED' })
    })
  })
}

/** Reads the queue to a last message of its own: what came before that was all there was. */
async function expectNothingBut(bus: Bus, queue: string, expected: unknown[]): Promise<void> {
  const got: unknown[] = []
  const consumer = await bus.consume(queue, async (body) => void got.push(body))
  await bus.publish(queue, { last: true })
  await until('the last message arrives', () =>
    got.some((body) => (body as { last?: boolean }).last === true),
  )
  await consumer.stop()
  expect(got).toEqual([...expected, { last: true }])
}
