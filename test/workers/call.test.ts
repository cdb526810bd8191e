/** Calls over the bus: what the two sides promise each other (`workers/call.ts`, A1 to A4). */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { makeInProcessBus } from '../../server/bus/in-process.ts'
import type { Bus } from '../../workers/bus.ts'
import {
  CallError,
  type Caller,
  type CallHandler,
  type CallRequest,
  makeCaller,
  serveCalls,
} from '../../workers/call.ts'
import { makeTestLog } from '../support/log.ts'
import { until } from '../support/until.ts'

const QUEUE = 'test.calls'

describe('a call', () => {
  let bus: Bus
  let caller: Caller
  const { log, lines } = makeTestLog()

  beforeEach(async () => {
    bus = makeInProcessBus({ log, pauseMs: () => 1 })
    caller = await makeCaller(bus, { name: 'test', log })
  })
  afterEach(async () => {
    await caller.close()
    await bus.close()
  })

  const serve = (handlers: Record<string, CallHandler>) =>
    serveCalls(bus, QUEUE, handlers, { concurrency: 10, log })
  const request = (more: Partial<CallRequest> = {}): CallRequest => ({
    ...{ callId: 'c1', fence: 7, verb: 'add', input: { a: 1, b: 2 }, requestId: 'r1' },
    timeoutMs: 5_000,
    ...more,
  })

  it('brings input there and the result back', async () => {
    const seen: unknown[] = []
    await serve({
      add: async ({ input, callId, fence, requestId, verb }) => {
        seen.push({ callId, fence, requestId, verb })
        const { a, b } = input as { a: number; b: number }
        return { sum: a + b }
      },
      nothing: async () => undefined,
    })
    expect(await caller.call(QUEUE, request())).toEqual({ sum: 3 })
    expect(await caller.call(QUEUE, request({ verb: 'nothing' }))).toBeNull()
    expect(seen).toEqual([{ callId: 'c1', fence: 7, requestId: 'r1', verb: 'add' }])
  })

  it('brings an error back with its code, and a defect as INTERNAL', async () => {
    await serve({
      full: async () => {
        throw new CallError('NO_SPACE', 'the disk is full', false, { freeBytes: 0 })
      },
      defect: async () => {
        throw new TypeError('x is not a function')
      },
    })
    await expect(caller.call(QUEUE, request({ verb: 'full' }))).rejects.toMatchObject({
      ...{ name: 'CallError', code: 'NO_SPACE', message: 'the disk is full' },
      ...{ retryable: false, details: { freeBytes: 0 } },
    })
    const defect = caller.call(QUEUE, request({ verb: 'defect' }))
    await expect(defect).rejects.toMatchObject({ code: 'INTERNAL', retryable: true })
    const unknown = caller.call(QUEUE, request({ verb: 'constructor' }))
    await expect(unknown).rejects.toMatchObject({ code: 'UNKNOWN_VERB', retryable: false })
  })

  it('times out, says what it waited for, and is not done late', async () => {
    const timeoutMs = 30
    const late = caller.call(QUEUE, request({ timeoutMs }))
    const asked = Date.now()
    await expect(late).rejects.toMatchObject({
      ...{ code: 'TIMEOUT', retryable: true },
      message: `${QUEUE} did not answer add within 30 ms`,
    })
    const done: unknown[] = []
    // A timer may come a moment before the clock says so.
    await until('its time is over', () => Date.now() > asked + timeoutMs)
    await serve({ add: async ({ callId }) => void done.push(callId) })
    await caller.call(QUEUE, request({ callId: 'c2' }))
    expect(done).toEqual(['c2'])
  })

  it('can be given up', async () => {
    const giveUp = new AbortController()
    const waiting = caller.call(QUEUE, request({ signal: giveUp.signal }))
    giveUp.abort()
    await expect(waiting).rejects.toMatchObject({ code: 'ABORTED' })
    const already = caller.call(QUEUE, request({ signal: AbortSignal.abort() }))
    await expect(already).rejects.toMatchObject({ code: 'ABORTED' })
  })

  it('is UNAVAILABLE when the bus does not take it or the caller is closed', async () => {
    const waiting = caller.call(QUEUE, request())
    const refused = expect(waiting).rejects.toMatchObject({ code: 'UNAVAILABLE', retryable: true })
    await caller.close()
    await refused
    await bus.close()
    const closed = caller.call(QUEUE, request())
    await expect(closed).rejects.toMatchObject({ code: 'UNAVAILABLE', retryable: true })
  })

  it('may be repeated while it runs: all who wait get the answer', async () => {
    let release = (): void => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    let runs = 0
    await serve({
      add: async () => {
        runs += 1
        if (runs === 1) await held
        return 'done'
      },
    })
    const calls = [caller.call(QUEUE, request()), caller.call(QUEUE, request())]
    expect(await Promise.all(calls)).toEqual(['done', 'done'])
    release()
  })

  it('drops what is not a call, and goes on', async () => {
    await serve({ add: async () => 'well' })
    const call = { ...request(), replyTo: 'x' }
    const hostile = [
      {},
      { ...call, callId: 1 },
      { ...call, callId: 'x'.repeat(501) },
      { ...call, fence: '7' },
      { ...call, replyTo: null },
      { ...call, timeoutMs: 'soon' },
      [call],
    ]
    for (const body of hostile) await bus.publish(QUEUE, body)
    expect(await caller.call(QUEUE, request())).toBe('well')
    const dropped = (): number =>
      lines.filter((line) => line.includes('a call of an unknown shape')).length
    await until('all are dropped', () => dropped() === hostile.length)
  })

  it('answers with an error when the result is too large for the bus', async () => {
    await serve({ add: async () => 'x'.repeat(9 * 1024 * 1024) })
    await expect(caller.call(QUEUE, request())).rejects.toThrow(/the limit is/)
  })
})
