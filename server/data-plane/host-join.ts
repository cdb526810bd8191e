/**
 * `POST /v1/hosts`: a host joins: `{ token, name, publicKey }`. What it needs to know is in the answer.
 * Wrong words cost who guesses: an address has so many, and then one every now and then.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { Cell } from '../../services/cells/cells.ts'
import { hostAdmit, isWordOf } from '../../services/compute/host-join.ts'
import type { Cloud } from '../../services/context.ts'
import { CloudError } from '../../services/errors.ts'
import { AskingRate } from '../asking-rate.ts'
import { sendFailure } from '../http/failure.ts'

export const HOST_JOIN_PATH = '/v1/hosts'
const MAX_BODY_BYTES = 16 * 1024
/** Wrong words of one address (of IPv6: of its /64). */
export const WRONG_WORDS = { burst: 20, perSecond: 0.1 }
const RETRY_AFTER_SECONDS = 10

const joining = z.object({ token: z.string(), name: z.string(), publicKey: z.string() })

type Joined = Pick<Cloud, 'db' | 'now' | 'cells'>

export function hostJoinRoute(app: FastifyInstance, cloud: Joined): void {
  const guesses = new AskingRate(WRONG_WORDS, () => cloud.now().getTime())
  app.post(HOST_JOIN_PATH, async (request, reply) => {
    const found = joining.safeParse(await jsonOf(request.raw))
    if (!found.success) {
      throw new CloudError('BAD_INPUT', 'A host joins with { token, name, publicKey }')
    }
    const network = networkOf(request.ip)
    // Before the word is looked at, so that many at once do not pass as one.
    if (!guesses.admits(network)) {
      void reply.header('retry-after', String(RETRY_AFTER_SECONDS))
      const message = 'Too many wrong words came from this address: wait before the next'
      return sendFailure(request, reply, { code: 'UNAVAILABLE', message }, 429)
    }
    try {
      await admit(cloud, found.data, request)
    } catch (error) {
      const isWrong = error instanceof CloudError && error.code === 'UNAUTHENTICATED'
      if (!isWrong) guesses.giveBack(network)
      throw error
    }
    guesses.giveBack(network)
    return reply.code(201).send({ name: found.data.name })
  })
}

async function admit(
  cloud: Joined,
  { token: secret, name: hostName, publicKey }: z.infer<typeof joining>,
  { id: requestId, ip: address }: FastifyRequest,
): Promise<void> {
  const cell = await cellOfWord(cloud, secret)
  const { db } = cell ?? cloud
  await hostAdmit({ db, now: cloud.now }, { secret, hostName, publicKey }, { requestId, address })
}

/** The cell that the word was made in. */
async function cellOfWord({ cells }: Joined, secret: string): Promise<Cell | undefined> {
  for (const cell of cells?.up() ?? []) if (await isWordOf(cell, secret)) return cell
  return undefined
}

/** What one guesser has of addresses: an IPv4 address, or the /64 of an IPv6 one. */
export function networkOf(address: string): string {
  const v4 = /^(?:::ffff:)?(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  if (v4) return v4
  const [head = ''] = address.split('::')
  const groups = head.split(':').filter((group) => group !== '')
  return [...groups, '0', '0', '0', '0'].slice(0, 4).join(':')
}

/** Null when it is no JSON, or too much of it. */
async function jsonOf(body: AsyncIterable<Buffer>): Promise<unknown> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of body) {
    bytes += chunk.length
    if (bytes > MAX_BODY_BYTES) return null
    chunks.push(chunk)
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString())
  } catch {
    return null
  }
}
