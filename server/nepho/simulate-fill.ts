/**
 * The servers of `nepho simulate`: asked for over the API as people do, many in a request, with some that
 * are not built yet at any time and no more: who asks for a hundred thousand at once has the last of them
 * wait beyond the deadline of their tasks.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { writeQcow2 } from '../../drivers/compute/simulated/qcow2.ts'
import type { Say } from './terminal.ts'

/** Servers of one request. */
const BATCH = 50
/** Asked for and not built yet, at most: whoever asks beside us waits for these. */
const MAX_AHEAD = 400
const LOOK_MS = 1_000
const TELL_MS = 5_000
/** What was refused is asked for again, for so long. */
const MAX_REFUSALS = 100
const FLAVOR = 'm1.nano'
const UNLIMITED = -1
const SERVERS_CREATE =
  'mutation ($input: ServersCreateInput!) { serversCreate(input: $input) { servers { id } } }'
const GIB = 1024 ** 3

export interface Filling {
  url: string
  /** Of the administrator. */
  password: string
  servers: number
  /** Requests at once. */
  clients: number
  /** Fires when the cloud has ended. */
  end: AbortSignal
}

/** What the queries below give; each names what it asked for. */
interface Answers {
  session: { project: { id: string } }
  flavors: { nodes: { id: string }[] }
  images: { nodes: { id: string; status: string }[] }
  imageCreate: { image: { id: string }; uploadUrl: string }
  tokenCreate: { secret: string }
  all: { totalCount: number }
  building: { totalCount: number }
  failed: { totalCount: number }
}

type Ask = (query: string, variables?: object) => Promise<Answers>

interface Client {
  ask: Ask
  headers: Record<string, string>
}

interface Counts {
  /** All that are there. */
  all: number
  building: number
  failed: number
}

/** Makes the servers that are not there yet, and tells how it goes. */
export async function fill(filling: Filling, say: Say): Promise<void> {
  const { url, password, servers, end } = filling
  const client = await signedIn(url, password)
  const { ask } = client
  const { session, flavors } = await ask(
    `{ session { project { id } } flavors(first: 200, filter: { name: { eq: "${FLAVOR}" } }) { nodes { id } } }`,
  )
  await unlimited(ask, session.project.id)
  const input = { flavorId: flavors.nodes[0]?.id, imageId: await anImage(client, url) }
  let counts = await countServers(ask)
  const asking = askFor(filling, ask, input, counts.all, () => counts.building, say)
  const pace = paceOf(counts, servers)
  for (let toldAt = 0; !end.aborted; await sleep(LOOK_MS)) {
    counts = await countServers(ask)
    const isDone = counts.all >= servers && counts.building === 0
    if (isDone || Date.now() - toldAt >= TELL_MS) {
      say(`  ${pace(counts)}`)
      toldAt = Date.now()
    }
    if (isDone) break
  }
  await asking
}

async function countServers(ask: Ask): Promise<Counts> {
  const { all, building, failed } = await ask(`{
    all: servers(first: 1) { totalCount }
    building: servers(first: 1, filter: { status: BUILD }) { totalCount }
    failed: servers(first: 1, filter: { status: ERROR }) { totalCount } }`)
  return {
    all: all.totalCount,
    building: building.totalCount,
    failed: failed.totalCount,
  }
}

/** Asks until as many are there; resolves when the last request is answered. */
async function askFor(
  { servers, clients, end }: Filling,
  ask: Ask,
  input: object,
  there: number,
  building: () => number,
  say: Say,
): Promise<void> {
  let left = servers - there
  let refusals = 0
  // Of those that `building` has not seen yet, the requests in flight are known here.
  let asked = 0
  let seen = building()
  const ahead = (): number => {
    if (building() !== seen) asked = 0
    seen = building()
    return seen + asked
  }
  const worker = async (): Promise<void> => {
    while (left > 0 && !end.aborted) {
      if (ahead() >= MAX_AHEAD) {
        await sleep(LOOK_MS / 2)
        continue
      }
      const count = Math.min(BATCH, left)
      left -= count
      asked += count
      await ask(SERVERS_CREATE, { input: { ...input, count, name: 'simulated' } }).catch(
        async (error: Error) => {
          if (end.aborted) return
          if (++refusals > MAX_REFUSALS) throw error
          // A cloud that has so much to do may say so; what was refused is asked for again.
          left += count
          say(`  asked again, because: ${error.message}`)
          await sleep(TELL_MS)
        },
      )
    }
  }
  await Promise.all(Array.from({ length: clients }, worker))
}

/** Words on how far it is, how fast it goes, and how long it will take: by the pace since the first. */
export function paceOf(
  first: Counts,
  wanted: number,
  now: () => number = Date.now,
): (counts: Counts) => string {
  const builtOf = ({ all, building }: Counts): number => all - building
  const began = now()
  const before = builtOf(first)
  return (counts) => {
    const built = builtOf(counts)
    const seconds = (now() - began) / 1000
    const perSecond = seconds > 0 ? (built - before) / seconds : 0
    const failed = counts.failed > 0 ? `, ${counts.failed} of them in ERROR` : ''
    const head = `${built} of ${wanted} servers built${failed}`
    if (built >= wanted) return `${head}, after ${timeOf(seconds)}`
    if (perSecond === 0) return head
    const left = timeOf((wanted - built) / perSecond)
    return `${head}, ${perSecond.toFixed(1)} per second, about ${left} left`
  }
}

/** `40 s`, `12 min`, `2 h 5 min`. */
function timeOf(seconds: number): string {
  if (seconds < 100) return `${Math.round(seconds)} s`
  const minutes = Math.round(seconds / 60)
  if (minutes < 100) return `${minutes} min`
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`
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
