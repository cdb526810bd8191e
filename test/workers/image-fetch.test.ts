/** The fetch of an image's bytes from the API's data plane, against a real HTTP server. */
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { afterEach, describe, expect, it } from 'vitest'
import { imageSource } from '../../workers/agent/image-fetch.ts'
import { until } from '../support/until.ts'

const BYTES = Buffer.alloc(300_000, 'cloud')
const TICKET = 'secret-ticket'

let server: Server | null = null

afterEach(async () => {
  server?.closeAllConnections()
  await new Promise((resolve) => (server ? server.close(resolve) : resolve(null)))
  server = null
})

async function source(answer: RequestListener, sizeBytes = BYTES.length) {
  server = createServer(answer)
  await new Promise((resolve) => server?.listen(0, '127.0.0.1', () => resolve(null)))
  const { port } = server.address() as AddressInfo
  return imageSource(
    {
      ...{ id: 'image-1', checksum: 'c', format: 'raw', sizeBytes, virtualSizeBytes: sizeBytes },
      ...{ path: '/v1/images/image-1/file', ticket: TICKET },
    },
    `http://127.0.0.1:${port}`,
  )
}

const never = new AbortController().signal

describe('the bytes of an image', () => {
  it('come with the ticket, and the ticket is not part of the source', async () => {
    const asked: unknown[] = []
    const image = await source(({ url, headers }, response) => {
      asked.push([url, headers.authorization])
      response.end(BYTES)
    })
    expect(JSON.stringify(image)).not.toContain(TICKET)
    expect(asked).toEqual([])
    expect((await buffer(await image.fetch(never))).equals(BYTES)).toBe(true)
    expect(asked).toEqual([['/v1/images/image-1/file', `Ticket ${TICKET}`]])
  })

  it('are IMAGE_UNAVAILABLE when refused, pointed elsewhere or nobody is there', async () => {
    for (const status of [302, 401, 404, 503]) {
      const image = await source((_, response) => {
        response.writeHead(status, { location: 'http://127.0.0.1:1/elsewhere' }).end()
      })
      const failure: unknown = await image.fetch(never).catch((error: unknown) => error)
      expect(failure).toMatchObject({ code: 'IMAGE_UNAVAILABLE', retryable: true })
      expect(String(failure)).not.toContain(TICKET)
      server?.closeAllConnections()
      await new Promise((resolve) => server?.close(resolve))
    }
    const image = await source(() => {})
    await new Promise((resolve) => server?.close(resolve))
    await expect(image.fetch(never)).rejects.toMatchObject({
      code: 'IMAGE_UNAVAILABLE',
      message: expect.stringMatching(/ECONNREFUSED/),
    })
  })

  it('are IMAGE_UNAVAILABLE when they break off', async () => {
    const image = await source((_, response) => {
      response.writeHead(200, { 'content-length': BYTES.length })
      response.write(BYTES.subarray(0, 1_000), () => response.destroy())
    })
    const bytes = image.fetch(never).then(buffer)
    await expect(bytes).rejects.toMatchObject({ code: 'IMAGE_UNAVAILABLE', retryable: true })
  })

  it('are IMAGE_INVALID when there are more than promised', async () => {
    const image = await source((_, response) => response.end(BYTES), BYTES.length - 1)
    const bytes = image.fetch(never).then(buffer)
    await expect(bytes).rejects.toMatchObject({ code: 'IMAGE_INVALID', retryable: false })
  })

  it('stop when the verb is aborted, and the connection with them', async () => {
    let closed = false
    const image = await source((_, response) => {
      response.on('close', () => {
        closed = true
      })
      response.write(BYTES.subarray(0, 1_000))
    })
    const giveUp = new AbortController()
    const bytes = buffer(await image.fetch(giveUp.signal))
    giveUp.abort()
    await expect(bytes).rejects.toMatchObject({ code: 'ABORTED' })
    await until('the connection is closed', () => closed)
  })
})
