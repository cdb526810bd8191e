/**
 * `nepho simulate`: the cloud with as many simulated hosts and servers as one likes, in a data directory
 * of its own. It is the product itself: every host has its agent, and every server was asked for over
 * the API, took its quota and was placed.
 */
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { writeQcow2 } from '../../drivers/compute/simulated/qcow2.ts'
import { adminPassword } from '../admin-password.ts'
import { projectRoot } from '../project-root.ts'
import type { Say } from './terminal.ts'

export interface SimulateOptions {
  hosts: number
  servers: number
  /** Requests at once. */
  clients: number
  dataDir: string
  env: NodeJS.ProcessEnv
}

/** Servers of one request. */
const BATCH = 100
const TELL_MS = 5_000
const LOOK_MS = 250
/** A host's start costs some milliseconds. */
const READY_MS = 60_000
const READY_MS_PER_HOST = 60
const FLAVOR = 'm1.nano'
const UNLIMITED = -1
const SERVERS_CREATE =
  'mutation ($input: ServersCreateInput!) { serversCreate(input: $input) { servers { id } } }'
const GIB = 1024 ** 3

/** Resolves with the exit status when the cloud has been stopped. */
export async function simulate(options: SimulateOptions, say: Say): Promise<number> {
  const { hosts, dataDir } = options
  mkdirSync(dataDir, { recursive: true, mode: 0o711 })
  say(`${hosts} simulated hosts; their cloud is kept in ${dataDir}`)
  const child = spawn(process.execPath, ['--enable-source-maps', mainFile()], {
    stdio: 'inherit',
    env: {
      ...options.env,
      NODE_ENV: 'production',
      NEPHO_DATA_DIR: dataDir,
      NEPHO_DRIVERS: 'simulated',
      NEPHO_SIMULATED_HOSTS: String(hosts),
    },
  })
  const ended = new Promise<number>((resolve) => child.once('exit', (code) => resolve(code ?? 1)))
  // The terminal tells both of us; the child stops in order, and we wait for it.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal))
  const url = await ready(dataDir, ended, READY_MS + hosts * READY_MS_PER_HOST)
  if (url) {
    await fill(options, url, ended, say).catch((error: Error) => {
      say(`  the servers could not be made: ${error.message}`)
    })
  }
  return ended
}

const mainFile = (): string => join(projectRoot(), 'dist', 'server', 'main.js')

/** The API's address once everything answers; null when it does not. */
async function ready(
  dataDir: string,
  ended: Promise<number>,
  timeoutMs: number,
): Promise<string | null> {
  const file = join(dataDir, 'ready.json')
  const end = endOf(ended)
  for (const until = Date.now() + timeoutMs; Date.now() < until; await sleep(LOOK_MS)) {
    if (end.aborted) return null
    if (existsSync(file)) return (JSON.parse(readFileSync(file, 'utf8')) as { url: string }).url
  }
  return null
}

/** Fires when the cloud has ended. */
function endOf(ended: Promise<number>): AbortSignal {
  const over = new AbortController()
  void ended.then(() => over.abort())
  return over.signal
}

/** What the queries below give; each names what it asked for. */
interface Answers {
  session: { project: { id: string } }
  flavors: { nodes: { id: string }[] }
  images: { nodes: { id: string; status: string }[] }
  imageCreate: { image: { id: string }; uploadUrl: string }
  tokenCreate: { secret: string }
  servers: { totalCount: number }
  active: { totalCount: number }
  all: { totalCount: number }
}

type Ask = (query: string, variables?: object) => Promise<Answers>

interface Client {
  ask: Ask
  headers: Record<string, string>
}
/** Makes the servers that are not there yet, and tells how it goes. */
async function fill(
  options: SimulateOptions,
  url: string,
  ended: Promise<number>,
  say: Say,
): Promise<void> {
  const client = await signedIn(url, adminPassword(options.dataDir, undefined).password)
  const { ask } = client
  const { session, flavors } = await ask(
    `{ session { project { id } } flavors(first: 200, filter: { name: { eq: "${FLAVOR}" } }) { nodes { id } } }`,
  )
  await unlimited(ask, session.project.id)
  const flavorId = flavors.nodes[0]?.id
  const imageId = await anImage(client, url)
  const there = async () => (await ask('{ servers(first: 1) { totalCount } }')).servers.totalCount
  let left = options.servers - (await there())
  const begun = Date.now()
  const end = endOf(ended)
  const worker = async (): Promise<void> => {
    while (left > 0 && !end.aborted) {
      const count = Math.min(BATCH, left)
      left -= count
      const input = { count, name: 'simulated', flavorId, imageId }
      await ask(SERVERS_CREATE, { input }).catch(async (error: Error) => {
        // A cloud that has so much to do may say so; what was refused is asked for again.
        left += count
        say(`  asked again, because: ${error.message}`)
        await sleep(TELL_MS)
      })
    }
  }
  const tell = async (): Promise<boolean> => {
    const { active, all } = await ask(
      '{ active: servers(first: 1, filter: { status: ACTIVE }) { totalCount } all: servers(first: 1) { totalCount } }',
    )
    const seconds = (Date.now() - begun) / 1000
    say(
      `  ${all.totalCount} of ${options.servers} servers, ${active.totalCount} ACTIVE, ${seconds.toFixed(0)} s`,
    )
    return active.totalCount >= options.servers
  }
  const telling = (async () => {
    while (!end.aborted && !(await tell())) await sleep(TELL_MS)
  })()
  await Promise.all(Array.from({ length: options.clients }, worker))
  await telling
}

async function signedIn(url: string, password: string): Promise<Client> {
  const headers: Record<string, string> = {}
  const ask: Ask = async (query, variables = {}) => {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ query, variables }),
    })
    const { data, errors } = (await response.json()) as { data: Answers; errors?: Error[] }
    if (errors?.[0]) throw new Error(errors[0].message)
    return data
  }
  const input = {
    password: { user: 'admin', domain: 'Default', password },
    scope: { project: 'admin', domain: 'Default' },
  }
  const { tokenCreate } = await ask(
    'mutation ($input: TokenCreateInput!) { tokenCreate(input: $input) { secret } }',
    { input },
  )
  headers.authorization = `Bearer ${tokenCreate.secret}`
  return { ask, headers }
}

async function unlimited(ask: Ask, projectId: string): Promise<void> {
  for (const resource of ['compute.instances', 'compute.cores', 'compute.memoryMiB']) {
    const input = { projectId, resource, limit: UNLIMITED }
    await ask('mutation ($input: QuotaSetInput!) { quotaSet(input: $input) { quota { limit } } }', {
      input,
    })
  }
}

/** An image to start from: any that is there, or a new one without anything in it. */
async function anImage({ ask, headers }: Client, url: string): Promise<string> {
  const { images } = await ask('{ images(first: 50) { nodes { id status } } }')
  const active = images.nodes.find(({ status }) => status === 'ACTIVE')
  if (active) return active.id
  const { imageCreate } = await ask(
    'mutation ($input: ImageCreateInput!) { imageCreate(input: $input) { image { id } uploadUrl } }',
    { input: { name: 'simulated', diskFormat: 'QCOW2' } },
  )
  const body = new Uint8Array(writeQcow2(GIB, ''))
  const put = await fetch(new URL(imageCreate.uploadUrl, url), { method: 'PUT', headers, body })
  if (!put.ok) throw new Error(`the image was not taken: ${put.status}`)
  return imageCreate.image.id
}
