/** Users: made, changed, locked out, deleted; and the passwords that they change themselves. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../../services/id.ts'
import { byId, mutation } from '../access/row.ts'
import { newDomain, newPlainUser, tokenOf } from '../access/world.ts'
import { type Cluster, PASSWORD, startCluster } from '../support/cluster.ts'
import { assignRole, newProject, newUser, tokenFor } from '../support/people.ts'
import { statementsOf } from '../support/statements.ts'
import { until } from '../support/until.ts'

const CREATE = mutation('userCreate', 'user { id name enabled }')
const UPDATE = mutation('userUpdate', 'user { id enabled version lockedUntil }')
const DELETE = mutation('userDelete', 'user { id }')
const CHANGE = mutation('userPasswordChange', 'secret user { id }')
const SIGN_IN = mutation('tokenCreate', 'secret token { roles { name } project { id } }')
const SECRET = 'a horse, a battery'
const NEXT = 'a staple that is correct'

let cloud: Cluster
let admin: string
let domainId: string
/** A manager of the domain. */
let manager: string

beforeAll(async () => {
  cloud = await startCluster({ hosts: 0, config: { roles: ['api'] } })
  admin = await cloud.signIn()
  domainId = await newDomain(cloud.cloud, 'acme')
  const self = await newPlainUser(cloud.cloud, domainId, 'boss')
  manager = tokenOf(cloud.cloud, 'domainManager', { self, domainId, projectId: newId() })
})
afterAll(() => cloud?.stop())

interface Answer {
  errors?: { message: string; extensions: { code: string; details?: object } }[]
}
const codeOf = ({ errors }: Answer) => errors?.[0]?.extensions.code ?? 'OK'
const run = (document: string, input: object, token = admin) =>
  cloud.gql(document, { input }, token)
const create = async (input: object, token = admin): Promise<string> =>
  (await cloud.must(CREATE, { input }, token)).userCreate.user.id
const enter = (user: string, password: string, domain = 'acme', scope?: object) =>
  cloud.gql(SIGN_IN, { input: { password: { user, domain, password }, scope } })
const auditOf = (resourceId: string) =>
  cloud.cloud.db.auditEvent.findMany({ where: { resourceId }, orderBy: { id: 'asc' } })
const works = async (token: string) =>
  codeOf(await cloud.gql('{ session { user { name } } }', {}, token)) === 'OK'

describe('making a user', () => {
  it('gives one who can sign in, and tells of it', async () => {
    const key = newId()
    const input = { name: 'Ann', domainId, password: SECRET, email: 'ann@acme.test' }
    const watch = cloud.watch<{ kind: string; id: string; user: { name: string } }>(
      'subscription { userChanged { kind id user { name } } }',
      {},
      manager,
    )
    await watch.next(({ kind }) => kind === 'SNAPSHOT')
    const first = await cloud.must(CREATE, { input: { ...input, idempotencyKey: key } }, admin)
    const { id } = first.userCreate.user
    expect(first.userCreate.user).toEqual({ id, name: 'Ann', enabled: true })
    const again = await cloud.must(CREATE, { input: { ...input, idempotencyKey: key } }, admin)
    expect(again.userCreate.user.id).toBe(id)
    expect((await watch.next((event) => event.id === id)).user.name).toBe('Ann')
    watch.close()
    expect(codeOf(await enter('ann', SECRET))).toBe('OK')
    const [entry] = await auditOf(id)
    expect(entry).toMatchObject({
      action: 'identity.user.create',
      outcome: 'SUCCESS',
      domainId,
      resourceName: 'Ann',
    })
    expect(JSON.stringify(await auditOf(id))).not.toMatch(/argon2|battery/)
  })

  it('refuses a name that looks the same, a bad password and a bad address', async () => {
    expect(codeOf(await run(CREATE, { name: 'ＡＮＮ', domainId }))).toBe('CONFLICT')
    const weak = await run(CREATE, { name: 'weak', domainId, password: 'weak' })
    expect(weak.errors?.[0]?.extensions).toMatchObject({
      code: 'BAD_INPUT',
      details: { fields: [{ path: 'input.password' }] },
    })
    expect(codeOf(await run(CREATE, { name: 'mail', domainId, email: 'nowhere' }))).toBe(
      'BAD_INPUT',
    )
    expect(codeOf(await run(CREATE, { name: ' ', domainId }))).toBe('BAD_INPUT')
    expect(codeOf(await run(CREATE, { name: 'x', domainId: newId() }))).toBe('NOT_FOUND')
    expect(codeOf(await run(CREATE, { name: 'x', domainId, defaultProjectId: newId() }))).toBe(
      'NOT_FOUND',
    )
    const names = await cloud.cloud.db.user.findMany({ where: { domainId } })
    expect(names.map(({ name }) => name).sort()).toEqual(['Ann', 'boss'])
  })

  it('is for managers of the domain, in their own', async () => {
    const id = await create({ name: 'bea' }, manager)
    expect((await cloud.cloud.db.user.findUniqueOrThrow({ where: { id } })).domainId).toBe(domainId)
    const elsewhere = await newDomain(cloud.cloud, 'elsewhere')
    expect(codeOf(await run(CREATE, { name: 'x', domainId: elsewhere }, manager))).toBe('NOT_FOUND')
    const projectId = await newProject(cloud.cloud, 'mine')
    const member = tokenFor(cloud.cloud, { projectId, role: 'manager' })
    const refused = await run(CREATE, { name: 'x' }, member)
    expect(refused.errors?.[0]?.extensions).toMatchObject({
      code: 'FORBIDDEN',
      details: { rule: 'identity.user.create' },
    })
  })

  it('changes nothing in a dry run', async () => {
    const { data } = await run(CREATE, { name: 'dry', domainId, dryRun: true })
    expect(data.userCreate.user).toBeNull()
    expect(await cloud.cloud.db.user.count({ where: { name: 'dry' } })).toBe(0)
  })

  it('can demand that the first sign-in brings another password', async () => {
    await create({ name: 'fresh', domainId, password: SECRET, mustChangePassword: true })
    const refused = await enter('fresh', SECRET)
    expect(refused.errors?.[0]?.extensions).toMatchObject({
      code: 'UNAUTHENTICATED',
      details: { missing: ['newPassword'] },
    })
  })
})

describe('changing a user', () => {
  it('ends the tokens with a new password, and when it is disabled', async () => {
    const id = await create({ name: 'cat', domainId, password: SECRET })
    const first = (await enter('cat', SECRET)).data.tokenCreate.secret
    expect(await works(first)).toBe(true)
    expect(codeOf(await run(UPDATE, { id, password: 'short' }))).toBe('BAD_INPUT')
    expect(await works(first)).toBe(true)
    expect(codeOf(await run(UPDATE, { id, password: NEXT }, manager))).toBe('OK')
    expect(await works(first)).toBe(false)
    expect(codeOf(await enter('cat', SECRET))).toBe('UNAUTHENTICATED')
    const second = (await enter('cat', NEXT)).data.tokenCreate.secret
    expect((await run(UPDATE, { id, enabled: false })).data.userUpdate.user.enabled).toBe(false)
    expect(await works(second)).toBe(false)
    expect(codeOf(await enter('cat', NEXT))).toBe('UNAUTHENTICATED')
    expect(codeOf(await run(UPDATE, { id, enabled: true }))).toBe('OK')
    expect(codeOf(await enter('cat', NEXT))).toBe('OK')
    expect(await works(second)).toBe(false)
    const entries = await auditOf(id)
    expect(entries.filter(({ action }) => action === 'identity.user.update').length).toBe(3)
  })

  it('ends open watches', async () => {
    const userId = await newUser(cloud.cloud, 'watcher')
    const projectId = await newProject(cloud.cloud, 'watched')
    const token = tokenFor(cloud.cloud, { userId, projectId, role: 'reader' })
    const watch = cloud.watch('subscription { serverChanged { cursor } }', {}, token)
    await until('it is open', async () => {
      const text = await (await fetch(`${cloud.url}/metrics`)).text()
      return /^nephograph_\w*subscriptions\w* [1-9]/m.test(text)
    })
    await run(UPDATE, { id: userId, enabled: false })
    await until('it has ended', () => watch.errors.length > 0)
    expect(watch.errors[0]).toMatchObject({ code: 4403 })
  })

  it('only as it was seen, and not at all in a dry run', async () => {
    const id = await create({ name: 'dan', domainId })
    const ask = byId('user', 'version description name')
    const told = async () => (await cloud.must(ask, { id }, admin)).user
    expect(codeOf(await run(UPDATE, { id, description: 'x', ifVersion: 7 }))).toBe('CONFLICT')
    expect(codeOf(await run(UPDATE, { id, description: 'x', dryRun: true }))).toBe('OK')
    expect(await told()).toEqual({ version: 1, description: '', name: 'dan' })
    expect(codeOf(await run(UPDATE, { id, name: 'ANN' }))).toBe('CONFLICT')
    expect(codeOf(await run(UPDATE, { id, description: 'x', ifVersion: 1 }))).toBe('OK')
    expect(await told()).toEqual({ version: 2, description: 'x', name: 'dan' })
  })

  it('keeps address and project until they are taken away', async () => {
    const { db } = cloud.cloud
    const { id: defaultProjectId } = await db.project.findFirstOrThrow({ where: { name: 'admin' } })
    const id = await create({ name: 'faye', domainId, email: 'faye@acme.test', defaultProjectId })
    const row = () =>
      db.user.findUnique({ where: { id }, select: { email: true, defaultProjectId: true } })
    expect(codeOf(await run(UPDATE, { id, email: null, defaultProjectId: null }))).toBe('OK')
    expect(await row()).toEqual({ email: 'faye@acme.test', defaultProjectId })
    expect(codeOf(await run(UPDATE, { id, defaultProjectId: 'x' }))).toBe('BAD_INPUT')
    expect(codeOf(await run(UPDATE, { id, email: '', defaultProjectId: '' }))).toBe('OK')
    expect(await row()).toEqual({ email: null, defaultProjectId: null })
  })

  it('knows the same id in upper case', async () => {
    const id = await create({ name: 'gil', domainId: domainId.toUpperCase() }, manager)
    const { data } = await run(UPDATE, { id: id.toUpperCase(), description: 'x' })
    expect(data.userUpdate.user.id).toBe(id)
    const { session } = await cloud.must('{ session { user { id } } }', {}, admin)
    const own = session.user.id.toUpperCase()
    expect(codeOf(await run(UPDATE, { id: own, enabled: false }))).toBe('CONFLICT')
    const literal = `{ user(id: "${id.toUpperCase()}") { name } }`
    expect((await cloud.must(literal, {}, admin)).user.name).toBe('gil')
  })

  it('takes an empty password for a bad one', async () => {
    expect(codeOf(await run(CREATE, { name: 'hank', domainId, password: '' }))).toBe('BAD_INPUT')
    const id = await create({ name: 'hank', domainId, password: SECRET })
    const refused = await run(UPDATE, { id, password: '' })
    expect(refused.errors?.[0]?.message).toBe('A password has at least 8 characters')
    expect(codeOf(await enter('hank', SECRET))).toBe('OK')
  })

  it('unlocks', async () => {
    const id = await create({ name: 'eve', domainId, password: SECRET })
    for (let i = 0; i < 10; i++) await enter('eve', 'wrong')
    expect(codeOf(await enter('eve', SECRET))).toBe('UNAUTHENTICATED')
    const ask = byId('user', 'lockedUntil')
    expect((await cloud.must(ask, { id }, manager)).user.lockedUntil).not.toBeNull()
    const { data } = await run(UPDATE, { id, unlock: true }, manager)
    expect(data.userUpdate.user.lockedUntil).toBeNull()
    expect(codeOf(await enter('eve', SECRET))).toBe('OK')
  })

  it('is for operators only when the user has more than a manager may give', async () => {
    const id = await create({ name: 'mighty', domainId })
    await assignRole(cloud.cloud, id, await newProject(cloud.cloud, 'foreign'), 'reader')
    expect(codeOf(await run(UPDATE, { id, description: 'x' }, manager))).toBe('FORBIDDEN')
    expect(codeOf(await run(DELETE, { id }, manager))).toBe('FORBIDDEN')
    expect(codeOf(await run(UPDATE, { id, description: 'x' }))).toBe('OK')
  })

  it('never of who is outside of one’s domain', async () => {
    const id = await newUser(cloud.cloud, 'outsider')
    for (const document of [UPDATE, DELETE]) {
      expect(codeOf(await run(document, { id }, manager))).toBe('NOT_FOUND')
    }
    const { user } = await cloud.must(byId('user'), { id }, manager)
    expect(user).toBeNull()
    const { users } = await cloud.must('{ users { nodes { domain { name } } } }', {}, manager)
    const domains = users.nodes.map((u: { domain: { name: string } }) => u.domain.name)
    expect(new Set(domains)).toEqual(new Set(['acme']))
  })
})

describe('oneself', () => {
  it('can neither be disabled nor deleted', async () => {
    const { id } = await cloud.cloud.db.user.findFirstOrThrow({ where: { name: 'admin' } })
    const disabled = await run(UPDATE, { id, enabled: false })
    expect(codeOf(disabled)).toBe('CONFLICT')
    expect(disabled.errors?.[0]?.message).toContain('You are signed in as this user')
    expect(codeOf(await run(DELETE, { id }))).toBe('CONFLICT')
    expect(await works(admin)).toBe(true)
  })

  it('nor the last administrator by somebody else', async () => {
    const { id } = await cloud.cloud.db.user.findFirstOrThrow({ where: { name: 'admin' } })
    // A token for the operator's project, of somebody who has lost the role since.
    const other = tokenFor(cloud.cloud, { projectId: newId(), role: 'admin', operator: true })
    expect(codeOf(await run(UPDATE, { id, enabled: false }, other))).toBe('LAST_ADMINISTRATOR')
    expect(codeOf(await run(DELETE, { id }, other))).toBe('LAST_ADMINISTRATOR')
    expect(await works(admin)).toBe(true)
  })

  it('sees itself, with address and locks, and nobody else', async () => {
    const id = await create({ name: 'self', domainId, email: 'self@acme.test' })
    const self = tokenOf(cloud.cloud, 'unscoped', { self: id, domainId, projectId: newId() })
    const ask = '{ users { nodes { name email hasTotp domain { name } groups { totalCount } } } }'
    const { users } = await cloud.must(ask, {}, self)
    expect(users.nodes).toEqual([
      {
        name: 'self',
        email: 'self@acme.test',
        hasTotp: false,
        domain: { name: 'acme' },
        groups: { totalCount: 0 },
      },
    ])
    const { session } = await cloud.must('{ session { user { email enabled } } }', {}, self)
    expect(session.user).toEqual({ email: 'self@acme.test', enabled: true })
  })
})

describe('the own password', () => {
  const given = async (name: string) => {
    const id = await create({ name, domainId, password: SECRET })
    const projectId = await newProject(cloud.cloud, `${name}'s`)
    await assignRole(cloud.cloud, id, projectId, 'member')
    const secretOf = async () =>
      (await enter(name, SECRET, 'acme', { projectId })).data.tokenCreate.secret
    return { id, projectId, mine: await secretOf(), other: await secretOf() }
  }

  it('is changed, ends all other tokens, and one goes on with a new one', async () => {
    const { id, projectId, mine, other } = await given('fay')
    const tried = await run(CHANGE, { password: SECRET, newPassword: NEXT, dryRun: true }, mine)
    expect(tried.data.userPasswordChange.secret).toBeNull()
    expect([await works(mine), await works(other)]).toEqual([true, true])
    const { data } = await run(CHANGE, { password: SECRET, newPassword: NEXT }, mine)
    expect(data.userPasswordChange.user.id).toBe(id)
    const { secret } = data.userPasswordChange
    expect([await works(mine), await works(other), await works(secret)]).toEqual([
      false,
      false,
      true,
    ])
    const ask = '{ session { project { id } roles { name } } }'
    expect((await cloud.must(ask, {}, secret)).session).toEqual({
      project: { id: projectId },
      roles: [{ name: 'member' }, { name: 'reader' }],
    })
    expect(codeOf(await enter('fay', SECRET))).toBe('UNAUTHENTICATED')
    expect(codeOf(await enter('fay', NEXT))).toBe('OK')
  })

  it('takes the old one, counts wrong ones, and keeps the rules', async () => {
    const { id, mine } = await given('gus')
    const wrong = await run(CHANGE, { password: 'wrong', newPassword: NEXT }, mine)
    expect(wrong.errors?.[0]?.extensions).toMatchObject({
      code: 'BAD_INPUT',
      details: { fields: [{ path: 'input.password' }] },
    })
    await run(CHANGE, { password: 'wrong', newPassword: NEXT, dryRun: true }, mine)
    const row = await cloud.cloud.db.user.findUniqueOrThrow({ where: { id } })
    expect(row.failedLogins).toBe(2)
    const weak = await run(CHANGE, { password: SECRET, newPassword: 'short' }, mine)
    expect(weak.errors?.[0]?.extensions).toMatchObject({
      details: { fields: [{ path: 'input.newPassword' }] },
    })
    for (let i = 0; i < 8; i++) await run(CHANGE, { password: 'wrong', newPassword: NEXT }, mine)
    const locked = await run(CHANGE, { password: SECRET, newPassword: NEXT }, mine)
    expect(codeOf(locked)).toBe('INVALID_STATE')
    expect(codeOf(await enter('gus', SECRET))).toBe('UNAUTHENTICATED')
  })
})

describe('deleting a user', () => {
  it('ends its tokens; its entries in the log stay', async () => {
    const id = await create({ name: 'hal', domainId, password: SECRET })
    const token = (await enter('hal', SECRET)).data.tokenCreate.secret
    expect(codeOf(await run(DELETE, { id, dryRun: true }, manager))).toBe('OK')
    expect(await works(token)).toBe(true)
    expect((await run(DELETE, { id }, manager)).data.userDelete.user).toBeNull()
    expect(await works(token)).toBe(false)
    expect(codeOf(await run(DELETE, { id }, manager))).toBe('NOT_FOUND')
    const entries = (await auditOf(id)).map(({ action, outcome }) => `${action} ${outcome}`)
    expect(entries).toContain('identity.user.delete SUCCESS')
    expect(entries).toContain('identity.user.create SUCCESS')
  })
})

describe('the list', () => {
  it('finds by name, domain, state and group', async () => {
    const id = await create({ name: 'iris', domainId, enabled: false })
    const names = async (filter: object) => {
      const ask = `query ($f: UserFilterInput) { users(filter: $f, first: 100) { nodes { name } totalCount } }`
      const { users } = await cloud.must(ask, { f: filter }, admin)
      expect(users.totalCount).toBe(users.nodes.length)
      return users.nodes.map((u: { name: string }) => u.name)
    }
    expect(await names({ name: { contains: 'IRI' } })).toEqual(['iris'])
    expect(await names({ domainId, enabled: false })).toEqual(['iris'])
    expect(await names({ groupId: newId() })).toEqual([])
    const group = mutation('groupCreate', 'group { id }')
    const { groupCreate } = await cloud.must(group, { input: { name: 'g', domainId } }, admin)
    const groupId = groupCreate.group.id
    await cloud.must(
      mutation('groupUserAdd', 'group { id }'),
      { input: { groupId, userId: id } },
      admin,
    )
    expect(await names({ groupId })).toEqual(['iris'])
  })

  it('of 100 users with all that hangs on them takes 6 statements', async () => {
    const { db } = cloud.cloud
    const role = await db.role.findFirstOrThrow({ where: { name: 'reader', domainId: null } })
    const projectId = await newProject(cloud.cloud, 'busy')
    await db.$executeRaw`
      with made as (
        insert into identity."user" (id, domain_id, name, name_key, created_at, updated_at)
        select gen_random_uuid(), ${domainId}::uuid, 'row-' || n, 'row-' || n, now(), now()
        from generate_series(1, 100) n returning id),
      groups as (
        insert into identity."group" (id, domain_id, name, name_key, created_at, updated_at)
        select gen_random_uuid(), ${domainId}::uuid, 'grp-' || n, 'grp-' || n, now(), now()
        from generate_series(1, 12) n returning id),
      members as (
        insert into identity.group_member (group_id, user_id, created_at)
        select g.id, u.id, now() from groups g, made u)
      insert into identity.role_assignment (id, role_id, user_id, project_id, created_at)
      select gen_random_uuid(), ${role.id}::uuid, id, ${projectId}::uuid, now() from made`
    const ask = `query ($first: Int!) { users(first: $first, filter: { name: { contains: "row-" } }) {
      nodes { name domain { name } groups(first: 10) { nodes { name } pageInfo { hasNextPage endCursor } }
        roleAssignments(first: 10) { nodes { role { name } project { name } } } } } }`
    const costs = []
    for (const first of [10, 100]) {
      cloud.statements.texts = []
      const { users } = await cloud.must(ask, { first }, admin)
      costs.push(statementsOf(cloud))
      expect(users.nodes.length).toBe(first)
      for (const node of users.nodes) {
        expect(node.groups.nodes.length).toBe(10)
        expect(node.groups.pageInfo.hasNextPage).toBe(true)
        expect(node.roleAssignments.nodes).toEqual([
          { role: { name: 'reader' }, project: { name: 'busy' } },
        ])
      }
    }
    expect(costs[1]?.length, costs[1]?.join('\n')).toBeLessThanOrEqual(6)
    expect(costs[1]?.length).toBe(costs[0]?.length)
    const page = `query ($after: String) { users(first: 1, filter: { name: { contains: "row-" } }) {
      nodes { groups(first: 10, after: $after) { totalCount nodes { name } pageInfo { endCursor } } } } }`
    const one = (await cloud.must(page, {}, admin)).users.nodes[0].groups
    const rest = (await cloud.must(page, { after: one.pageInfo.endCursor }, admin)).users.nodes[0]
    expect([one.totalCount, rest.groups.totalCount]).toEqual([12, 12])
    const all = [...one.nodes, ...rest.groups.nodes].map((g: { name: string }) => g.name)
    expect(new Set(all).size).toBe(12)
  })
})

it('the administrator can still sign in', async () => {
  expect(await works(await cloud.signIn('admin', PASSWORD))).toBe(true)
})
