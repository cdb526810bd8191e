/** Watches and operations over graphql-transport-ws, spoken by hand. */
import { once } from 'node:events'
import { connect as connectTcp } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import type { RequestInfo } from '../../server/http/request.ts'
import type { Session } from '../../server/http/websocket-operations.ts'
import { CloudError } from '../../services/errors.ts'
import {
  contextFor,
  type Feed,
  feeds,
  hold,
  holding,
  type Row,
  type Shell,
  startShell,
} from '../support/http.ts'
import { until } from '../support/until.ts'

interface Message {
  type: string
  id?: string
  payload?: unknown
}

interface Payload {
  data?: Record<string, unknown>
  errors?: { message: string; extensions: Record<string, unknown> }[]
  extensions?: object
}

const LIMITS = {
  operations: 3,
  messageBytes: 20_000,
  unsentBytes: 200_000,
  connections: 20,
}

const revoked = new Set<string>()
let expiresAt: Date | null = null
let eventContexts = 0

async function connectSession({ headers }: RequestInfo): Promise<Session> {
  const token = headers.authorization?.replace(/^Bearer /, '') ?? ''
  if (token === 'expired') throw new CloudError('UNAUTHENTICATED', 'The token has expired')
  if (token === 'down') throw Object.assign(new Error('secret host'), { code: 'ECONNREFUSED' })
  return { expiresAt, stillValid: () => !revoked.has(token) }
}

const subscriptions = {
  connect: connectSession,
  eventContext: (context: object) => {
    eventContexts++
    return context
  },
  limits: LIMITS,
}

let shell: Shell
const open = new Set<Client>()
beforeAll(async () => {
  shell = await startShell({ subscriptions, contextFor })
})
afterEach(() => {
  for (const client of open) client.socket.terminate()
  open.clear()
  expiresAt = null
  revoked.clear()
})
afterAll(() => shell.stop())

class Client {
  readonly messages: Message[] = []
  closed: { code: number; reason: string } | null = null

  constructor(readonly socket: WebSocket) {
    open.add(this)
    socket.on('message', (data) =>
      this.messages.push(JSON.parse((data as Buffer).toString()) as Message),
    )
    socket.on('close', (code, reason) => (this.closed = { code, reason: String(reason) }))
    socket.on('error', () => {})
  }

  send(message: object): void {
    this.socket.send(JSON.stringify(message))
  }

  subscribe(id: string, query: string, variables: object = {}): void {
    this.send({ id, type: 'subscribe', payload: { query, variables } })
  }

  of(type: string, id?: string): Message[] {
    return this.messages.filter((one) => one.type === type && (!id || one.id === id))
  }

  async next(type: string, id?: string, count = 1): Promise<Message> {
    await until(
      `${type} ${id ?? ''} of ${JSON.stringify(this.messages).slice(0, 300)}`,
      () => this.of(type, id).length >= count,
    )
    return this.of(type, id)[count - 1] as Message
  }

  async end(): Promise<{ code: number; reason: string }> {
    return until('the close', () => this.closed)
  }
}

async function dial(to: Shell = shell, protocol = 'graphql-transport-ws'): Promise<Client> {
  const client = new Client(new WebSocket(`ws://127.0.0.1:${to.port}/graphql`, protocol))
  await once(client.socket, 'open')
  return client
}

async function signIn(token = 'ann', to: Shell = shell): Promise<Client> {
  const client = await dial(to)
  client.send({ type: 'connection_init', payload: { authorization: `Bearer ${token}` } })
  await client.next('connection_ack')
  return client
}

/** Starts a watch and gives the feed behind it. */
async function watch(
  client: Client,
  id: string,
  query = 'subscription { rowChanged { id name later } }',
) {
  const before = feeds.length
  client.subscribe(id, query)
  await until('the feed', () => feeds.length > before)
  return feeds.at(-1) as Feed<Row>
}

const payloadOf = (message: Message): Payload => message.payload as Payload

describe('connecting', () => {
  it('takes a token and acknowledges', async () => {
    const client = await signIn('ann')
    client.subscribe('1', '{ me }')
    expect(payloadOf(await client.next('next', '1')).data).toEqual({ me: 'ann' })
  })

  it.each([
    ['expired', 4403, 'UNAUTHENTICATED: The token has expired'],
    ['down', 1013, 'UNAVAILABLE: A part of the cloud'],
  ])('closes for the token %s with %i', async (token, code, reason) => {
    const client = await dial()
    client.send({ type: 'connection_init', payload: { authorization: `Bearer ${token}` } })
    const end = await client.end()
    expect(end.code).toBe(code)
    expect(end.reason).toContain(reason)
    expect(client.of('connection_ack')).toEqual([])
  })

  it('closes who says nothing, who speaks too early, and who speaks another protocol', async () => {
    const hasty = await startShell({
      subscriptions: { ...subscriptions, limits: { ...LIMITS, initTimeoutMs: 300 } },
    })
    onTestFinished(() => hasty.stop())
    const silent = await dial(hasty)
    const early = await dial()
    early.subscribe('1', '{ hello }')
    const other = await dial(shell, 'graphql-ws').catch((error: Error) => error)
    expect((await early.end()).code).toBe(4401)
    expect((await silent.end()).code).toBe(4408)
    expect(other).toBeInstanceOf(Error)
  })

  it('turns away other paths, and connections above the limit', async () => {
    const elsewhere = new WebSocket(`ws://127.0.0.1:${shell.port}/other`, 'graphql-transport-ws')
    expect(String(await once(elsewhere, 'error'))).toContain('404')
    const small = await startShell({
      subscriptions: { ...subscriptions, limits: { connections: 1 } },
    })
    try {
      await signIn('ann', small)
      const second = new WebSocket(`ws://127.0.0.1:${small.port}/graphql`, 'graphql-transport-ws')
      expect(String(await once(second, 'error'))).toContain('503')
    } finally {
      await small.stop()
    }
  })
})

describe('operations', () => {
  it('runs queries and mutations, with cost and coded errors', async () => {
    const client = await signIn()
    client.subscribe('q', '{ hello }')
    client.subscribe('m', 'mutation { touch }')
    client.subscribe('e', '{ fails(how: "plain") }')
    expect(payloadOf(await client.next('next', 'q'))).toEqual({
      data: { hello: 'hello ' },
      extensions: { cost: { requested: 1, limit: 100_000 } },
    })
    expect(payloadOf(await client.next('next', 'm')).data).toEqual({ touch: 'touched' })
    const failed = payloadOf(await client.next('next', 'e'))
    expect(failed.errors?.[0]?.extensions).toMatchObject({
      code: 'INTERNAL',
      requestId: expect.any(String) as string,
    })
    expect(JSON.stringify(failed)).not.toMatch(/hunter2/)
    for (const id of ['q', 'm', 'e']) await client.next('complete', id)
  })

  it('refuses with the same limits and codes as HTTP', async () => {
    const client = await signIn()
    client.subscribe('1', `subscription { rowChanged { ${'a: id '.repeat(51)} } }`)
    expect((await client.next('error', '1')).payload).toMatchObject([
      { extensions: { code: 'TOO_COMPLEX', details: { what: 'aliases', limit: 50 } } },
    ])
    client.subscribe('2', 'subscription { nope }')
    expect((await client.next('error', '2')).payload).toMatchObject([
      { extensions: { code: 'BAD_INPUT' } },
    ])
    client.subscribe('3', '{ syntax')
    expect((await client.next('error', '3')).payload).toMatchObject([
      { extensions: { code: 'BAD_INPUT' } },
    ])
    client.subscribe('4', `{ ${'a: hello '.repeat(51)} }`)
    expect(payloadOf(await client.next('next', '4')).errors?.[0]?.extensions.code).toBe(
      'TOO_COMPLEX',
    )
    client.subscribe('5', 'subscription { refusedWatch { id } }')
    expect(payloadOf(await client.next('next', '5')).errors?.[0]).toMatchObject({
      message: 'Begin anew',
      extensions: { code: 'CURSOR_EXPIRED' },
    })
    expect(client.closed).toBeNull()
  })

  it('bounds how many run at once', async () => {
    const client = await signIn()
    for (const id of ['1', '2', '3']) await watch(client, id)
    client.subscribe('4', 'subscription { rowChanged { id } }')
    expect((await client.next('error', '4')).payload).toMatchObject([
      {
        extensions: {
          code: 'TOO_COMPLEX',
          details: { what: 'operations', limit: 3, requested: 4 },
        },
      },
    ])
    client.send({ id: '1', type: 'complete' })
    await until('the first ended', () => feeds.at(-3)?.returned === true)
    await watch(client, '5')
  })

  it('closes for a message that is too large', async () => {
    const client = await signIn()
    client.subscribe('1', `{ hello }${' '.repeat(LIMITS.messageBytes)}`)
    expect((await client.end()).code).toBe(1009)
  })

  it('closes for a message that is none', async () => {
    const client = await signIn()
    client.socket.send('not JSON')
    expect((await client.end()).code).toBe(4400)
  })
})

describe('watching', () => {
  it('sends each event, in order, each with a context of its own', async () => {
    const client = await signIn()
    const before = eventContexts
    const feed = await watch(client, 'w')
    for (let id = 1; id <= 5; id++) feed.push({ id, name: `n${id}` })
    await client.next('next', 'w', 5)
    expect(client.of('next', 'w').map((one) => payloadOf(one).data)).toEqual(
      [1, 2, 3, 4, 5].map((id) => ({ rowChanged: { id, name: `n${id}`, later: `later n${id}` } })),
    )
    expect(eventContexts - before).toBe(5)
    expect(await shell.metrics.metrics()).toMatch(/nephograph_graphql_events_total [1-9]/)
  })

  it('formats what fails inside an event and goes on', async () => {
    const client = await signIn()
    const feed = await watch(client, 'w', 'subscription { rowChanged { id bad } }')
    feed.push({ id: 1, name: 'a' })
    feed.push({ id: 2, name: 'b' })
    const second = payloadOf(await client.next('next', 'w', 2))
    expect(second.data).toEqual({ rowChanged: { id: 2, bad: null } })
    expect(second.errors?.[0]?.extensions.code).toBe('INTERNAL')
    expect(JSON.stringify(client.messages)).not.toContain('secret')
  })

  it('ends the source at once, though nothing happens in it, when the client completes or leaves', async () => {
    const client = await signIn()
    const first = await watch(client, '1')
    const second = await watch(client, '2')
    expect(await shell.metrics.metrics()).toMatch(/nephograph_graphql_subscriptions 2/)
    client.send({ id: '1', type: 'complete' })
    await until('the first ended', () => first.returned)
    expect(second.returned).toBe(false)
    client.socket.terminate()
    await until('the second ended', () => second.returned)
    await until('none is counted', async () =>
      /nephograph_graphql_subscriptions 0/.test(await shell.metrics.metrics()),
    )
  })

  it('aborts the signal of a query that nobody waits for', async () => {
    const client = await signIn()
    const { asked } = holding
    client.subscribe('1', 'query Left { waits }')
    await until('it runs', () => holding.asked > asked)
    client.socket.close()
    await until('it ended', () => shell.lines().some((line) => line.name === 'Left'))
  })
})

describe('the token', () => {
  it('ends the connection when its time is over', async () => {
    expiresAt = new Date(Date.now() + 3_000)
    const client = await signIn()
    const feed = await watch(client, 'w')
    expect(await client.end()).toEqual({
      code: 4403,
      reason: 'UNAUTHENTICATED: the token has expired',
    })
    expect(feed.returned).toBe(true)
  })

  it('is asked before each event', async () => {
    const client = await signIn('bob')
    const feed = await watch(client, 'w')
    feed.push({ id: 1, name: 'seen' })
    await client.next('next', 'w')
    revoked.add('bob')
    feed.push({ id: 2, name: 'unseen' })
    expect((await client.end()).code).toBe(4403)
    expect(JSON.stringify(client.messages)).not.toContain('unseen')
    expect(feed.returned).toBe(true)
  })

  it('is asked on revalidate, only closing who lost it', async () => {
    const bob = await signIn('bob')
    const ann = await signIn('ann')
    revoked.add('bob')
    await shell.revalidate()
    expect((await bob.end()).code).toBe(4403)
    expect(ann.closed).toBeNull()
  })
})

describe('the line', () => {
  it('is pinged, and ended when nobody answers', async () => {
    const quick = await startShell({
      subscriptions: { ...subscriptions, limits: { ...LIMITS, keepAliveMs: 500 } },
    })
    try {
      const alive = await signIn('ann', quick)
      await once(alive.socket, 'ping')
      const dead = new Client(
        new WebSocket(`ws://127.0.0.1:${quick.port}/graphql`, 'graphql-transport-ws', {
          autoPong: false,
        }),
      )
      await once(dead.socket, 'open')
      dead.send({ type: 'connection_init' })
      expect((await dead.end()).code).toBe(1006)
      await once(alive.socket, 'ping')
      expect(alive.closed).toBeNull()
    } finally {
      await quick.stop()
    }
  })

  it('is closed when its client reads too slowly, and the source ends', async () => {
    const client = await signIn()
    const feed = await watch(client, 'w')
    client.socket.pause()
    const name = 'x'.repeat(50_000)
    let pushed = 0
    await until('the watch ended', () => {
      for (let i = 0; i < 20 && !feed.returned; i++) feed.push({ id: pushed++, name })
      return feed.returned
    })
    client.socket.resume()
    const { code, reason } = await client.end()
    expect([1013, 1006]).toContain(code)
    if (code === 1013) expect(reason).toMatch(/^Too slow/)
    expect(await shell.metrics.metrics()).toMatch(
      /nephograph_websocket_closes_total{code="1013"} [1-9]/,
    )
  })

  it('survives garbage on the wire', async () => {
    const socket = connectTcp(shell.port, '127.0.0.1')
    socket.on('error', () => {})
    socket.write(
      'GET /graphql HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n' +
        'Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n',
    )
    await once(socket, 'data')
    socket.write(Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff]))
    await once(socket, 'close')
    expect((await fetch(`${shell.url}/healthz`)).status).toBe(200)
  })
})

describe('stopping', () => {
  it('closes with 1001, ends the watches and waits for requests', async () => {
    const other = await startShell({ subscriptions })
    const client = await signIn('ann', other)
    const feed = await watch(client, 'w')
    hold()
    const began = performance.now()
    await other.stop()
    holding.release('x')
    expect(await client.end()).toEqual({ code: 1001, reason: 'The server is stopping' })
    expect(feed.returned).toBe(true)
    expect(performance.now() - began).toBeLessThan(3_000)
  })

  it('does not wait for a client that does not answer its close', async () => {
    const other = await startShell({ subscriptions })
    const client = await signIn('ann', other)
    client.socket.pause()
    const began = performance.now()
    await other.stop()
    expect(performance.now() - began).toBeLessThan(8_000)
  })
})
