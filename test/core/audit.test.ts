/** The audit log: who did what from where, for those who may know, and for ever. */
import { readFileSync } from 'node:fs'
import { buildSchema, isObjectType } from 'graphql'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { allow } from '../../services/access/allow.ts'
import { MAX_RECORDED_A_MINUTE, Refusals } from '../../services/core/refusals.ts'
import { newId } from '../../services/id.ts'
import { prune, pruneAudit } from '../../workers/conductor/prune.ts'
import { mutation, type Persona } from '../access/row.ts'
import { newDomain, newPlainUser, newWorld, type Owned, tokenOf } from '../access/world.ts'
import { type Cluster, PASSWORD, startCluster } from '../support/cluster.ts'
import { newUser } from '../support/people.ts'
import { statementsOf } from '../support/statements.ts'
import { emptyQcow2 } from '../support/stories.ts'
import { until } from '../support/until.ts'

let cloud: Cluster
let domainId: string
let own: Owned
let sibling: Owned
let other: Owned
let self: string

beforeAll(async () => {
  cloud = await startCluster({ hosts: 0, config: { roles: ['api'] } })
  const c = cloud.cloud
  domainId = await newDomain(c, 'acme')
  own = await newWorld(c, domainId)
  sibling = await newWorld(c, domainId)
  other = await newWorld(c, await newDomain(c, 'other'))
  self = await newPlainUser(c, domainId, 'ann')
})
const asked = () => statementsOf(cloud)

afterAll(() => cloud?.stop())

const as = (persona: Persona, world: Owned = own) =>
  tokenOf(cloud.cloud, persona, { ...world, self })
const db = () => cloud.cloud.db

interface Entry {
  id: string
  action: string
  outcome: string
  code: string | null
  resourceId: string | null
  requestId: string
  before: unknown
  after: unknown
}
const ALL =
  'id at action outcome code reason actor { id name } resourceType resourceId resourceName project { id } requestId address before after'
const LIST = `query ($first: Int! = 50, $after: String, $filter: AuditEventFilterInput) {
  auditEvents(first: $first, after: $after, filter: $filter) {
    nodes { ${ALL} } totalCount pageInfo { hasNextPage endCursor } } }`
const entries = async (token: string, filter: object = {}, page = {}): Promise<Entry[]> =>
  (await cloud.must(LIST, { filter, ...page }, token)).auditEvents.nodes
const operator = () => as('systemAdmin')
const run = (name: string, fields: string, input: object, token: string, type?: string) =>
  cloud.gql(mutation(name, fields, type), { input }, token)

describe('entries', () => {
  it('say who changed what, from where and by which request', async () => {
    const id = await newDomain(cloud.cloud, 'before')
    const response = await fetch(`${cloud.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${operator()}` },
      body: JSON.stringify({
        query: mutation('domainUpdate', 'domain { id }'),
        variables: { input: { id, description: 'new' } },
      }),
    })
    const requestId = response.headers.get('x-request-id')
    const [entry] = await entries(operator(), { resourceId: id })
    expect(entry).toMatchObject({
      action: 'identity.domain.update',
      outcome: 'SUCCESS',
      code: null,
      actor: { id: self, name: 'systemAdmin' },
      resourceType: 'domain',
      resourceName: 'before',
      address: '127.0.0.1',
      before: { description: '' },
      after: { description: 'new' },
    })
    expect(entry?.requestId).toBe(requestId)
    expect(await entries(operator(), { requestId })).toHaveLength(1)
  })

  it('of what is made have no before, of what goes no after; and stay when it is gone', async () => {
    const made = await run(
      'projectCreate',
      'project { id }',
      { name: 'short', domainId },
      operator(),
    )
    const { id } = made.data.projectCreate.project
    await run('projectDelete', 'task { id }', { id }, operator())
    expect(await entries(operator(), { resourceId: id })).toMatchObject([
      { action: 'identity.project.delete', before: { name: 'short' }, after: null, project: null },
      { action: 'identity.project.create', before: null, after: { name: 'short' } },
    ])
  })

  it('are not written by a dry run, and tell a refusal with its code', async () => {
    const before = await db().auditEvent.count()
    const input = { name: 'dry', domainId, dryRun: true }
    expect((await run('projectCreate', 'project { id }', input, operator())).errors).toBeUndefined()
    expect(await db().auditEvent.count()).toBe(before)
    const gone = newId()
    await run('domainUpdate', 'domain { id }', { id: gone, name: 'x' }, operator())
    expect(await entries(operator(), { resourceId: gone })).toMatchObject([
      {
        action: 'identity.domain.update',
        outcome: 'FAILURE',
        code: 'NOT_FOUND',
        resourceType: 'domain',
      },
    ])
  })

  it('are written of servers: what was and what is wanted', async () => {
    const { errors } = await run(
      'serverStart',
      'task { id }',
      { id: own.stoppedId },
      as('member'),
      'ServerActionInput',
    )
    expect(errors).toBeUndefined()
    expect(await entries(as('manager'), { resourceId: own.stoppedId })).toMatchObject([
      {
        action: 'compute.server.start',
        resourceName: 'down',
        project: { id: own.projectId },
        before: { status: 'SHUTOFF' },
        after: { status: 'ACTIVE' },
      },
    ])
  })

  it('are written of uploads, taken or refused', async () => {
    const token = as('member')
    const made = await run(
      'imageCreate',
      'image { id } uploadUrl',
      { name: 'i', diskFormat: 'QCOW2' },
      token,
    )
    const { image, uploadUrl } = made.data.imageCreate
    const put = (body: Buffer) =>
      fetch(new URL(uploadUrl, cloud.url), {
        method: 'PUT',
        headers: { authorization: `Bearer ${token}` },
        body: new Uint8Array(body),
      })
    expect((await put(Buffer.from('no image at all'))).status).toBe(422)
    expect((await put(emptyQcow2())).status).toBe(201)
    const told = await until('the entries', async () => {
      const found = await entries(as('manager'), { resourceId: image.id })
      return found.length === 3 ? found : null
    })
    expect(told.map(({ action, outcome, code }) => [action, outcome, code])).toEqual([
      ['image.image.upload', 'SUCCESS', null],
      ['image.image.upload', 'FAILURE', 'IMAGE_INVALID'],
      ['image.image.create', 'SUCCESS', null],
    ])
  })
})

describe('sign-ins', () => {
  const signIn = (user: string, password: string) => cloud.signIn('admin', password, user)

  it('are recorded, and those that fail too, without who it was', async () => {
    await signIn('admin', PASSWORD)
    await expect(signIn('admin', 'wrong-password-zzz')).rejects.toThrow()
    await expect(signIn('nobody-at-all', 'wrong-password-zzz')).rejects.toThrow()
    const [unknown, wrong, good] = await entries(operator(), { action: 'identity.token.create' })
    expect(good).toMatchObject({
      outcome: 'SUCCESS',
      actor: { name: 'admin' },
      resourceType: 'user',
      address: '127.0.0.1',
    })
    expect(wrong).toMatchObject({ outcome: 'FAILURE', code: 'UNAUTHENTICATED', actor: null })
    expect(wrong).toMatchObject({ resourceName: 'admin' })
    expect(unknown).toMatchObject({ outcome: 'FAILURE', resourceName: 'nobody-at-all' })
  })
})

describe('refusals', () => {
  const refusalsOf = async (userId: string) =>
    db().auditEvent.findMany({ where: { userId, outcome: 'FAILURE' }, orderBy: { id: 'asc' } })
  const newcomer = async (persona: Persona) => {
    const id = await newPlainUser(cloud.cloud, domainId)
    return { id, token: tokenOf(cloud.cloud, persona, { ...own, self: id }) }
  }

  it('of commands are there once, of reads and watches too', async () => {
    const { id, token } = await newcomer('reader')
    await run('serverStop', 'task { id }', { id: own.serverId }, token, 'ServerActionInput')
    await cloud.gql('{ a: hosts { nodes { id } } b: hosts { totalCount } }', {}, token)
    const watch = cloud.watch('subscription { domainChanged { id } }', {}, token)
    await until('the refusal', () => watch.errors.length > 0)
    watch.close()
    const rows = await until('three entries', async () => {
      const found = await refusalsOf(id)
      return found.length >= 3 ? found : null
    })
    expect(rows.map(({ action, code }) => [action, code])).toEqual([
      ['compute.server.stop', 'FORBIDDEN'],
      ['compute.host.list', 'FORBIDDEN'],
      ['identity.domain.list', 'FORBIDDEN'],
    ])
    expect(rows[1]).toMatchObject({ resourceType: 'host', projectId: own.projectId, domainId })
  })

  it('of one caller do not flood the log', async () => {
    const { id } = await newcomer('reader')
    const c = cloud.cloud
    const actor = c.tokens.verify(tokenOf(c, 'reader', { ...own, self: id }), c.now())
    let at = c.now()
    const ctx = { ...c, actor, requestId: 'r', address: null, now: () => at }
    const refused = () => {
      try {
        allow(ctx, 'compute.host.list')
      } catch (error) {
        return [error]
      }
      throw new Error('allowed')
    }
    const refusals = new Refusals()
    for (let i = 0; i < MAX_RECORDED_A_MINUTE + 10; i++) await refusals.record(ctx, refused())
    expect(await refusalsOf(id)).toHaveLength(MAX_RECORDED_A_MINUTE)
    at = new Date(at.getTime() + 60_000)
    await refusals.record(ctx, refused())
    expect(await refusalsOf(id)).toHaveLength(MAX_RECORDED_A_MINUTE + 1)
  })
})

describe('who reads it', () => {
  const put = async (given: object) => {
    const id = newId()
    await db().auditEvent.create({
      data: { id, action: 'test.visible', outcome: 'SUCCESS', ...given },
    })
    return id
  }
  let rows: Record<string, string>
  beforeAll(async () => {
    const gone = newId()
    rows = {
      own: await put({ projectId: own.projectId }),
      sibling: await put({ projectId: sibling.projectId }),
      domain: await put({ domainId }),
      gone: await put({ projectId: gone, domainId }),
      other: await put({ projectId: other.projectId, domainId: other.domainId }),
      none: await put({}),
    }
  })
  const seen = async (token: string) => {
    const found = await entries(token, { action: 'test.*' })
    return Object.keys(rows).filter((name) => found.some(({ id }) => id === rows[name]))
  }

  it('managers read of what is theirs, operators all', async () => {
    expect(await seen(as('manager'))).toEqual(['own'])
    expect(await seen(as('admin', sibling))).toEqual(['sibling'])
    expect(await seen(as('domainManager'))).toEqual(['own', 'sibling', 'domain', 'gone'])
    expect(await seen(as('domainManager', other))).toEqual(['other'])
    for (const persona of ['systemReader', 'systemAdmin', 'operator'] as const) {
      expect(await seen(as(persona))).toEqual(Object.keys(rows))
    }
  })

  it('readers and members nothing; counts and single entries are as limited', async () => {
    for (const persona of ['reader', 'member', 'domainReader', 'unscoped'] as const) {
      const { errors } = await cloud.gql(LIST, {}, as(persona))
      expect(errors?.[0]?.extensions).toMatchObject({
        code: 'FORBIDDEN',
        details: { rule: 'core.audit.list' },
      })
    }
    const filter = { action: 'test.visible' }
    const { auditEvents } = await cloud.must(LIST, { filter }, as('manager'))
    expect(auditEvents.totalCount).toBe(1)
    const one = 'query ($id: ID!) { auditEvent(id: $id) { id } }'
    expect((await cloud.must(one, { id: rows.sibling }, as('manager'))).auditEvent).toBeNull()
    expect((await cloud.must(one, { id: rows.own }, as('manager'))).auditEvent.id).toBe(rows.own)
    expect(await entries(as('manager'), { projectId: sibling.projectId })).toEqual([])
  })

  it('page by page, the newest first, by every filter', async () => {
    const [from, requestId] = [new Date(Date.now() + 60_000), `r${newId()}`]
    const ids: string[] = []
    for (let i = 0; i < 5; i++) {
      const at = new Date(from.getTime() + i)
      ids.unshift(await put({ action: 'test.paged', requestId, at, userId: self }))
    }
    const found: string[] = []
    for (let after: string | null = null; ; ) {
      const filter = { requestId, actorId: self, outcome: 'SUCCESS', since: from.toISOString() }
      const { auditEvents } = await cloud.must(LIST, { first: 2, after, filter }, operator())
      expect(auditEvents.totalCount).toBe(5)
      found.push(...auditEvents.nodes.map(({ id }: Entry) => id))
      if (!auditEvents.pageInfo.hasNextPage) break
      after = auditEvents.pageInfo.endCursor
    }
    expect(found).toEqual(ids)
    const until = new Date(from.getTime() + 2).toISOString()
    expect(await entries(operator(), { action: 'test.paged', until })).toHaveLength(2)
    expect(await entries(operator(), { action: 'test.pag_d.*' })).toEqual([])
    const wrong = await cloud.gql(LIST, { filter: { action: "x' or 1=1" } }, operator())
    expect(wrong.errors?.[0]?.extensions.code).toBe('BAD_INPUT')
  })
})

describe('the history of a resource', () => {
  it('is a field of every resource that people change', () => {
    const schema = buildSchema(
      readFileSync(new URL('../../schema/schema.graphql', import.meta.url), 'utf8'),
    )
    const without = Object.values(schema.getTypeMap())
      .filter(isObjectType)
      .filter((type) => type.getInterfaces().some(({ name }) => name === 'Node'))
      .filter((type) => !type.getFields().history)
    // Nothing of these is changed by a command. May only shrink.
    expect(without.map(({ name }) => name).sort()).toEqual(['Migration', 'Task', 'Token'])
  })

  const HISTORY = '{ servers { nodes { id history(first: 3) { action outcome } } } }'

  it('comes with it, for all of a list in one statement', async () => {
    for (const resourceId of [own.serverId, own.stoppedId]) {
      await db().auditEvent.createMany({
        data: Array.from({ length: 5 }, (_, i) => ({
          id: newId(),
          action: `test.history.${i}`,
          outcome: 'SUCCESS',
          resourceType: 'server',
          resourceId,
          projectId: own.projectId,
        })),
      })
    }
    await cloud.must(HISTORY, {}, as('manager'))
    cloud.statements.texts.length = 0
    const { servers } = await cloud.must(HISTORY, {}, as('manager'))
    expect(asked()).toHaveLength(2)
    for (const { history } of servers.nodes) {
      expect(history.map((entry: Entry) => entry.action)).toEqual([
        'test.history.4',
        'test.history.3',
        'test.history.2',
      ])
    }
  })

  it('is null, with the rule, for those who may not read the audit log', async () => {
    const { data, errors } = await cloud.gql(HISTORY, {}, as('reader'))
    expect(data.servers.nodes[0]).toMatchObject({ history: null })
    expect(errors?.[0]?.extensions).toMatchObject({
      code: 'FORBIDDEN',
      details: { rule: 'core.audit.list' },
    })
  })

  it('shows of a shared resource only what is about one’s own', async () => {
    await db().auditEvent.create({
      data: {
        id: newId(),
        action: 'test.foreign',
        outcome: 'SUCCESS',
        resourceId: own.imageId,
        projectId: other.projectId,
      },
    })
    const document = 'query ($id: ID!) { image(id: $id) { history { action } } }'
    const { image } = await cloud.must(document, { id: own.imageId }, as('manager'))
    expect(image.history).toEqual([])
  })
})

describe('for ever', () => {
  it('is what was recorded: it is neither changed nor deleted', async () => {
    const before = await db().auditEvent.count()
    expect(before).toBeGreaterThan(0)
    const attempts = [
      () => db().$executeRaw`update core.audit_event set outcome = 'SUCCESS'`,
      () => db().$executeRaw`delete from core.audit_event`,
      () => db().$executeRaw`truncate core.audit_event`,
      () => db().auditEvent.deleteMany(),
    ]
    for (const attempt of attempts) await expect(attempt()).rejects.toThrow(/append-only/)
    await prune(db(), new Date(Date.now() + 10 * 365 * 24 * 3_600_000))
    await pruneAudit(db(), 0, new Date(Date.now() + 10 * 365 * 24 * 3_600_000))
    expect(await db().auditEvent.count()).toBe(before)
  })

  it('or as long as the operator keeps it', async () => {
    const day = 24 * 3_600_000
    const [old, young] = [newId(), newId()]
    const about = { action: 'test.kept', outcome: 'SUCCESS' }
    await db().auditEvent.createMany({
      data: [
        { id: old, at: new Date(Date.now() - 31 * day), ...about },
        { id: young, at: new Date(Date.now() - 29 * day), ...about },
      ],
    })
    await pruneAudit(db(), 30)
    const left = await db().auditEvent.findMany({ where: { action: 'test.kept' } })
    expect(left.map(({ id }) => id)).toEqual([young])
    await expect(db().$executeRaw`delete from core.audit_event`).rejects.toThrow(/append-only/)
  })
})

describe('users', () => {
  it('whose names hold anything are recorded as they are', async () => {
    const name = "Robert'); drop table students;-- \u{1F980}"
    const id = await newUser(cloud.cloud, name)
    await db().auditEvent.create({
      data: { id: newId(), action: 'test.named', outcome: 'SUCCESS', userId: id, userName: name },
    })
    const [entry] = await entries(operator(), { actorId: id })
    expect(entry).toMatchObject({ actor: { id, name } })
  })
})
