import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { newId } from '../../services/id.ts'
import { named } from '../../services/identity/name.ts'
import type { GraphqlAnswer } from '../support/client.ts'
import { type Cluster, startCluster } from '../support/cluster.ts'
import { makeTestLog } from '../support/log.ts'
import {
  type SignInServer,
  signInThrough,
  startSignInServer,
  step,
  walkedTo,
} from '../support/open-id-browser.ts'
import {
  type AccountName,
  startOpenIdProvider,
  type TestOpenIdProvider,
} from '../support/open-id-provider.ts'
import { newProject, newUser } from '../support/people.ts'
import { writtenDown } from '../support/secrets.ts'

const CREATE = `mutation ($input: IdentityProviderCreateInput!) { identityProviderCreate(input: $input) {
  identityProvider { id } } }`
const UPDATE = `mutation ($input: IdentityProviderUpdateInput!) { identityProviderUpdate(input: $input) {
  identityProvider { id enabled version mapping { local { groups } } } } }`
const DELETE = `mutation ($input: IdentityProviderDeleteInput!) { identityProviderDelete(input: $input) {
  identityProvider { id } } }`
const ENTER = `mutation ($input: TokenCreateInput!) { tokenCreate(input: $input) {
  secret token { methods user { id name } project { id } roles { name } } } }`
const WHO = '{ session { user { id } } }'
const NAME = 'example'

let cloud: Cluster
let server: SignInServer
let real: TestOpenIdProvider
let logged: string[]
let operator: string
/** New for each test, with the provider in it. */
let domainId: string
let providerId: string

beforeAll(async () => {
  cloud = await startCluster({ hosts: 0, config: { roles: ['api'] } })
  const { log, lines } = makeTestLog()
  logged = lines
  cloud.cloud.log = log
  server = await startSignInServer(cloud.cloud)
  real = await startOpenIdProvider(`${server.url}/v1/sign-in/${NAME}/callback`)
  operator = await cloud.signIn()
})
afterAll(async () => {
  await real?.stop()
  await server?.stop()
  await cloud?.stop()
})

const times = () => ({ createdAt: new Date(), updatedAt: new Date() })
const staff = { claim: 'groups', anyOneOf: ['staff'] }
/** Only for staff; the groups are those of the provider unless others are given. */
const mapping = (groups = ['{2}']) => [
  {
    remote: [{ claim: 'preferred_username' }, { claim: 'email' }, { claim: 'groups' }, staff],
    local: { userName: '{0}', email: '{1}', groups },
  },
]
const settings = () => ({
  name: NAME,
  description: 'The example',
  issuer: real.issuer,
  clientId: real.clientId,
  clientSecret: real.clientSecret,
  scopes: ['email', 'profile', 'groups'],
  domainId,
  mapping: mapping(),
})

beforeEach(async () => {
  const { db } = cloud.cloud
  await db.identityProvider.deleteMany()
  domainId = newId()
  await db.domain.create({ data: { id: domainId, ...named(`domain ${domainId}`), ...times() } })
  const made = await cloud.must(CREATE, { input: settings() }, operator)
  providerId = made.identityProviderCreate.identityProvider.id
})

const codeOf = ({ errors }: GraphqlAnswer) => errors?.[0]?.extensions.code ?? 'OK'
const update = (input: object) =>
  cloud.gql(UPDATE, { input: { id: providerId, ...input } }, operator)
const ticketIn = (location: string): string => {
  const [, ticket] = /^\/login#ticket=(.+)$/.exec(location) ?? []
  if (!ticket) throw new Error(`no ticket: ${location}`)
  return decodeURIComponent(ticket)
}
const through = (account: AccountName = 'ann') => signInThrough(server, NAME, { account })
const exchange = (ticket: string, scope?: object) =>
  cloud.gql(ENTER, { input: { openId: { ticket }, scope } })
async function signedIn() {
  const answer = await exchange(ticketIn(await through()))
  if (answer.errors) throw new Error(JSON.stringify(answer.errors))
  const { secret, token } = answer.data.tokenCreate
  return { secret, ...token } as { secret: string; user: { id: string; name: string } }
}
async function newGroup(name: string): Promise<string> {
  const data = { id: newId(), domainId, ...named(name), ...times() }
  return (await cloud.cloud.db.group.create({ data })).id
}
const membershipsOf = async (userId: string) => {
  const rows = await cloud.cloud.db.groupMember.findMany({
    where: { userId },
    include: { group: true },
    orderBy: { group: { name: 'asc' } },
  })
  return rows.map(({ group, federated }) => [group.name, federated])
}
const refusals = () =>
  cloud.cloud.db.auditEvent.findMany({
    where: { outcome: 'FAILURE', resourceType: 'identity_provider', resourceName: NAME },
    orderBy: { id: 'desc' },
  })

describe('the log-in page', () => {
  it('is told the enabled providers without a token', async () => {
    const listed = async () => (await fetch(`${server.url}/v1/sign-in`)).json()
    expect(await listed()).toEqual({ providers: [{ name: NAME, description: 'The example' }] })
    await update({ enabled: false })
    expect(await listed()).toEqual({ providers: [] })
  })
})

describe('a sign-in', () => {
  it('makes a user of the claims, in the groups of the domain, with a token for the ticket', async () => {
    await newGroup('Staff')
    const { db } = cloud.cloud
    const ticket = ticketIn(await through())
    const answer = await exchange(ticket)
    const { token } = answer.data.tokenCreate
    expect(token).toMatchObject({ methods: ['OPENID'], user: { name: 'ann' }, project: null })
    const user = await db.user.findUniqueOrThrow({ where: { id: token.user.id } })
    expect(user).toMatchObject({ domainId, email: 'ann@example.com', passwordHash: null })
    expect(await membershipsOf(user.id)).toEqual([['Staff', true]])
    const [entry] = await db.auditEvent.findMany({
      where: { action: 'identity.token.create', resourceId: user.id },
    })
    expect(entry).toMatchObject({ outcome: 'SUCCESS', after: { methods: ['openid'] } })
    const events = await db.$queryRaw`
      select type from core.event where resource_id = ${user.id}::uuid order by xid, seq`
    expect(events).toEqual([{ type: 'user.created' }])
    // A ticket is good once.
    expect(codeOf(await exchange(ticket))).toBe('UNAUTHENTICATED')
    expect(codeOf(await exchange('nonsense'))).toBe('UNAUTHENTICATED')
  })

  it('finds the user again, and gives a token of the wanted scope', async () => {
    const first = await signedIn()
    const projectId = await newProject(cloud.cloud, `work ${domainId}`)
    const { db } = cloud.cloud
    const role = await db.role.findFirstOrThrow({ where: { name: 'reader', domainId: null } })
    await db.roleAssignment.create({
      data: {
        id: newId(),
        roleId: role.id,
        userId: first.user.id,
        projectId,
        createdAt: new Date(),
      },
    })
    const answer = await exchange(ticketIn(await through()), { projectId })
    expect(answer.data.tokenCreate.token).toMatchObject({
      user: { id: first.user.id },
      project: { id: projectId },
      roles: [{ name: 'reader' }],
    })
    expect(await db.user.count({ where: { domainId } })).toBe(1)
  })

  it('is one user, when two browsers are first together', async () => {
    const walks = await Promise.all([walkedTo(server, NAME), walkedTo(server, NAME)])
    const ends = await Promise.all(walks.map(({ back, cookie }) => step(back, cookie)))
    for (const { location } of ends) expect(location).toMatch(/^\/login#ticket=/)
    expect(await cloud.cloud.db.user.count({ where: { domainId } })).toBe(1)
  })

  it('takes nobody’s name away', async () => {
    const local = await newUser(cloud.cloud, `local ${domainId}`)
    await cloud.cloud.db.user.update({ where: { id: local }, data: { domainId, ...named('Ann') } })
    const { user } = await signedIn()
    expect(user.id).not.toBe(local)
    expect(user.name).toBe('ann-2')
  })
})

describe('nobody comes in', () => {
  it('whose user is disabled, with a ticket neither', async () => {
    const { user } = await signedIn()
    const ticket = ticketIn(await through())
    await cloud.cloud.db.user.update({ where: { id: user.id }, data: { enabled: false } })
    expect(await through()).toBe('/login#problem=disabled')
    expect(codeOf(await exchange(ticket))).toBe('UNAUTHENTICATED')
    expect((await refusals())[0]).toMatchObject({ code: 'UNAUTHENTICATED', userId: null })
  })

  it('of whom no rule makes a user', async () => {
    expect(await through('bob')).toBe('/login#problem=mapping')
    expect(await cloud.cloud.db.user.count({ where: { domainId } })).toBe(0)
    expect((await refusals())[0]?.reason).toContain('No rule')
  })

  it('who said no', async () => {
    expect(await signInThrough(server, NAME, { consent: 'no' })).toBe('/login#problem=refused')
  })

  it('through a provider that is not there, disabled, or down', async () => {
    const begin = async (name: string) => (await step(`${server.url}/v1/sign-in/${name}`)).location
    expect(await begin('nothing')).toBe('/login#problem=provider')
    expect(await begin('%2F%2Fexample.com')).toBe('/login#problem=provider')
    const down = { ...settings(), name: 'down', issuer: 'http://127.0.0.1:1' }
    await cloud.must(CREATE, { input: down }, operator)
    expect(await begin('down')).toBe('/login#problem=unreachable')
    const { back, cookie } = await walkedTo(server, NAME)
    await update({ enabled: false })
    expect(await begin(NAME)).toBe('/login#problem=provider')
    expect((await step(back, cookie)).location).toBe('/login#problem=provider')
  })

  it('of a domain that is disabled', async () => {
    const ticket = ticketIn(await through())
    const data = { enabled: false }
    await cloud.cloud.db.domain.update({ where: { id: domainId }, data })
    expect(codeOf(await exchange(ticket))).toBe('UNAUTHENTICATED')
    expect((await step(`${server.url}/v1/sign-in/${NAME}`)).location).toMatch(/problem=provider$/)
  })
})

describe('what was begun', () => {
  it('is in a cookie that scripts and other sites don’t get, for minutes', async () => {
    const { status, location, setCookie } = await step(`${server.url}/v1/sign-in/${NAME}`)
    expect(status).toBe(302)
    expect(location.startsWith(`${real.issuer}/auth?`)).toBe(true)
    for (const attribute of ['HttpOnly', 'SameSite=Lax', 'Max-Age=600', 'Path=/v1/sign-in']) {
      expect(setCookie).toContain(attribute)
    }
    const state = new URL(location).searchParams.get('state') ?? 'none'
    expect(Buffer.from(setCookie.split(/[=;]/)[1] ?? '', 'base64url').toString()).not.toContain(
      state,
    )
  })

  it('counts with its own cookie only', async () => {
    const { back, cookie } = await walkedTo(server, NAME)
    const other = await walkedTo(server, NAME)
    const middle = Math.floor(cookie.length / 2)
    const swapped = cookie[middle] === 'A' ? 'B' : 'A'
    const tampered = cookie.slice(0, middle) + swapped + cookie.slice(middle + 1)
    for (const wrong of ['', tampered, `${cookie}x`, 'nephograph_sign_in=', other.cookie]) {
      const answer = await step(back, wrong)
      expect(answer.location).toBe('/login#problem=state')
      expect(answer.cookie).toBe('nephograph_sign_in=')
      expect(answer.setCookie).toContain('Max-Age=0')
    }
    expect((await step(back, cookie)).location).toMatch(/^\/login#ticket=/)
  })

  it('counts at its own provider only', async () => {
    await cloud.must(CREATE, { input: { ...settings(), name: 'other' } }, operator)
    const { back, cookie } = await walkedTo(server, NAME)
    const elsewhere = new URL(back)
    elsewhere.pathname = '/v1/sign-in/other/callback'
    expect((await step(elsewhere, cookie)).location).toBe('/login#problem=state')
  })

  it('counts once', async () => {
    const { back, cookie } = await walkedTo(server, NAME)
    const ends = await Promise.all([step(back, cookie), step(back, cookie), step(back, cookie)])
    const words = ends.map(({ location }) => location.replace(/ticket=.*/, 'ticket')).sort()
    expect(words).toEqual(['/login#problem=code', '/login#problem=code', '/login#ticket'])
    expect((await step(back, cookie)).location).toBe('/login#problem=code')
  })

  it('counts for ten minutes', async () => {
    const { back, cookie } = await walkedTo(server, NAME)
    const { now } = cloud.cloud
    try {
      cloud.cloud.now = () => new Date(Date.now() + 601_000)
      expect((await step(back, cookie)).location).toBe('/login#problem=state')
    } finally {
      cloud.cloud.now = now
    }
  })
})

describe('groups', () => {
  it('are taken back when the provider no longer says so, those given by hand never', async () => {
    const [staffId, opsId] = [await newGroup('staff'), await newGroup('ops')]
    const byHand = await newGroup('by hand')
    const { user, secret } = await signedIn()
    const { db } = cloud.cloud
    await db.groupMember.create({
      data: { groupId: byHand, userId: user.id, createdAt: new Date() },
    })
    // Ops by hand, too: the provider's word changes nothing of it.
    await db.groupMember.update({
      where: { groupId_userId: { groupId: opsId, userId: user.id } },
      data: { federated: false },
    })
    expect(await membershipsOf(user.id)).toEqual([
      ['by hand', false],
      ['ops', false],
      ['staff', true],
    ])
    await update({ mapping: mapping([]) })
    await signedIn()
    expect(await membershipsOf(user.id)).toEqual([
      ['by hand', false],
      ['ops', false],
    ])
    expect(codeOf(await cloud.gql(WHO, {}, secret))).toBe('UNAUTHENTICATED')
    const actions = await db.auditEvent.findMany({
      where: { resourceId: staffId },
      orderBy: { id: 'asc' },
    })
    expect(actions.map(({ action }) => action)).toEqual([
      'identity.group.add-user',
      'identity.group.remove-user',
    ])
  })

  it('with rights beyond the domain are for the words of the mapping only', async () => {
    const { db } = cloud.cloud
    const groupId = await newGroup('ops')
    const admin = await db.role.findFirstOrThrow({ where: { name: 'admin', domainId: null } })
    await db.roleAssignment.create({
      data: { id: newId(), roleId: admin.id, groupId, system: true, createdAt: new Date() },
    })
    const { user } = await signedIn()
    expect(await membershipsOf(user.id)).toEqual([])
    await update({ mapping: mapping(['ops']) })
    await signedIn()
    expect(await membershipsOf(user.id)).toEqual([['ops', true]])
    await update({ mapping: mapping() })
    await signedIn()
    expect(await membershipsOf(user.id)).toEqual([])
  })
})

describe('a provider', () => {
  it('that is disabled ends the tokens of its users, and what was under way', async () => {
    const { secret } = await signedIn()
    const ticket = ticketIn(await through())
    expect(codeOf(await update({ enabled: false }))).toBe('OK')
    expect(codeOf(await cloud.gql(WHO, {}, secret))).toBe('UNAUTHENTICATED')
    expect(codeOf(await exchange(ticket))).toBe('UNAUTHENTICATED')
    await update({ enabled: true })
    await signedIn()
  })

  it('that is deleted leaves its users, without what it gave', async () => {
    await newGroup('staff')
    const { secret, user } = await signedIn()
    const ticket = ticketIn(await through())
    const answer = await cloud.gql(DELETE, { input: { id: providerId } }, operator)
    expect(answer.data).toEqual({ identityProviderDelete: { identityProvider: null } })
    expect(codeOf(await cloud.gql(WHO, {}, secret))).toBe('UNAUTHENTICATED')
    expect(codeOf(await exchange(ticket))).toBe('UNAUTHENTICATED')
    expect(await cloud.cloud.db.user.count({ where: { id: user.id } })).toBe(1)
    expect(await membershipsOf(user.id)).toEqual([])
    expect(codeOf(await cloud.gql(DELETE, { input: { id: providerId } }, operator))).toBe(
      'NOT_FOUND',
    )
  })

  it('shows all but its secret, to operators only', async () => {
    const fields = `id name description issuer clientId scopes enabled version callbackPath
      domain { id } mapping { remote { claim anyOneOf } local { userName groups } }`
    const one = `query ($id: ID!) { identityProvider(id: $id) { ${fields} } }`
    const { identityProvider } = await cloud.must(one, { id: providerId }, operator)
    const { clientSecret, domainId: _, ...shown } = settings()
    expect(identityProvider).toMatchObject({
      ...shown,
      domain: { id: domainId },
      version: 1,
      mapping: [{ remote: [{}, {}, {}, staff], local: { userName: '{0}', groups: ['{2}'] } }],
      callbackPath: `/v1/sign-in/${NAME}/callback`,
    })
    expect(JSON.stringify(identityProvider)).not.toContain(clientSecret)
    const row = await cloud.cloud.db.identityProvider.findUniqueOrThrow({
      where: { id: providerId },
    })
    expect(JSON.stringify(row)).not.toContain(clientSecret)
    const { secret } = await signedIn()
    expect(codeOf(await cloud.gql(one, { id: providerId }, secret))).toBe('FORBIDDEN')
    const all = '{ identityProviders { nodes { id } totalCount } }'
    expect((await cloud.must(all, {}, operator)).identityProviders.totalCount).toBe(1)
  })

  it('is refused when its settings make no sense', async () => {
    const make = async (change: object) => {
      const input = { ...settings(), name: 'next', dryRun: true, ...change }
      return codeOf(await cloud.gql(CREATE, { input }, operator))
    }
    expect(await make({})).toBe('OK')
    for (const issuer of ['http://id.example.com', 'nonsense', 'https://a:b@id.example.com']) {
      expect([issuer, await make({ issuer })]).toEqual([issuer, 'BAD_INPUT'])
    }
    for (const name of ['Next', 'a/b', '-a', 'a b', '', '..']) {
      expect([name, await make({ name })]).toEqual([name, 'BAD_INPUT'])
    }
    expect(await make({ scopes: ['a b'] })).toBe('BAD_INPUT')
    expect(await make({ mapping: [] })).toBe('BAD_INPUT')
    expect(await make({ mapping: [{ remote: [], local: { userName: 'all' } }] })).toBe('BAD_INPUT')
    expect(await make({ mapping: mapping(['{7}']) })).toBe('BAD_INPUT')
    expect(await make({ domainId: newId() })).toBe('NOT_FOUND')
    expect(await make({ name: NAME })).toBe('CONFLICT')
  })

  it('is changed only as it was seen, and not in a dry run', async () => {
    expect(codeOf(await update({ ifVersion: 7, description: 'x' }))).toBe('CONFLICT')
    expect(codeOf(await update({ dryRun: true, enabled: false }))).toBe('OK')
    const answer = await update({ ifVersion: 1, mapping: mapping(['ops']) })
    expect(answer.data.identityProviderUpdate.identityProvider).toEqual({
      id: providerId,
      enabled: true,
      version: 2,
      mapping: [{ local: { groups: ['ops'] } }],
    })
    expect(codeOf(await update({ mapping: mapping(['{7}']) }))).toBe('BAD_INPUT')
  })
})

it('neither secret, code nor ticket is written down anywhere', async () => {
  await update({ clientSecret: real.clientSecret, idempotencyKey: newId() })
  const { back, cookie } = await walkedTo(server, NAME)
  const { location } = await step(back, cookie)
  const ticket = ticketIn(location)
  await exchange(ticket)
  await exchange(ticket)
  await step(back, cookie)
  const said = [...logged, await writtenDown(cloud.cloud)].join('\n')
  expect(logged.join('\n')).toContain('a sign-in through a provider failed')
  const code = back.searchParams.get('code') ?? 'none came'
  const state = back.searchParams.get('state') ?? 'none came'
  const value = cookie.split('=', 2)[1] ?? 'none came'
  for (const secret of [real.clientSecret, code, state, ticket, value]) {
    expect(said).not.toContain(secret)
  }
})
