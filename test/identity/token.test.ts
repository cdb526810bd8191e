import { createHmac } from 'node:crypto'
import jwt from 'jsonwebtoken'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadKeys } from '../../server/keys.ts'
import type { Db } from '../../services/context.ts'
import { named } from '../../services/identity/name.ts'
import { tokenCreate } from '../../services/identity/sign-in.ts'
import { type Api, startApi } from '../support/api.ts'
import { type Cluster, PASSWORD, startCluster } from '../support/cluster.ts'
import { makeTestLog } from '../support/log.ts'
import {
  assignRole,
  expiredToken,
  forge,
  newProject,
  newUser,
  tamper,
  tokenFor,
} from '../support/people.ts'
import { statementsOf } from '../support/statements.ts'
import { putImage } from '../support/stories.ts'
import { until } from '../support/until.ts'

const CREATE = `mutation ($input: TokenCreateInput!) { tokenCreate(input: $input) {
  secret token { issuedAt expiresAt user { name } project { id name } roles { name } } } }`
const REVOKE = `mutation ($input: TokenRevokeInput!) { tokenRevoke(input: $input) { revoked } }`
const WHO = '{ session { user { name } project { id name } roles { name } } }'
const SECRET = 'open sesame, open'

let cloud: Cluster
let projectId: string
let userId: string

beforeAll(async () => {
  cloud = await startCluster({ hosts: 0, config: { roles: ['api'] } })
  projectId = await newProject(cloud.cloud, 'work')
  userId = await newUser(cloud.cloud, 'ann', { password: SECRET, projectId, role: 'member' })
})
afterAll(() => cloud?.stop())

const signIn = (user: string, password: string, scope?: object, domain = 'Default') =>
  cloud.gql(CREATE, { input: { password: { user, domain, password }, scope } })
const revoke = (secret: string, token: string) => cloud.gql(REVOKE, { input: { secret } }, token)
const codeOf = (answer: { errors?: { extensions: { code: string } }[] }) =>
  answer.errors?.[0]?.extensions.code ?? 'OK'
const who = async (token: string) => codeOf(await cloud.gql(WHO, {}, token))

describe('signing in', () => {
  it('gives a token of the wanted scope, with implied roles', async () => {
    const byName = await signIn('ann', SECRET, { project: 'work' })
    const { secret, token } = byName.data.tokenCreate
    expect(token.project).toEqual({ id: projectId, name: 'work' })
    expect(token.roles).toEqual([{ name: 'member' }, { name: 'reader' }])
    expect(Date.parse(token.expiresAt) - Date.parse(token.issuedAt)).toBe(3_600_000)
    const { session } = await cloud.must(WHO, {}, secret)
    expect(session).toMatchObject({ user: { name: 'ann' }, project: { name: 'work' } })
    const byId = await signIn('ann', SECRET, { projectId })
    expect(byId.data.tokenCreate.token.project.id).toBe(projectId)
  })

  it('gives an unscoped token, good for choosing a project and no more', async () => {
    const { tokenCreate } = (await signIn('ann', SECRET)).data
    expect(tokenCreate.token).toMatchObject({ project: null, roles: [] })
    const { projects } = await cloud.must('{ projects { nodes { name } } }', {}, tokenCreate.secret)
    expect(projects.nodes).toEqual([{ name: 'work' }])
    expect(codeOf(await cloud.gql('{ servers { totalCount } }', {}, tokenCreate.secret))).toBe(
      'FORBIDDEN',
    )
  })

  it('takes X-Auth-Token as well', async () => {
    const token = tokenFor(cloud.cloud, { userId, projectId, role: 'reader' })
    const headers = { 'content-type': 'application/json', 'x-auth-token': token }
    const body = JSON.stringify({ query: WHO })
    const response = await fetch(`${cloud.url}/graphql`, { method: 'POST', headers, body })
    expect(await response.json()).toMatchObject({
      data: { session: { project: { name: 'work' } } },
    })
  })

  it('says the same of everything that is wrong', async () => {
    const { db } = cloud.cloud
    const off = await newUser(cloud.cloud, 'off', { password: SECRET, projectId, role: 'member' })
    await db.user.update({ where: { id: off }, data: { enabled: false } })
    const locked = await newUser(cloud.cloud, 'locked', { password: SECRET })
    const lockedUntil = new Date(Date.now() + 60_000)
    await db.user.update({ where: { id: locked }, data: { lockedUntil } })
    const answers = await Promise.all([
      signIn('ann', 'wrong'),
      signIn('nobody', SECRET),
      signIn('ann', SECRET, {}, 'Elsewhere'),
      signIn('off', SECRET),
      signIn('locked', SECRET),
      signIn('ann', ''),
    ])
    const told = answers.map(({ errors, status, data }) => [
      errors?.[0]?.extensions.code,
      errors?.[0]?.message,
      status,
      data,
    ])
    expect(told[0]?.[0]).toBe('UNAUTHENTICATED')
    expect(new Set(told.map((t) => JSON.stringify(t))).size).toBe(1)
  })

  it('takes as long for a user that is not there as for one that is', async () => {
    const timeOf = async (user: string) => {
      const began = performance.now()
      await signIn(user, 'wrong')
      return performance.now() - began
    }
    await newUser(cloud.cloud, 'known', { password: SECRET })
    // In turns, and the quickest of each: what else the machine does meanwhile slows both.
    let [known, unknown] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]
    for (let i = 0; i < 9; i++) {
      known = Math.min(known, await timeOf('known'))
      unknown = Math.min(unknown, await timeOf('unknown'))
    }
    expect(unknown / known).toBeGreaterThan(0.3)
    expect(known / unknown).toBeGreaterThan(0.3)
  })

  it('refuses a scope in which the user has nothing to do', async () => {
    const { db } = cloud.cloud
    await newProject(cloud.cloud, 'other')
    const closed = await newProject(cloud.cloud, 'closed')
    await assignRole(cloud.cloud, userId, closed, 'admin')
    await db.project.update({ where: { id: closed }, data: { enabled: false } })
    const outcome = async (scope: object) => codeOf(await signIn('ann', SECRET, scope))
    for (const project of ['other', 'closed', 'nowhere']) {
      expect([project, await outcome({ project })]).toEqual([project, 'UNAUTHENTICATED'])
    }
    expect(await outcome({ projectId: closed })).toBe('UNAUTHENTICATED')
    expect(await outcome({ project: 'work', domain: 'Elsewhere' })).toBe('UNAUTHENTICATED')
    expect(await outcome({ project: 'work', projectId })).toBe('BAD_INPUT')
    expect(await outcome({ domain: 'Default' })).toBe('UNAUTHENTICATED')
    expect(await outcome({ domain: 'Default', system: true })).toBe('BAD_INPUT')
    expect(await outcome({ project: '' })).toBe('BAD_INPUT')
  })

  it('lets nobody of a disabled domain in', async () => {
    const { db } = cloud.cloud
    const domain = await db.domain.create({
      data: {
        id: projectId,
        ...named('Shut'),
        enabled: false,
        createdAt: new Date(),
        updatedAt: new Date(),
      },
    })
    const eve = await newUser(cloud.cloud, 'eve', { password: SECRET })
    await db.user.update({ where: { id: eve }, data: { domainId: domain.id } })
    expect(codeOf(await signIn('eve', SECRET, {}, 'Shut'))).toBe('UNAUTHENTICATED')
    await db.domain.update({ where: { id: domain.id }, data: { enabled: true } })
    expect(codeOf(await signIn('eve', SECRET, {}, 'Shut'))).toBe('OK')
  })

  it('wants exactly one of password and token', async () => {
    expect(codeOf(await cloud.gql(CREATE, { input: {} }))).toBe('BAD_INPUT')
    const password = { user: 'ann', password: SECRET }
    expect(codeOf(await cloud.gql(CREATE, { input: { password, token: 'x' } }))).toBe('BAD_INPUT')
  })
})

describe('locking out', () => {
  const rowOf = (name: string) => cloud.cloud.db.user.findFirstOrThrow({ where: { name } })

  it('counts failures that come together, and ends after its time', async () => {
    await newUser(cloud.cloud, 'bob', { password: SECRET })
    await Promise.all(Array.from({ length: 9 }, () => signIn('bob', 'wrong')))
    expect((await rowOf('bob')).failedLogins).toBe(9)
    expect(codeOf(await signIn('bob', SECRET))).toBe('OK')
    expect((await rowOf('bob')).failedLogins).toBe(0)

    await Promise.all(Array.from({ length: 10 }, () => signIn('bob', 'wrong')))
    const { id, lockedUntil } = await rowOf('bob')
    const minutes = ((lockedUntil?.getTime() ?? 0) - Date.now()) / 60_000
    expect(minutes).toBeGreaterThan(28)
    expect(minutes).toBeLessThanOrEqual(30)
    expect(codeOf(await signIn('bob', SECRET))).toBe('UNAUTHENTICATED')

    const past = new Date(Date.now() - 1)
    await cloud.cloud.db.user.update({ where: { id }, data: { lockedUntil: past } })
    expect(codeOf(await signIn('bob', SECRET))).toBe('OK')
    expect((await rowOf('bob')).failedLogins).toBe(0)
  })

  it('also stops a right guess that was begun before the wrong ones counted', async () => {
    const { db } = cloud.cloud
    await newUser(cloud.cloud, 'carl', { password: SECRET })
    const before = await db.user.findFirst({ where: { name: 'carl' }, include: { domain: true } })
    await Promise.all(Array.from({ length: 10 }, () => signIn('carl', 'wrong')))
    const stale = (name: string, of: object, instead: unknown) =>
      new Proxy(of, { get: (real, key) => (key === name ? instead : Reflect.get(real, key)) })
    const user = stale('findFirst', db.user, async () => before)
    const ctx = {
      ...cloud.cloud,
      db: stale('user', db, user) as Db,
      actor: null,
      requestId: 'r',
      address: null,
    }
    const password = { user: 'carl', domain: 'Default', password: SECRET }
    await expect(tokenCreate(ctx, { password })).rejects.toMatchObject({ code: 'UNAUTHENTICATED' })
  })
})

describe('exchanging a token', () => {
  const exchange = (token: string, scope?: object) => cloud.gql(CREATE, { input: { token, scope } })

  it('gives one of another scope that ends no later', async () => {
    const token = tokenFor(cloud.cloud, { userId, ttlSeconds: 100 })
    const { token: got, secret } = (await exchange(token, { projectId })).data.tokenCreate
    expect(got.project.id).toBe(projectId)
    const { exp } = jwt.decode(token) as { exp: number }
    expect(Date.parse(got.expiresAt)).toBeLessThanOrEqual(exp * 1000)
    const again = (await exchange(secret)).data.tokenCreate.token
    expect(Date.parse(again.expiresAt)).toBeLessThanOrEqual(exp * 1000)
    expect(again.project).toBeNull()
  })

  it('takes no token that is over, revoked or of somebody disabled', async () => {
    const { db } = cloud.cloud
    expect(codeOf(await exchange(expiredToken(cloud.cloud, { userId })))).toBe('UNAUTHENTICATED')
    const mine = tokenFor(cloud.cloud, { userId })
    expect(codeOf(await revoke(mine, mine))).toBe('OK')
    expect(codeOf(await exchange(mine))).toBe('UNAUTHENTICATED')
    const gone = await newUser(cloud.cloud, 'gone')
    const theirs = tokenFor(cloud.cloud, { userId: gone })
    await db.user.update({ where: { id: gone }, data: { enabled: false } })
    expect(codeOf(await exchange(theirs))).toBe('UNAUTHENTICATED')
  })
})

describe('a token that is not ours', () => {
  const encode = (value: unknown) =>
    Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

  it('is refused, whatever is wrong with it', async () => {
    const { tokens } = cloud.cloud
    const keys = loadKeys(cloud.dataDir).token
    const good = tokenFor(cloud.cloud, { userId, projectId, role: 'reader' })
    const { header, payload } = jwt.decode(good, { complete: true }) as jwt.Jwt
    const [h = '', p = '', s = ''] = good.split('.')
    const pair = keys.pairs.get(keys.current)
    if (!pair) throw new Error('no key')
    const pem = pair.publicKey.export({ type: 'spki', format: 'pem' })
    const hs256 = `${encode({ ...header, alg: 'HS256' })}.${p}`
    const signed = (claims: object, key = keys.current) =>
      jwt.sign({ ...(payload as object), ...claims }, pair.privateKey, {
        algorithm: 'ES256',
        keyid: key,
      })
    const bad: Record<string, string> = {
      expired: expiredToken(cloud.cloud, { userId, projectId, role: 'reader' }),
      'with more rights': tamper(good, { actor: { roles: ['admin'], operator: true } }),
      'longer lived': tamper(good, { exp: 9_999_999_999 }),
      'with another header': [encode({ ...header, typ: 'at+jwt' }), p, s].join('.'),
      'with another signature': [h, p, `${s.startsWith('A') ? 'B' : 'A'}${s.slice(1)}`].join('.'),
      'without a signature': `${h}.${p}.`,
      'alg none': `${encode({ ...header, alg: 'none' })}.${p}.`,
      'HS256 with the public key': `${hs256}.${createHmac('sha256', pem).update(hs256).digest('base64url')}`,
      'of another key id': signed({}, 'another'),
      'of a strange key id': `${encode({ alg: 'ES256', typ: 'JWT', kid: { $ne: 1 } })}.${p}.${s}`,
      'of another key pair': forge(good),
      'of another issuer': signed({ iss: 'elsewhere' }),
      'a ticket': tokens.issueTicket(`image/${projectId}`, new Date()),
      'not JSON': [h, encode('no json'), s].join('.'),
      'of 10 KB': tamper(good, { actor: { roles: ['x'.repeat(10_000)] } }),
      garbage: 'garbage',
      dots: '..',
    }
    expect(await who(good)).toBe('OK')
    for (const [what, token] of Object.entries(bad)) {
      const { errors, status } = await cloud.gql(WHO, {}, token)
      expect([what, errors?.[0]?.extensions.code, status]).toEqual([what, 'UNAUTHENTICATED', 401])
    }
  })
})

describe('checking a token', () => {
  it('costs no SQL', async () => {
    const ask = '{ session { user { name } roles { name } } }'
    const tokens = Array.from({ length: 5 }, () =>
      tokenFor(cloud.cloud, { userId, projectId, role: 'reader' }),
    )
    cloud.statements.texts = []
    for (const token of tokens) await cloud.must(ask, {}, token)
    expect(statementsOf(cloud)).toEqual([])
  })
})

describe('revoking', () => {
  let second: Api
  beforeAll(async () => void (second = await startApi(cloud)))
  afterAll(() => second?.stop())

  it('holds at once here, soon in other processes, and after a restart', async () => {
    const token = tokenFor(cloud.cloud, { userId, projectId, role: 'reader' })
    expect(codeOf(await second.gql(WHO, {}, token))).toBe('OK')
    expect((await revoke(token, token)).data.tokenRevoke.revoked).toBe(true)
    expect(await who(token)).toBe('UNAUTHENTICATED')
    await until(
      'the other process knows',
      async () => codeOf(await second.gql(WHO, {}, token)) !== 'OK',
    )
    await second.stop()
    second = await startApi(cloud)
    expect(codeOf(await second.gql(WHO, {}, token))).toBe('UNAUTHENTICATED')
  })

  it('ends the watches of the token in every process', async () => {
    const token = tokenFor(cloud.cloud, { userId, projectId, role: 'reader' })
    const bystander = tokenFor(cloud.cloud, { userId, projectId, role: 'reader' })
    const open = 'subscription { serverChanged { cursor } }'
    const watches = [cloud, second].map((api) => api.watch(open, {}, token))
    const other = second.watch('subscription { events { type } }', {}, bystander)
    await until(
      'the watches are open',
      async () => (await Promise.all([cloud, second].map(subscriptionsOf))).join() === '1,2',
    )
    await revoke(token, bystander)
    for (const { errors } of watches) {
      await until('the watch has ended', () => errors.length > 0)
      expect(errors[0]).toMatchObject({ code: 4403 })
    }
    expect(other.errors).toEqual([])
    other.close()
  })

  it('takes back tokens of one’s own, and for operators those of others', async () => {
    const mine = tokenFor(cloud.cloud, { userId })
    const theirs = tokenFor(cloud.cloud, { userId: await newUser(cloud.cloud, 'dora') })
    for (const secret of [theirs, forge(mine), expiredToken(cloud.cloud, { userId }), 'garbage']) {
      expect(codeOf(await revoke(secret, mine))).toBe('NOT_FOUND')
    }
    expect(await who(theirs)).toBe('OK')
    // Who may end all of somebody's tokens may end one.
    const operator = await cloud.signIn()
    expect((await revoke(theirs, operator)).data.tokenRevoke.revoked).toBe(true)
    expect(await who(theirs)).toBe('UNAUTHENTICATED')
    expect((await revoke(theirs, operator)).data.tokenRevoke.revoked).toBe(false)
    const spare = tokenFor(cloud.cloud, { userId })
    expect((await revoke(spare, mine)).data.tokenRevoke.revoked).toBe(true)
    expect((await revoke(spare, mine)).data.tokenRevoke.revoked).toBe(false)
  })
})

const subscriptionsOf = async (api: { url: string }): Promise<number> => {
  const text = await (await fetch(`${api.url}/metrics`)).text()
  return Number(/^nephograph_\w*subscriptions\w* (\d+)/m.exec(text)?.[1] ?? -1)
}

describe('the log', () => {
  it('never holds a password, a token or a ticket', async () => {
    const { log, lines } = makeTestLog()
    const api = await startApi({ ...cloud, log })
    try {
      const token = await api.signIn('admin', PASSWORD)
      const wrong = 'this is my other password'
      await api.gql(CREATE, { input: { password: { user: 'admin', password: wrong } } })
      await api.gql(CREATE, {
        input: { password: { user: 'admin', password: `${wrong}\0` }, scope: { project: '\0' } },
      })
      await api.gql(WHO, {}, forge(token))
      const { id } = await putImage(api, token)
      const ticket = cloud.cloud.tokens.issueTicket(`image/${id}`, new Date())
      for (let i = 0; i < 2; i++) {
        const headers = { authorization: `Ticket ${ticket}` }
        const response = await fetch(`${api.url}/v1/images/${id}/file`, { headers })
        await response.arrayBuffer()
        expect(response.status).toBe(i === 0 ? 200 : 401)
      }
      const { db } = cloud.cloud
      // What fails inside is logged with its causes: also there.
      await db.$executeRaw`alter table core.event rename to hidden`
      const failed = await api.gql(REVOKE, { input: { secret: token } }, token)
      await db.$executeRaw`alter table core.hidden rename to event`
      expect(codeOf(failed)).toBe('INTERNAL')
      await api.gql(REVOKE, { input: { secret: token } }, token)
      expect(lines.length).toBeGreaterThan(10)
      for (const secret of [
        PASSWORD,
        wrong,
        token,
        ticket,
        forge(token).split('.')[1],
        'Bearer ',
        'argon2',
      ]) {
        expect(lines.filter((line) => line.includes(secret ?? ''))).toEqual([])
      }
    } finally {
      await api.stop()
    }
  })
})
