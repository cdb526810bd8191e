/** A client that costs little beside what it measures: GraphQL over kept connections of node:http. */
import { Agent, request } from 'node:http'

/**
 * @param {string} url of the cloud
 * @param {number} clients connections at most
 */
export function makeClient(url, clients = 16) {
  const agent = new Agent({ keepAlive: true, maxSockets: clients })
  let token = ''

  /** @returns {Promise<{ status: number, text: string }>} */
  const send = (method, path, body, headers = {}) =>
    new Promise((resolve, reject) => {
      const sent = request(new URL(path, url), { agent, method, headers }, (response) => {
        const chunks = []
        response.on('data', (chunk) => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }),
        )
      })
      sent.on('error', reject)
      sent.end(body)
    })

  /** The answer's text, unread. */
  async function ask(query, variables) {
    const body = JSON.stringify({ query, variables })
    const headers = {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      ...(token && { authorization: `Bearer ${token}` }),
    }
    const { status, text } = await send('POST', '/graphql', body, headers)
    if (status !== 200) throw new Error(`${status}: ${text.slice(0, 500)}`)
    return text
  }

  async function must(query, variables) {
    const { data, errors } = JSON.parse(await ask(query, variables))
    if (errors) throw new Error(JSON.stringify(errors).slice(0, 1000))
    return data
  }

  return {
    ask,
    must,
    get: (path) => send('GET', path, undefined),
    put: (path, body) => send('PUT', path, body, { authorization: `Bearer ${token}` }),
    token: () => token,
    async signIn(password) {
      token = ''
      const { tokenCreate } = await must(SIGN_IN, signInInput(password))
      token = tokenCreate.secret
      return token
    },
    close: () => agent.destroy(),
  }
}

export const SIGN_IN =
  'mutation ($input: TokenCreateInput!) { tokenCreate(input: $input) { secret } }'

/** @param {string} password */
export const signInInput = (password) => ({
  input: {
    password: { user: 'admin', domain: 'Default', password },
    scope: { project: 'admin', domain: 'Default' },
  },
})

/**
 * So many at once, each with the next job as soon as its last one is done.
 * @param {number} clients @param {number} jobs @param {(job: number) => Promise<unknown>} work
 * @returns {Promise<{ seconds: number, perSecond: number, ms: number[] }>} `ms` of each job
 */
export async function inParallel(clients, jobs, work) {
  const ms = []
  let next = 0
  const client = async () => {
    while (next < jobs) {
      const job = next++
      const began = performance.now()
      await work(job)
      ms.push(performance.now() - began)
    }
  }
  const began = performance.now()
  await Promise.all(Array.from({ length: clients }, client))
  const seconds = (performance.now() - began) / 1000
  return { seconds, perSecond: jobs / seconds, ms }
}

/**
 * @template T
 * @param {string} what for the error
 * @param {() => Promise<T | null | undefined | false>} look
 */
export async function until(what, look, { everyMs = 20, timeoutMs = 120_000 } = {}) {
  const deadline = Date.now() + timeoutMs
  for (;;) {
    const found = await look()
    if (found) return found
    if (Date.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, everyMs))
  }
}
