/** Role assignments: given and taken away, and who has what in the end. */
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../../services/id.ts'
import {
  effectiveAssignments,
  effectiveCount,
} from '../../services/identity/effective-assignments.ts'
import { effectiveRoles } from '../../services/identity/effective-roles.ts'
import { named } from '../../services/identity/name.ts'
import { mutation } from '../access/row.ts'
import { newDomain, newPlainUser, tokenOf } from '../access/world.ts'
import { type Cluster, startCluster } from '../support/cluster.ts'
import { newUser, tokenFor } from '../support/people.ts'
import { type Forest, forests, naiveAssignments, writeForest } from './role-forest.ts'

const GIVE = mutation('roleAssignmentCreate', 'roleAssignment { id role { name } via }')
const TAKE = mutation('roleAssignmentDelete', 'roleAssignment { id }')
const EFFECTIVE = `query ($f: RoleAssignmentFilterInput, $first: Int!, $after: String) {
  roleAssignments(effective: true, filter: $f, first: $first, after: $after) { totalCount
    nodes { id role { name } user { id } project { name } domain { name } system inherited via }
    pageInfo { hasNextPage endCursor } } }`
const ROWS = `query ($f: RoleAssignmentFilterInput) { roleAssignments(filter: $f, first: 100) {
  totalCount nodes { id role { name } user { name } group { name } project { name }
    domain { name } system inherited via } } }`

let cloud: Cluster
let admin: string
let domainId: string
let manager: string
let webId: string
let innerId: string

beforeAll(async () => {
  cloud = await startCluster({ hosts: 0, config: { roles: ['api'] } })
  admin = await cloud.signIn()
  domainId = await newDomain(cloud.cloud, 'acme')
  const self = await newPlainUser(cloud.cloud, domainId, 'boss')
  manager = tokenOf(cloud.cloud, 'domainManager', { self, domainId, projectId: newId() })
  webId = await newChild('web')
  innerId = await newChild('inner', webId)
})
afterAll(() => cloud?.stop())

async function newChild(name: string, parentId: string | null = null): Promise<string> {
  const { db, now } = cloud.cloud
  const times = { createdAt: now(), updatedAt: now() }
  const data = { id: newId(), domainId, parentId, ...named(name), ...times }
  return (await db.project.create({ data })).id
}

interface Answer {
  errors?: { message: string; extensions: { code: string; details?: object } }[]
}
const codeOf = ({ errors }: Answer) => errors?.[0]?.extensions.code ?? 'OK'
const run = (document: string, input: object, token = admin) =>
  cloud.gql(document, { input }, token)
const give = async (input: object, token = admin): Promise<string> =>
  (await cloud.must(GIVE, { input }, token)).roleAssignmentCreate.roleAssignment.id
const newMember = (name?: string) => newPlainUser(cloud.cloud, domainId, name)
const newGroup = async (name: string): Promise<string> => {
  const input = { name, domainId }
  const made = await cloud.must(mutation('groupCreate', 'group { id }'), { input }, admin)
  return made.groupCreate.group.id
}
const join = (groupId: string, userId: string) =>
  run(mutation('groupUserAdd', 'group { id }'), { groupId, userId })
const works = async (token: string) =>
  codeOf(await cloud.gql('{ session { user { name } } }', {}, token)) === 'OK'
const effectiveOf = async (f: object, token = admin) =>
  (await cloud.must(EFFECTIVE, { f, first: 100 }, token)).roleAssignments

describe('giving a role', () => {
  it('takes exactly one role, one holder and one place', async () => {
    const userId = await newMember()
    const good = { role: 'member', userId, projectId: webId }
    const bad: [object, string][] = [
      [{ userId, projectId: webId }, 'input.role'],
      [{ ...good, roleId: newId() }, 'input.role'],
      [{ role: 'member', projectId: webId }, 'input.userId'],
      [{ ...good, groupId: newId() }, 'input.userId'],
      [{ role: 'member', userId }, 'input.projectId'],
      [{ ...good, domainId }, 'input.projectId'],
      [{ ...good, system: true }, 'input.projectId'],
      [{ role: 'reader', userId, system: true, inherited: true }, 'input.inherited'],
    ]
    for (const [input, path] of bad) {
      const { errors } = await run(GIVE, input)
      expect([input, errors?.[0]?.extensions]).toMatchObject([
        input,
        { code: 'BAD_INPUT', details: { fields: [{ path }] } },
      ])
    }
    for (const missing of [
      { ...good, role: 'nothing' },
      { ...good, userId: newId() },
      { ...good, projectId: newId() },
      { role: 'member', groupId: newId(), domainId },
    ]) {
      expect([missing, codeOf(await run(GIVE, missing))]).toEqual([missing, 'NOT_FOUND'])
    }
    expect(await cloud.cloud.db.roleAssignment.count({ where: { userId } })).toBe(0)
  })

  it('gives the same again, told once', async () => {
    const userId = await newMember()
    const input = { role: 'MEMBER', userId, projectId: webId }
    expect(codeOf(await run(GIVE, { ...input, dryRun: true }))).toBe('OK')
    expect(await cloud.cloud.db.roleAssignment.count({ where: { userId } })).toBe(0)
    const [one, two] = await Promise.all([give(input), give(input)])
    expect(one).toBe(two)
    expect(await give({ ...input, idempotencyKey: newId() })).toBe(one)
    const { db } = cloud.cloud
    expect(await db.auditEvent.count({ where: { resourceId: one } })).toBe(1)
    expect(await db.event.count({ where: { resourceId: one } })).toBe(1)
    const [entry] = await db.auditEvent.findMany({ where: { resourceId: one } })
    expect(entry).toMatchObject({
      action: 'identity.role-assignment.create',
      projectId: webId,
      domainId,
    })
  })

  it('lets managers of a domain give what they have, in it and to its own', async () => {
    const userId = await newMember()
    const outcome = async (input: object) => codeOf(await run(GIVE, { userId, ...input }, manager))
    expect(await outcome({ role: 'manager', projectId: webId })).toBe('OK')
    expect(await outcome({ role: 'reader', domainId, inherited: true })).toBe('OK')
    expect(await outcome({ role: 'admin', projectId: webId })).toBe('FORBIDDEN')
    expect(await outcome({ role: 'service', domainId })).toBe('FORBIDDEN')
    expect(await outcome({ role: 'reader', system: true })).toBe('FORBIDDEN')
    const operator = await cloud.cloud.db.project.findFirstOrThrow({ where: { operator: true } })
    expect(await outcome({ role: 'reader', projectId: operator.id })).toBe('NOT_FOUND')
    const outsider = await newUser(cloud.cloud, 'outsider')
    expect(await outcome({ userId: outsider, role: 'reader', projectId: webId })).toBe('NOT_FOUND')
    await give({ role: 'admin', userId, projectId: webId })
    expect(await outcome({ role: 'reader', projectId: webId })).toBe('FORBIDDEN')
    const member = tokenFor(cloud.cloud, { projectId: webId, role: 'manager' })
    const refused = await run(GIVE, { role: 'reader', userId, projectId: webId }, member)
    expect(refused.errors?.[0]?.extensions).toMatchObject({
      code: 'FORBIDDEN',
      details: { rule: 'identity.role-assignment.create' },
    })
  })

  it('gives domain roles in their domain only; managers of it give none', async () => {
    const input = { name: 'shift-lead', domainId }
    const made = await cloud.must(mutation('roleCreate', 'role { id }'), { input }, admin)
    const roleId = made.roleCreate.role.id
    const userId = await newMember()
    expect(codeOf(await run(GIVE, { role: 'shift-lead', userId, projectId: webId }))).toBe('OK')
    expect(codeOf(await run(GIVE, { roleId, userId, domainId }))).toBe('OK')
    expect(codeOf(await run(GIVE, { roleId, userId, system: true }))).toBe('NOT_FOUND')
    const other = await newDomain(cloud.cloud, 'other')
    expect(codeOf(await run(GIVE, { roleId, userId, domainId: other }))).toBe('NOT_FOUND')
    const plain = await newMember()
    const refused = await run(GIVE, { roleId, userId: plain, domainId }, manager)
    expect(codeOf(refused)).toBe('FORBIDDEN')
  })
})

describe('taking a role away', () => {
  it('ends the tokens of the user, or of all in the group', async () => {
    const [userId, groupId] = [await newMember(), await newGroup('takers')]
    const members = [await newMember(), await newMember()]
    for (const member of members) await join(groupId, member)
    const ofUser = await give({ role: 'member', userId, projectId: webId }, manager)
    const ofGroup = await give({ role: 'member', groupId, projectId: webId }, manager)
    const tokens = [userId, ...members].map((id) =>
      tokenFor(cloud.cloud, { userId: id, projectId: webId, role: 'member' }),
    )
    const state = () => Promise.all(tokens.map(works))
    expect(codeOf(await run(TAKE, { id: ofUser, dryRun: true }, manager))).toBe('OK')
    expect(await state()).toEqual([true, true, true])
    expect(codeOf(await run(TAKE, { id: ofUser }, manager))).toBe('OK')
    expect(await state()).toEqual([false, true, true])
    expect(codeOf(await run(TAKE, { id: ofGroup }, manager))).toBe('OK')
    expect(await state()).toEqual([false, false, false])
    expect(codeOf(await run(TAKE, { id: ofGroup }, manager))).toBe('NOT_FOUND')
  })

  it('keeps the last administrator, also from oneself', async () => {
    const { db } = cloud.cloud
    const { id: userId } = await db.user.findFirstOrThrow({ where: { name: 'admin' } })
    const mine = await db.roleAssignment.findMany({
      where: { userId, OR: [{ system: true }, { project: { operator: true } }] },
      orderBy: { system: 'asc' },
    })
    expect(mine.length).toBe(2)
    const [inProject, onSystem] = mine
    expect(codeOf(await run(TAKE, { id: inProject?.id }))).toBe('OK')
    // It was one's own: one signs in again.
    expect(await works(admin)).toBe(false)
    admin = tokenFor(cloud.cloud, { userId, projectId: newId(), role: 'admin', operator: true })
    expect(codeOf(await run(TAKE, { id: onSystem?.id }))).toBe('LAST_ADMINISTRATOR')
    const other = await newUser(cloud.cloud, 'second')
    await give({ role: 'admin', userId: other, system: true })
    expect(codeOf(await run(TAKE, { id: onSystem?.id }))).toBe('OK')
    await db.roleAssignment.createMany({ data: mine, skipDuplicates: true })
    admin = await cloud.signIn()
  })

  it('is not for managers where more than theirs is at stake', async () => {
    const userId = await newMember()
    const id = await give({ role: 'admin', userId, projectId: webId })
    expect(codeOf(await run(TAKE, { id }, manager))).toBe('FORBIDDEN')
    const system = await give({ role: 'reader', userId, system: true })
    expect(codeOf(await run(TAKE, { id: system }, manager))).toBe('NOT_FOUND')
  })
})

describe('the lists', () => {
  it('give rows as they were given, by filter', async () => {
    const userId = await newMember('lena')
    const groupId = await newGroup('list')
    await join(groupId, userId)
    await give({ role: 'reader', userId, domainId, inherited: true })
    await give({ role: 'member', groupId, projectId: webId })
    const { roleAssignments } = await cloud.must(ROWS, { f: { userId } }, admin)
    const rest = { group: null, project: null, system: false, via: null }
    expect(roleAssignments.nodes).toMatchObject([
      {
        ...rest,
        role: { name: 'reader' },
        user: { name: 'lena' },
        domain: { name: 'acme' },
        inherited: true,
      },
    ])
    const ofGroup = (await cloud.must(ROWS, { f: { groupId, projectId: webId } }, admin))
      .roleAssignments
    expect([ofGroup.totalCount, ofGroup.nodes[0].group.name]).toEqual([1, 'list'])
    const self = tokenOf(cloud.cloud, 'unscoped', { self: userId, domainId, projectId: newId() })
    expect((await cloud.must(ROWS, {}, self)).roleAssignments.totalCount).toBe(2)
  })

  it('say by what ways somebody has a role', async () => {
    const userId = await newMember()
    const groupId = await newGroup('ops')
    await join(groupId, userId)
    await give({ role: 'member', userId, projectId: innerId })
    await give({ role: 'reader', groupId, domainId, inherited: true })
    await give({ role: 'reader', userId, projectId: webId, inherited: true })
    const { nodes, totalCount } = await effectiveOf({ userId, projectId: innerId })
    expect(totalCount).toBe(2)
    const via = Object.fromEntries(
      nodes.map((n: { role: { name: string }; via: string }) => [n.role.name, n.via]),
    )
    expect(via.member).toBe('direct')
    expect(via.reader.split('; ').sort()).toEqual([
      'group ops, inherited from domain acme',
      'implied by member',
      'inherited from project web',
    ])
    const all = await effectiveOf({ userId })
    const places = all.nodes.map(
      (n: { role: { name: string }; project: { name: string } }) =>
        `${n.role.name} ${n.project.name}`,
    )
    expect(places.sort()).toEqual(['member inner', 'reader inner', 'reader web'])
    const through = await effectiveOf({ groupId })
    expect(through.nodes.map((n: { via: string }) => n.via)).toEqual([
      'group ops, inherited from domain acme',
      'group ops, inherited from domain acme',
    ])
    const again = await effectiveOf({ userId })
    expect(again.nodes.map((n: { id: string }) => n.id)).toEqual(
      all.nodes.map((n: { id: string }) => n.id),
    )
  })

  it('show the manager of a project those of the project, with inherited ones', async () => {
    const userId = await newMember()
    await give({ role: 'member', userId, projectId: innerId })
    await give({ role: 'member', userId, projectId: webId })
    const token = tokenFor(cloud.cloud, { projectId: innerId, role: 'manager' })
    const { nodes } = await effectiveOf({}, token)
    const projects = new Set(nodes.map((n: { project: { name: string } }) => n.project.name))
    expect(projects).toEqual(new Set(['inner']))
    expect((await effectiveOf({ projectId: webId }, token)).totalCount).toBe(0)
    const rows = (await cloud.must(ROWS, {}, token)).roleAssignments.nodes
    expect(new Set(rows.map((n: { project: { name: string } }) => n.project.name))).toEqual(
      new Set(['inner']),
    )
  })

  it('go through thousands by page, in one statement each', async () => {
    const { db } = cloud.cloud
    const place = await newDomain(cloud.cloud, 'large')
    const projectId = newId()
    const role = await db.role.findFirstOrThrow({ where: { name: 'member', domainId: null } })
    await db.$executeRaw`
      insert into identity.project (id, domain_id, name, name_key, created_at, updated_at)
      values (${projectId}::uuid, ${place}::uuid, 'big', 'big', now(), now())`
    await db.$executeRaw`
      with made as (
        insert into identity."user" (id, domain_id, name, name_key, created_at, updated_at)
        select gen_random_uuid(), ${place}::uuid, 'u-' || n, 'u-' || n, now(), now()
        from generate_series(1, 2000) n returning id)
      insert into identity.role_assignment (id, role_id, user_id, project_id, created_at)
      select gen_random_uuid(), ${role.id}::uuid, id, ${projectId}::uuid, now() from made`
    const ids = new Set<string>()
    const f = { projectId }
    const page = `query ($f: RoleAssignmentFilterInput, $after: String) {
      roleAssignments(effective: true, filter: $f, first: 200, after: $after) {
        nodes { id } pageInfo { hasNextPage endCursor } } }`
    for (let after: string | null = null, pages = 0; pages < 30; pages++) {
      cloud.statements.count = 0
      cloud.statements.texts = []
      const { roleAssignments } = (await cloud.must(page, { f, after }, admin)) as {
        roleAssignments: {
          nodes: { id: string }[]
          pageInfo: { hasNextPage: boolean; endCursor: string }
        }
      }
      const asked = cloud.statements.texts.filter((sql) => /effective as/.test(sql))
      expect(asked.length).toBe(1)
      for (const { id } of roleAssignments.nodes) ids.add(id)
      if (!roleAssignments.pageInfo.hasNextPage) break
      after = roleAssignments.pageInfo.endCursor
    }
    // As member and, implied, as reader.
    expect(ids.size).toBe(4000)
    expect((await cloud.must(EFFECTIVE, { f, first: 1 }, admin)).roleAssignments.totalCount).toBe(
      4000,
    )
    const strange = await cloud.gql(EFFECTIVE, { f, first: 1, after: 'nonsense' }, admin)
    expect(codeOf(strange)).toBe('BAD_INPUT')
  })
})

const everything = { domainId: null, projectId: null, userId: null }

describe('whatever is given', () => {
  it('the effective list is what a naive evaluator finds, and what signing in gives', async () => {
    const { db } = cloud.cloud
    await fc.assert(
      fc.asyncProperty(forests, async (drawn: Forest) => {
        const ids = await writeForest(cloud.cloud, drawn)
        const expected = naiveAssignments(drawn, ids)
        const page = { after: null, take: 10_000 }
        const keyOf = (r: {
          userId: string
          roleId: string
          projectId: string | null
          domainId: string | null
          system: boolean
        }) => [r.userId, r.roleId, r.projectId ?? r.domainId ?? 'system'].join(' ')
        const found: string[] = []
        for (const userId of ids.users) {
          const rows = await effectiveAssignments(db, { userId }, everything, page)
          expect(await effectiveCount(db, { userId }, everything)).toBe(rows.length)
          expect(new Set(rows.map(({ id }) => id)).size).toBe(rows.length)
          found.push(...rows.map(keyOf))
        }
        expect(found.toSorted()).toEqual([...expected].toSorted())
        for (const projectId of ids.projects) {
          const rows = await effectiveAssignments(db, { projectId }, everything, page)
          const wanted = [...expected].filter((key) => key.endsWith(projectId))
          expect(rows.map(keyOf).toSorted()).toEqual(wanted.toSorted())
          const byReach = await effectiveAssignments(db, {}, { ...everything, projectId }, page)
          expect(byReach.map(keyOf).toSorted()).toEqual(wanted.toSorted())
        }
        const inDomain = { ...everything, domainId: ids.domains[0] as string }
        const seen = await effectiveAssignments(db, {}, inDomain, page)
        const places = [
          ids.domains[0],
          ...ids.projects.filter((_, i) => drawn.projects[i]?.domain === 0),
        ]
        const wanted = [...expected].filter((key) => places.some((id) => key.endsWith(id ?? '')))
        expect(seen.map(keyOf).toSorted()).toEqual(wanted.toSorted())
        for (const userId of ids.users) {
          const scopes = [
            ...ids.projects.map((projectId) => ({ projectId, domainId: null, system: false })),
            ...ids.domains.map((id) => ({ projectId: null, domainId: id, system: false })),
            { projectId: null, domainId: null, system: true },
          ]
          for (const scope of scopes) {
            const roles = await effectiveRoles(db, userId, scope)
            const place = scope.projectId ?? scope.domainId ?? 'system'
            const held = [...expected].filter(
              (key) => key.startsWith(userId) && key.endsWith(place),
            )
            expect(roles.map(({ id }) => `${userId} ${id} ${place}`).toSorted()).toEqual(
              held.toSorted(),
            )
          }
        }
      }),
      { numRuns: 25 },
    )
  })
})
