import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Api, startApi } from '../support/api.ts'
import type { GraphqlAnswer } from '../support/client.ts'
import { type Cluster, startCluster } from '../support/cluster.ts'
import { allVisible } from '../support/events.ts'
import { makeTestLog } from '../support/log.ts'
import { assignRole, newProject, newUser, tokenFor } from '../support/people.ts'
import { writtenDown } from '../support/secrets.ts'
import { statementsOf } from '../support/statements.ts'
import { until } from '../support/until.ts'

const CREATE = `mutation ($input: ApplicationCredentialCreateInput!) { applicationCredentialCreate(input: $input) {
  applicationCredential { id name description userId project { id } roles { name } expiresAt unrestricted accessRules }
  secret } }`
const DELETE = `mutation ($input: ApplicationCredentialDeleteInput!) { applicationCredentialDelete(input: $input) {
  applicationCredential { id } } }`
const LIST = `query ($filter: ApplicationCredentialFilterInput, $first: Int, $after: String) {
  applicationCredentials(filter: $filter, first: $first, after: $after) {
    nodes { id name roles { name } project { name } } totalCount pageInfo { endCursor } } }`
const ENTER = `mutation ($input: TokenCreateInput!) { tokenCreate(input: $input) {
  secret token { id expiresAt methods project { id } roles { name } user { name } } } }`
const WHO = '{ session { user { name } } }'

let cloud: Cluster
let projectId: string
let annId: string
let ann: string
let bob: string
let operator: string

beforeAll(async () => {
  cloud = await startCluster({ hosts: 0, config: { roles: ['api'] } })
  projectId = await newProject(cloud.cloud, 'work')
  annId = await newUser(cloud.cloud, 'ann', { projectId, role: 'member' })
  const bobId = await newUser(cloud.cloud, 'bob', { projectId, role: 'admin' })
  ann = tokenFor(cloud.cloud, { userId: annId, projectId, role: 'member' })
  bob = tokenFor(cloud.cloud, { userId: bobId, projectId, role: 'admin' })
  operator = await cloud.signIn()
})
afterAll(() => cloud?.stop())

const codeOf = ({ errors }: GraphqlAnswer) => errors?.[0]?.extensions.code ?? 'OK'
let counter = 0
const make = (input: object = {}, token = ann) =>
  cloud.gql(CREATE, { input: { name: `ci-${++counter}`, ...input } }, token)
async function made(input: object = {}, token = ann) {
  const answer = await make(input, token)
  if (answer.errors) throw new Error(JSON.stringify(answer.errors))
  const { applicationCredential, secret } = answer.data.applicationCredentialCreate
  return { ...applicationCredential, secret } as { id: string; secret: string } & Record<
    string,
    unknown
  >
}
const enter = (id: string, secret: string, scope?: object) =>
  cloud.gql(ENTER, { input: { applicationCredential: { id, secret }, scope } })
async function entered({ id, secret }: { id: string; secret: string }): Promise<string> {
  const answer = await enter(id, secret)
  if (answer.errors) throw new Error(JSON.stringify(answer.errors))
  return answer.data.tokenCreate.secret
}

describe('making one', () => {
  it('gives some of the roles in the project of the token, and a secret', async () => {
    const expiresAt = new Date(Date.now() + 3_600_000).toISOString()
    const input = { name: 'build', description: 'of the web', roles: ['Reader'], expiresAt }
    const credential = await made(input)
    expect(credential).toMatchObject({
      name: 'build',
      description: 'of the web',
      userId: annId,
      project: { id: projectId },
      roles: [{ name: 'reader' }],
      expiresAt,
      unrestricted: false,
      accessRules: [],
    })
    expect(Buffer.from(credential.secret, 'base64url')).toHaveLength(32)
    const { tokenCreate } = (await enter(credential.id, credential.secret)).data
    expect(tokenCreate.token).toMatchObject({
      methods: ['APPLICATION_CREDENTIAL'],
      project: { id: projectId },
      roles: [{ name: 'reader' }],
      user: { name: 'ann' },
    })
    expect(await cloud.must(WHO, {}, tokenCreate.secret)).toEqual({
      session: { user: { name: 'ann' } },
    })
  })

  it('gives all roles of the token when none are named', async () => {
    expect((await made()).roles).toEqual([{ name: 'member' }, { name: 'reader' }])
  })

  it('takes an empty list for a mistake: surely not all is meant', async () => {
    for (const field of ['roles', 'accessRules']) {
      const { errors } = await make({ [field]: [] })
      expect(errors?.[0]?.extensions).toMatchObject({
        code: 'BAD_INPUT',
        details: { fields: [{ path: `input.${field}` }] },
      })
    }
  })

  it('refuses what the token does not hold, and what makes no sense', async () => {
    const past = new Date(Date.now() - 1000).toISOString()
    expect(codeOf(await make({ roles: ['admin'] }))).toBe('FORBIDDEN')
    expect(codeOf(await make({ roles: ['reader', 'no such role'] }))).toBe('FORBIDDEN')
    expect(codeOf(await make({ expiresAt: past }))).toBe('BAD_INPUT')
    expect(codeOf(await make({ name: ' ' }))).toBe('BAD_INPUT')
    const rules = await make({ accessRules: ['compute.server.*', 'compute.sever.*', '*'] })
    expect(rules.errors?.[0]?.extensions).toMatchObject({
      code: 'BAD_INPUT',
      details: { fields: [{ path: 'input.accessRules' }, { path: 'input.accessRules' }] },
    })
    const unscoped = tokenFor(cloud.cloud, { userId: annId })
    const refused = await make({}, unscoped)
    expect(refused.errors?.[0]?.extensions).toMatchObject({
      code: 'FORBIDDEN',
      details: { rule: 'identity.application-credential.create' },
    })
  })

  it('takes a name once for each user', async () => {
    await made({ name: 'Once' })
    expect(codeOf(await make({ name: 'ONCE' }))).toBe('CONFLICT')
    expect(codeOf(await make({ name: 'once' }, bob))).toBe('OK')
  })

  it('makes one for a key, and shows its secret once', async () => {
    const input = { name: 'keyed', idempotencyKey: 'k1' }
    const answers = await Promise.all([make(input), make(input), make(input)])
    expect(answers.map(codeOf).sort()).toEqual(['CONFLICT', 'CONFLICT', 'OK'])
    const first = answers.find((a) => codeOf(a) === 'OK') as GraphqlAnswer
    const { secret, applicationCredential } = first.data.applicationCredentialCreate
    expect(codeOf(await enter(applicationCredential.id, secret))).toBe('OK')
    const again = await make(input)
    expect(again.errors?.[0]?.message).toContain(applicationCredential.id)
    expect(codeOf(await make({ ...input, expiresAt: new Date(Date.now() + 1e6) }))).toBe('CONFLICT')
    const count = await cloud.cloud.db.applicationCredential.count({ where: { name: 'keyed' } })
    expect(count).toBe(1)
  })

  it('changes nothing in a dry run', async () => {
    const { data } = await make({ name: 'dry', dryRun: true })
    expect(data.applicationCredentialCreate).toEqual({ applicationCredential: null, secret: null })
    expect(await cloud.cloud.db.applicationCredential.count({ where: { name: 'dry' } })).toBe(0)
  })

  it('is told to the domain and recorded', async () => {
    const { db } = cloud.cloud
    const user = await db.user.findUniqueOrThrow({ where: { id: annId } })
    const who = { userId: annId, userDomainId: user.domainId }
    const token = tokenFor(cloud.cloud, { ...who, projectId, role: 'member' })
    const { id } = await made({ roles: ['reader'] }, token)
    const event = await db.$queryRaw`
      select type, project_id::text as scope from core.event where resource_id = ${id}::uuid`
    expect(event).toEqual([{ type: 'application_credential.created', scope: user.domainId }])
    const [entry] = await db.auditEvent.findMany({ where: { resourceId: id } })
    expect(entry).toMatchObject({ outcome: 'SUCCESS', projectId, userId: annId })
    expect(entry?.after).toMatchObject({ userId: annId, roles: ['reader'] })
  })
})

describe('signing in with one', () => {
  it('says the same of everything that is wrong', async () => {
    const credential = await made()
    const other = await made()
    const answers = await Promise.all([
      enter(credential.id, 'wrong'),
      enter(credential.id, other.secret),
      enter(annId, credential.secret),
      enter(credential.id, ''),
    ])
    const told = new Set(answers.map((a) => `${codeOf(a)} ${a.errors?.[0]?.message}`))
    expect([...told]).toEqual([expect.stringMatching(/^UNAUTHENTICATED /)])
  })

  it('is for its project only', async () => {
    const { id, secret } = await made()
    const other = await newProject(cloud.cloud, 'elsewhere')
    await assignRole(cloud.cloud, annId, other, 'member')
    expect(codeOf(await enter(id, secret, { project: 'WORK' }))).toBe('OK')
    expect(codeOf(await enter(id, secret, { project: 'work', domain: 'Default' }))).toBe('OK')
    expect(codeOf(await enter(id, secret, { projectId }))).toBe('OK')
    const wrong = [
      { projectId: other },
      { project: 'elsewhere' },
      { project: 'work', domain: 'Elsewhere' },
      { domain: 'Default' },
      { system: true },
      { unscoped: true },
    ]
    for (const scope of wrong) {
      expect([scope, codeOf(await enter(id, secret, scope))]).toEqual([scope, 'BAD_INPUT'])
    }
    const token = await entered({ id, secret })
    const rescoped = await cloud.gql(ENTER, { input: { token, scope: { projectId: other } } })
    expect(codeOf(rescoped)).toBe('FORBIDDEN')
  })

  it('ends with it: the token no later, and nobody afterwards', async () => {
    const { now } = cloud.cloud
    const end = Date.now() + 60_000
    const credential = await made({ expiresAt: new Date(end).toISOString() })
    const answer = await enter(credential.id, credential.secret)
    const { token, secret } = answer.data.tokenCreate
    expect(Date.parse(token.expiresAt)).toBeLessThanOrEqual(end)
    try {
      cloud.cloud.now = () => new Date(end + 1)
      expect(codeOf(await enter(credential.id, credential.secret))).toBe('UNAUTHENTICATED')
      expect(codeOf(await cloud.gql(WHO, {}, secret))).toBe('UNAUTHENTICATED')
    } finally {
      cloud.cloud.now = now
    }
  })

  it('has only what the user still has', async () => {
    const { db } = cloud.cloud
    const eveId = await newUser(cloud.cloud, 'eve', { projectId, role: 'member' })
    const eve = tokenFor(cloud.cloud, { userId: eveId, projectId, role: 'member' })
    const credential = await made({ roles: ['member'] }, eve)
    await db.roleAssignment.deleteMany({ where: { userId: eveId } })
    expect(codeOf(await enter(credential.id, credential.secret))).toBe('UNAUTHENTICATED')
    await assignRole(cloud.cloud, eveId, projectId, 'reader')
    const { token } = (await enter(credential.id, credential.secret)).data.tokenCreate
    expect(token.roles).toEqual([{ name: 'reader' }])
    await db.user.update({ where: { id: eveId }, data: { enabled: false } })
    expect(codeOf(await enter(credential.id, credential.secret))).toBe('UNAUTHENTICATED')
  })
})

describe('access rules', () => {
  it('are all that its tokens are good for', async () => {
    const token = await entered(
      await made({ accessRules: ['compute.server.list', 'compute.flavor.*'] }),
    )
    expect(codeOf(await cloud.gql('{ servers { totalCount } }', {}, token))).toBe('OK')
    expect(codeOf(await cloud.gql('{ flavors { totalCount } }', {}, token))).toBe('OK')
    const refused = await cloud.gql('{ images { totalCount } }', {}, token)
    expect(refused.errors?.[0]?.extensions).toMatchObject({
      code: 'FORBIDDEN',
      details: { rule: 'image.image.list' },
    })
    const { session } = await cloud.must('{ session { rules } }', {}, token)
    expect(session.rules).toContain('compute.flavor.list')
    expect(session.rules).not.toContain('image.image.list')
  })
})

describe('making more of one', () => {
  it('needs an unrestricted one', async () => {
    const own = await made()
    const plain = await entered(await made())
    expect(codeOf(await make({}, plain))).toBe('FORBIDDEN')
    expect(codeOf(await cloud.gql(DELETE, { input: { id: own.id } }, plain))).toBe('FORBIDDEN')
    const free = await entered(await made({ unrestricted: true, roles: ['reader'] }))
    expect(codeOf(await make({}, free))).toBe('OK')
    expect(codeOf(await make({ roles: ['member'] }, free))).toBe('FORBIDDEN')
    expect(codeOf(await cloud.gql(DELETE, { input: { id: own.id } }, free))).toBe('OK')
  })

  it('never widens its access rules', async () => {
    const rules = ['identity.application-credential.*', 'compute.server.*']
    const token = await entered(await made({ unrestricted: true, accessRules: rules }))
    expect((await made({}, token)).accessRules).toEqual(rules)
    const fewer = ['compute.server.list']
    expect((await made({ accessRules: fewer }, token)).accessRules).toEqual(fewer)
    expect(codeOf(await make({ accessRules: ['compute.*'] }, token))).toBe('FORBIDDEN')
    expect(codeOf(await make({ accessRules: ['image.image.list'] }, token))).toBe('FORBIDDEN')
  })
})

describe('what there is', () => {
  it('is one’s own; operators see all, and whose', async () => {
    const { id } = await made({ name: 'mine' })
    const seenBy = async (token: string, filter?: object) =>
      (await cloud.must(LIST, { filter, first: 200 }, token)).applicationCredentials.nodes.some(
        (node: { id: string }) => node.id === id,
      )
    expect(await seenBy(ann)).toBe(true)
    expect(await seenBy(bob)).toBe(false)
    expect(await seenBy(bob, { userId: annId })).toBe(false)
    expect(await seenBy(operator)).toBe(true)
    expect(await seenBy(operator, { userId: annId })).toBe(true)
    const one = 'query ($id: ID!) { applicationCredential(id: $id) { name } }'
    expect((await cloud.must(one, { id }, ann)).applicationCredential).toEqual({ name: 'mine' })
    expect((await cloud.must(one, { id }, bob)).applicationCredential).toBeNull()
    const first = await cloud.must(LIST, { first: 1 }, ann)
    const after = first.applicationCredentials.pageInfo.endCursor
    const next = await cloud.must(LIST, { first: 1, after }, ann)
    expect(next.applicationCredentials.nodes).toHaveLength(1)
    expect(next.applicationCredentials.nodes).not.toEqual(first.applicationCredentials.nodes)
  })

  it('costs as many statements for many as for one', async () => {
    await Promise.all(Array.from({ length: 5 }, () => made()))
    const statements = async (first: number) => {
      cloud.statements.texts = []
      await cloud.must(LIST, { first }, ann)
      return statementsOf(cloud).length
    }
    await statements(1)
    expect(await statements(20)).toBe(await statements(1))
  })
})

describe('deleting one', () => {
  it('ends its tokens at once, in every process, and leaves the others', async () => {
    const other: Api = await startApi(cloud)
    try {
      const credential = await made()
      const token = await entered(credential)
      expect(codeOf(await other.gql(WHO, {}, token))).toBe('OK')
      expect(codeOf(await cloud.gql(DELETE, { input: { id: credential.id } }, bob))).toBe(
        'NOT_FOUND',
      )
      const dry = { id: credential.id, dryRun: true }
      expect(codeOf(await cloud.gql(DELETE, { input: dry }, ann))).toBe('OK')
      expect(codeOf(await cloud.gql(WHO, {}, token))).toBe('OK')
      const answer = await cloud.gql(DELETE, { input: { id: credential.id } }, ann)
      expect(answer.data.applicationCredentialDelete).toEqual({ applicationCredential: null })
      expect(codeOf(await cloud.gql(WHO, {}, token))).toBe('UNAUTHENTICATED')
      await allVisible(cloud.cloud.db)
      await until(
        'the other process to hear of it',
        async () => codeOf(await other.gql(WHO, {}, token)) === 'UNAUTHENTICATED',
        1000,
      )
      expect(codeOf(await enter(credential.id, credential.secret))).toBe('UNAUTHENTICATED')
      expect(codeOf(await cloud.gql(WHO, {}, ann))).toBe('OK')
      const gone = { id: credential.id }
      expect(codeOf(await cloud.gql(DELETE, { input: gone }, ann))).toBe('NOT_FOUND')
    } finally {
      await other.stop()
    }
  })

  it('is for operators, too', async () => {
    const { id } = await made()
    expect(codeOf(await cloud.gql(DELETE, { input: { id } }, operator))).toBe('OK')
  })
})

it('its secret is written down nowhere', async () => {
  const { log, lines } = makeTestLog()
  const { databaseUrl, dataDir } = cloud
  const api = await startApi({ databaseUrl, dataDir, log })
  try {
    const input = { name: 'marked', idempotencyKey: 'marked' }
    const { data } = await api.gql(CREATE, { input }, ann)
    const { secret, applicationCredential } = data.applicationCredentialCreate
    const { id } = applicationCredential
    const enters = { input: { applicationCredential: { id, secret } } }
    expect(codeOf(await api.gql(ENTER, enters))).toBe('OK')
    const refused = await api.gql(ENTER, { input: { ...enters.input, trust: { id } } })
    await api.gql(CREATE, { input }, ann)
    await api.gql(DELETE, { input: { id } }, ann)
    expect(codeOf(refused)).toBe('UNAUTHENTICATED')
    expect(JSON.stringify(refused)).not.toContain(secret)
    expect(lines.length).toBeGreaterThan(0)
    expect(lines.join('\n')).not.toContain(secret)
    const written = await writtenDown(cloud.cloud)
    expect(written).toContain(id)
    expect(written).not.toContain(secret)
  } finally {
    await api.stop()
  }
})
