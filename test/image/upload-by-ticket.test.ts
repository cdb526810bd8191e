/** The bytes of an image from a host: PUT with a ticket that is good once, for one whole image. */
import { request as httpRequest } from 'node:http'
import { Readable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { putImage } from '../../workers/agent/image-upload.ts'
import { type Cluster, startCluster } from '../support/cluster.ts'
import { newProject, tokenFor } from '../support/people.ts'
import { emptyQcow2 } from '../support/stories.ts'
import { until } from '../support/until.ts'

const never = new AbortController().signal

let cloud: Cluster
let projectId: string
let token: string

beforeAll(async () => {
  cloud = await startCluster({ hosts: 0 })
  projectId = await newProject(cloud.cloud, 'own')
  token = tokenFor(cloud.cloud, { projectId, role: 'member' })
})
afterAll(() => cloud?.stop())

async function newImage(): Promise<string> {
  const { imageCreate } = await cloud.must(
    'mutation ($input: ImageCreateInput!) { imageCreate(input: $input) { image { id } } }',
    { input: { name: 'snapshot', diskFormat: 'QCOW2', visibility: 'PRIVATE' } },
    token,
  )
  return imageCreate.image.id
}

const path = (id: string) => `/v1/images/${id}/file`
const ticketFor = (object: string) => cloud.cloud.tokens.issueTicket(object, cloud.cloud.now())
const uploadTicket = (id: string) => ticketFor(`image-upload/${id}`)

async function put(id: string, ticket: string, body: Buffer = emptyQcow2(), headers: object = {}) {
  const response = await fetch(cloud.url + path(id), {
    method: 'PUT',
    headers: { authorization: `Ticket ${ticket}`, ...headers },
    body: new Uint8Array(body),
  })
  const text = await response.text()
  expect(text).not.toContain(ticket)
  const { errors } = JSON.parse(text) as { errors?: { extensions: { code: string } }[] }
  return [response.status, errors?.[0]?.extensions.code ?? 'OK']
}

const look = (id: string) => cloud.cloud.db.image.findUniqueOrThrow({ where: { id } })

describe('an upload with a ticket', () => {
  it('becomes an image, once', async () => {
    const id = await newImage()
    const ticket = uploadTicket(id)
    expect(await put(id, ticket)).toEqual([201, 'OK'])
    expect(await look(id)).toMatchObject({ status: 'ACTIVE', taskState: null, fault: null })
    expect(await put(id, ticket)).toEqual([401, 'UNAUTHENTICATED'])
    expect(await put(id, uploadTicket(id))).toEqual([409, 'INVALID_STATE'])
    expect(await look(id)).toMatchObject({ status: 'ACTIVE' })
    const audit = await cloud.cloud.db.auditEvent.findFirst({
      where: { resourceId: id, action: 'image.image.upload', outcome: 'SUCCESS' },
    })
    expect(audit).toMatchObject({ userId: null, projectId })
  })

  it('needs the ticket of this image, for this', async () => {
    const id = await newImage()
    const other = await newImage()
    const lies = [uploadTicket(other), ticketFor(`image/${id}`), ticketFor(`stream/${id}/a`), 'lie']
    for (const ticket of lies) expect(await put(id, ticket)).toEqual([401, 'UNAUTHENTICATED'])
    expect(await look(id)).toMatchObject({ status: 'QUEUED', fault: null })
    const gone = '01930000-0000-7000-8000-000000000000'
    expect(await put(gone, uploadTicket(gone))).toEqual([404, 'NOT_FOUND'])
    // And an upload's ticket reads nothing.
    const reading = { headers: { authorization: `Ticket ${uploadTicket(id)}` } }
    expect((await fetch(cloud.url + path(id), reading)).status).toBe(401)
  })

  it('is over with its time', async () => {
    const id = await newImage()
    const old = new Date(cloud.cloud.now().getTime() - 121 * 60_000)
    const ticket = cloud.cloud.tokens.issueTicket(`image-upload/${id}`, old)
    expect(await put(id, ticket)).toEqual([401, 'UNAUTHENTICATED'])
  })

  it('is whole or nothing: no parts, and no use of the ticket by asking for one', async () => {
    const id = await newImage()
    const ticket = uploadTicket(id)
    const body = emptyQcow2()
    const part = { 'content-range': `bytes 0-${body.length - 1}/${2 * body.length}` }
    expect(await put(id, ticket, body, part)).toEqual([400, 'BAD_INPUT'])
    expect(await put(id, ticket)).toEqual([201, 'OK'])
  })

  it('leaves nothing when it is refused or breaks off (D1, D3)', async () => {
    const id = await newImage()
    const [, code] = await put(id, uploadTicket(id), Buffer.from('no disk'))
    expect(code).toBe('IMAGE_INVALID')
    expect(await look(id)).toMatchObject({ status: 'QUEUED', fault: { code: 'IMAGE_INVALID' } })
    const request = httpRequest(cloud.url + path(id), {
      method: 'PUT',
      headers: { authorization: `Ticket ${uploadTicket(id)}`, 'content-length': 100_000 },
    })
    request.on('error', () => {})
    request.write(Buffer.alloc(50_000))
    await until('it is saving', async () => (await look(id)).status === 'SAVING')
    request.destroy()
    await until('it is as before', async () => (await look(id)).status === 'QUEUED')
    expect(await look(id)).toMatchObject({ taskState: null, fault: { code: 'UNAVAILABLE' } })
    expect(await put(id, uploadTicket(id))).toEqual([201, 'OK'])
  })
})

describe('the agent’s side of it', () => {
  const send = (id: string, body: Buffer, signal = never, ticket = uploadTicket(id)) => {
    const moved: number[] = []
    const bytes = Readable.from([body.subarray(0, 100), body.subarray(100)], { objectMode: false })
    const disk = { bytes, sizeBytes: body.length, onMoved: (done: number) => moved.push(done) }
    return putImage({ path: path(id), ticket }, cloud.url, disk, signal).then(() => moved)
  }

  it('sends, counts, and knows a refusal from an accident', async () => {
    const id = await newImage()
    const body = emptyQcow2()
    const lie = expect(send(id, Buffer.alloc(5_000, 'x'))).rejects
    await lie.toMatchObject({ code: 'IMAGE_INVALID', retryable: false })
    expect((await send(id, body)).at(-1)).toBe(body.length)
    const again = expect(send(id, body)).rejects
    await again.toMatchObject({ code: 'INVALID_STATE', retryable: false })
    const used = expect(send(await newImage(), body, never, uploadTicket(id))).rejects
    await used.toMatchObject({ code: 'UNAVAILABLE', retryable: true })
  })

  it('gives up when it is told to, when nobody answers, and when the disk breaks', async () => {
    const id = await newImage()
    const aborted = expect(send(id, emptyQcow2(), AbortSignal.abort())).rejects
    await aborted.toMatchObject({ code: 'ABORTED' })
    const disk = { bytes: Readable.from(['x']), sizeBytes: 1, onMoved: () => {} }
    const nowhere = putImage({ path: '/x', ticket: 't' }, 'http://127.0.0.1:1', disk, never)
    await expect(nowhere).rejects.toMatchObject({ code: 'UNAVAILABLE', retryable: true })
    const breaking = Readable.from(
      (function* () {
        yield Buffer.alloc(1000)
        throw new Error('the disk broke')
      })(),
      { objectMode: false },
    )
    const broken = { bytes: breaking, sizeBytes: 5_000, onMoved: () => {} }
    const sending = putImage({ path: path(id), ticket: uploadTicket(id) }, cloud.url, broken, never)
    await expect(sending).rejects.toMatchObject({ code: 'UNAVAILABLE', retryable: true })
    await until('it is as before', async () => (await look(id)).status === 'QUEUED')
  })
})
