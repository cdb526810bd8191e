import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../../services/id.ts'
import { named } from '../../services/identity/name.ts'
import type { GraphqlAnswer } from '../support/client.ts'
import { type Cluster, startCluster } from '../support/cluster.ts'
import { assignRole, newProject, newUser, tokenFor } from '../support/people.ts'

const CREATE = `mutation ($input: TrustCreateInput!) { trustCreate(input: $input) {
  trust { id trustorUserId trusteeUserId projectId roles { name } impersonation expiresAt remainingUses } } }`
const DELETE = `mutation ($input: TrustDeleteInput!) { trustDelete(input: $input) { trust { id } } }`
const LIST = `query ($filter: TrustFilterInput) { trusts(first: 200, filter: $filter) { nodes { id } } }`
const ENTER = `mutation ($input: TokenCreateInput!) { tokenCreate(input: $input) {
  secret token { expiresAt methods project { id } roles { name } user { name } } } }`
const WHO = '{ session { user { name } project { id } } }'
const CREDENTIAL = `mutation ($input: ApplicationCredentialCreateInput!) {
  applicationCredentialCreate(input: $input) { applicationCredential { id } secret } }`
const SECRET = 'open sesame, open'

let cloud: Cluster
let projectId: string
let annId: string
let bobId: string
/** The trustor, for the project. */
let ann: string
/** The trustee, who has no role anywhere. */
let bob: string
let eve: string

beforeAll(async () => {
  cloud = await startCluster({ hosts: 0, config: { roles: ['api'] } })
  projectId = await newProject(cloud.cloud, 'work')
  annId = await newUser(cloud.cloud, 'ann', { projectId, role: 'member' })
  bobId = await newUser(cloud.cloud, 'bob', { password: SECRET })
  ann = tokenFor(cloud.cloud, { userId: annId, projectId, role: 'member' })
  bob = tokenFor(cloud.cloud, { userId: bobId })
  eve = tokenFor(cloud.cloud, { userId: await newUser(cloud.cloud, 'eve') })
})
afterAll(() => cloud?.stop())

const codeOf = ({ errors }: GraphqlAnswer) => errors?.[0]?.extensions.code ?? 'OK'
const give = (input: object = {}, token = ann) =>
  cloud.gql(CREATE, { input: { trusteeUserId: bobId, roles: ['reader'], ...input } }, token)
async function given(input: object = {}, token = ann): Promise<{ id: string }> {
  const answer = await give(input, token)
  if (answer.errors) throw new Error(JSON.stringify(answer.errors))
  return answer.data.trustCreate.trust
}
const use = (id: string, token = bob, scope?: object) =>
  cloud.gql(ENTER, { input: { token, trust: { id }, scope } })
const end = (id: string, token: string) => cloud.gql(DELETE, { input: { id } }, token)
const who = async (token: string) => codeOf(await cloud.gql(WHO, {}, token))
async function used(id: string): Promise<string> {
  const answer = await use(id)
  if (answer.errors) throw new Error(JSON.stringify(answer.errors))
  return answer.data.tokenCreate.secret
}

describe('giving one', () => {
  it('lets the trustee act in the project with these roles', async () => {
    const trust = await given({ roles: ['READER'], remainingUses: 3 })
    expect(trust).toMatchObject({
      trustorUserId: annId,
      trusteeUserId: bobId,
      projectId,
      roles: [{ name: 'reader' }],
      impersonation: false,
      expiresAt: null,
      remainingUses: 3,
    })
    const { token, secret } = (await use(trust.id)).data.tokenCreate
    expect(token).toMatchObject({
      methods: ['PASSWORD', 'TOKEN', 'TRUST'],
      project: { id: projectId },
      roles: [{ name: 'reader' }],
      user: { name: 'bob' },
    })
    expect((await cloud.must(WHO, {}, secret)).session.project.id).toBe(projectId)
    const password = { user: 'bob', password: SECRET }
    const direct = await cloud.gql(ENTER, { input: { password, trust: { id: trust.id } } })
    expect(direct.data.tokenCreate.token.methods).toEqual(['PASSWORD', 'TRUST'])
  })

  it('may lend the trustor’s name, too', async () => {
    const { id } = await given({ impersonation: true, roles: ['member'] })
    const { token } = (await use(id)).data.tokenCreate
    expect(token).toMatchObject({ user: { name: 'ann' } })
    expect(token.roles).toEqual([{ name: 'member' }, { name: 'reader' }])
  })

  it('gives only what the trustor has there', async () => {
    const other = await newProject(cloud.cloud, 'other')
    expect(codeOf(await give({ roles: ['admin'] }))).toBe('FORBIDDEN')
    expect(codeOf(await give({ roles: ['nonsense'] }))).toBe('FORBIDDEN')
    expect(codeOf(await give({ roles: [] }))).toBe('BAD_INPUT')
    expect(codeOf(await give({ projectId: other }))).toBe('NOT_FOUND')
    expect(codeOf(await give({ projectId: newId() }))).toBe('NOT_FOUND')
    await assignRole(cloud.cloud, annId, other, 'reader')
    expect(codeOf(await give({ projectId: other }))).toBe('OK')
    expect(codeOf(await give({ projectId: other, roles: ['member'] }))).toBe('FORBIDDEN')
    expect(codeOf(await give({}, tokenFor(cloud.cloud, { userId: annId })))).toBe('FORBIDDEN')
    expect(codeOf(await give({ remainingUses: 0 }))).toBe('BAD_INPUT')
    const past = new Date(Date.now() - 1000).toISOString()
    expect(codeOf(await give({ expiresAt: past }))).toBe('BAD_INPUT')
  })

  it('takes a trustee of any domain, by id, and shows nothing of it', async () => {
    const { db, now } = cloud.cloud
    const times = { createdAt: now(), updatedAt: now() }
    const domainId = newId()
    await db.domain.create({ data: { id: domainId, ...named('elsewhere'), ...times } })
    const far = { id: newId(), domainId, ...named('far away'), ...times }
    await db.user.create({ data: far })
    const answer = await give({ trusteeUserId: far.id })
    expect(codeOf(answer)).toBe('OK')
    expect(JSON.stringify(answer)).not.toContain('far away')
    expect(codeOf(await give({ trusteeUserId: newId() }))).toBe('NOT_FOUND')
  })

  it('makes one for a key, and none in a dry run', async () => {
    const key = { idempotencyKey: 'k1', remainingUses: 7 }
    const [one, two] = await Promise.all([given(key), given(key)])
    expect(two.id).toBe(one.id)
    expect(codeOf(await give({ ...key, remainingUses: 8 }))).toBe('CONFLICT')
    const count = () => cloud.cloud.db.trust.count()
    const before = await count()
    expect((await give({ dryRun: true })).data).toEqual({ trustCreate: { trust: null } })
    expect(await count()).toBe(before)
  })

  it('is told to the domain and recorded', async () => {
    const { id } = await given()
    const { db } = cloud.cloud
    const events = await db.$queryRaw`select type from core.event where resource_id = ${id}::uuid`
    expect(events).toEqual([{ type: 'trust.created' }])
    const [entry] = await db.auditEvent.findMany({ where: { resourceId: id } })
    expect(entry).toMatchObject({ action: 'identity.trust.create', outcome: 'SUCCESS', projectId })
    expect(entry?.after).toMatchObject({ trusteeUserId: bobId, roles: ['reader'] })
    await used(id)
    const signIns = await db.auditEvent.findMany({ where: { action: 'identity.token.create' } })
    expect(signIns.some(({ after }) => (after as { trustId?: string })?.trustId === id)).toBe(true)
  })
})

describe('using one', () => {
  it('is for its trustee and its project only', async () => {
    const { id } = await given()
    expect(codeOf(await use(id, eve))).toBe('UNAUTHENTICATED')
    expect(codeOf(await use(id, ann))).toBe('UNAUTHENTICATED')
    expect(codeOf(await use(newId()))).toBe('UNAUTHENTICATED')
    expect(codeOf(await use(id, bob, { project: 'work' }))).toBe('OK')
    expect(codeOf(await use(id, bob, { system: true }))).toBe('BAD_INPUT')
    expect(codeOf(await use(id, bob, { domain: 'Default' }))).toBe('BAD_INPUT')
    const token = await used(id)
    const input = { token, scope: { unscoped: true } }
    expect(codeOf(await cloud.gql(ENTER, { input }))).toBe('FORBIDDEN')
    expect(codeOf(await use(id, token))).toBe('FORBIDDEN')
  })

  it('counts, whoever comes together', async () => {
    const { id } = await given({ remainingUses: 1 })
    const answers = await Promise.all(Array.from({ length: 6 }, () => use(id)))
    expect(answers.map(codeOf).sort()).toEqual(['OK', ...Array(5).fill('UNAUTHENTICATED')])
    expect(codeOf(await use(id))).toBe('UNAUTHENTICATED')
    expect((await cloud.cloud.db.trust.findUniqueOrThrow({ where: { id } })).remainingUses).toBe(0)
    const secret = answers.find((a) => codeOf(a) === 'OK')?.data.tokenCreate.secret
    expect(await who(secret)).toBe('OK')
  })

  it('takes no use for a refused sign-in', async () => {
    const { id } = await given({ remainingUses: 1 })
    expect(codeOf(await use(id, bob, { system: true }))).toBe('BAD_INPUT')
    expect(codeOf(await use(id))).toBe('OK')
  })

  it('is over when it ends, and so is the token', async () => {
    const { now } = cloud.cloud
    const at = Date.now() + 60_000
    const { id } = await given({ expiresAt: new Date(at).toISOString() })
    const { token, secret } = (await use(id)).data.tokenCreate
    expect(Date.parse(token.expiresAt)).toBeLessThanOrEqual(at)
    try {
      cloud.cloud.now = () => new Date(at + 1)
      expect(codeOf(await use(id))).toBe('UNAUTHENTICATED')
      expect(await who(secret)).toBe('UNAUTHENTICATED')
    } finally {
      cloud.cloud.now = now
    }
  })

  it('needs a trustor who still has the roles, and both enabled', async () => {
    const { db } = cloud.cloud
    const danId = await newUser(cloud.cloud, 'dan', { projectId, role: 'member' })
    const dan = tokenFor(cloud.cloud, { userId: danId, projectId, role: 'member' })
    const { id } = await given({ roles: ['member'] }, dan)
    const enable = (userId: string, enabled: boolean) =>
      db.user.update({ where: { id: userId }, data: { enabled } })
    await enable(danId, false)
    expect(codeOf(await use(id))).toBe('UNAUTHENTICATED')
    await enable(danId, true)
    await enable(bobId, false)
    expect(codeOf(await use(id))).toBe('UNAUTHENTICATED')
    await enable(bobId, true)
    expect(codeOf(await use(id))).toBe('OK')
    await db.roleAssignment.deleteMany({ where: { userId: danId } })
    expect(codeOf(await use(id))).toBe('UNAUTHENTICATED')
  })

  it('ends with the tokens of either of the two, whoever’s name it has', async () => {
    const REVOKE = `mutation ($input: TokensRevokeInput!) { tokensRevoke(input: $input) { revoked } }`
    const danId = await newUser(cloud.cloud, 'dora', { projectId, role: 'member' })
    const operator = await cloud.signIn()
    for (const impersonation of [true, false]) {
      for (const userId of [danId, bobId]) {
        const dan = tokenFor(cloud.cloud, { userId: danId, projectId, role: 'member' })
        bob = tokenFor(cloud.cloud, { userId: bobId })
        const token = await used((await given({ impersonation }, dan)).id)
        expect(await who(token)).toBe('OK')
        await cloud.must(REVOKE, { input: { userId } }, operator)
        expect([impersonation, userId, await who(token)]).toEqual([
          impersonation,
          userId,
          'UNAUTHENTICATED',
        ])
      }
    }
    bob = tokenFor(cloud.cloud, { userId: bobId })
  })
})

describe('handing on', () => {
  it('is for nobody who was lent the rights', async () => {
    const { id } = await given({ impersonation: true, roles: ['member'] })
    const lent = await used(id)
    expect(codeOf(await give({}, lent))).toBe('FORBIDDEN')
    expect(codeOf(await end(id, lent))).toBe('FORBIDDEN')
    const credential = await cloud.gql(CREDENTIAL, { input: { name: 'x' } }, lent)
    expect(codeOf(credential)).toBe('FORBIDDEN')
    const ec2 = 'mutation { ec2CredentialCreate(input: {}) { secret } }'
    expect(codeOf(await cloud.gql(ec2, {}, lent))).toBe('FORBIDDEN')
    const totp = 'mutation { totpCreate(input: {}) { secret } }'
    expect(codeOf(await cloud.gql(totp, {}, lent))).toBe('FORBIDDEN')
  })

  it('needs an unrestricted application credential, and gives no more than that has', async () => {
    const other = await newProject(cloud.cloud, 'third')
    await assignRole(cloud.cloud, annId, other, 'member')
    const enter = async (input: object) => {
      const { data } = await cloud.gql(CREDENTIAL, { input: { roles: ['reader'], ...input } }, ann)
      const { applicationCredential, secret } = data.applicationCredentialCreate
      const { id } = applicationCredential
      const answer = await cloud.gql(ENTER, { input: { applicationCredential: { id, secret } } })
      return answer.data.tokenCreate.secret as string
    }
    expect(codeOf(await give({}, await enter({ name: 'plain' })))).toBe('FORBIDDEN')
    const free = await enter({ name: 'free', unrestricted: true })
    expect(codeOf(await give({}, free))).toBe('OK')
    expect(codeOf(await give({ roles: ['member'] }, free))).toBe('FORBIDDEN')
    expect(codeOf(await give({ projectId: other }, free))).toBe('NOT_FOUND')
  })
})

describe('what there is', () => {
  it('is what one gave and what one may use', async () => {
    const { id } = await given()
    const seen = async (token: string, filter?: object) =>
      (await cloud.must(LIST, { filter }, token)).trusts.nodes.some(
        (node: { id: string }) => node.id === id,
      )
    expect(await seen(ann)).toBe(true)
    expect(await seen(ann, { role: 'TRUSTOR' })).toBe(true)
    expect(await seen(ann, { role: 'TRUSTEE' })).toBe(false)
    expect(await seen(bob, { role: 'TRUSTEE' })).toBe(true)
    expect(await seen(bob, { role: 'TRUSTOR' })).toBe(false)
    expect(await seen(eve)).toBe(false)
    const one = 'query ($id: ID!) { trust(id: $id) { id } }'
    expect((await cloud.must(one, { id }, bob)).trust).toEqual({ id })
    expect((await cloud.must(one, { id }, eve)).trust).toBeNull()
  })
})

describe('ending one', () => {
  it('is for the trustor and operators, not for the trustee, and ends its tokens', async () => {
    const { id } = await given()
    const token = await used(id)
    expect(codeOf(await end(id, eve))).toBe('NOT_FOUND')
    expect(codeOf(await end(id, bob))).toBe('FORBIDDEN')
    expect(await who(token)).toBe('OK')
    expect((await end(id, ann)).data).toEqual({ trustDelete: { trust: null } })
    expect(await who(token)).toBe('UNAUTHENTICATED')
    expect(codeOf(await use(id))).toBe('UNAUTHENTICATED')
    expect(await who(bob)).toBe('OK')
    const second = await given()
    expect(codeOf(await end(second.id, await cloud.signIn()))).toBe('OK')
  })
})
