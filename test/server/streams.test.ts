/** Streams between two ends, over real sockets: joined, slowed down, broken, and refused. */
import { randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, request as httpRequest, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import type { Duplex } from 'node:stream'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import {
  defaultStreamLimits,
  openStreams,
  type StreamLimits,
  type Streams,
  streamObject,
  streamPath,
} from '../../server/data-plane/streams.ts'
import { turnAway } from '../../server/http/upgrade.ts'
import type { Cloud } from '../../services/context.ts'
import { openStream } from '../../workers/agent/stream.ts'
import { type Cluster, startCluster } from '../support/cluster.ts'
import { makeTestLog } from '../support/log.ts'
import { until } from '../support/until.ts'

const never = new AbortController().signal

let cluster: Cluster
let cloud: Cloud
let log: ReturnType<typeof makeTestLog>
let started: { server: Server; streams: Streams }[] = []
let url: string
let streams: Streams

beforeAll(async () => {
  cluster = await startCluster({ hosts: 0 })
  cloud = cluster.cloud
})
afterAll(() => cluster?.stop())

beforeEach(() => start())
afterEach(async () => {
  for (const one of started.splice(0)) {
    await one.streams.close()
    one.server.closeAllConnections()
    await new Promise((resolve) => one.server.close(resolve))
  }
})

async function start(limits: Partial<StreamLimits> = {}): Promise<void> {
  log = makeTestLog()
  streams = openStreams(cloud, log.log, { ...defaultStreamLimits, ...limits })
  const mine = streams
  const server = createServer()
  server.on('upgrade', (request, socket, head) => {
    if (!mine.take(request, socket, head)) turnAway(socket, '404 Not Found')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  started.push({ server, streams: mine })
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const ticketFor = (id: string, end: 'a' | 'b') =>
  cloud.tokens.issueTicket(streamObject(id, end), cloud.now())

async function open(id: string, end: 'a' | 'b', signal = never): Promise<Duplex> {
  const stream = await openStream(
    { url: streamPath(id, end), ticket: ticketFor(id, end) },
    url,
    signal,
  )
  stream.on('error', () => {})
  return stream
}

async function both(id: string = randomUUID()): Promise<[Duplex, Duplex]> {
  return [await open(id, 'a'), await open(id, 'b')]
}

/** All that a stream brings, and how it ended. */
async function drained(stream: Duplex): Promise<{ bytes: Buffer; error: string | null }> {
  const parts: Buffer[] = []
  try {
    for await (const part of stream as AsyncIterable<Buffer>) parts.push(part)
    return { bytes: Buffer.concat(parts), error: null }
  } catch (error) {
    return { bytes: Buffer.concat(parts), error: (error as Error).message }
  }
}

/** What the server says to an upgrade. */
function statusOf(path: string, headers: Record<string, string> = {}): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url.replace('http', 'ws') + path, { headers })
    socket.once('unexpected-response', (_request, response) => {
      resolve(response.statusCode ?? 0)
      socket.terminate()
    })
    socket.once('open', () => {
      resolve(101)
      socket.terminate()
    })
    socket.on('error', reject)
  })
}

describe('a stream', () => {
  it('carries bytes both ways, also those sent before the other end came', async () => {
    const id = randomUUID()
    const a = await open(id, 'a')
    a.write('early ')
    const b = await open(id, 'b')
    const sent = randomBytes(3 * 1024 * 1024)
    a.write(sent)
    const [atA, atB] = [drained(a), drained(b)]
    b.write('back')
    await until('b has it all', () => b.readableLength === 0 && a.writableLength === 0)
    a.end()
    const { bytes, error } = await atB
    expect(error).toBeNull()
    expect(bytes.equals(Buffer.concat([Buffer.from('early '), sent]))).toBe(true)
    expect(await atA).toEqual({ bytes: Buffer.from('back'), error: null })
  })

  it('slows the writer down to the reader', async () => {
    const [a, b] = await both()
    let taken = 0
    const piece = Buffer.alloc(256 * 1024)
    const write = () => a.write(piece, (error) => void (error || (taken += piece.length)))
    for (let n = 0; n < 200; n++) write()
    // What the buffers on the way take, and not a byte more: then nothing moves.
    let last = -1
    let asBefore = 0
    const atRest = () => {
      asBefore = last === taken ? asBefore + 1 : 0
      last = taken
      return asBefore === 50
    }
    await until('nothing moves', atRest)
    expect(taken).toBeLessThan(200 * piece.length)
    let came = 0
    b.on('data', (bytes: Buffer) => {
      came += bytes.length
    })
    await until('all has come', () => came === 200 * piece.length, 30_000)
    a.destroy()
  })

  it('ends in good order when one end does, and as broken when one breaks', async () => {
    const [a, b] = await both()
    b.end()
    expect(await drained(a)).toMatchObject({ error: null })
    const [c, d] = await both()
    c.write('half')
    const atD = drained(d)
    await until('it is on its way', () => c.writableLength === 0)
    c.destroy(new Error('it broke'))
    expect((await atD).error).toMatch(/closed: 1011/)
  })

  it('is torn with the process of an end', async () => {
    const id = randomUUID()
    const a = await open(id, 'a')
    const socket = new WebSocket(url.replace('http', 'ws') + streamPath(id, 'b'), {
      headers: { authorization: `Ticket ${ticketFor(id, 'b')}` },
    })
    await once(socket, 'open')
    socket.terminate()
    expect((await drained(a)).error).toMatch(/closed: 1011/)
  })

  it('is ended by the signal of its opener', async () => {
    const id = randomUUID()
    const giveUp = new AbortController()
    const a = await open(id, 'a', giveUp.signal)
    const b = await open(id, 'b')
    giveUp.abort()
    expect((await drained(b)).error).toMatch(/closed/)
    expect(a.destroyed).toBe(true)
    const late = open(randomUUID(), 'a', AbortSignal.abort())
    await expect(late).rejects.toMatchObject({ code: 'ABORTED' })
  })
})

describe('this process as an end', () => {
  it('is joined when the other end comes', async () => {
    const id = randomUUID()
    const [here, b] = await Promise.all([streams.here(id, never), open(id, 'b')])
    here.write('hello')
    const [bytes] = (await once(b, 'data')) as [Buffer]
    expect(String(bytes)).toBe('hello')
    b.write('you')
    const [answer] = (await once(here, 'data')) as [Buffer]
    expect(String(answer)).toBe('you')
    b.end()
    await once(here, 'close')
  })

  it('ends the other end with its signal', async () => {
    const id = randomUUID()
    const giveUp = new AbortController()
    const [here, b] = await Promise.all([streams.here(id, giveUp.signal), open(id, 'b')])
    giveUp.abort()
    await drained(b)
    expect(here.destroyed).toBe(true)
  })

  it('gives up waiting, in time or when it is told to', async () => {
    await start({ waitMs: 100 })
    const unavailable = { code: 'UNAVAILABLE' }
    await expect(streams.here(randomUUID(), never)).rejects.toMatchObject(unavailable)
    const giveUp = new AbortController()
    const waiting = streams.here(randomUUID(), giveUp.signal)
    giveUp.abort()
    await expect(waiting).rejects.toMatchObject(unavailable)
    await expect(streams.here(randomUUID(), giveUp.signal)).rejects.toMatchObject(unavailable)
  })
})

describe('who is not let in', () => {
  it('has no ticket, or one that is used, for something else, or a lie', async () => {
    const id = randomUUID()
    const path = streamPath(id, 'a')
    const used = ticketFor(id, 'a')
    const first = await openStream({ url: path, ticket: used }, url, never)
    first.on('error', () => {})
    for (const ticket of [
      ...[used, ticketFor(id, 'b'), ticketFor(randomUUID(), 'a'), 'lie'],
      cloud.tokens.issueTicket(`image/${id}`, cloud.now()),
    ]) {
      expect(await statusOf(path, { authorization: `Ticket ${ticket}` })).toBe(401)
    }
    expect(await statusOf(path)).toBe(401)
    expect(log.lines.join('')).not.toContain(used)
    const again = openStream({ url: path, ticket: used }, url, never)
    await expect(again).rejects.toMatchObject({ code: 'UNAVAILABLE', retryable: true })
    first.destroy()
  })

  it('knows no path', async () => {
    const id = randomUUID()
    for (const path of [
      ...['/v1/streams/', `/v1/streams/${id}`, `/v1/streams/${id}/c`, `/v1/streams/../${id}/a`],
      ...[`/v1/streams/${id}/a?ticket=x`, `/v1/streams/${id}/a/b`, '/elsewhere'],
    ]) {
      expect(await statusOf(path), path).toBe(404)
    }
  })

  it('takes an end that is taken', async () => {
    const id = randomUUID()
    const a = await open(id, 'a')
    const second = await open(id, 'a')
    expect((await drained(second)).error).toMatch(/1008/)
    const b = await open(id, 'b')
    b.write('still there')
    const [bytes] = (await once(a, 'data')) as [Buffer]
    expect(String(bytes)).toBe('still there')
    a.destroy()
  })

  it('comes when too many wait, until one of them goes', async () => {
    await start({ waiting: 1 })
    const first = await open(randomUUID(), 'a')
    await expect(open(randomUUID(), 'a')).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    first.destroy()
    await until('there is room again', () =>
      open(randomUUID(), 'a').then(
        (stream) => {
          stream.destroy()
          return true
        },
        () => false,
      ),
    )
  })

  it('comes when there are too many streams', async () => {
    await start({ streams: 1 })
    const [a] = await both()
    await expect(open(randomUUID(), 'a')).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    a.destroy()
  })
})

describe('a hostile end', () => {
  const raw = async (id: string, end: 'a' | 'b') => {
    const socket = new WebSocket(url.replace('http', 'ws') + streamPath(id, end), {
      headers: { authorization: `Ticket ${ticketFor(id, end)}` },
    })
    socket.on('error', () => {})
    await once(socket, 'open')
    return socket
  }

  it('is hung up on for text, and for too long a message', async () => {
    for (const message of ['text', Buffer.alloc(2 * 1024 * 1024)]) {
      const id = randomUUID()
      const a = await open(id, 'a')
      const b = await raw(id, 'b')
      const gone = once(b, 'close')
      b.send(message)
      const [code] = (await gone) as [number]
      expect([1003, 1009]).toContain(code)
      expect((await drained(a)).error).not.toBeNull()
    }
  })

  it('that waits alone, or says nothing for long, is let go', async () => {
    await start({ waitMs: 100 })
    const alone = await open(randomUUID(), 'a')
    expect((await drained(alone)).error).toMatch(/1013 The other end did not come/)
    await start({ idleMs: 200 })
    const [a, b] = await both()
    const ends = await Promise.all([drained(a), drained(b)])
    expect(ends.map(({ error }) => error)).toEqual([
      ...Array.from({ length: 2 }, () => expect.stringMatching(/1013 Nothing moved/)),
    ])
  })

  it('that goes in the middle of its upgrade breaks nothing', async () => {
    const id = randomUUID()
    const { port, hostname } = new URL(url)
    const socket = connect(Number(port), hostname)
    await once(socket, 'connect')
    socket.write(
      `GET ${streamPath(id, 'a')} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n` +
        `Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n` +
        `Authorization: Ticket ${ticketFor(id, 'a')}\r\n\r\n`,
    )
    socket.resetAndDestroy()
    const [a] = await both()
    a.destroy()
    // No WebSocket at all, but the path of one.
    const plain = httpRequest(url + streamPath(id, 'b'), {
      headers: {
        connection: 'Upgrade',
        upgrade: 'nonsense',
        authorization: `Ticket ${ticketFor(id, 'b')}`,
      },
    })
    plain.end()
    const [response] = (await once(plain, 'response')) as [{ statusCode: number }]
    expect(response.statusCode).toBe(400)
  })
})

describe('the end of the server', () => {
  it('ends its streams, and those that wait', async () => {
    const [a, b] = await both()
    const alone = await open(randomUUID(), 'a')
    const heard = Promise.all([a, b, alone].map(drained))
    const here = expect(streams.here(randomUUID(), never)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    })
    await streams.close()
    for (const { error } of await heard) expect(error).toMatch(/1001|1011/)
    await here
    await expect(open(randomUUID(), 'a')).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  })
})

describe('in the cloud', () => {
  it('streams are beside GraphQL on the one port', async () => {
    url = cluster.url
    const [a, b] = await both()
    a.write('through')
    const [bytes] = (await once(b, 'data')) as [Buffer]
    expect(String(bytes)).toBe('through')
    a.destroy()
  })
})
