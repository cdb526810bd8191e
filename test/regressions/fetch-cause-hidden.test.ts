/**
 * When an image could not be fetched, its owner read why in the words of the connection: the addresses
 * and names of the cloud's own machines. They are for the log of the agent.
 */
import { type AddressInfo, createServer } from 'node:net'
import { expect, it } from 'vitest'
import { imageSource } from '../../workers/agent/image-fetch.ts'
import { CallError, failureOf as toldByAgent } from '../../workers/call.ts'
import { failureOf } from '../../workers/conductor/failure.ts'

/** One on which nobody listens any more. */
async function deafPort(): Promise<number> {
  const server = createServer()
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(null)))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

it('tells the agent’s log why an image did not come, and its owner only that', async () => {
  const image = imageSource(
    {
      ...{ id: 'image-1', checksum: 'c', format: 'raw', sizeBytes: 1, virtualSizeBytes: 1 },
      ...{ path: '/v1/images/image-1/file', ticket: 'secret' },
    },
    `http://127.0.0.1:${await deafPort()}`,
  )
  const never = new AbortController().signal
  const error: unknown = await image.fetch(never).catch((reason: unknown) => reason)
  const { code, message, retryable } = toldByAgent(error)
  expect(message).toContain('127.0.0.1')
  expect(failureOf(new CallError(code, message, retryable))).toEqual({
    ...{ code: 'UNAVAILABLE', retryable: true, final: false, details: undefined },
    message: 'The bytes of an image or a disk did not arrive whole',
  })
})
