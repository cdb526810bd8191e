/** The bytes of images over HTTP: what comes in, what is refused and leaves nothing, what goes out. */
import { createHash } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { type ClientRequest, request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Cluster, startCluster } from '../support/cluster.ts'
import { newProject, tokenFor } from '../support/people.ts'
import { emptyQcow2 } from '../support/stories.ts'
import { until } from '../support/until.ts'

const MIB = 1024 ** 2

let cloud: Cluster
let projectId: string
let token: string
let reader: string
let stranger: string

beforeAll(async () => {
  cloud = await startCluster({ hosts: 0 })
  projectId = await newProject(cloud.cloud, 'own')
  token = tokenFor(cloud.cloud, { projectId, role: 'member' })
  reader = tokenFor(cloud.cloud, { projectId, role: 'reader' })
  const other = await newProject(cloud.cloud, 'other')
  stranger = tokenFor(cloud.cloud, { projectId: other, role: 'admin' })
})
afterAll(() => cloud?.stop())

async function newImage(diskFormat = 'RAW', visibility = 'PRIVATE', by = token): Promise<string> {
  const { imageCreate } = await cloud.must(
    'mutation ($input: ImageCreateInput!) { imageCreate(input: $input) { image { id } } }',
    { input: { name: 'data', diskFormat, visibility } },
    by,
  )
  return imageCreate.image.id
}

const remove = (id: string, by = token) =>
  cloud.gql(
    'mutation ($input: ImageActionInput!) { imageDelete(input: $input) { task { id } } }',
    { input: { id } },
    by,
  )

async function look(id: string) {
  const { image } = await cloud.must(
    `query ($id: ID!) { image(id: $id) {
      status sizeBytes virtualSizeBytes checksum uploadUrl downloadUrl fault { code message } } }`,
    { id },
    token,
  )
  return image
}

const path = (id: string) => `/v1/images/${id}/file`
const auth = (by: string | null) => (by ? { authorization: `Bearer ${by}` } : ({} as object))

async function send(id: string, body: Uint8Array, headers: object = {}, by: string | null = token) {
  const response = await fetch(cloud.url + path(id), {
    method: 'PUT',
    headers: { ...auth(by), ...headers },
    body: new Uint8Array(body),
  })
  const answer = (await response.json()) as {
    errors?: { extensions: { code: string; message: string } }[]
    checksum?: string
    stagedBytes?: number
  }
  return { status: response.status, code: answer.errors?.[0]?.extensions.code ?? 'OK', answer }
}

const get = (id: string, headers: object = {}, by: string | null = token, method = 'GET') =>
  fetch(cloud.url + path(id), { method, headers: { ...auth(by), ...headers } })

/** What the store's folder holds of images: `staged/<id>`, `committed/<id>`. */
async function stored(): Promise<string[]> {
  const folders = ['staged', 'committed']
  const names = folders.map((folder) =>
    readdir(join(cloud.dataDir, 'images', folder)).catch(() => [] as string[]),
  )
  const all = (await Promise.all(names)).flatMap((list, i) => list.map((n) => `${folders[i]}/${n}`))
  return all.sort()
}
const storedOf = async (id: string) => (await stored()).filter((name) => name.endsWith(id))

/** A PUT whose body is written piece by piece. */
function begin(id: string, headers: Record<string, string | number> = {}) {
  const request: ClientRequest = httpRequest(cloud.url + path(id), {
    method: 'PUT',
    headers: { ...auth(token), ...headers },
  })
  const answered = new Promise<number>((resolve) => {
    request.once('response', (response) => {
      response.resume()
      resolve(response.statusCode ?? 0)
    })
    request.once('error', () => resolve(0))
  })
  return { request, answered }
}

const saving = (id: string) =>
  until('the upload runs', async () => (await look(id)).status === 'SAVING')
const sha512 = (bytes: Uint8Array) => createHash('sha512').update(bytes).digest('hex')
const noise = (bytes: number) => Buffer.alloc(bytes, 'not a disk of any known format. ')

describe('an upload', () => {
  it('becomes an image with its size and checksum, and is read back', async () => {
    const id = await newImage('QCOW2')
    const bytes = emptyQcow2()
    expect(await look(id)).toMatchObject({
      status: 'QUEUED',
      uploadUrl: path(id),
      downloadUrl: null,
    })
    expect((await get(id)).status).toBe(409)
    const { status, answer } = await send(id, bytes)
    expect([status, answer.checksum]).toEqual([201, sha512(bytes)])
    expect(await look(id)).toEqual({
      status: 'ACTIVE',
      sizeBytes: String(bytes.length),
      virtualSizeBytes: String(16 * MIB),
      checksum: sha512(bytes),
      uploadUrl: null,
      downloadUrl: path(id),
      fault: null,
    })
    expect(sha512(new Uint8Array(await (await get(id)).arrayBuffer()))).toBe(sha512(bytes))
    expect(await storedOf(id)).toEqual([`committed/${id}`])
    expect((await get(id.toUpperCase())).status).toBe(200)
  })

  it('of 300 MB streams through without being held', async () => {
    const id = await newImage()
    const piece = noise(MIB)
    const total = 300
    const hash = createHash('sha512')
    const { request, answered } = begin(id, { 'content-length': total * MIB })
    globalThis.gc?.()
    const before = process.memoryUsage.rss()
    let most = 0
    for (let i = 0; i < total; i++) {
      hash.update(piece)
      if (!request.write(piece)) await new Promise((resolve) => request.once('drain', resolve))
      most = Math.max(most, process.memoryUsage.rss())
    }
    request.end()
    expect(await answered).toBe(201)
    const checksum = hash.digest('hex')
    expect((await look(id)).checksum).toBe(checksum)

    const response = await get(id)
    const back = createHash('sha512')
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      back.update(chunk)
      most = Math.max(most, process.memoryUsage.rss())
    }
    expect(back.digest('hex')).toBe(checksum)
    expect((most - before) / MIB).toBeLessThan(150)
  }, 90_000)

  it('is refused to those who may not, and changes nothing', async () => {
    const id = await newImage()
    const body = noise(1024)
    const outcomes = {
      anonymous: (await send(id, body, {}, null)).code,
      forged: (await send(id, body, {}, `${token}x`)).code,
      unscoped: (await send(id, body, {}, tokenFor(cloud.cloud))).code,
      reader: (await send(id, body, {}, reader)).code,
      stranger: (await send(id, body, {}, stranger)).code,
      ticket: (await send(id, body, ticketOf(id), null)).code,
      unknown: (await send('0192e4a0-0000-7000-8000-000000000000', body)).code,
      'not an id': (await send('x', body)).code,
    }
    expect(outcomes).toEqual({
      anonymous: 'UNAUTHENTICATED',
      forged: 'UNAUTHENTICATED',
      unscoped: 'FORBIDDEN',
      reader: 'FORBIDDEN',
      stranger: 'NOT_FOUND',
      ticket: 'UNAUTHENTICATED',
      unknown: 'NOT_FOUND',
      'not an id': 'NOT_FOUND',
    })
    expect(await look(id)).toMatchObject({ status: 'QUEUED', fault: null })
    expect(await storedOf(id)).toEqual([])
  })

  it('of an image that has its bytes is refused', async () => {
    const id = await newImage()
    await send(id, noise(1024))
    expect(await send(id, noise(2048))).toMatchObject({ status: 409, code: 'INVALID_STATE' })
    expect((await look(id)).sizeBytes).toBe('1024')
    expect(await storedOf(id)).toEqual([`committed/${id}`])
  })

  it('runs alone', async () => {
    const id = await newImage()
    const { request, answered } = begin(id, { 'content-length': 2048 })
    request.write(noise(1024))
    await saving(id)
    expect(await send(id, noise(512))).toMatchObject({ status: 409, code: 'INVALID_STATE' })
    request.end(noise(1024))
    expect(await answered).toBe(201)
    expect((await look(id)).sizeBytes).toBe('2048')
  })
})

describe('an upload that is refused leaves nothing', () => {
  const qcow2 = (change: (bytes: Buffer) => void): Buffer => {
    const bytes = emptyQcow2()
    change(bytes)
    return bytes
  }
  const backed = qcow2((b) => {
    b.write('/etc/shadow', 512, 'latin1')
    b.writeBigUInt64BE(512n, 8)
    b.writeUInt32BE(11, 16)
  })
  const hostile: [string, string, Buffer][] = [
    ['of the wrong format', 'QCOW2', noise(4096)],
    ['of another format than raw', 'RAW', emptyQcow2()],
    ['with a backing file', 'QCOW2', backed],
    ['with an external data file', 'QCOW2', qcow2((b) => b.writeBigUInt64BE(4n, 72))],
    ['with a lying virtual size', 'QCOW2', qcow2((b) => b.writeBigUInt64BE(1n << 42n, 24))],
    ['cut off', 'QCOW2', emptyQcow2().subarray(0, 0x18000)],
    ['empty', 'RAW', Buffer.alloc(0)],
  ]
  it.each(hostile)('%s', async (_what, format, bytes) => {
    const id = await newImage(format)
    const { status, code } = await send(id, bytes)
    expect([status, code]).toEqual([422, 'IMAGE_INVALID'])
    expect(await look(id)).toMatchObject({ status: 'QUEUED', fault: { code: 'IMAGE_INVALID' } })
    expect(await storedOf(id)).toEqual([])
    expect((await send(id, format === 'RAW' ? noise(512) : emptyQcow2())).status).toBe(201)
    expect((await look(id)).fault).toBeNull()
  })

  it('larger than is accepted', async () => {
    const id = await newImage()
    const { request, answered } = begin(id, { 'content-length': 2 * 1024 ** 4 })
    request.flushHeaders()
    expect(await answered).toBe(413)
    request.destroy()
    const part = await send(id, noise(8), { 'content-range': `bytes 0-7/${2 * 1024 ** 4}` })
    expect(part).toMatchObject({ status: 413, code: 'TOO_LARGE' })
    expect(await look(id)).toMatchObject({ status: 'QUEUED', fault: null })
    expect(await storedOf(id)).toEqual([])
  })

  it.each([
    ['whose socket is destroyed', (end: { destroy(): void; end(): void }) => end.destroy()],
    ['whose Content-Length lies', (end: { destroy(): void; end(): void }) => end.end()],
  ])('%s', async (_what, finish) => {
    const id = await newImage()
    const socket = connect(Number(new URL(cloud.url).port), '127.0.0.1')
    socket.on('error', () => {})
    const head = `PUT ${path(id)} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n`
    socket.write(`${head}Content-Length: 1000\r\n\r\n${'x'.repeat(500)}`)
    await until('some bytes are there', async () => (await storedOf(id)).length === 1)
    finish(socket)
    await until('it is QUEUED again', async () => (await look(id)).status === 'QUEUED')
    expect((await look(id)).fault).toMatchObject({ code: 'UNAVAILABLE' })
    expect(await storedOf(id)).toEqual([])
    socket.destroy()
  })
})

describe('an upload by parts', () => {
  const bytes = noise(3000)
  const part = (id: string, from: number, to: number, total = 3000) =>
    send(id, bytes.subarray(from, to), { 'content-range': `bytes ${from}-${to - 1}/${total}` })
  const offset = async (id: string) =>
    (await get(id, {}, token, 'HEAD')).headers.get('upload-offset')

  it('is finished by the last one', async () => {
    const id = await newImage()
    expect(await offset(id)).toBe('0')
    expect(await part(id, 0, 1000)).toMatchObject({ status: 202, answer: { stagedBytes: 1000 } })
    expect((await look(id)).status).toBe('SAVING')
    expect(await offset(id)).toBe('1000')
    expect((await get(id)).status).toBe(409)
    expect((await part(id, 1000, 2500)).status).toBe(202)
    expect((await part(id, 2500, 3000)).status).toBe(201)
    expect(await look(id)).toMatchObject({ status: 'ACTIVE', checksum: sha512(bytes), fault: null })
    expect(await storedOf(id)).toEqual([`committed/${id}`])
  })

  it('keeps what is there when a part is wrong', async () => {
    const id = await newImage()
    expect(await part(id, 1000, 2000)).toMatchObject({ status: 409, code: 'CONFLICT' })
    expect((await look(id)).status).toBe('QUEUED')
    await part(id, 0, 1000)
    expect(await part(id, 500, 2000)).toMatchObject({ status: 409, code: 'CONFLICT' })
    expect(await part(id, 2000, 3000)).toMatchObject({ status: 409, code: 'CONFLICT' })
    const lying = { 'content-range': 'bytes 1000-1999/3000' }
    expect((await send(id, bytes.subarray(0, 10), lying)).code).toBe('BAD_INPUT')
    for (const range of ['bytes 5-1/10', 'bytes 0-10/10', 'bytes */10', 'lines 0-1/2', '']) {
      expect((await send(id, bytes, { 'content-range': range })).code).toBe('BAD_INPUT')
    }
    expect([(await look(id)).status, await offset(id)]).toEqual(['SAVING', '1000'])
    expect((await part(id, 1000, 3000)).status).toBe(201)
    expect((await look(id)).checksum).toBe(sha512(bytes))
  })

  it('goes on where it broke off', async () => {
    const id = await newImage()
    const { request } = begin(id, { 'content-range': 'bytes 0-1999/3000', 'content-length': 2000 })
    request.write(bytes.subarray(0, 700))
    await until('the bytes are there', async () => (await offset(id)) === '700')
    request.destroy()
    await until('the part has ended', async () => {
      const image = await cloud.cloud.db.image.findUniqueOrThrow({ where: { id } })
      return image.taskState === null
    })
    expect(await look(id)).toMatchObject({ status: 'SAVING', fault: null })
    expect((await part(id, 700, 3000)).status).toBe(201)
    expect((await look(id)).checksum).toBe(sha512(bytes))
  })

  it('is given up by a whole one, and is inspected like one', async () => {
    const id = await newImage('QCOW2')
    await part(id, 0, 1000)
    expect(await part(id, 1000, 3000)).toMatchObject({ status: 422, code: 'IMAGE_INVALID' })
    expect([(await look(id)).status, await storedOf(id)]).toEqual(['QUEUED', []])
    await part(id, 0, 1000)
    expect((await send(id, emptyQcow2())).status).toBe(201)
  })
})

describe('reading', () => {
  const bytes = noise(1000)
  const newActive = async (visibility = 'PRIVATE', by = token) => {
    const id = await newImage('RAW', visibility, by)
    expect((await send(id, bytes, {}, by)).status).toBe(201)
    return id
  }

  it('gives ranges as RFC 9110 says', async () => {
    const id = await newActive()
    const read = async (range: string) => {
      const response = await get(id, { range })
      const body = Buffer.from(await response.arrayBuffer())
      return [response.status, response.headers.get('content-range'), body.toString('latin1')]
    }
    const slice = (from: number, to: number) => bytes.subarray(from, to).toString('latin1')
    const whole = [200, null, slice(0, 1000)]
    expect(await read('bytes=0-9')).toEqual([206, 'bytes 0-9/1000', slice(0, 10)])
    expect(await read('bytes=990-')).toEqual([206, 'bytes 990-999/1000', slice(990, 1000)])
    expect(await read('bytes=-10')).toEqual([206, 'bytes 990-999/1000', slice(990, 1000)])
    expect(await read('bytes=900-5000')).toEqual([206, 'bytes 900-999/1000', slice(900, 1000)])
    expect(await read('bytes=1000-')).toEqual([416, 'bytes */1000', ''])
    expect(await read('bytes=-0')).toEqual([416, 'bytes */1000', ''])
    for (const odd of ['bytes=5-1', 'bytes=0-1,5-6', 'lines=0-1', 'bytes=-', 'nonsense']) {
      expect([odd, ...(await read(odd))]).toEqual([odd, ...whole])
    }
  })

  it('tells by HEAD what GET would give', async () => {
    const id = await newActive()
    const response = await get(id, {}, reader, 'HEAD')
    expect(response.status).toBe(200)
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-length': '1000',
      'accept-ranges': 'bytes',
      etag: `"${sha512(bytes).slice(0, 32)}"`,
      'content-disposition': `attachment; filename*=UTF-8''data.raw`,
    })
  })

  it('is for the project only, with one status for HEAD and GET', async () => {
    const [active, queued] = [await newActive(), await newImage()]
    const statuses = async (id: string, by: string | null, headers = {}) =>
      Promise.all(['GET', 'HEAD'].map(async (m) => (await get(id, headers, by, m)).status))
    for (const id of [active, queued]) {
      expect(await statuses(id, null)).toEqual([401, 401])
      expect(await statuses(id, tokenFor(cloud.cloud))).toEqual([403, 403])
      expect(await statuses(id, stranger)).toEqual([404, 404])
    }
    expect(await statuses('0192e4a0-0000-7000-8000-000000000000', token)).toEqual([404, 404])
    expect(await statuses('..%2f..%2fetc', token)).toEqual([404, 404])
  })

  it('opens to a ticket once, for its image, for a while', async () => {
    const [id, other] = [await newActive(), await newActive()]
    const ticket = ticketOf(id)
    expect((await get(other, ticket, null)).status).toBe(401)
    expect((await get(id, ticket, null)).status).toBe(200)
    expect((await get(id, ticket, null)).status).toBe(401)
    const old = ticketOf(id, new Date(Date.now() - 3_600_000))
    expect((await get(id, old, null)).status).toBe(401)
    expect((await get(id, { authorization: `Ticket ${token}` }, null)).status).toBe(401)
    expect((await get(id, { authorization: 'Ticket nonsense' }, null)).status).toBe(401)
    expect((await get(id, ticketOf(id), null, 'HEAD')).status).toBe(401)
  })

  it('of a public image is for all, changing it is not', async () => {
    const operator = await cloud.signIn()
    const id = await newActive('PUBLIC', operator)
    expect((await get(id, {}, stranger)).status).toBe(200)
    const { images } = await cloud.must('{ images { nodes { id } } }', {}, stranger)
    expect(images.nodes).toEqual([{ id }])
    expect((await remove(id, stranger)).errors?.[0]?.extensions.code).toBe('NOT_FOUND')
    expect((await send(id, bytes, {}, stranger)).code).toBe('NOT_FOUND')
    const refused = await cloud.gql(
      'mutation ($input: ImageCreateInput!) { imageCreate(input: $input) { image { id } } }',
      { input: { name: 'x', diskFormat: 'RAW', visibility: 'PUBLIC' } },
      stranger,
    )
    expect(refused.errors?.[0]?.extensions).toMatchObject({
      code: 'FORBIDDEN',
      details: { rule: 'image.image.publish' },
    })
  })
})

describe('deleting', () => {
  const gone = (id: string) => until('the image is gone', async () => (await look(id)) === null)

  it('removes the bytes', async () => {
    const id = await newImage()
    await send(id, noise(1024))
    await remove(id)
    await gone(id)
    expect(await storedOf(id)).toEqual([])
    expect((await get(id)).status).toBe(404)
  })

  it('also removes parts', async () => {
    const id = await newImage()
    await send(id, noise(100), { 'content-range': 'bytes 0-99/200' })
    await remove(id)
    await gone(id)
    expect(await storedOf(id)).toEqual([])
  })

  it('ends an upload that runs, and leaves nothing of it', async () => {
    const id = await newImage()
    const { request, answered } = begin(id, { 'content-length': 4096 })
    request.write(noise(1024))
    await until('some bytes are there', async () => (await storedOf(id)).length === 1)
    await remove(id)
    await gone(id)
    expect([0, 404]).toContain(await answered)
    request.destroy()
    await until('the bytes are gone', async () => (await storedOf(id)).length === 0)
  })
})

function ticketOf(id: string, at = new Date()) {
  return { authorization: `Ticket ${cloud.cloud.tokens.issueTicket(`image/${id}`, at)}` }
}
