/**
 * Who may do what: every field of Query, Mutation and Subscription has its row (test/access/rows-*.ts), and
 * every row is tried by every persona: own things, those of a sibling project, those of another domain,
 * without a token, with an expired, a forged and a revoked one. A field without a row fails. What needs
 * no token is listed by name, and that list may only shrink.
 */
import { readFileSync } from 'node:fs'
import { buildSchema } from 'graphql'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { emit, eventHead } from '../services/core/event.ts'
import {
  type Outcome,
  operatorReaders,
  type Persona,
  personas,
  type Row,
  type World,
} from './access/row.ts'
import { auditRows } from './access/rows-audit.ts'
import { catalogRows } from './access/rows-catalog.ts'
import { cloudRows, NEEDS_NO_TOKEN } from './access/rows-cloud.ts'
import { computeRows } from './access/rows-compute.ts'
import { computeCreateRows } from './access/rows-compute-create.ts'
import { computeImageRows } from './access/rows-compute-images.ts'
import { computeMovesRows } from './access/rows-compute-moves.ts'
import {
  computePlacementRows,
  newAggregate,
  newServerGroup,
} from './access/rows-compute-placement.ts'
import { credentialsRows } from './access/rows-credentials.ts'
import { peopleRows } from './access/rows-people.ts'
import { policyRows } from './access/rows-policy.ts'
import { quotaRows } from './access/rows-quota.ts'
import { newDomain, newImage, newPlainUser, newWorld, type Owned, tokenOf } from './access/world.ts'
import { type Cluster, startCluster } from './support/cluster.ts'
import { forge } from './support/people.ts'
import { until } from './support/until.ts'

/** Each part of the table: a new one is a line here. */
const parts: Record<string, Row>[] = [
  cloudRows,
  peopleRows,
  quotaRows,
  auditRows,
  policyRows,
  catalogRows,
  credentialsRows,
  computeRows,
  computeCreateRows,
  computeImageRows,
  computePlacementRows,
  computeMovesRows,
]
/** What is watched without a cursor has a test of its own. */
const WITHOUT_CURSOR = ['Subscription.serverConsoleLog']
const rows: Record<string, Row> = Object.assign({}, ...parts)

const schema = buildSchema(
  readFileSync(new URL('../schema/schema.graphql', import.meta.url), 'utf8'),
)
const fieldsOf = (root: 'Query' | 'Mutation' | 'Subscription') =>
  Object.keys(
    {
      Query: schema.getQueryType(),
      Mutation: schema.getMutationType(),
      Subscription: schema.getSubscriptionType(),
    }[root]?.getFields() ?? {},
  ).map((name) => `${root}.${name}`)

interface Caller {
  persona: Persona
  token: string
  world: World
}

let cloud: Cluster
let callers: Caller[]
/** The admin of another project of the same domain as all callers but the operator. */
let sibling: Caller
/** The manager of another domain. */
let stranger: Caller
/** What siblings and strangers ask for. */
let own: World
let bad: { name: string; token: string }[]

beforeAll(async () => {
  cloud = await startCluster({ hosts: 0, config: { roles: ['api'] } })
  const { cloud: c } = cloud
  c.consoles = { log: async () => 'login:', screenshot: async () => null }
  const operatorProject = await c.db.project.findFirstOrThrow({ where: { operator: true } })
  const domainId = await newDomain(c, 'own')
  const mine = await newWorld(c, domainId)
  const operators = await newWorld(c, operatorProject.domainId, operatorProject.id)
  const caller = async (persona: Persona, owned: Owned): Promise<Caller> => {
    const world = { ...owned, self: await newPlainUser(c, owned.domainId) }
    return { persona, world, token: tokenOf(c, persona, world) }
  }
  callers = []
  for (const persona of personas) {
    callers.push(await caller(persona, persona === 'operator' ? operators : mine))
  }
  own = (callers.find(({ persona }) => persona === 'admin') as Caller).world
  sibling = await caller('admin', await newWorld(c, domainId))
  stranger = await caller('domainManager', await newWorld(c, await newDomain(c, 'other')))
  const revoked = tokenOf(c, 'operator', own)
  await cloud.must(
    'mutation ($input: TokenRevokeInput!) { tokenRevoke(input: $input) { revoked } }',
    { input: { secret: revoked } },
    tokenOf(c, 'reader', own),
  )
  const expired = { ...own, at: new Date(Date.now() - 2 * 3_600_000) }
  bad = [
    { name: 'expired', token: tokenOf(c, 'operator', expired) },
    { name: 'forged', token: forge(tokenOf(c, 'operator', own)) },
    { name: 'revoked', token: revoked },
  ]
})
afterAll(() => cloud?.stop())

describe('the table', () => {
  it('has a row for every field and no other', () => {
    const fields = (['Query', 'Mutation', 'Subscription'] as const).flatMap(fieldsOf)
    expect([...Object.keys(rows), ...WITHOUT_CURSOR].sort()).toEqual(fields.sort())
  })

  it('has each row once', () => {
    const names = parts.flatMap((part) => Object.keys(part))
    expect(names.length).toBe(new Set(names).size)
  })
})

const watched = (name: string) => name.startsWith('Subscription.')
const asked = Object.entries(rows).filter(([name]) => !watched(name))
const follows = Object.entries(rows).filter(([name]) => watched(name))

describe('what is asked', () => {
  it.each(asked)('%s is answered to those who may, and to nobody else', async (name, row) => {
    const outcomes: Record<string, string> = {}
    for (const { persona, token, world } of callers) {
      outcomes[persona] = await outcome(row, token, world)
    }
    expect(outcomes).toEqual(Object.fromEntries(personas.map((p) => [p, expected(row, p)])))
    const open = NEEDS_NO_TOKEN.includes(name)
    expect(await outcome(row, null, own)).toBe(open ? 'OK' : 'UNAUTHENTICATED')
    for (const { name: kind, token } of bad) {
      expect([kind, await outcome(row, token, own)]).toEqual([kind, 'UNAUTHENTICATED'])
    }
  })

  it.each(asked)('%s shows nothing of another project or domain', async (_name, row) => {
    for (const [who, wanted] of [
      [sibling, row.sibling],
      [stranger, row.stranger],
    ] as const) {
      const answer = await cloud.gql(row.document, await row.variables?.(own), who.token)
      expect([who.persona, seen(answer, wanted)]).toEqual([who.persona, wanted])
    }
  })

  it('gives by node() only what the caller sees', async () => {
    const document = 'query ($id: ID!) { node(id: $id) { id } }'
    const { serverId, stoppedId, imageId, taskId, flavorId, projectId } = own
    for (const id of [serverId, stoppedId, imageId, taskId, flavorId, projectId]) {
      const { data } = await cloud.gql(document, { id }, sibling.token)
      expect([id, data.node?.id ?? null]).toEqual([id, id === flavorId ? id : null])
      const unscoped = await cloud.gql(document, { id }, callerNamed('unscoped').token)
      expect([id, unscoped.data.node]).toEqual([id, null])
    }
  })
})

/** What an answer comes to, in the word that was wanted when it is that. */
function seen(
  { data, errors }: { data: unknown; errors?: { extensions: { code: string } }[] },
  wanted: Outcome,
): string {
  if (errors) return errors[0]?.extensions.code ?? 'no code'
  const [found] = Object.values((data ?? {}) as Record<string, unknown>)
  if (found === null) return 'null'
  if (wanted !== 'nothing') return 'OK'
  return namesOwn(found) ? 'something' : 'nothing'
}

const namesOwn = (found: unknown): boolean => {
  const text = JSON.stringify(found)
  const { cloud: _, domainId, flavorId, hostId, ...things } = own
  return Object.values(things).some((id) => text.includes(id))
}

describe('what is watched', () => {
  /** A change of each thing of each project, in this order; resumed from before all of them. */
  let after: string
  let changes: { scope: string | null; type: string; id: string }[]
  beforeAll(async () => {
    after = await eventHead(cloud.cloud.db)
    const worlds = [own, sibling.world, stranger.world, callerNamed('operator').world]
    changes = worlds.flatMap((w) => [
      { scope: w.projectId, type: 'server', id: w.serverId },
      { scope: w.projectId, type: 'image', id: w.imageId },
      { scope: w.projectId, type: 'task', id: w.taskId },
      { scope: w.domainId, type: 'domain', id: w.domainId },
      { scope: w.domainId, type: 'project', id: w.projectId },
      { scope: w.domainId, type: 'user', id: w.userId },
      { scope: w.domainId, type: 'group', id: w.groupId },
      { scope: null, type: 'role', id: w.roleId },
      { scope: w.domainId, type: 'roleAssignment', id: w.roleAssignmentId },
    ])
    changes.push({ scope: null, type: 'host', id: own.hostId })
    changes.push({ scope: null, type: 'flavor', id: own.flavorId })
    changes.push({ scope: null, type: 'aggregate', id: await newAggregate(own) })
    for (const w of worlds) {
      const id = await newServerGroup(w)
      changes.push({ scope: w.projectId, type: 'serverGroup', id })
    }
    const events = changes.map(({ scope, type, id }) => ({
      type: `${snake(type)}.updated`,
      resourceType: snake(type) as 'server',
      resourceId: id,
      projectId: scope,
    }))
    await cloud.cloud.db.$transaction((tx) => emit(tx, ...events))
  })

  it.each(follows)(
    '%s tells those who may of their own, and nobody of others',
    async (name, row) => {
      const type = /\.(.+)Changed$/.exec(name)?.[1]
      for (const caller of [...callers, sibling, stranger]) {
        const due = changes.filter((change) => sees(caller, type, change)).map((c) => c.id)
        const watch = cloud.watch<{ id: string }>(row.document, { after }, caller.token)
        try {
          const refused = expected(row, caller.persona)
          const told = await until(`${name} ${caller.persona}`, () => {
            if (watch.errors.length) return [codeOf(watch.errors[0])]
            const seen = watch.events.map((e) => e.id)
            // Nothing is due to who is refused; that it is refused has to be said.
            return refused === 'OK' && seen.length >= due.length ? seen : null
          })
          expect([caller.persona, told]).toEqual([
            caller.persona,
            refused === 'OK' ? due : [refused],
          ])
        } finally {
          watch.close()
        }
      }
    },
  )
})

describe('a console log that is followed', () => {
  const document =
    'subscription ($id: String!) { serverConsoleLog(id: $id, lines: 5) { text reset } }'
  it.each([
    ['reader', 'FORBIDDEN'],
    ['member', 'login:'],
    ['systemAdmin', 'FORBIDDEN'],
    ['domainManager', 'FORBIDDEN'],
    ['unscoped', 'FORBIDDEN'],
  ] as const)('tells %s: %s', async (persona, wanted) => {
    expect(await first(callerNamed(persona).token)).toBe(wanted)
  })

  it('of another project does not exist', async () => {
    expect(await first(sibling.token)).toBe('NOT_FOUND')
    expect(await first(stranger.token)).toBe('FORBIDDEN')
  })

  async function first(token: string) {
    const watch = cloud.watch<{ text: string }>(document, { id: own.serverId }, token)
    try {
      return await until('an answer', () =>
        watch.errors.length ? codeOf(watch.errors[0]) : (watch.events[0]?.text ?? null),
      )
    } finally {
      watch.close()
    }
  }
})

/** Whether a watch of the type (null: all events of a project) tells the caller of the change. */
function sees(
  { persona, world }: Caller,
  type: string | undefined,
  change: { scope: string | null; type: string },
): boolean {
  if (type && change.type !== type) return false
  const all = (operatorReaders as readonly Persona[]).includes(persona)
  if (!type) return change.scope === world.projectId
  if (['server', 'image', 'task', 'serverGroup'].includes(type))
    return change.scope === world.projectId
  return all || change.scope === null || change.scope === world.domainId
}

const snake = (type: string) => type.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

const ofServer = (fields: string) => `query ($id: ID!) { server(id: $id) { ${fields} } }`
const callerNamed = (name: Persona) => callers.find(({ persona }) => persona === name) as Caller

describe('fields', () => {
  it('show the host of a server to operators only', async () => {
    for (const [name, host] of [
      ['reader', null],
      ['admin', null],
      ['operator', { name: 'h1' }],
    ] as const) {
      const { token, world } = callerNamed(name)
      const { data } = await cloud.gql(ofServer('host { name }'), { id: world.serverId }, token)
      expect([name, data.server.host]).toEqual([name, host])
    }
  })

  it('show the console to members', async () => {
    const ask = async (name: Persona) => {
      const { token, world } = callerNamed(name)
      return cloud.gql(ofServer('name consoleLog'), { id: world.serverId }, token)
    }
    const refused = await ask('reader')
    expect(refused.errors?.[0]?.extensions).toMatchObject({
      code: 'FORBIDDEN',
      details: { rule: 'compute.server.console-log' },
    })
    expect(refused.data.server).toEqual({ name: 'up', consoleLog: null })
    expect((await ask('member')).data.server.consoleLog).toBe('login:')
  })

  it('say of actions why a role may not, and why the state does not allow it', async () => {
    const actions = async (name: Persona) => {
      const { token, world } = callerNamed(name)
      const { server } = await cloud.must(
        ofServer('actions { name allowed reason }'),
        { id: world.serverId },
        token,
      )
      return Object.fromEntries(
        server.actions.map((a: { name: string; reason: string | null }) => [a.name, a.reason]),
      )
    }
    expect(await actions('reader')).toMatchObject({
      stop: 'needs the role member; you have reader',
      delete: 'needs the role member; you have reader',
    })
    expect(await actions('member')).toMatchObject({
      start: 'it is ACTIVE; start needs SHUTOFF',
      stop: null,
      delete: null,
    })
  })

  it('let an operator list all servers, and do nothing to those of others but move them', async () => {
    const all =
      'query { servers(first: 200, allProjects: true, filter: { name: { eq: "up" } }) { nodes { id actions { name allowed reason } } } }'
    const { servers } = await cloud.must(all, {}, callerNamed('operator').token)
    const foreign = servers.nodes.find((s: { id: string }) => s.id === own.serverId)
    const reasons = Object.fromEntries(
      foreign.actions.map((a: { name: string; reason: string | null }) => [a.name, a.reason]),
    )
    expect(reasons).toMatchObject({ migrate: null, liveMigrate: null })
    expect(reasons.migrationAbort).toMatch(/needs MIGRATING/)
    const others = Object.entries(reasons).filter(
      ([name]) => !/^(migrate|liveMigrate|migrationAbort|evacuate)$/.test(name),
    )
    expect(new Set(others.map(([, reason]) => reason))).toEqual(
      new Set(['it belongs to another project']),
    )
    const refused = await cloud.gql(all, {}, callerNamed('admin').token)
    expect(refused.errors?.[0]?.extensions.code).toBe('FORBIDDEN')
  })

  it('show an operator one server of another project, but not what its console says', async () => {
    const { token } = callerNamed('operator')
    const document = ofServer('id name consoleLog')
    const { data, errors } = await cloud.gql(document, { id: own.serverId }, token)
    expect(data.server).toEqual({ id: own.serverId, name: 'up', consoleLog: null })
    expect(errors?.[0]?.extensions).toMatchObject({
      code: 'FORBIDDEN',
      details: { rule: 'compute.server.console-log' },
    })
    const strange = await cloud.gql(document, { id: own.serverId }, sibling.token)
    expect(strange.data.server).toBeNull()
  })

  it('let operators only find the servers of a host', async () => {
    const onHost = `query ($host: ID!) {
      servers(first: 200, allProjects: true, filter: { hostId: $host, name: { eq: "up" } }) { nodes { id } } }`
    const ofProject =
      'query ($host: ID!) { servers(filter: { hostId: $host }) { nodes { id } totalCount } }'
    const host = own.hostId
    const { servers } = await cloud.must(onHost, { host }, callerNamed('operator').token)
    expect(servers.nodes).toContainEqual({ id: own.serverId })
    const elsewhere = await cloud.must(
      onHost,
      { host: '00000000-0000-7000-8000-000000000000' },
      callerNamed('operator').token,
    )
    expect(elsewhere.servers.nodes).toEqual([])
    for (const name of ['member', 'admin'] as const) {
      const refused = await cloud.gql(ofProject, { host }, callerNamed(name).token)
      expect([name, refused.errors?.[0]?.extensions.details]).toEqual([
        name,
        { rule: 'compute.host.list' },
      ])
    }
  })

  it('tell who sees a task who asked for it, and how far it is', async () => {
    const { world, token } = callerNamed('reader')
    const { db } = cloud.cloud
    const progress = { doneBytes: 5, totalBytes: 2 ** 40, at: new Date().toISOString() }
    await db.task.update({ where: { id: world.taskId }, data: { progress, userId: world.userId } })
    const user = await db.user.findUniqueOrThrow({ where: { id: world.userId } })
    const document =
      'query ($id: ID!) { task(id: $id) { user { id name } progress { doneBytes totalBytes } } }'
    const { task } = await cloud.must(document, { id: world.taskId }, token)
    expect(task).toEqual({
      user: { id: user.id, name: user.name },
      progress: { doneBytes: '5', totalBytes: String(2 ** 40) },
    })
  })

  it('hide whose a public image is from other projects', async () => {
    const id = await newImage(cloud.cloud, own.projectId, 'PUBLIC')
    const document = 'query ($id: ID!) { image(id: $id) { project { id } actions { allowed } } }'
    const [mine, seen] = await Promise.all(
      [callerNamed('reader').token, sibling.token].map((t) => cloud.must(document, { id }, t)),
    )
    expect(mine.image.project).toEqual({ id: own.projectId })
    expect(seen.image.project).toBeNull()
    expect(seen.image.actions.some((a: { allowed: boolean }) => a.allowed)).toBe(false)
  })
})

/** OK, null, or the code of the first error. */
async function outcome(row: Row, token: string | null, world: World): Promise<string> {
  const { data, errors } = await cloud.gql(row.document, await row.variables?.(world), token)
  if (errors) return errors[0]?.extensions.code ?? 'no code'
  const [found] = Object.values((data ?? {}) as Record<string, unknown>)
  return found === null ? 'null' : 'OK'
}

function expected({ may, blind = [] }: Row, persona: Persona): string {
  if (!may.includes(persona)) return 'FORBIDDEN'
  return blind.includes(persona) ? 'null' : 'OK'
}

/** Of a GraphQL error, or of a WebSocket that was closed for it. */
function codeOf(error: unknown): string {
  const { code, reason } = error as { code?: number; reason?: string }
  if (code === 4403) return reason?.split(':')[0] ?? 'no reason'
  const [first] = [error].flat() as { extensions?: { code: string } }[]
  return first?.extensions?.code ?? 'no code'
}
