/** Roles: of the whole cloud and of domains, and what they imply. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../../services/id.ts'
import { identityBootstrap } from '../../services/identity/bootstrap.ts'
import { byId, mutation } from '../access/row.ts'
import { newDomain, newPlainUser, tokenOf } from '../access/world.ts'
import { type Cluster, PASSWORD, startCluster } from '../support/cluster.ts'
import { newProject, newUser, tokenFor } from '../support/people.ts'

const CREATE = mutation('roleCreate', 'role { id name }')
const UPDATE = mutation('roleUpdate', 'role { id name version }')
const DELETE = mutation('roleDelete', 'role { id }')
const IMPLY = mutation('roleImplicationCreate', 'role { id implies { name } }')
const PART = mutation('roleImplicationDelete', 'role { id implies { name } }')
const GIVE = mutation('roleAssignmentCreate', 'roleAssignment { id }')

let cloud: Cluster
let admin: string
let domainId: string
let projectId: string

beforeAll(async () => {
  cloud = await startCluster({ hosts: 0, config: { roles: ['api'] } })
  admin = await cloud.signIn()
  domainId = await newDomain(cloud.cloud, 'acme')
  projectId = await newProject(cloud.cloud, 'web')
})
afterAll(() => cloud?.stop())

interface Answer {
  errors?: { message: string; extensions: { code: string; details?: object } }[]
}
const codeOf = ({ errors }: Answer) => errors?.[0]?.extensions.code ?? 'OK'
const messageOf = ({ errors }: Answer) => errors?.[0]?.message
const run = (document: string, input: object, token = admin) =>
  cloud.gql(document, { input }, token)
const create = async (name: string, more = {}): Promise<string> =>
  (await cloud.must(CREATE, { input: { name, ...more } }, admin)).roleCreate.role.id
const idOf = async (name: string): Promise<string> =>
  (await cloud.cloud.db.role.findFirstOrThrow({ where: { name, domainId: null } })).id
const works = async (token: string) =>
  codeOf(await cloud.gql('{ session { user { name } } }', {}, token)) === 'OK'

describe('a role', () => {
  it('is made, renamed and deleted, and each is told', async () => {
    const watch = cloud.watch<{ kind: string; id: string }>(
      'subscription { roleChanged { kind id } }',
      {},
      tokenFor(cloud.cloud, { projectId, role: 'reader' }),
    )
    await watch.next(({ kind }) => kind === 'SNAPSHOT')
    const input = { name: 'Auditor', idempotencyKey: newId() }
    const { id } = (await cloud.must(CREATE, { input }, admin)).roleCreate.role
    expect((await cloud.must(CREATE, { input }, admin)).roleCreate.role.id).toBe(id)
    expect(codeOf(await run(CREATE, { name: 'AUDITOR' }))).toBe('CONFLICT')
    expect(codeOf(await run(CREATE, { name: ' ' }))).toBe('BAD_INPUT')
    expect(codeOf(await run(CREATE, { name: 'dry', dryRun: true }))).toBe('OK')
    expect(codeOf(await run(UPDATE, { id, name: 'x', ifVersion: 4 }))).toBe('CONFLICT')
    const { data } = await run(UPDATE, { id, name: 'inspector' })
    expect(data.roleUpdate.role).toEqual({ id, name: 'inspector', version: 2 })
    expect((await run(DELETE, { id })).data.roleDelete.role).toBeNull()
    expect(codeOf(await run(DELETE, { id }))).toBe('NOT_FOUND')
    await watch.next((event) => event.id === id && event.kind === 'DELETED')
    watch.close()
    const entries = await cloud.cloud.db.auditEvent.count({
      where: { resourceId: id, outcome: 'SUCCESS' },
    })
    expect(entries).toBe(3)
  })

  it('that is built in stays, with its name and what it implies', async () => {
    const [id, manager] = [await idOf('member'), await idOf('manager')]
    expect(codeOf(await run(DELETE, { id }))).toBe('INVALID_STATE')
    expect(codeOf(await run(UPDATE, { id, name: 'x' }))).toBe('INVALID_STATE')
    expect(codeOf(await run(UPDATE, { id, description: 'Uses things' }))).toBe('OK')
    const part = await run(PART, { priorRoleId: manager, impliedRoleId: id })
    expect(codeOf(part)).toBe('INVALID_STATE')
  })

  it('that is given to somebody is not deleted: it says to whom', async () => {
    const id = await create('given')
    const userId = await newUser(cloud.cloud, 'holder')
    const { data } = await run(GIVE, { role: 'given', userId, projectId })
    const refused = await run(DELETE, { id })
    expect(refused.errors?.[0]?.extensions).toMatchObject({
      code: 'IN_USE',
      details: {
        resources: [
          {
            type: 'role_assignment',
            id: data.roleAssignmentCreate.roleAssignment.id,
            name: 'holder on web',
          },
        ],
      },
    })
  })

  it('of a domain is seen there only', async () => {
    const id = await create('shift-lead', { domainId })
    expect(codeOf(await run(CREATE, { name: 'Shift-Lead', domainId }))).toBe('CONFLICT')
    expect(codeOf(await run(CREATE, { name: 'ADMIN', domainId }))).toBe('BAD_INPUT')
    expect(codeOf(await run(CREATE, { name: 'x', domainId: newId() }))).toBe('NOT_FOUND')
    const seenBy = async (token: string) => {
      const { role } = await cloud.must(byId('role', 'domain { name }'), { id }, token)
      const ask = 'query ($f: RoleFilterInput) { roles(filter: $f) { totalCount } }'
      const { roles } = await cloud.must(ask, { f: { domainId } }, token)
      expect(roles.totalCount).toBe(role ? 1 : 0)
      return role?.domain.name ?? null
    }
    const self = await newPlainUser(cloud.cloud, domainId)
    const place = { self, domainId, projectId: newId() }
    expect(await seenBy(admin)).toBe('acme')
    expect(await seenBy(tokenOf(cloud.cloud, 'domainReader', place))).toBe('acme')
    expect(await seenBy(tokenFor(cloud.cloud, { projectId, role: 'admin' }))).toBeNull()
  })
})

describe('what a role implies', () => {
  it('is added and taken back, and tokens of all concerned end', async () => {
    const [prior, implied] = [await create('lead'), await create('desk')]
    const pair = { priorRoleId: prior, impliedRoleId: implied }
    expect((await run(IMPLY, pair)).data.roleImplicationCreate.role).toEqual({
      id: prior,
      implies: [{ name: 'desk' }],
    })
    expect(codeOf(await run(IMPLY, pair))).toBe('OK')
    const above = await create('above-lead')
    await run(IMPLY, { priorRoleId: above, impliedRoleId: prior })
    const userId = await newUser(cloud.cloud, 'leader')
    await run(GIVE, { role: 'above-lead', userId, projectId })
    const token = tokenFor(cloud.cloud, { userId, projectId, role: 'reader' })
    const bystander = tokenFor(cloud.cloud, { projectId, role: 'reader' })
    expect(codeOf(await run(PART, { ...pair, dryRun: true }))).toBe('OK')
    expect(await works(token)).toBe(true)
    expect((await run(PART, pair)).data.roleImplicationDelete.role.implies).toEqual([])
    expect([await works(token), await works(bystander)]).toEqual([false, true])
    expect(codeOf(await run(PART, pair))).toBe('NOT_FOUND')
  })

  it('goes when the implied role is deleted, with the tokens', async () => {
    const [prior, implied] = [await create('chief'), await create('clerk')]
    await run(IMPLY, { priorRoleId: prior, impliedRoleId: implied })
    const userId = await newUser(cloud.cloud, 'chief')
    await run(GIVE, { role: 'chief', userId, projectId })
    const token = tokenFor(cloud.cloud, { userId, projectId, role: 'reader' })
    expect(codeOf(await run(DELETE, { id: implied }))).toBe('OK')
    expect(await works(token)).toBe(false)
  })

  it('never comes back to it: the chain is told', async () => {
    const ids: string[] = []
    for (const name of ['one', 'two', 'three']) ids.push(await create(name))
    const [one, two, three] = ids
    await run(IMPLY, { priorRoleId: one, impliedRoleId: two })
    await run(IMPLY, { priorRoleId: two, impliedRoleId: three })
    const circle = await run(IMPLY, { priorRoleId: three, impliedRoleId: one })
    expect(codeOf(circle)).toBe('BAD_INPUT')
    expect(messageOf(circle)).toContain('three > one > two > three')
    const itself = await run(IMPLY, { priorRoleId: one, impliedRoleId: one })
    expect(codeOf(itself)).toBe('BAD_INPUT')
    expect(messageOf(itself)).toContain('one > one')
  })

  it('makes no circle of two that come at once', async () => {
    const [one, two] = [await create('left'), await create('right')]
    const codes = await Promise.all([
      run(IMPLY, { priorRoleId: one, impliedRoleId: two }),
      run(IMPLY, { priorRoleId: two, impliedRoleId: one }),
    ])
    expect(codes.map(codeOf).sort()).toEqual(['BAD_INPUT', 'OK'])
  })

  it('is neither admin, nor a role of another domain', async () => {
    const mine = await create('ours', { domainId })
    const theirs = await create('theirs', { domainId: await newDomain(cloud.cloud, 'other') })
    const everywhere = await create('everywhere')
    const outcome = async (priorRoleId: string, impliedRoleId: string) =>
      codeOf(await run(IMPLY, { priorRoleId, impliedRoleId }))
    expect(await outcome(everywhere, await idOf('admin'))).toBe('BAD_INPUT')
    expect(await outcome(mine, await idOf('admin'))).toBe('BAD_INPUT')
    expect(await outcome(everywhere, mine)).toBe('BAD_INPUT')
    expect(await outcome(mine, theirs)).toBe('BAD_INPUT')
    expect(await outcome(mine, everywhere)).toBe('OK')
    expect(await outcome(mine, newId())).toBe('NOT_FOUND')
  })
})

describe('the first rows', () => {
  it('are completed, not repeated, and a renamed or taken row is left alone', async () => {
    const { db, now } = cloud.cloud
    const count = async () => [
      await db.role.count(),
      await db.roleImplication.count(),
      await db.roleAssignment.count(),
      await db.quota.count(),
    ]
    const before = await count()
    await identityBootstrap({ db, now }, PASSWORD)
    expect(await count()).toEqual(before)
  })

  it('give no right back that was taken away', async () => {
    const { db, now } = cloud.cloud
    const { id: userId } = await db.user.findFirstOrThrow({ where: { name: 'admin' } })
    const other = await newUser(cloud.cloud, 'successor')
    await run(GIVE, { role: 'admin', userId: other, system: true })
    const taken = await db.roleAssignment.findMany({ where: { userId } })
    await db.roleAssignment.deleteMany({ where: { userId } })
    await db.user.update({ where: { id: userId }, data: { name: 'former', nameKey: 'former' } })
    const people = await db.user.count()
    await identityBootstrap({ db, now }, PASSWORD)
    expect(await db.roleAssignment.count({ where: { userId } })).toBe(0)
    expect(await db.user.count()).toBe(people)
    await db.user.update({ where: { id: userId }, data: { name: 'admin', nameKey: 'admin' } })
    await db.roleAssignment.createMany({ data: taken })
  })

  it('upgrade a cloud whose administrator implied member directly', async () => {
    const { db, now } = cloud.cloud
    const [adminId, managerId, memberId] = [
      await idOf('admin'),
      await idOf('manager'),
      await idOf('member'),
    ]
    await db.roleImplication.deleteMany({ where: { priorRoleId: { in: [adminId, managerId] } } })
    await db.roleImplication.create({ data: { priorRoleId: adminId, impliedRoleId: memberId } })
    await db.roleAssignment.deleteMany({ where: { system: true } })
    await identityBootstrap({ db, now }, PASSWORD)
    const { role } = await cloud.must(byId('role', 'implies { name }'), { id: adminId }, admin)
    expect(role.implies).toEqual([{ name: 'manager' }, { name: 'member' }])
    const enter = mutation('tokenCreate', 'token { system roles { name } }')
    const password = { user: 'admin', domain: 'Default', password: PASSWORD }
    const { tokenCreate } = await cloud.must(enter, {
      input: { password, scope: { system: true } },
    })
    expect(tokenCreate.token).toEqual({
      system: true,
      roles: ['admin', 'manager', 'member', 'reader'].map((name) => ({ name })),
    })
  })
})
