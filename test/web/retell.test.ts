// @vitest-environment jsdom
/** What a watch told stays on the screen when an answer that is older than it comes after it. */
import { gql } from 'urql'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createPortalClient, type PortalClient } from '../../web/client.ts'
import { createRetelling } from '../../web/retell.ts'
import type { Sink } from '../../web/socket.ts'
import { until } from '../support/until.ts'

const QUERY = gql`query { server(id: "s") { id status } }`
const WATCH = gql`subscription { serverChanged { kind id server { id status } } }`
const STOP = gql`mutation { serverStop(input: { id: "s" }) { server { id status } } }`

const server = (status: string) => ({ __typename: 'Server', id: 's', status })
const change = (status: string) => ({
  data: {
    serverChanged: {
      ...{ __typename: 'ServerChange', kind: 'UPDATED', id: 's' },
      server: server(status),
    },
  },
})
const stopped = (status: string) => ({
  serverStop: { __typename: 'ServerPayload', server: server(status) },
})

let client: PortalClient
let sink: Sink | undefined
/** Requests that have no answer yet. */
let asked: ((data: object) => void)[]
let shown: string
/** Answers and changes that the page took in. */
let taken: number
let end: () => void

beforeEach(async () => {
  asked = []
  taken = 0
  vi.stubGlobal('fetch', () => {
    let resolve = (_: object) => {}
    const promise = new Promise<object>((done) => (resolve = done))
    asked.push(resolve)
    return promise.then((data) => Response.json({ data }))
  })
  client = createPortalClient('secret')
  vi.spyOn(client.socket, 'watch').mockImplementation((_, heard) => {
    sink = heard
    return () => {}
  })
  const reading = client.api.query(QUERY, {}).subscribe(({ data }) => {
    taken++
    shown = data?.server.status
  })
  const watching = client.api.subscription(WATCH, {}).subscribe(() => {})
  end = () => {
    reading.unsubscribe()
    watching.unsubscribe()
  }
  await answer({ server: server('ACTIVE') })
  await until('the page', () => shown === 'ACTIVE' && sink !== undefined)
})
afterEach(() => {
  end()
  vi.unstubAllGlobals()
})

async function answer(data: object): Promise<void> {
  await until('it is asked for', () => asked.length > 0)
  const before = taken
  asked.shift()?.(data)
  await until('it is taken in', () => taken > before)
  await settled()
}

/** What is put off to the end of this turn is done. */
const settled = () => new Promise((resolve) => setImmediate(resolve))

it('an answer whose row was read before the change changes nothing', async () => {
  client.rereadScreen()
  await until('it is asked for', () => asked.length === 1)
  sink?.next(change('SHUTOFF'))
  await answer({ server: server('STOPPING') })
  expect(shown).toBe('SHUTOFF')
})

it('the answer to a command that was done before it came changes nothing', async () => {
  const done = client.api.mutation(STOP, {}).toPromise()
  await until('it is asked for', () => asked.length === 1)
  sink?.next(change('STOPPING'))
  sink?.next(change('SHUTOFF'))
  await answer(stopped('STOPPING'))
  expect((await done).data?.serverStop.server.status).toBe('STOPPING')
  expect(shown).toBe('SHUTOFF')
})

it('an answer that was asked for later counts', async () => {
  sink?.next(change('SHUTOFF'))
  client.rereadScreen()
  await answer({ server: server('DELETED') })
  expect(shown).toBe('DELETED')
})

it('of several answers to one question the oldest time counts until all have come', async () => {
  const retelling = createRetelling()
  const told: unknown[] = []
  const watch = retelling.hear({ next: (result) => void told.push(result.data) })
  retelling.asked(1)
  watch.next(change('A'))
  retelling.asked(1)
  retelling.answered(1)
  await settled()
  retelling.answered(1)
  await settled()
  expect(told).toEqual(Array(3).fill(change('A').data))
  watch.next(change('B'))
  retelling.asked(1)
  retelling.answered(1)
  await settled()
  expect(told).toHaveLength(4)
})

it('what will have no answer any more is not waited for', async () => {
  const retelling = createRetelling()
  const told: unknown[] = []
  const watch = retelling.hear({ next: (result) => void told.push(result.data) })
  retelling.asked(1)
  watch.next(change('A'))
  retelling.dropped(1)
  retelling.asked(1)
  retelling.answered(1)
  await settled()
  expect(told).toHaveLength(1)
})
