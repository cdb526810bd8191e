/** The portal's socket against a real graphql-ws server that is dropped, refuses, forgets and fails. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buildSchema, GraphQLError } from 'graphql'
import { useServer } from 'graphql-ws/use/ws'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { createSocket, type Socket } from '../../web/socket.ts'
import { until } from '../support/until.ts'

const schema = buildSchema(`
  type Query { ok: Boolean }
  type Change { cursor: String! name: String! }
  type Subscription { changed(after: String): Change! }
`)
const query = 'subscription ($after: String) { changed(after: $after) { cursor name } }'

let http: Server
let sockets: WebSocketServer
let socket: Socket
let close = () => {}
let isAccepted: boolean
let closeNextWith: number | null
let begins: (string | null)[]
let names: string[]
let refusals: number
const events = new EventTarget()

/** One change for each watch that begins, with the next number as its cursor. */
async function* changed(_: unknown, { after }: { after?: string }) {
  begins.push(after ?? null)
  if (after === 'forgotten') {
    throw new GraphQLError('Begin anew', { extensions: { code: 'CURSOR_EXPIRED' } })
  }
  yield { changed: { cursor: `c${begins.length}`, name: `change ${begins.length}` } }
  await new Promise(() => {})
}

beforeEach(async () => {
  isAccepted = true
  closeNextWith = null
  begins = []
  names = []
  refusals = 0
  http = createServer().listen(0, '127.0.0.1')
  await once(http, 'listening')
  sockets = new WebSocketServer({ server: http, path: '/graphql' })
  useServer(
    {
      schema,
      roots: { subscription: { changed: (args: { after?: string }) => args } },
      onConnect: () => isAccepted,
      subscribe: ({ variableValues }) =>
        toResults(changed(null, (variableValues ?? {}) as { after?: string })),
    },
    sockets,
  )
  sockets.on('connection', (connection) => {
    if (closeNextWith) connection.close(closeNextWith)
    closeNextWith = null
  })
  const { port } = http.address() as AddressInfo
  vi.stubGlobal('location', { protocol: 'http:', host: `127.0.0.1:${port}` })
  vi.stubGlobal('window', events)
  vi.stubGlobal('WebSocket', WebSocket)
  socket = createSocket({ secret: 'x', onRefused: () => (refusals += 1) })
})

afterEach(() => {
  close()
  for (const connection of sockets.clients) connection.terminate()
  sockets.close()
  http.close()
  vi.unstubAllGlobals()
})

/** As graphql-js's subscribe answers, without a round through its executor. */
async function toResults(changes: AsyncGenerator<{ changed: { cursor: string; name: string } }>) {
  const first = await changes.next().catch((error: GraphQLError) => ({ errors: [error] }))
  if ('errors' in first) return first
  return (async function* results() {
    yield { data: first.value ?? null }
    for await (const data of changes) yield { data }
  })()
}

const watch = (after?: string) =>
  socket.watch(
    { query, variables: after ? { after } : {} },
    { next: ({ data }) => names.push((data as { changed: { name: string } }).changed.name) },
  )

const drop = () => {
  for (const connection of sockets.clients) connection.terminate()
}

/** Ends the wait before the next try, as a browser does that finds its network again. */
const goOnline = () => events.dispatchEvent(new Event('online'))

test('a watch that was asked for before the socket opens begins when it does', async () => {
  watch()
  expect(begins).toEqual([])
  close = socket.open()
  await until('the first change', () => names.length === 1)
  expect(begins).toEqual([null])
})

test('a lost socket is told, comes back, and the watch goes on after its last cursor', async () => {
  const told: boolean[] = []
  let resumes = 0
  socket.onState(() => told.push(socket.isLost()))
  socket.onResume(() => (resumes += 1))
  close = socket.open()
  watch()
  await until('the first change', () => names.length === 1)
  drop()
  await until('it is lost', () => socket.isLost())
  goOnline()
  await until('the second change', () => names.length === 2)
  expect(begins).toEqual([null, 'c1'])
  expect(told).toEqual([true, false])
  expect(resumes).toBe(1)
})

test('a watch whose cursor was forgotten begins anew, and the screen is read again', async () => {
  let resumes = 0
  socket.onResume(() => (resumes += 1))
  close = socket.open()
  watch('forgotten')
  await until('the first change', () => names.length === 1)
  expect(begins).toEqual(['forgotten', null])
  expect(resumes).toBe(1)
})

test('a close that the library gives up on is not the end', async () => {
  close = socket.open()
  watch()
  await until('the first change', () => names.length === 1)
  closeNextWith = 4500
  drop()
  await until('it is lost', () => socket.isLost())
  await until('the second change', () => {
    goOnline()
    return names.length === 2
  })
  expect(begins).toEqual([null, 'c1'])
  expect(socket.isLost()).toBe(false)
})

test('a token that is not taken any more ends it, once', async () => {
  close = socket.open()
  watch()
  await until('the first change', () => names.length === 1)
  isAccepted = false
  drop()
  await until('the refusal', () => {
    goOnline()
    return refusals === 1
  })
  goOnline()
  expect(names).toHaveLength(1)
})

test('a watch that was stopped does not come back', async () => {
  close = socket.open()
  const stop = watch()
  await until('the first change', () => names.length === 1)
  stop()
  drop()
  await until('it is lost', () => socket.isLost())
  await until('it is back', () => {
    goOnline()
    return !socket.isLost()
  })
  expect(begins).toEqual([null])
})
