/** `POST /v1/hosts`: a host joins: `{ token, name, publicKey }`. What it needs to know is in the answer. */
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { Cell } from '../../services/cells/cells.ts'
import { hostAdmit, isWordOf } from '../../services/compute/host-join.ts'
import type { Cloud } from '../../services/context.ts'
import { CloudError } from '../../services/errors.ts'

export const HOST_JOIN_PATH = '/v1/hosts'
const MAX_BODY_BYTES = 16 * 1024

const joining = z.object({ token: z.string(), name: z.string(), publicKey: z.string() })

export function hostJoinRoute(
  app: FastifyInstance,
  cloud: Pick<Cloud, 'db' | 'now' | 'cells'>,
): void {
  app.post(HOST_JOIN_PATH, async (request, reply) => {
    const found = joining.safeParse(await jsonOf(request.raw))
    if (!found.success) {
      throw new CloudError('BAD_INPUT', 'A host joins with { token, name, publicKey }')
    }
    const { token: secret, name: hostName, publicKey } = found.data
    const from = { requestId: request.id, address: request.ip }
    const admission = { secret, hostName, publicKey }
    const cell = await cellOfWord(cloud, secret)
    await hostAdmit({ db: cell?.db ?? cloud.db, now: cloud.now }, admission, from)
    return reply.code(201).send({ name: hostName })
  })
}

/** The cell that the word was made in. */
async function cellOfWord(
  { cells }: Pick<Cloud, 'cells'>,
  secret: string,
): Promise<Cell | undefined> {
  for (const cell of cells?.up() ?? []) if (await isWordOf(cell, secret)) return cell
  return undefined
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
