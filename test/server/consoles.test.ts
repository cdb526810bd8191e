/** Consoles: from the mutation to the bytes in a browser's WebSocket, on a simulated host. */
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { whatFollows } from '../../resolvers/compute/console-follow.ts'
import { type Cluster, startCluster } from '../support/cluster.ts'
import { ACT, CREATE, flavorId, putImage } from '../support/stories.ts'
import { until } from '../support/until.ts'

let cloud: Cluster
let token: string
let id: string

const CONSOLE = `mutation ($input: ServerConsoleCreateInput!) {
  serverConsoleCreate(input: $input) { url expiresAt }
}`

beforeAll(async () => {
  cloud = await startCluster({ hosts: 1 })
  token = await cloud.signIn()
  const image = await putImage(cloud, token)
  const input = { name: 'screen', flavorId: await flavorId(cloud, token), imageId: image.id }
  const { serverCreate } = await cloud.must(CREATE, { input }, token)
  id = serverCreate.server.id
  await status('ACTIVE')
})
afterAll(() => cloud?.stop())

const status = (wanted: string) =>
  until(`the server is ${wanted}`, async () => {
    const row = await cloud.cloud.db.server.findUnique({ where: { id } })
    return row?.status === wanted && row.taskState === null
  })

async function open(kind: 'VNC' | 'SERIAL', by = token): Promise<string> {
  const { serverConsoleCreate } = await cloud.must(CONSOLE, { input: { id, kind } }, by)
  return `${cloud.url.replace('http', 'ws')}${serverConsoleCreate.url}`
}

/** What arrives at a WebSocket, and its end. */
function listen(url: string) {
  const socket = new WebSocket(url)
  const said: Buffer[] = []
  const seen = { closed: null as number | null, refused: null as number | null }
  socket.on('message', (data: Buffer) => said.push(data))
  socket.on('close', (code) => {
    seen.closed = code
  })
  socket.on('unexpected-response', (_request, response) => {
    seen.refused = response.statusCode ?? 0
    socket.terminate()
  })
  socket.on('error', () => {})
  return { socket, seen, text: () => Buffer.concat(said).toString('latin1') }
}

describe('the serial console', () => {
  it('takes what is typed and shows what is printed', async () => {
    const { socket, text } = listen(await open('SERIAL'))
    await once(socket, 'open')
    socket.send(Buffer.from('\r'))
    await until('something is printed', () => /\w/.test(text()))
    socket.close()
    await once(socket, 'close')
  })

  it('opens once', async () => {
    const url = await open('SERIAL')
    const first = listen(url)
    await once(first.socket, 'open')
    const second = listen(url)
    await until('the second is refused', () => second.seen.refused === 401)
    first.socket.close()
    await once(first.socket, 'close')
  })

  it('opens nothing with a word that somebody made up', async () => {
    const url = (await open('SERIAL')).slice(0, -4)
    const { seen } = listen(`${url}AAAA`)
    await until('it is refused', () => seen.refused === 401)
  })

  it('opens nothing, and closes, once the token is revoked', async () => {
    const other = await cloud.signIn()
    const [early, late] = [await open('SERIAL', other), await open('SERIAL', other)]
    const running = listen(early)
    await once(running.socket, 'open')
    await cloud.must(
      'mutation ($input: TokenRevokeInput!) { tokenRevoke(input: $input) { revoked } }',
      { input: { secret: other } },
      token,
    )
    const { seen } = listen(late)
    await until('it is refused', () => seen.refused === 401)
    await until('the open one is closed', () => running.seen.closed === 1008)
  })
})

describe('the screen', () => {
  it('speaks RFB', async () => {
    const { socket, text } = listen(await open('VNC'))
    await until('the server says its version', () => text().startsWith('RFB 003.008\n'))
    socket.close()
    await once(socket, 'close')
  })

  it('can be taken as a picture', async () => {
    const query = 'query ($id: ID!) { server(id: $id) { screenshot } }'
    const { server } = await cloud.must(query, { id }, token)
    expect(server.screenshot).toMatch(/^data:image\/png;base64,iVBORw0KGgo/)
  })
})

describe('the log', () => {
  it('has a log that is read page by page', async () => {
    const page = async (lines: number, skip: number): Promise<string> => {
      const query = `query ($id: ID!) { server(id: $id) { consoleLog(lines: ${lines}, skip: ${skip}) } }`
      return (await cloud.must(query, { id }, token)).server.consoleLog
    }
    const whole = await page(5_000, 0)
    expect(whole.split('\n').length).toBeGreaterThan(4)
    let pages = ''
    for (let skip = 0; pages.length < whole.length; skip += 3) pages = (await page(3, skip)) + pages
    expect(pages).toBe(whole)
    expect(await page(3, 5_000)).toBe('')
  })

  it('is followed', async () => {
    const watch = cloud.watch<{ text: string; reset: boolean }>(
      'subscription ($id: String!) { serverConsoleLog(id: $id, lines: 50) { text reset } }',
      { id },
      token,
    )
    try {
      const first = await until('the log is told', () => watch.events[0] ?? null)
      expect(first).toMatchObject({ reset: true, text: expect.stringContaining('login:') })
      await cloud.must(
        ACT('serverReboot', 'ServerRebootInput'),
        { input: { id, mode: 'HARD' } },
        token,
      )
      await until('more is told', () => watch.events.length > 1)
    } finally {
      watch.close()
    }
    await status('ACTIVE')
  })

  it.each([
    ['nothing', 'a\nb', 'a\nb', null],
    ['what is behind', 'a\nb', 'a\nb\nc', { text: '\nc', reset: false }],
    [
      'what is behind, of a window that moved on',
      'aa\nbb',
      'bb\ncc',
      { text: 'bb\ncc', reset: true },
    ],
    ['all of a new log', 'old', 'new', { text: 'new', reset: true }],
    ['the first of an empty one', '', 'x', { text: 'x', reset: false }],
  ])('tells %s', (_, told, now, said) => {
    expect(whatFollows(told, now)).toEqual(said)
  })
})

describe('a server that is off', () => {
  it('has no console, and says in which statuses it would', async () => {
    await cloud.must(ACT('serverStop'), { input: { id } }, token)
    await status('SHUTOFF')
    const { errors } = await cloud.gql(CONSOLE, { input: { id, kind: 'VNC' } }, token)
    expect(errors?.[0]?.extensions).toMatchObject({
      code: 'INVALID_STATE',
      details: { allowedStatuses: expect.arrayContaining(['ACTIVE']) },
    })
  })
})
