/**
 * People at work while the cloud falls apart: clients that create, stop and delete servers, and ask again
 * with the same idempotency key until they have an answer.
 *
 * L1 A request that got no answer, or UNAVAILABLE, is repeated with its key: nothing happens twice.
 * L2 Any other code than those a user can expect is a defect and is kept in `surprises`.
 */
import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import type { Random } from './random.ts'

const CLIENTS = 8
const ATTEMPT_TIMEOUT_MS = 15_000
const RETRY_PAUSE_MS = 150
const ALL_ANSWERED_MS = 120_000

export type Fate = 'created' | 'stopped' | 'deleted'

/** What the clients were told of each server. */
export type Fates = Map<string, Fate>

export interface Target {
  /** Where the API is now; null while it is away. */
  url(): string | null
  token: string
  flavorId: string
  imageId: string
}

export interface Work {
  /** Counts the answers; the moment of a kill is chosen by it. */
  answered: number
  fates: Fates
  /** Names of the created servers, by id. */
  names: Map<string, string>
  surprises: string[]
  retries: number
  done: Promise<void>
}

type Job = (work: Work) => Promise<void>

const CREATE = `mutation ($input: ServerCreateInput!) {
  serverCreate(input: $input) { server { id } task { id } } }`
const actMutation = (name: string): string =>
  `mutation ($input: ServerActionInput!) { ${name}(input: $input) { task { id } } }`

export interface Plan {
  creates: number
  /** Deletes of servers that were just acknowledged. */
  earlyDeletes: number
  stop: string[]
  delete: string[]
}

/** Starts the clients; `done` resolves when every job has its answer. */
export function startWork(target: Target, plan: Plan, random: Random): Work {
  const work: Work = {
    answered: 0,
    fates: new Map(),
    names: new Map(),
    surprises: [],
    retries: 0,
    done: Promise.resolve(),
  }
  const jobs: Job[] = [
    ...Array.from({ length: plan.creates }, (_, i) => create(target, i < plan.earlyDeletes)),
    ...plan.stop.map((id) => act(target, 'serverStop', id, 'stopped')),
    ...plan.delete.map((id) => act(target, 'serverDelete', id, 'deleted')),
  ]
  random.shuffle(jobs)
  const rest = jobs.values()
  const client = async (): Promise<void> => {
    for (const job of rest) await job(work)
  }
  work.done = Promise.all(Array.from({ length: CLIENTS }, client)).then(() => {})
  return work
}

function create(target: Target, thenDelete: boolean): Job {
  const name = `fault-${randomUUID()}`
  return async (work) => {
    const { flavorId, imageId } = target
    const answer = await ask(target, work, CREATE, { name, flavorId, imageId })
    const id = answer?.serverCreate?.server.id
    if (!id) return
    work.names.set(id, name)
    work.fates.set(id, 'created')
    if (thenDelete) await act(target, 'serverDelete', id, 'deleted')(work)
  }
}

function act(target: Target, name: string, id: string, fate: Fate): Job {
  return async (work) => {
    const answer = await ask(target, work, actMutation(name), { id })
    work.fates.set(id, answer ? fate : 'created')
  }
}

interface Data {
  serverCreate?: { server: { id: string } }
}

/** The answer's data; null when it was refused for good. */
async function ask(target: Target, work: Work, query: string, input: object): Promise<Data | null> {
  const body = { query, variables: { input: { ...input, idempotencyKey: randomUUID() } } }
  const deadline = Date.now() + ALL_ANSWERED_MS
  for (; Date.now() < deadline; work.retries++) {
    const answer = await attempt(target, body)
    if (answer && !answer.errors) {
      work.answered++
      return answer.data
    }
    const [error] = answer?.errors ?? []
    if (error && error.extensions.code !== 'UNAVAILABLE') {
      work.surprises.push(`${error.extensions.code}: ${error.message} (${query.slice(0, 60)})`)
      return null
    }
    await pause(RETRY_PAUSE_MS)
  }
  work.surprises.push(`no answer within ${ALL_ANSWERED_MS} ms (${query.slice(0, 60)})`)
  return null
}

interface Answer {
  data: Data
  errors?: { message: string; extensions: { code: string } }[]
}

/** Null when nobody answered, or not in GraphQL. */
async function attempt({ url, token }: Target, body: object): Promise<Answer | null> {
  const base = url()
  if (!base) return null
  try {
    const response = await fetch(`${base}/graphql`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/graphql-response+json',
        authorization: `Bearer ${token}`,
      },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(ATTEMPT_TIMEOUT_MS),
    })
    return (await response.json()) as Answer
  } catch {
    return null
  }
}
