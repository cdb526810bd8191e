/** Groups: their users, and the roles that come and go with them. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../../services/id.ts'
import { byId, mutation } from '../access/row.ts'
import { newDomain, newPlainUser, tokenOf } from '../access/world.ts'
import { type Cluster, startCluster } from '../support/cluster.ts'
import { assignRole, newProject, tokenFor } from '../support/people.ts'
import { statementsOf } from '../support/statements.ts'

const CREATE = mutation('groupCreate', 'group { id name version }')
const UPDATE = mutation('groupUpdate', 'group { id name version }')
const DELETE = mutation('groupDelete', 'group { id }')
const ADD = mutation('groupUserAdd', 'group { id }')
const REMOVE = mutation('groupUserRemove', 'group { id }')
const GIVE = mutation('roleAssignmentCreate', 'roleAssignment { id }')

let cloud: Cluster
let admin: string
let domainId: string
let manager: string
let projectId: string

beforeAll(async () => {
  cloud = await startCluster({ hosts: 0, config: { roles: ['api'] } })
  admin = await cloud.signIn()
  domainId = await newDomain(cloud.cloud, 'acme')
  const self = await newPlainUser(cloud.cloud, domainId, 'boss')
  manager = tokenOf(cloud.cloud, 'domainManager', { self, domainId, projectId: newId() })
  const create = mutation('projectCreate', 'project { id }')
  const made = await cloud.must(create, { input: { name: 'web', domainId } }, admin)
  projectId = made.projectCreate.project.id
})
afterAll(() => cloud?.stop())

interface Answer {
  errors?: { message: string; extensions: { code: string } }[]
}
const codeOf = ({ errors }: Answer) => errors?.[0]?.extensions.code ?? 'OK'
const run = (document: string, input: object, token = admin) =>
  cloud.gql(document, { input }, token)
const create = async (name: string): Promise<string> =>
  (await cloud.must(CREATE, { input: { name, domainId } }, admin)).groupCreate.group.id
const newMember = () => newPlainUser(cloud.cloud, domainId)
const tokenOfUser = (userId: string) => tokenFor(cloud.cloud, { userId, projectId, role: 'reader' })
const works = async (token: string) =>
  codeOf(await cloud.gql('{ session { user { name } } }', {}, token)) === 'OK'

describe('a group', () => {
  it('is made, renamed and deleted, and each is told', async () => {
    await create('there before')
    const watch = cloud.watch<{ kind: string; id: string }>(
      'subscription { groupChanged { kind id group { name } } }',
      {},
      manager,
    )
    // It lists at first: what is deleted before that is never told.
    await watch.next(({ kind }) => kind === 'SNAPSHOT')
    const input = { name: 'Ops', idempotencyKey: newId() }
    const { groupCreate } = await cloud.must(CREATE, { input }, manager)
    const { id } = groupCreate.group
    expect((await cloud.must(CREATE, { input }, manager)).groupCreate.group.id).toBe(id)
    expect(codeOf(await run(CREATE, { name: 'oPS', domainId }))).toBe('CONFLICT')
    expect(codeOf(await run(CREATE, { name: '', domainId }))).toBe('BAD_INPUT')
    expect(codeOf(await run(UPDATE, { id, name: 'x', ifVersion: 9 }))).toBe('CONFLICT')
    expect(codeOf(await run(UPDATE, { id, name: 'x', dryRun: true }))).toBe('OK')
    const { data } = await run(UPDATE, { id, name: 'operations' }, manager)
    expect(data.groupUpdate.group).toEqual({ id, name: 'operations', version: 2 })
    expect((await run(DELETE, { id }, manager)).data.groupDelete.group).toBeNull()
    await watch.next((event) => event.id === id && event.kind === 'DELETED')
    watch.close()
    const entries = await cloud.cloud.db.auditEvent.findMany({
      where: { resourceId: id, outcome: 'SUCCESS' },
      orderBy: { id: 'asc' },
    })
    expect(entries.map(({ action }) => action)).toEqual([
      'identity.group.create',
      'identity.group.update',
      'identity.group.delete',
    ])
    expect(entries[1]?.before).toEqual({ name: 'Ops' })
  })

  it('has users of its own domain, added once or twice', async () => {
    const groupId = await create('devs')
    const userId = await newMember()
    expect(codeOf(await run(ADD, { groupId, userId }, manager))).toBe('OK')
    expect(codeOf(await run(ADD, { groupId, userId }, manager))).toBe('OK')
    const ask = byId('group', 'domain { name } users { totalCount nodes { id } }')
    const { group } = await cloud.must(ask, { id: groupId }, manager)
    expect(group).toEqual({
      domain: { name: 'acme' },
      users: { totalCount: 1, nodes: [{ id: userId }] },
    })
    const foreign = await newPlainUser(cloud.cloud, await newDomain(cloud.cloud, 'other'))
    const refused = await run(ADD, { groupId, userId: foreign })
    expect(codeOf(refused)).toBe('BAD_INPUT')
    expect(refused.errors?.[0]?.message).toContain('users of its own domain only')
    expect(codeOf(await run(ADD, { groupId, userId: foreign }, manager))).toBe('NOT_FOUND')
    expect(codeOf(await run(REMOVE, { groupId, userId: await newMember() }))).toBe('NOT_FOUND')
  })

  it('is seen by those who are in it, without the others', async () => {
    const groupId = await create('seen')
    await create('unseen')
    const self = await newMember()
    await run(ADD, { groupId, userId: self })
    const token = tokenOf(cloud.cloud, 'member', { self, domainId, projectId })
    const ask = '{ groups { nodes { name users { totalCount } } totalCount } }'
    const { groups } = await cloud.must(ask, {}, token)
    expect(groups).toEqual({ nodes: [{ name: 'seen', users: null }], totalCount: 1 })
    const filtered = `query ($f: GroupFilterInput) { groups(filter: $f) { nodes { name } } }`
    const of = async (f: object) =>
      (await cloud.must(filtered, { f }, admin)).groups.nodes.map((g: { name: string }) => g.name)
    expect(await of({ userId: self })).toEqual(['seen'])
    expect(await of({ name: { eq: 'unseen' }, domainId })).toEqual(['unseen'])
  })
})

describe('roles through a group', () => {
  it('go with the user, and the tokens with them', async () => {
    const groupId = await create('readers')
    const userId = await newMember()
    await run(ADD, { groupId, userId })
    const before = tokenOfUser(userId)
    await run(REMOVE, { groupId, userId })
    expect(await works(before)).toBe(true)
    await run(ADD, { groupId, userId })
    expect(codeOf(await run(GIVE, { role: 'reader', groupId, projectId }, manager))).toBe('OK')
    const ask = byId('group', 'roleAssignments { nodes { role { name } project { name } } }')
    const { group } = await cloud.must(ask, { id: groupId }, manager)
    expect(group.roleAssignments.nodes).toEqual([
      { role: { name: 'reader' }, project: { name: 'web' } },
    ])
    expect(await works(before)).toBe(true)
    expect(codeOf(await run(REMOVE, { groupId, userId }, manager))).toBe('OK')
    expect(await works(before)).toBe(false)
  })

  it('go with the group: thousands of tokens end in the same few statements', async () => {
    const groupId = await create('many')
    await run(GIVE, { role: 'reader', groupId, projectId })
    await cloud.cloud.db.$executeRaw`
      with made as (
        insert into identity."user" (id, domain_id, name, name_key, created_at, updated_at)
        select gen_random_uuid(), ${domainId}::uuid, 'm-' || n, 'm-' || n, now(), now()
        from generate_series(1, 3000) n returning id)
      insert into identity.group_member (group_id, user_id, created_at)
      select ${groupId}::uuid, id, now() from made`
    const member = await cloud.cloud.db.groupMember.findFirstOrThrow({ where: { groupId } })
    const token = tokenOfUser(member.userId)
    expect(await works(token)).toBe(true)
    cloud.statements.texts = []
    expect(codeOf(await run(DELETE, { id: groupId }, manager))).toBe('OK')
    expect(statementsOf(cloud).length).toBeLessThan(40)
    expect(await works(token)).toBe(false)
    expect(await cloud.cloud.db.roleAssignment.count({ where: { groupId } })).toBe(0)
  })

  it('that are beyond the domain are for operators only', async () => {
    const groupId = await create('mighty')
    const userId = await newMember()
    await run(GIVE, { role: 'admin', groupId, system: true })
    expect(codeOf(await run(ADD, { groupId, userId }, manager))).toBe('FORBIDDEN')
    expect(codeOf(await run(UPDATE, { id: groupId, name: 'x' }, manager))).toBe('FORBIDDEN')
    expect(codeOf(await run(DELETE, { id: groupId }, manager))).toBe('FORBIDDEN')
    expect(codeOf(await run(ADD, { groupId, userId }))).toBe('OK')
    const plain = await create('plain')
    expect(codeOf(await run(ADD, { groupId: plain, userId }, manager))).toBe('FORBIDDEN')
  })

  it('may be all that makes an administrator: the last one stays', async () => {
    const { db } = cloud.cloud
    const groupId = await create('operators')
    const userId = await newMember()
    await db.user.update({ where: { id: userId }, data: { passwordHash: 'x' } })
    await run(ADD, { groupId, userId })
    await run(GIVE, { role: 'admin', groupId, system: true })
    const { id } = await db.user.findFirstOrThrow({ where: { name: 'admin' } })
    const kept = await db.roleAssignment.findMany({ where: { userId: id } })
    await db.roleAssignment.deleteMany({ where: { userId: id } })
    try {
      expect(codeOf(await run(REMOVE, { groupId, userId }))).toBe('LAST_ADMINISTRATOR')
      expect(codeOf(await run(DELETE, { id: groupId }))).toBe('LAST_ADMINISTRATOR')
      expect(await db.groupMember.count({ where: { groupId } })).toBe(1)
    } finally {
      await db.roleAssignment.createMany({ data: kept })
    }
    expect(codeOf(await run(REMOVE, { groupId, userId }))).toBe('OK')
  })
})

it('a role in a project of another domain makes its user one for operators', async () => {
  const groupId = await create('mixed')
  const userId = await newMember()
  await assignRole(cloud.cloud, userId, await newProject(cloud.cloud, 'elsewhere'), 'reader')
  expect(codeOf(await run(ADD, { groupId, userId }, manager))).toBe('FORBIDDEN')
})
