/** Questions about rights: why may I, may I all of this, who else may; and the answers as rules change. */
import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { withRules } from '../../services/access/rules-table.ts'
import { newId } from '../../services/id.ts'
import { isPrivileged, privilegedUsers } from '../../services/identity/administrators.ts'
import { effectiveRoles } from '../../services/identity/effective-roles.ts'
import { named } from '../../services/identity/name.ts'
import type { Persona } from '../access/row.ts'
import { newDomain, newPlainUser, newWorld, type Owned, tokenOf } from '../access/world.ts'
import { type Cluster, startCluster } from '../support/cluster.ts'
import { statementsOf } from '../support/statements.ts'
import { until } from '../support/until.ts'

let cloud: Cluster
let policyDir: string
let domainId: string
let own: Owned
let other: Owned
let self: string

beforeAll(async () => {
  policyDir = join(await mkdtemp(join(tmpdir(), 'nephograph-policy-')), 'policy')
  await mkdir(policyDir)
  cloud = await startCluster({ hosts: 0, config: { roles: ['api'], policyDir } })
  const c = cloud.cloud
  domainId = await newDomain(c, 'acme')
  own = await newWorld(c, domainId)
  other = await newWorld(c, await newDomain(c, 'other'))
  self = await newPlainUser(c, domainId, 'ann')
})
const asked = () => statementsOf(cloud)

afterAll(async () => {
  await cloud?.stop()
  await rm(join(policyDir, '..'), { recursive: true, force: true })
})

const as = (persona: Persona, world: Owned = own) =>
  tokenOf(cloud.cloud, persona, { ...world, self })

interface Answer {
  action: string
  allowed: boolean
  rule: string
  reason: string
}

const EXPLAIN = `query ($action: String!, $target: PolicyTargetInput) {
  policyExplain(action: $action, target: $target) { action allowed rule reason } }`
const explain = async (token: string, action: string, target?: object): Promise<Answer> =>
  (await cloud.must(EXPLAIN, { action, target }, token)).policyExplain

describe('policyExplain', () => {
  it('says of one’s own scope what allows, or what is missing', async () => {
    expect(await explain(as('member'), 'compute.server.create')).toEqual({
      action: 'compute.server.create',
      allowed: true,
      rule: 'rule:project_member',
      reason: expect.stringContaining('you have the role member'),
    })
    const refused = await explain(as('reader'), 'compute.server.create')
    expect(refused).toMatchObject({
      allowed: false,
      reason: expect.stringContaining('needs the role member'),
    })
  })

  it('says of a target what the command would say', async () => {
    const refused = await explain(as('member'), 'identity.user.create', { domainId })
    expect(refused).toMatchObject({
      allowed: false,
      rule: 'rule:operator or rule:domain_manager',
      reason: expect.stringContaining(`a token for the domain ${domainId}`),
    })
    const elsewhere = await explain(as('member'), 'compute.server.create', {
      projectId: other.projectId.toUpperCase(),
    })
    expect(elsewhere.reason).toContain(`a token for the project ${other.projectId}`)
  })

  it('finds the domain of what one sees, and nothing of what one does not', async () => {
    const { projectId } = own
    const update = 'identity.project.update'
    expect((await explain(as('domainManager'), update, { projectId })).allowed).toBe(true)
    const [foreign, none] = [
      await explain(as('domainManager'), update, { projectId: other.projectId }),
      await explain(as('domainManager'), update, { projectId: newId() }),
    ]
    expect(foreign).toEqual(none)
    expect(JSON.stringify(foreign)).not.toContain(other.domainId)
  })

  it('knows who is too mighty for a manager of the domain', async () => {
    const { db, now } = cloud.cloud
    const [plain, mighty] = [own.userId, await newPlainUser(cloud.cloud, domainId)]
    const admin = await db.role.findFirstOrThrow({ where: { name: 'admin', domainId: null } })
    await db.roleAssignment.create({
      data: { id: newId(), roleId: admin.id, userId: mighty, system: true, createdAt: now() },
    })
    const may = async (userId: string) =>
      (await explain(as('domainManager'), 'identity.user.update', { userId })).allowed
    expect([await may(plain), await may(mighty)]).toEqual([true, false])
    const found = await privilegedUsers(db, [plain, mighty])
    for (const userId of [plain, mighty]) {
      expect([userId, found.has(userId)]).toEqual([userId, await isPrivileged(db, { userId })])
    }
    await db.roleAssignment.deleteMany({ where: { userId: mighty } })
  })

  it('takes the names of roles, and guesses what a wrong action was meant to be', async () => {
    const give = (roleName: string) =>
      explain(as('domainManager'), 'identity.role-assignment.create', { domainId, roleName })
    expect((await give('member')).allowed).toBe(true)
    expect((await give('admin')).allowed).toBe(false)
    const { errors } = await cloud.gql(EXPLAIN, { action: 'compute.server.craete' }, as('reader'))
    expect(errors?.[0]).toMatchObject({
      message: expect.stringContaining('did you mean compute.server.create?'),
      extensions: { code: 'BAD_INPUT' },
    })
    const base = await cloud.gql(EXPLAIN, { action: 'operator' }, as('reader'))
    expect(base.errors?.[0]?.extensions.code).toBe('BAD_INPUT')
  })

  it('counts the access rules of an application credential', async () => {
    const c = cloud.cloud
    const actor = c.tokens.verify(as('member'), c.now())
    const { secret } = c.tokens.issue(
      { ...actor, applicationCredentialId: newId(), accessRules: ['compute.server.list'] },
      c.now(),
      600,
    )
    expect(await explain(secret, 'compute.server.list')).toMatchObject({ allowed: true })
    expect(await explain(secret, 'compute.server.create')).toMatchObject({
      allowed: false,
      reason: 'the application credential is not good for compute.server.create',
    })
  })
})

describe('policyCheck', () => {
  const CHECK = `query ($checks: [PolicyCheckInput!]!) {
    policyCheck(checks: $checks) { action allowed reason } }`

  it('answers many in their order, in a few statements whatever their number', async () => {
    const users = await Promise.all(
      Array.from({ length: 20 }, () => newPlainUser(cloud.cloud, domainId)),
    )
    const checks = users.flatMap((userId) => [
      { action: 'identity.user.update', target: { userId } },
      { action: 'identity.user.delete', target: { userId } },
      { action: 'compute.host.list' },
    ])
    cloud.statements.texts.length = 0
    const { policyCheck } = await cloud.must(CHECK, { checks }, as('domainManager'))
    expect(asked().length).toBeLessThanOrEqual(3)
    expect(policyCheck.map(({ action }: Answer) => action)).toEqual(
      checks.map(({ action }) => action),
    )
    expect(policyCheck.map(({ allowed }: Answer) => allowed)).toEqual(
      users.flatMap(() => [true, true, false]),
    )
  })

  it('takes a bounded number', async () => {
    const checks = Array.from({ length: 201 }, () => ({ action: 'compute.host.list' }))
    const { errors } = await cloud.gql(CHECK, { checks }, as('member'))
    expect(errors?.[0]?.extensions.code).toBe('BAD_INPUT')
  })
})

describe('policyWho', () => {
  const WHO = `query ($action: String!, $projectId: ID, $domainId: ID, $first: Int! = 50, $after: String) {
    policyWho(action: $action, projectId: $projectId, domainId: $domainId, first: $first, after: $after) {
      nodes { user { id name } scope roles reason } pageInfo { hasNextPage endCursor } } }`
  const who = async (token: string, variables: object) =>
    (await cloud.must(WHO, variables, token)).policyWho

  const give = async (
    role: string,
    to: { userId: string } | { groupId: string },
    on: { projectId?: string; domainId?: string; system?: boolean; inherited?: boolean },
  ) => {
    const { db, now } = cloud.cloud
    const { id: roleId } = await db.role.findFirstOrThrow({ where: { name: role, domainId: null } })
    await db.roleAssignment.create({
      data: { id: newId(), roleId, ...to, ...on, createdAt: now() },
    })
  }
  let world: Owned
  let projectId: string
  const people: Record<string, string> = {}
  beforeAll(async () => {
    const c = cloud.cloud
    world = await newWorld(c, await newDomain(c, 'who'))
    projectId = world.projectId
    const names = [
      ...['member', 'reader', 'grouped', 'inherited', 'manager', 'system', 'disabled', 'nobody'],
      'below',
    ]
    for (const name of names) people[name] = await newPlainUser(c, world.domainId, name)
    const id = (name: string) => ({ userId: people[name] as string })
    await give('member', id('member'), { projectId })
    await give('reader', id('member'), { domainId: world.domainId })
    await give('reader', id('reader'), { projectId })
    await c.db.groupMember.create({
      data: { groupId: world.groupId, userId: people.grouped as string, createdAt: c.now() },
    })
    await give('admin', { groupId: world.groupId }, { projectId })
    await give('member', id('inherited'), { domainId: world.domainId, inherited: true })
    await give('manager', id('manager'), { domainId: world.domainId })
    await give('admin', id('system'), { system: true })
    await give('member', id('disabled'), { projectId })
    await c.db.user.update({ where: { id: people.disabled as string }, data: { enabled: false } })
    const times = { createdAt: c.now(), updatedAt: c.now() }
    const child = { id: newId(), domainId: world.domainId, parentId: projectId, ...named('child') }
    await c.db.project.create({ data: { ...child, ...times } })
    await give('member', id('below'), { projectId: child.id })
  })
  const names = (page: { nodes: { user: { name: string } }[] }) =>
    page.nodes.map(({ user }) => user.name).filter((name) => name in people)

  it('finds those with roles there, in groups and inherited', async () => {
    const page = await who(as('systemReader'), { action: 'compute.server.create', projectId })
    expect(names(page)).toEqual(['member', 'grouped', 'inherited'])
    const [, grouped] = page.nodes
    expect(grouped).toMatchObject({
      scope: 'PROJECT',
      roles: ['admin', 'manager', 'member', 'reader'],
    })
    const readers = await who(as('systemReader'), { action: 'compute.server.list', projectId })
    expect(names(readers)).toEqual(['member', 'reader', 'grouped', 'inherited'])
  })

  it('finds those of its domain, of the system and of the operator’s project', async () => {
    const page = await who(as('systemReader'), { action: 'identity.project.update', projectId })
    expect(names(page)).toEqual(['manager', 'system'])
    const scopes = page.nodes.map((n: { user: { name: string }; scope: string }) => [
      n.user.name,
      n.scope,
    ])
    expect(scopes).toContainEqual(['manager', 'DOMAIN'])
    expect(scopes).toContainEqual(['system', 'SYSTEM'])
    expect(scopes).toContainEqual(['admin', 'OPERATOR'])
    const create = { action: 'identity.user.create', domainId: world.domainId }
    expect(names(await who(as('systemReader'), create))).toEqual(['manager', 'system'])
  })

  it('agrees with the roles that a token would have', async () => {
    const action = 'compute.server.list'
    const page = await who(as('systemReader'), { action, projectId })
    for (const { user, roles } of page.nodes) {
      const scope = { projectId, domainId: null, system: false }
      const held = await effectiveRoles(cloud.cloud.db, user.id, scope)
      expect([user.name, roles]).toEqual([user.name, held.map(({ name }) => name)])
    }
  })

  it('goes page by page, in one statement for the roles of all', async () => {
    const found: string[] = []
    for (let after: string | null = null; ; ) {
      const variables = { action: 'compute.server.list', projectId, first: 1, after }
      cloud.statements.texts.length = 0
      const page = await who(as('systemReader'), variables)
      expect(asked()).toHaveLength(2)
      found.push(...names(page))
      if (!page.pageInfo.hasNextPage) break
      after = page.pageInfo.endCursor
    }
    expect(found).toEqual(['member', 'reader', 'grouped', 'inherited'])
    const { errors } = await cloud.gql(
      WHO,
      { action: 'compute.server.list', projectId, after: 'x' },
      as('systemReader'),
    )
    expect(errors?.[0]?.extensions.code).toBe('BAD_INPUT')
  })

  it('finds the one among many who may', async () => {
    const c = cloud.cloud
    const crowded = await newWorld(c, await newDomain(c, 'crowded'))
    const { domainId, projectId } = crowded
    await c.db.$executeRaw`
      with role as (select id from identity.role where name = 'reader' and domain_id is null),
      made as (
        insert into identity."user" (id, domain_id, name, name_key, created_at, updated_at)
        select gen_random_uuid(), ${domainId}::uuid, 'u' || n, 'u' || n, now(), now()
        from generate_series(1, 2500) n returning id)
      insert into identity.role_assignment (id, role_id, user_id, project_id, created_at)
      select gen_random_uuid(), role.id, made.id, ${projectId}::uuid, now() from made, role`
    const last = await c.db.user.findFirstOrThrow({ where: { domainId }, orderBy: { id: 'desc' } })
    await give('member', { userId: last.id }, { projectId })
    const action = 'compute.server.create'
    cloud.statements.texts.length = 0
    const page = await who(as('systemReader'), { action, projectId })
    expect(page.nodes.map((n: { user: { id: string } }) => n.user.id)).toEqual([last.id])
    expect(page.pageInfo.hasNextPage).toBe(false)
    expect(asked().length).toBeLessThanOrEqual(4)
  })

  it('is for those who manage there; what is elsewhere does not exist', async () => {
    const code = async (persona: Persona, target: object, from: Owned = world) =>
      (await cloud.gql(WHO, { action: 'compute.server.list', ...target }, as(persona, from)))
        .errors?.[0]?.extensions.code
    expect(await code('manager', { projectId })).toBeUndefined()
    expect(await code('domainReader', { domainId: world.domainId })).toBeUndefined()
    expect(await code('manager', {})).toBeUndefined()
    expect(await code('member', { projectId })).toBe('FORBIDDEN')
    expect(await code('manager', { projectId: own.projectId })).toBe('NOT_FOUND')
    expect(await code('manager', { domainId: world.domainId })).toBe('NOT_FOUND')
    expect(await code('domainManager', { projectId: own.projectId })).toBe('NOT_FOUND')
    expect(await code('systemReader', { projectId: newId() })).toBe('NOT_FOUND')
    expect(await code('systemReader', {})).toBe('BAD_INPUT')
    expect(await code('systemReader', { projectId, domainId: world.domainId })).toBe('BAD_INPUT')
  })
})

describe('the operator’s files', () => {
  const RULES = '{ policyRules { name check description overridden } }'
  const ruleNamed = async (name: string) =>
    (await cloud.must(RULES, {}, as('reader'))).policyRules.find(
      (rule: { name: string }) => rule.name === name,
    )

  it('change the answer without a restart, and back', async () => {
    const action = 'compute.server.create'
    expect(await ruleNamed(action)).toEqual({
      name: action,
      check: 'rule:project_member',
      description: 'Make servers',
      overridden: false,
    })
    await writeFile(join(policyDir, '.new'), `${action}: "rule:project_manager"\n`)
    await rename(join(policyDir, '.new'), join(policyDir, 'compute.yaml'))
    await until('the rule', async () => (await ruleNamed(action)).overridden as boolean)
    expect(await explain(as('member'), action)).toMatchObject({
      allowed: false,
      rule: 'rule:project_manager',
      reason: expect.stringContaining('needs the role manager'),
    })
    expect((await explain(as('manager'), action)).allowed).toBe(true)
    await rm(join(policyDir, 'compute.yaml'))
    await until('the default', async () => !(await ruleNamed(action)).overridden)
    expect((await explain(as('member'), action)).allowed).toBe(true)
  })

  it('may ask whose a server is', async () => {
    const action = 'compute.server.delete'
    const end = (token: string) =>
      cloud.gql(
        'mutation ($input: ServerActionInput!) { serverDelete(input: $input) { plan { allowed } } }',
        { input: { id: own.serverId, dryRun: true } },
        token,
      )
    const offered = async (token: string) => {
      const query = 'query ($id: ID!) { server(id: $id) { actions { name allowed reason } } }'
      const { server } = await cloud.must(query, { id: own.serverId }, token)
      return server.actions.find((one: { name: string }) => one.name === 'delete')
    }
    expect((await end(as('member'))).errors).toBeUndefined()
    await writeFile(
      join(policyDir, 'compute.yaml'),
      `${action}: "rule:project_member and user_id:%(user_id)s"\n`,
    )
    await until('the rule', async () => (await ruleNamed(action)).overridden as boolean)
    try {
      expect((await end(as('member'))).errors?.[0]?.extensions.code).toBe('FORBIDDEN')
      expect(await offered(as('member'))).toMatchObject({ allowed: false })
      const { userId } = await cloud.cloud.db.server.findUniqueOrThrow({
        where: { id: own.serverId },
      })
      const owner = tokenOf(cloud.cloud, 'member', { ...own, self: userId })
      expect((await end(owner)).errors).toBeUndefined()
      expect(await offered(owner)).toMatchObject({ allowed: true })
    } finally {
      await rm(join(policyDir, 'compute.yaml'))
    }
  })
})

describe('docs/policy.md', () => {
  const document = readFileSync(new URL('../../docs/policy.md', import.meta.url), 'utf8')

  it('shows the rules as they are (npm run schema writes them)', () => {
    expect(withRules(document)).toBe(document)
    expect(document).toContain('| `compute.server.create` | `rule:project_member` | Make servers |')
  })
})
