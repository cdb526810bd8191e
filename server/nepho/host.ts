/** `nepho host join`: makes this machine a host of a cloud that runs elsewhere. */
import { HOST_NAME } from '../../services/compute/host-join.ts'
import type { Config } from '../config.ts'
import { HOST_JOIN_PATH } from '../data-plane/host-join.ts'
import { makeHostKey, publicPem } from '../host-key.ts'
import type { Say } from './terminal.ts'

const JOIN_TIMEOUT_MS = 15_000

export interface JoinOptions {
  /** Of the API: `https://cloud.example.com`. */
  url: string
  name: string
  token: string
}

/** May be repeated with a new token: the key stays. */
export async function joinHost(
  { dataDir }: Pick<Config, 'dataDir'>,
  { url, name, token }: JoinOptions,
  say: Say,
): Promise<void> {
  if (!HOST_NAME.test(name)) throw new Error(`${name} is no name for a host`)
  const key = makeHostKey(dataDir, name)
  const response = await fetch(new URL(HOST_JOIN_PATH, url), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ token, name, publicKey: publicPem(key) }),
    redirect: 'error',
    signal: AbortSignal.timeout(JOIN_TIMEOUT_MS),
  }).catch((cause: Error) => {
    throw new Error(`${url} could not be asked`, { cause: cause.cause ?? cause })
  })
  if (!response.ok) throw new Error(`the cloud refused: ${await reasonOf(response)}`)
  say(`${name} is a host of the cloud now; start its agent with the cloud's bus:`)
  say(
    `  NEPHO_HOST_NAME=${name} NEPHO_API_URL=${url} AMQP_URL=amqp://... npm start -- --roles agent`,
  )
}

async function reasonOf(response: Response): Promise<string> {
  const body = (await response.json().catch(() => null)) as {
    errors?: { message?: string }[]
  } | null
  return body?.errors?.[0]?.message ?? `it answered ${response.status}`
}
