/**
 * The world behind the API, looked at from outside: the rows by plain SQL, the machines in the files of
 * the simulated hosts. `problems` names everything that should not be; empty is well.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import { until } from '../support/until.ts'
import type { Fates } from './workload.ts'

const CONNECT_TIMEOUT_MS = 5_000
const LOOK_AGAIN_MS = 200

export interface World {
  databaseUrl(): string | null
  /** The folder `agent` in the data directory of the process that runs the agents. */
  agentDir: string
}

interface ServerRow {
  id: string
  name: string
  status: string
  powerState: string
  taskState: string | null
  fault: { code?: string; message?: string } | null
  host: string | null
  /** Names of the hosts on which it holds something. */
  holds: string[] | null
  claims: number
}

export interface Facts {
  servers: ServerRow[]
  /** How many hosts have joined. */
  hosts: number
  wrong: string[]
  machines: Map<string, { host: string; powerState: string; boots: number }>
}

const SERVERS = `
  select s.id, s.name, s.status, s.power_state as "powerState", s.task_state as "taskState", s.fault,
    h.name as host,
    (select array_agg(distinct ah.name) from compute.allocation a
       join compute.host ah on ah.id = a.host_id where a.server_id = s.id) as holds,
    (select count(*)::int from identity.quota_claim q where q.owner_id = s.id) as claims
  from compute.server s left join compute.host h on h.id = s.host_id`

/** Each finds rows that contradict a rule, in words. */
const RULES: [rule: string, sql: string][] = [
  [
    'unfinished task',
    `select kind || ' ' || status || ' ' || id || coalesce(' waits: ' || waiting_for, '') as what
     from core.task where finished_at is null`,
  ],
  [
    'finished task with a lease or a due date',
    `select id::text as what from core.task
     where finished_at is not null and (due_at is not null or lease_owner is not null)`,
  ],
  [
    'inventory differs from its allocations',
    `select i.host_id || ' ' || i.resource as what from compute.inventory i
     where i.used <> (select coalesce(sum(a.amount), 0) from compute.allocation a
                      where a.host_id = i.host_id and a.resource = i.resource)`,
  ],
  [
    'quota differs from its claims',
    `select q.project_id || ' ' || q.resource as what from identity.quota q
     where q.used + q.reserved <> (select coalesce(sum(c.amount), 0) from identity.quota_claim c
                      where c.project_id = q.project_id and c.resource = q.resource)`,
  ],
  [
    'claim without a server',
    `select distinct owner_id::text as what from identity.quota_claim c
     where not exists (select from compute.server s where s.id = c.owner_id)`,
  ],
  ['host that is down', `select name as what from compute.host where status <> 'UP'`],
]

export async function lookAt(world: World): Promise<Facts> {
  const url = world.databaseUrl()
  if (!url) throw new Error('there is no database')
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: CONNECT_TIMEOUT_MS,
  })
  client.on('error', () => {})
  await client.connect()
  try {
    const wrong: string[] = []
    const servers = (await client.query<ServerRow>(SERVERS)).rows
    const hosts = (await client.query('select from compute.host')).rowCount ?? 0
    for (const [rule, sql] of RULES) {
      const { rows } = await client.query<{ what: string }>(sql)
      wrong.push(...rows.map(({ what }) => `${rule}: ${what}`))
    }
    return { servers, hosts, wrong, machines: machinesIn(world.agentDir) }
  } finally {
    await client.end()
  }
}

/** From the simulators' journals: the last line of a machine is the truth. */
export function machinesIn(agentDir: string): Facts['machines'] {
  const machines: Facts['machines'] = new Map()
  for (const host of readdirSync(agentDir)) {
    const file = join(agentDir, host, 'driver', 'machines.jsonl')
    const text = existsSync(file) ? readFileSync(file, 'utf8') : ''
    const last = new Map<string, { powerState: string; boots: number; gone?: true }>()
    for (const line of text.split('\n').filter((line) => line.endsWith('}'))) {
      const { id, ...rest } = JSON.parse(line)
      last.set(id, rest)
    }
    for (const [id, { powerState, boots, gone }] of last) {
      if (!gone) machines.set(id, { host, powerState, boots })
    }
  }
  return machines
}

/** Everything that is wrong with the world, given what the clients were told. */
export function problems({ servers, wrong, machines }: Facts, fates: Fates): string[] {
  const found = [...wrong]
  const byId = new Map(servers.map((server) => [server.id, server]))
  for (const [id, fate] of fates) {
    const there = byId.has(id)
    if (fate === 'deleted' && there) found.push(`${id} was deleted and is ${byId.get(id)?.status}`)
    if (fate !== 'deleted' && !there) found.push(`${id} was ${fate} and is lost`)
  }
  for (const server of servers) {
    if (!fates.has(server.id)) found.push(`${server.id} was never acknowledged`)
    found.push(...problemsOf(server, fates, machines).map((what) => `${server.id}: ${what}`))
  }
  for (const [id, { host }] of machines) {
    if (byId.get(id)?.host !== host) found.push(`machine ${id} on ${host} belongs to nobody`)
  }
  return found
}

function problemsOf(server: ServerRow, fates: Fates, machines: Facts['machines']): string[] {
  const { id, status, powerState, taskState, fault, host, holds, claims } = server
  const found: string[] = []
  const machine = machines.get(id)
  if (taskState) found.push(`${status}, busy with ${taskState}`)
  if (!['ACTIVE', 'SHUTOFF', 'ERROR'].includes(status)) found.push(`it is ${status}`)
  if (status === 'ERROR' && !(fault?.code && fault.message)) found.push('ERROR without a cause')
  // A stop that failed for good says so; one that was answered and forgotten does not.
  if (fates.get(id) === 'stopped' && status === 'ACTIVE' && !fault) found.push('was not stopped')
  if (fates.get(id) === 'created' && status === 'SHUTOFF') found.push('nobody stopped it')
  if (claims !== 3) found.push(`it has ${claims} quota claims`)
  if (host ? holds?.length !== 1 || holds[0] !== host : holds !== null) {
    found.push(`it is on ${host} and holds ${holds?.join(', ')}`)
  }
  if (status === 'ERROR') return found
  if (!machine) found.push(`${status} without a machine`)
  const expected = status === 'ACTIVE' ? 'RUNNING' : 'SHUTDOWN'
  if (machine && (machine.powerState !== expected || powerState !== expected)) {
    found.push(`${status}, ${powerState}, and its machine is ${machine.powerState}`)
  }
  return found
}

/** Waits until nothing is wrong any more; fails with what still is. */
export async function expectWellWorld(
  world: World,
  fates: Fates,
  timeoutMs: number,
): Promise<Facts> {
  let last: string[] = []
  let facts: Facts | null = null
  await until(
    'a well world',
    async () => {
      try {
        facts = await lookAt(world)
        last = problems(facts, fates)
      } catch (error) {
        last = [`it can not be looked at: ${(error as Error).message}`]
      }
      if (last.length > 0) await pause(LOOK_AGAIN_MS)
      return last.length === 0
    },
    timeoutMs,
  ).catch((error: unknown) => {
    throw new Error(`${(error as Error).message}\n  ${last.slice(0, 40).join('\n  ')}`)
  })
  if (!facts) throw new Error('nothing was seen')
  return facts
}
