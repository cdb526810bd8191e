/**
 * Who may do what: every field of Query, Mutation and Subscription has its row below, and every row
 * is tried by everybody. A field without a row fails. What needs no token is listed by name, and
 * that list may only shrink.
 */

import { readFileSync } from 'node:fs'
import { buildSchema } from 'graphql'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Cloud } from '../services/context.ts'
import { emit, eventHead } from '../services/core/event.ts'
import { newId } from '../services/id.ts'
import { type Cluster, PASSWORD, startCluster } from './support/cluster.ts'
import {
  expiredToken,
  forge,
  newProject,
  newUser,
  type RoleName,
  tokenFor,
} from './support/people.ts'
import { until } from './support/until.ts'

/** The least that a caller needs. Every next one may all that those before it may. */
const ladder = ['anyone', 'user', 'reader', 'member', 'admin', 'operator'] as const
type Needs = (typeof ladder)[number]

interface Row {
  needs: Needs
  /** What a member of another project gets when it names a thing of this one. */
  sibling: 'OK' | 'NOT_FOUND' | 'null' | 'nothing'
  /** What somebody without a project gets, when that is not simply what `needs` says. */
  unscoped?: 'null'
  document: string
  /** Things of the project, made anew for each caller. */
  variables?: (things: Things) => object | Promise<object>
}

interface Things {
  projectId: string
  serverId: string
  stoppedId: string
  imageId: string
  taskId: string
  hostId: string
  flavorId: string
}

const byId = (type: string) => (name: string) => `query ($id: ID!) { ${name}(id: $id) { ${type} } }`
const one = byId('id')
const list = (name: string) => `{ ${name} { nodes { id } totalCount } }`
const act = (name: string, type = 'ServerActionInput') =>
  `mutation ($input: ${type}!) { ${name}(input: $input) { plan { allowed } } }`
const follow = (name: string) =>
  `subscription ($after: String) { ${name}(after: $after) { id kind } }`
const dry = (id: string, more = {}) => ({ input: { id, dryRun: true, ...more } })

const rows: Record<string, Row> = {
  'Query.node': {
    needs: 'user',
    sibling: 'null',
    unscoped: 'null',
    document: one('node'),
    variables: (t) => ({ id: t.serverId }),
  },
  'Query.session': { needs: 'user', sibling: 'OK', document: '{ session { user { id } } }' },
  'Query.projects': { needs: 'user', sibling: 'nothing', document: list('projects') },
  'Query.flavors': { needs: 'reader', sibling: 'OK', document: list('flavors') },
  'Query.flavor': {
    needs: 'reader',
    sibling: 'OK',
    document: one('flavor'),
    variables: (t) => ({ id: t.flavorId }),
  },
  'Query.quotas': { needs: 'reader', sibling: 'OK', document: '{ quotas { resource } }' },
  'Query.servers': { needs: 'reader', sibling: 'nothing', document: list('servers') },
  'Query.server': {
    needs: 'reader',
    sibling: 'null',
    document: one('server'),
    variables: (t) => ({ id: t.serverId }),
  },
  'Query.images': { needs: 'reader', sibling: 'nothing', document: list('images') },
  'Query.image': {
    needs: 'reader',
    sibling: 'null',
    document: one('image'),
    variables: (t) => ({ id: t.imageId }),
  },
  'Query.tasks': { needs: 'reader', sibling: 'nothing', document: list('tasks') },
  'Query.task': {
    needs: 'reader',
    sibling: 'null',
    document: one('task'),
    variables: (t) => ({ id: t.taskId }),
  },
  'Query.hosts': { needs: 'operator', sibling: 'OK', document: list('hosts') },
  'Query.host': {
    needs: 'operator',
    sibling: 'OK',
    document: one('host'),
    variables: (t) => ({ id: t.hostId }),
  },
  'Mutation.tokenCreate': {
    needs: 'anyone',
    sibling: 'OK',
    document:
      'mutation ($input: TokenCreateInput!) { tokenCreate(input: $input) { token { id } } }',
    variables: () => ({ input: { password: { user: 'admin', password: PASSWORD } } }),
  },
  'Mutation.tokenRevoke': {
    needs: 'user',
    sibling: 'NOT_FOUND',
    document: 'mutation ($input: TokenRevokeInput!) { tokenRevoke(input: $input) { revoked } }',
    variables: () => ({ input: { secret: tokenFor(cloud.cloud, { userId: userA }) } }),
  },
  'Mutation.imageCreate': {
    needs: 'member',
    sibling: 'OK',
    document: 'mutation ($input: ImageCreateInput!) { imageCreate(input: $input) { uploadUrl } }',
    variables: () => ({ input: { name: 'new', diskFormat: 'RAW' } }),
  },
  'Mutation.imageDelete': {
    needs: 'member',
    sibling: 'NOT_FOUND',
    document: 'mutation ($input: ImageActionInput!) { imageDelete(input: $input) { task { id } } }',
    variables: async (t) => ({ input: { id: await newImage(cloud.cloud, t.projectId) } }),
  },
  'Mutation.serverCreate': {
    needs: 'member',
    sibling: 'NOT_FOUND',
    document: act('serverCreate', 'ServerCreateInput'),
    variables: (t) => ({
      input: { name: 'new', flavorId: t.flavorId, imageId: t.imageId, dryRun: true },
    }),
  },
  'Mutation.serverStart': {
    needs: 'member',
    sibling: 'NOT_FOUND',
    document: act('serverStart'),
    variables: (t) => dry(t.stoppedId),
  },
  'Mutation.serverStop': {
    needs: 'member',
    sibling: 'NOT_FOUND',
    document: act('serverStop'),
    variables: (t) => dry(t.serverId),
  },
  'Mutation.serverReboot': {
    needs: 'member',
    sibling: 'NOT_FOUND',
    document: act('serverReboot', 'ServerRebootInput'),
    variables: (t) => dry(t.serverId, { mode: 'HARD' }),
  },
  'Mutation.serverDelete': {
    needs: 'member',
    sibling: 'NOT_FOUND',
    document: act('serverDelete'),
    variables: (t) => dry(t.serverId),
  },
  'Subscription.serverChanged': {
    needs: 'reader',
    sibling: 'nothing',
    document: follow('serverChanged'),
  },
  'Subscription.imageChanged': {
    needs: 'reader',
    sibling: 'nothing',
    document: follow('imageChanged'),
  },
  'Subscription.taskChanged': {
    needs: 'reader',
    sibling: 'nothing',
    document: follow('taskChanged'),
  },
  'Subscription.events': {
    needs: 'reader',
    sibling: 'nothing',
    document: 'subscription ($after: String) { events(after: $after) { id: resourceId } }',
  },
  'Subscription.hostChanged': { needs: 'operator', sibling: 'OK', document: follow('hostChanged') },
}

/** May only shrink. */
const NEEDS_NO_TOKEN = ['Mutation.tokenCreate']

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

let cloud: Cluster
let own: Things
let theirs: Things
/** The user of project A, whose tokens siblings must not revoke. */
let userA: string

type Caller = { name: string; token: string | null; may: Needs | null; things: Things }
let callers: Caller[]
let sibling: Caller

beforeAll(async () => {
  cloud = await startCluster({ hosts: 0, config: { roles: ['api'] } })
  const { cloud: c } = cloud
  c.consoleLog = async () => 'login:'
  userA = await newUser(c, 'a')
  const operatorProject = await c.db.project.findFirstOrThrow({ where: { operator: true } })
  own = await newThings(c, await newProject(c, 'own'))
  theirs = await newThings(c, await newProject(c, 'theirs'))
  const { projectId } = own
  const as = (role: RoleName, more = {}) => tokenFor(c, { userId: userA, projectId, role, ...more })
  const revoked = as('admin')
  await cloud.must(
    'mutation ($input: TokenRevokeInput!) { tokenRevoke(input: $input) { revoked } }',
    { input: { secret: revoked } },
    as('reader'),
  )
  const caller = (name: string, token: string | null, may: Needs | null, things = own): Caller => ({
    name,
    token,
    may,
    things,
  })
  callers = [
    caller('without a token', null, 'anyone'),
    caller(
      'with an expired token',
      expiredToken(c, { userId: userA, projectId, role: 'admin' }),
      null,
    ),
    caller('with a forged token', forge(as('admin')), null),
    caller('with a revoked token', revoked, null),
    caller('unscoped', tokenFor(c, { userId: userA }), 'user'),
    caller('reader', as('reader'), 'reader'),
    caller('member', as('member'), 'member'),
    caller('admin', as('admin'), 'admin'),
    caller(
      'operator',
      as('admin', { projectId: operatorProject.id, operator: true }),
      'operator',
      await newThings(c, operatorProject.id),
    ),
  ]
  sibling = caller('sibling', tokenFor(c, { projectId: theirs.projectId, role: 'admin' }), 'admin')
})
afterAll(() => cloud?.stop())

describe('the table', () => {
  it('has a row for every field and no other', () => {
    const fields = (['Query', 'Mutation', 'Subscription'] as const).flatMap(fieldsOf)
    expect(Object.keys(rows).sort()).toEqual(fields.sort())
  })

  it('lets nobody in without a token but where it says so', () => {
    const open = Object.keys(rows).filter((name) => rows[name]?.needs === 'anyone')
    expect(open).toEqual(NEEDS_NO_TOKEN)
  })
})

const watched = (name: string) => name.startsWith('Subscription.')
const asked = Object.entries(rows).filter(([name]) => !watched(name))
const follows = Object.entries(rows).filter(([name]) => watched(name))

describe('what is asked', () => {
  it.each(asked)('%s is answered to those who may, and to nobody else', async (_name, row) => {
    const outcomes: Record<string, string> = {}
    for (const { name, token, things } of callers)
      outcomes[name] = await outcome(row, token, things)
    expect(outcomes).toEqual(Object.fromEntries(callers.map((c) => [c.name, expected(row, c)])))
  })

  it.each(asked)('%s shows a project nothing of another', async (_name, row) => {
    const answer = await cloud.gql(row.document, await row.variables?.(own), sibling.token)
    const [found] = Object.values(
      (answer.data ?? {}) as Record<string, { nodes?: { id: string }[] }>,
    )
    if (row.needs === 'operator') expect(answer.errors?.[0]?.extensions.code).toBe('FORBIDDEN')
    else if (row.sibling === 'OK') expect(answer.errors).toBeUndefined()
    else if (row.sibling === 'null') expect([found, answer.errors]).toEqual([null, undefined])
    else if (row.sibling === 'nothing') expect(namesOwn(found?.nodes ?? [])).toEqual([])
    else expect(answer.errors?.map((e) => e.extensions.code)).toEqual([row.sibling])
  })

  it('gives by node() only what the project sees', async () => {
    for (const [kind, id] of Object.entries(own)) {
      const { data } = await cloud.gql(one('node'), { id }, sibling.token)
      expect([kind, data.node?.id ?? null]).toEqual([kind, kind === 'flavorId' ? id : null])
      const unscoped = await cloud.gql(one('node'), { id }, callerNamed('unscoped').token)
      expect([kind, unscoped.data.node]).toEqual([kind, null])
    }
  })
})

describe('what is watched', () => {
  /** A change of each thing of each project, in this order; resumed from before all of them. */
  let after: string
  let changes: { projectId: string | null; type: string; id: string; public?: boolean }[]
  beforeAll(async () => {
    after = await eventHead(cloud.cloud.db)
    const operator = callers.at(-1)?.things as Things
    changes = [own, theirs, operator].flatMap((t) => [
      { projectId: t.projectId, type: 'server', id: t.serverId },
      { projectId: t.projectId, type: 'image', id: t.imageId },
      { projectId: t.projectId, type: 'task', id: t.taskId },
    ])
    changes.push({ projectId: null, type: 'host', id: own.hostId })
    const events = changes.map(({ projectId, type, id }) => ({
      type: `${type}.updated`,
      resourceType: type as 'server',
      resourceId: id,
      projectId,
    }))
    await cloud.cloud.db.$transaction((tx) => emit(tx, ...events))
  })

  it.each(follows)(
    '%s tells those who may of their own, and nobody of others',
    async (name, row) => {
      const type = /\.(.+)Changed$/.exec(name)?.[1]
      for (const caller of [...callers, { ...sibling, things: theirs }]) {
        const { projectId } = caller.things
        const due = changes
          .filter((c) => (type ? c.type === type : true))
          .filter((c) => (c.type === 'host' ? type === 'host' : c.projectId === projectId))
          .map((c) => c.id)
        const watch = cloud.watch<{ id: string }>(row.document, { after }, caller.token ?? '')
        try {
          const refused = expected(row, caller)
          const told = await until(`${name} ${caller.name}`, () => {
            if (watch.errors.length) return [codeOf(watch.errors[0])]
            const seen = watch.events.map((e) => e.id)
            return seen.length >= due.length ? seen : null
          })
          expect([caller.name, told]).toEqual([caller.name, refused === 'OK' ? due : [refused]])
        } finally {
          watch.close()
        }
      }
    },
  )
})

const ofServer = (fields: string) => `query ($id: ID!) { server(id: $id) { ${fields} } }`
const callerNamed = (name: string) => callers.find((c) => c.name === name) as Caller

describe('fields', () => {
  it('show the host of a server to operators only', async () => {
    for (const [name, host] of [
      ['reader', null],
      ['admin', null],
      ['operator', { name: 'h1' }],
    ] as const) {
      const { token, things } = callerNamed(name)
      const { data } = await cloud.gql(ofServer('host { name }'), { id: things.serverId }, token)
      expect([name, data.server.host]).toEqual([name, host])
    }
  })

  it('show the console to members', async () => {
    const ask = async (name: string) => {
      const { token, things } = callerNamed(name)
      return cloud.gql(ofServer('name consoleLog'), { id: things.serverId }, token)
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
    const actions = async (name: string) => {
      const { token, things } = callerNamed(name)
      const { server } = await cloud.must(
        ofServer('actions { name allowed reason }'),
        { id: things.serverId },
        token,
      )
      return Object.fromEntries(
        server.actions.map((a: { name: string; reason: string | null }) => [a.name, a.reason]),
      )
    }
    expect(await actions('reader')).toMatchObject({
      stop: 'compute.server.stop needs the role member',
      delete: 'compute.server.delete needs the role member',
    })
    expect(await actions('member')).toMatchObject({
      start: 'it is ACTIVE; start needs SHUTOFF',
      stop: null,
      delete: null,
    })
  })

  it('let an operator list all servers, and act on none of another project', async () => {
    const all = 'query { servers(allProjects: true) { nodes { id actions { allowed reason } } } }'
    const { servers } = await cloud.must(all, {}, callerNamed('operator').token)
    const foreign = servers.nodes.find((s: { id: string }) => s.id === own.serverId)
    expect(new Set(foreign.actions.map((a: { reason: string }) => a.reason))).toEqual(
      new Set(['it belongs to another project']),
    )
    const refused = await cloud.gql(all, {}, callerNamed('admin').token)
    expect(refused.errors?.[0]?.extensions.code).toBe('FORBIDDEN')
  })

  it('hide whose a public image is from other projects', async () => {
    const id = await newImage(cloud.cloud, own.projectId, 'PUBLIC')
    const document = 'query ($id: ID!) { image(id: $id) { project { name } actions { allowed } } }'
    const [mine, seen] = await Promise.all(
      [callerNamed('reader').token, sibling.token].map((t) => cloud.must(document, { id }, t)),
    )
    expect(mine.image.project).toEqual({ name: 'own' })
    expect(seen.image.project).toBeNull()
    expect(seen.image.actions.some((a: { allowed: boolean }) => a.allowed)).toBe(false)
  })
})

/** OK, or the code of the first error. */
async function outcome(row: Row, token: string | null, things: Things): Promise<string> {
  const { data, errors } = await cloud.gql(row.document, await row.variables?.(things), token)
  if (errors) return errors[0]?.extensions.code ?? 'no code'
  const [found] = Object.values((data ?? {}) as Record<string, unknown>)
  return found === null ? 'null' : 'OK'
}

function expected({ needs, unscoped }: Row, { may, name }: Caller): string {
  if (may === null) return 'UNAUTHENTICATED'
  if (name === 'unscoped' && unscoped) return unscoped
  if (ladder.indexOf(may) >= ladder.indexOf(needs)) return 'OK'
  return name === 'without a token' ? 'UNAUTHENTICATED' : 'FORBIDDEN'
}

/** Of a GraphQL error, or of a WebSocket that was closed for it. */
function codeOf(error: unknown): string {
  const { code, reason } = error as { code?: number; reason?: string }
  if (code === 4403) return reason?.split(':')[0] ?? 'no reason'
  const [first] = [error].flat() as { extensions?: { code: string } }[]
  return first?.extensions?.code ?? 'no code'
}

const namesOwn = (nodes: { id: string }[]) =>
  nodes.map((n) => n.id).filter((id) => Object.values(own).includes(id))

async function newImage(c: Cloud, projectId: string, visibility = 'PRIVATE'): Promise<string> {
  const id = newId()
  const times = { createdAt: c.now(), updatedAt: c.now() }
  const size = { sizeBytes: 1n, virtualSizeBytes: 1024n, checksum: 'c' }
  await c.db.image.create({
    data: {
      id,
      projectId,
      name: 'i',
      status: 'ACTIVE',
      diskFormat: 'RAW',
      visibility,
      ...size,
      ...times,
    },
  })
  return id
}

/** A thing of each kind, as rows: nothing runs behind them. */
async function newThings({ ...c }: Cloud, projectId: string): Promise<Things> {
  const { db } = c
  const times = { createdAt: c.now(), updatedAt: c.now() }
  const flavor = await db.flavor.findFirstOrThrow({ where: { name: 'm1.nano' } })
  const host =
    (await db.host.findFirst()) ??
    (await db.host.create({
      data: { id: newId(), name: 'h1', driver: 'none', status: 'UP', ...times },
    }))
  const imageId = await newImage(c, projectId)
  const taskId = newId()
  const [serverId, stoppedId] = [newId(), newId()]
  const size = {
    vcpus: 1,
    memoryMiB: 64,
    diskGiB: 1,
    flavorId: flavor.id,
    imageId,
    hostId: host.id,
  }
  const server = { projectId, userId: newId(), ...size, ...times }
  await db.server.createMany({
    data: [
      { id: serverId, name: 'up', status: 'ACTIVE', powerState: 'RUNNING', taskId, ...server },
      { id: stoppedId, name: 'down', status: 'SHUTOFF', powerState: 'SHUTDOWN', ...server },
    ],
  })
  const task = {
    id: taskId,
    kind: 'server.create',
    status: 'SUCCEEDED',
    projectId,
    steps: [],
    input: {},
  }
  const done = { deadlineAt: c.now(), createdAt: c.now(), finishedAt: c.now() }
  await db.task.create({ data: { ...task, resourceType: 'server', resourceId: serverId, ...done } })
  return { projectId, serverId, stoppedId, imageId, taskId, hostId: host.id, flavorId: flavor.id }
}
