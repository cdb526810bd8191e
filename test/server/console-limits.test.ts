/** Consoles: how many may be open, who hangs up on whom, and how often hosts are asked for their logs. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { lookTogether } from '../../resolvers/compute/console-look.ts'
import { openConsoles } from '../../server/data-plane/console-sockets.ts'
import { openStreams } from '../../server/data-plane/streams.ts'
import { ConsoleRoom } from '../../services/compute/console-room.ts'
import type { HostConsoles } from '../../services/context.ts'
import { type Cluster, startCluster } from '../support/cluster.ts'
import { makeTestLog } from '../support/log.ts'
import { atRest, newServer, putImage } from '../support/stories.ts'
import { until } from '../support/until.ts'

const CONSOLE = `mutation ($input: ServerConsoleCreateInput!) {
  serverConsoleCreate(input: $input) { url expiresAt }
}`
const limits = { consolesPerUser: 3, consolesPerProject: 4, consolesPerServer: 2 }

let cloud: Cluster
let token: string
let ids: string[]
let sockets: WebSocket[] = []

beforeAll(async () => {
  cloud = await startCluster({ hosts: 1, config: limits })
  token = await cloud.signIn()
  const { id: imageId } = await putImage(cloud, token)
  ids = await Promise.all(['one', 'two'].map((name) => newServer(cloud, token, name, imageId)))
  for (const id of ids) await atRest(cloud, token, id, 'ACTIVE')
})
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.terminate()
})
afterAll(() => cloud?.stop())

const idOf = (n: number): string => ids[n] ?? ''
const ask = (n: number) => cloud.gql(CONSOLE, { input: { id: idOf(n), kind: 'SERIAL' } }, token)

async function wordFor(n: number): Promise<string> {
  const { data, errors } = await ask(n)
  if (errors) throw new Error(errors[0]?.message)
  return data.serverConsoleCreate.url
}

function connect(url: string, options: { autoPong?: boolean } = {}) {
  const socket = new WebSocket(url.replace('http', 'ws'), options)
  const seen = { closed: null as { code: number; reason: string } | null }
  socket.on('close', (code, reason) => {
    seen.closed = { code, reason: String(reason) }
  })
  socket.on('error', () => {})
  sockets.push(socket)
  return { socket, seen }
}

async function opened(url: string): Promise<WebSocket> {
  const { socket } = connect(`${cloud.url}${url}`)
  await once(socket, 'open')
  // It counts once the host's end is there, at the latest.
  socket.send(Buffer.from('\r'))
  await once(socket, 'message')
  return socket
}

const refusalOf = async (n: number) => (await ask(n)).errors?.[0]?.extensions

describe('open consoles', () => {
  it('are so many of a server, and of a user; a word that was given before opens no more either', async () => {
    const spare = [await wordFor(0), await wordFor(1)]
    const [first] = [await opened(await wordFor(0)), await opened(await wordFor(0))]
    expect(await refusalOf(0)).toMatchObject({
      code: 'QUOTA_EXCEEDED',
      details: { resource: 'compute.consolesPerServer', limit: 2, used: 2, requested: 1 },
    })
    await opened(await wordFor(1))
    expect(await refusalOf(1)).toMatchObject({
      code: 'QUOTA_EXCEEDED',
      details: { resource: 'compute.consolesPerUser', limit: 3, used: 3 },
    })
    for (const url of spare) {
      const { seen } = connect(`${cloud.url}${url}`)
      await until('it is shut out', () => seen.closed !== null)
      expect(seen.closed).toMatchObject({
        code: 1008,
        reason: expect.stringMatching(/may have \d consoles open at once: close one/),
      })
    }
    first?.close()
    await until('there is room again', async () => (await refusalOf(0)) === undefined)
  })

  it('give their room back once', () => {
    const room = new ConsoleRoom(limits)
    const holder = { userId: 'u', projectId: 'p', serverId: 's' }
    const leave = room.enter(holder)
    room.enter(holder)
    expect(() => room.enter(holder)).toThrow('A server may have 2')
    leave()
    leave()
    room.enter(holder)
    expect(() => room.enter(holder)).toThrow('A server may have 2')
    room.enter({ ...holder, userId: 'v', serverId: 't' })
    room.enter({ ...holder, userId: 'w', serverId: 't' })
    const refusal = room.refusal({ userId: 'x', projectId: 'p', serverId: 'z' })
    expect(refusal?.details).toMatchObject({ resource: 'compute.consolesPerProject', used: 4 })
    expect(room.refusal({ userId: 'x', projectId: 'q', serverId: 'z' })).toBeNull()
  })
})

describe('a browser', () => {
  let server: Server | undefined
  let close: (() => Promise<void>) | undefined
  afterEach(async () => {
    await close?.()
    server?.closeAllConnections()
    server?.close()
  })

  /** The door of the consoles alone; hosts never come. */
  async function door(pingMs: number): Promise<string> {
    const { log } = makeTestLog()
    const caller = { call: () => new Promise<never>(() => {}), close: async () => {} }
    const streams = openStreams(cloud.cloud, log)
    const consoles = openConsoles({
      ...{ cloud: cloud.cloud, callerOf: async () => caller, streams, log, pingMs },
      url: () => '',
    })
    server = createServer()
    server.on('upgrade', (request, socket, head) => consoles.take(request, socket, head))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    close = async () => {
      await consoles.close()
      await streams.close()
    }
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  it('that answers nothing any more is hung up on; one that does is not', async () => {
    const url = await door(200)
    const [dead, alive] = [
      connect(url + (await wordFor(0)), { autoPong: false }),
      connect(url + (await wordFor(1))),
    ]
    let pings = 0
    alive.socket.on('ping', () => {
      pings += 1
    })
    await until('the dead one is let go', () => dead.seen.closed !== null)
    await until('the other was asked more often', () => pings > 3)
    expect(alive.seen.closed).toBeNull()
  })

  it('that sends text, or a frame of absurd size, is hung up on', async () => {
    const url = await door(60_000)
    for (const [message, code] of [
      ['text', 1003],
      [Buffer.alloc(2 * 1024 * 1024), 1009],
    ] as const) {
      const { socket, seen } = connect(url + (await wordFor(0)))
      await once(socket, 'open')
      socket.send(message)
      await until('it is closed', () => seen.closed !== null)
      expect(seen.closed?.code).toBe(code)
    }
  })
})

describe('those who watch one log', () => {
  function world(answer: (lines: number) => string | null) {
    const asked: number[] = []
    const consoles: HostConsoles = {
      log: async (_host, _id, lines) => {
        asked.push(lines)
        return answer(lines)
      },
      screenshot: async () => null,
    }
    const { db } = cloud.cloud
    const ended = new AbortController()
    const looker = { db, consoles, signal: ended.signal }
    return { asked, ended, looker }
  }
  const server = async (n = 0) => {
    const { id, projectId } = await cloud.cloud.db.server.findUniqueOrThrow({
      where: { id: idOf(n) },
    })
    return { id, projectId }
  }

  it('share the asking, and each gets as many lines as it asked for', async () => {
    const { asked, ended, looker } = world(() => `a\nb\nc${'\nd'.repeat(asked.length)}\n`)
    const who = await server()
    const watches = [2, 3, 3, 1].map((lines) => lookTogether(looker, who, lines))
    try {
      const first = await Promise.all(watches.map((watch) => watch.next()))
      expect(first.map(({ value }) => value)).toEqual(['c\nd\n', 'b\nc\nd\n', 'b\nc\nd\n', 'd\n'])
      const second = await Promise.all(watches.map((watch) => watch.next()))
      expect(second.map(({ value }) => value)).toEqual(['d\nd\n', 'c\nd\nd\n', 'c\nd\nd\n', 'd\n'])
      expect(asked).toEqual([3, 3])
    } finally {
      ended.abort()
      for (const watch of watches) await watch.return(undefined)
    }
    const before = asked.length
    const again = world(() => 'x')
    const other = lookTogether(again.looker, who, 1)
    for (let looks = 0; looks < 3; looks++) await other.next()
    again.ended.abort()
    await other.return(undefined)
    expect(asked, 'nobody is asked when nobody watches').toHaveLength(before)
  })

  it('are told when the server is gone, and one that comes later begins anew', async () => {
    const { looker, ended } = world(() => 'x')
    const gone = { ...(await server()), projectId: '01930000-0000-7000-8000-0000000000aa' }
    for (let tries = 0; tries < 2; tries++) {
      await expect(lookTogether(looker, gone, 1).next()).rejects.toMatchObject({
        code: 'NOT_FOUND',
      })
    }
    ended.abort()
  })
})
