/** Taking tokens back: one, a user's, a project's; at once, in every process, whatever the clocks say. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Policy } from '../../services/access/policy.ts'
import { newId } from '../../services/id.ts'
import { tokenCreate } from '../../services/identity/sign-in.ts'
import { type Api, startApi } from '../support/api.ts'
import { type Cluster, startCluster } from '../support/cluster.ts'
import { allVisible } from '../support/events.ts'
import { assignRole, newProject, newUser } from '../support/people.ts'
import { until } from '../support/until.ts'

const SECRET = 'open sesame, open'
const WHO = '{ session { user { name } methods system project { name } } }'

let cloud: Cluster
/** Another process of the same cloud. */
let other: Api
let admin: string
let projectId: string

beforeAll(async () => {
  cloud = await startCluster({ hosts: 0, config: { roles: ['api'] } })
  other = await startApi(cloud)
  admin = await cloud.signIn()
  projectId = await newProject(cloud.cloud, 'work')
})
afterAll(async () => {
  await other?.stop()
  await cloud?.stop()
})

async function person(name: string) {
  const userId = await newUser(cloud.cloud, name, { password: SECRET, projectId, role: 'member' })
  const token = () => cloud.signIn('work', SECRET, name)
  return { userId, token }
}

const codeOf = ({ errors }: { errors?: { extensions: { code: string } }[] }) =>
  errors?.[0]?.extensions.code ?? 'OK'

/** OK or the code, here and in the other process. */
const everywhere = async (token: string) =>
  Promise.all([cloud, other].map(async (api) => codeOf(await api.gql(WHO, {}, token))))

const revokeAll = (input: object, token = admin) =>
  cloud.gql(
    'mutation ($input: TokensRevokeInput!) { tokensRevoke(input: $input) { revoked } }',
    { input },
    token,
  )

async function refusedEverywhere(token: string): Promise<void> {
  // Other tests' databases are in the same server, and an open transaction of theirs hides our events.
  await allVisible(cloud.cloud.db)
  await until(
    'both processes refuse the token',
    async () => (await everywhere(token)).every((code) => code === 'UNAUTHENTICATED'),
    1_000,
  )
}

describe('all tokens', () => {
  it('of a user end everywhere within a second; a new one is good at once', async () => {
    const { userId, token } = await person('ann')
    const [one, two] = [await token(), await token()]
    expect(await everywhere(one)).toEqual(['OK', 'OK'])
    expect(codeOf(await revokeAll({ userId }))).toBe('OK')
    expect(codeOf(await cloud.gql(WHO, {}, two))).toBe('UNAUTHENTICATED')
    await refusedEverywhere(one)
    await refusedEverywhere(two)
    expect(await everywhere(await token())).toEqual(['OK', 'OK'])
  })

  it('of oneself may be ended by oneself, of somebody else are not there', async () => {
    const bob = await person('bob')
    const carl = await person('carl')
    const token = await bob.token()
    expect(codeOf(await revokeAll({ userId: carl.userId }, token))).toBe('NOT_FOUND')
    expect(codeOf(await revokeAll({ userId: newId() }, token))).toBe('NOT_FOUND')
    expect(codeOf(await revokeAll({ userId: bob.userId }, token))).toBe('OK')
    expect(codeOf(await cloud.gql(WHO, {}, token))).toBe('UNAUTHENTICATED')
    expect(codeOf(await revokeAll({}))).toBe('BAD_INPUT')
    expect(codeOf(await revokeAll({ userId: bob.userId, projectId }))).toBe('BAD_INPUT')
  })

  it('for a project end, and those of its users elsewhere do not', async () => {
    const { userId, token } = await person('dora')
    const second = await newProject(cloud.cloud, 'second')
    await assignRole(cloud.cloud, userId, second, 'reader')
    const elsewhere = await cloud.signIn('second', SECRET, 'dora')
    const here = await token()
    await revokeAll({ projectId })
    await refusedEverywhere(here)
    expect(await everywhere(elsewhere)).toEqual(['OK', 'OK'])
  })

  it('go with the watches that hang on them, in the other process too', async () => {
    const { userId, token } = await person('emil')
    const watch = other.watch('subscription { serverChanged { id } }', {}, await token())
    try {
      await revokeAll({ userId })
      await until('the watch has ended', () => watch.errors.length > 0)
    } finally {
      watch.close()
    }
  })
})

describe('no token slips through', () => {
  it('whose sign-in is under way while the user is disabled', async () => {
    const { db } = cloud.cloud
    for (let round = 0; round < 5; round++) {
      const name = `f${round}`
      const { userId } = await person(name)
      const password = { user: name, domain: 'Default', password: SECRET }
      const ctx = { ...cloud.cloud, actor: null, requestId: 'r', address: null }
      const signIns = Array.from({ length: 8 }, () =>
        tokenCreate(ctx, { password }).then(
          ({ secret }) => secret,
          () => null,
        ),
      )
      const disabling = db.$transaction(async (tx) => {
        await tx.user.update({ where: { id: userId }, data: { enabled: false } })
        // As revoke() does it: the row is held, the moment is taken then.
        await tx.$executeRaw`
          insert into identity.revocation (id, kind, subject_id, before, expires_at)
          values (${newId()}::uuid, 'user', ${userId}::uuid, clock_timestamp(), now() + interval '1 hour')`
      })
      const secrets = (await Promise.all(signIns)).filter((secret) => secret !== null)
      await disabling
      await cloud.cloud.revocations.load(db, new Date())
      for (const secret of secrets) {
        expect(codeOf(await cloud.gql(WHO, {}, secret))).toBe('UNAUTHENTICATED')
      }
    }
  })

  it('of a process whose clock is wrong: moments are the database’s', async () => {
    const { userId } = await person('gina')
    const password = { user: 'gina', domain: 'Default', password: SECRET }
    const ahead = () => new Date(Date.now() + 90_000)
    const ctx = { ...cloud.cloud, now: ahead, actor: null, requestId: 'r', address: null }
    const { secret, actor } = await tokenCreate(ctx, { password })
    expect(Math.abs(actor.issuedAt.getTime() - Date.now())).toBeLessThan(10_000)
    await revokeAll({ userId })
    await refusedEverywhere(secret)
  })
})

describe('what is kept', () => {
  it('is read again by a process that starts, and forgotten when no token can be left', async () => {
    const { userId, token } = await person('hans')
    const secret = await token()
    await revokeAll({ userId })
    const late = await startApi(cloud)
    try {
      expect(codeOf(await late.gql(WHO, {}, secret))).toBe('UNAUTHENTICATED')
    } finally {
      await late.stop()
    }
    const { revocations } = cloud.cloud
    expect(revocations.size).toBeGreaterThan(0)
    revocations.prune(new Date(Date.now() + 31 * 24 * 3_600_000))
    expect(revocations.size).toBe(0)
    await revocations.load(cloud.cloud.db, new Date())
    expect(codeOf(await cloud.gql(WHO, {}, secret))).toBe('UNAUTHENTICATED')
  })
})

describe('asking what a token stands for', () => {
  const validate = (secret: string, token: string) =>
    cloud.gql(
      'query ($secret: String!) { tokenValidate(secret: $secret) { user { name } roles { name } } }',
      { secret },
      token,
    )

  it('is for its user, and for services and operators', async () => {
    const ida = await person('ida')
    const jan = await person('jan')
    const secret = await ida.token()
    expect((await validate(secret, secret)).data.tokenValidate.user.name).toBe('ida')
    expect((await validate(secret, admin)).data.tokenValidate.user.name).toBe('ida')
    expect(codeOf(await validate(secret, await jan.token()))).toBe('FORBIDDEN')
    expect(codeOf(await validate('nonsense', admin))).toBe('NOT_FOUND')
    await revokeAll({ userId: ida.userId })
    expect(codeOf(await validate(secret, admin))).toBe('NOT_FOUND')
  })
})

describe('scopes', () => {
  const enter = (scope: object) =>
    cloud.gql(
      'mutation ($input: TokenCreateInput!) { tokenCreate(input: $input) { secret token { system domain { name } project { name } roles { name } } } }',
      { input: { token: admin, scope } },
    )

  it('are a project, a domain, the system or none; exactly one', async () => {
    const system = (await enter({ system: true })).data.tokenCreate.token
    expect(system).toMatchObject({ system: true, project: null, domain: null })
    expect(system.roles.map((role: { name: string }) => role.name)).toContain('admin')
    expect(codeOf(await enter({ domain: 'Default' }))).toBe('UNAUTHENTICATED')
    const home = await cloud.cloud.db.domain.findFirstOrThrow({ where: { name: 'Default' } })
    const user = await cloud.cloud.db.user.findFirstOrThrow({ where: { name: 'admin' } })
    const role = await cloud.cloud.db.role.findFirstOrThrow({ where: { name: 'reader' } })
    await cloud.cloud.db.roleAssignment.create({
      data: {
        id: newId(),
        roleId: role.id,
        userId: user.id,
        domainId: home.id,
        createdAt: new Date(),
      },
    })
    expect((await enter({ domain: 'default' })).data.tokenCreate.token).toMatchObject({
      domain: { name: 'Default' },
      roles: [{ name: 'reader' }],
    })
    const none = (await enter({ unscoped: true })).data.tokenCreate.token
    expect(none).toMatchObject({ system: false, project: null, domain: null, roles: [] })
    for (const scope of [
      { system: true, project: 'admin' },
      { unscoped: true, system: true },
      { projectId, domain: 'Default' },
      { domain: 'Default', domainId: home.id },
    ]) {
      expect([scope, codeOf(await enter(scope))]).toEqual([scope, 'BAD_INPUT'])
    }
  })
})

describe('the policy', () => {
  it('is asked anew for each request: an operator may change it while we run', async () => {
    const { token } = await person('kim')
    const secret = await token()
    const { policy } = cloud.cloud
    expect(codeOf(await cloud.gql('{ servers { nodes { id } } }', {}, secret))).toBe('OK')
    const strict = new Proxy(policy, {
      get: (real: Policy, key) =>
        key === 'allows'
          ? (name: string, ...rest: [never, never]) =>
              name !== 'compute.server.list' && real.allows(name, ...rest)
          : (Reflect.get(real, key).bind?.(real) ?? Reflect.get(real, key)),
    })
    Object.defineProperty(cloud.cloud, 'policy', { get: () => strict, configurable: true })
    try {
      expect(codeOf(await cloud.gql('{ servers { nodes { id } } }', {}, secret))).toBe('FORBIDDEN')
    } finally {
      Object.defineProperty(cloud.cloud, 'policy', { get: () => policy, configurable: true })
    }
  })
})

describe('the second format', () => {
  it('issues Fernet tokens, and takes those of the first', async () => {
    const { token } = await person('lea')
    const jwt = await token()
    const fernet = await startCluster({
      hosts: 0,
      config: { roles: ['api'], tokenFormat: 'fernet' },
    })
    try {
      const secret = await fernet.signIn()
      expect(secret).toMatch(/^gAAAA[\w-]+=*$/)
      expect((await fernet.must(WHO, {}, secret)).session.user.name).toBe('admin')
      const last = secret.at(-5) === 'A' ? 'B' : 'A'
      const forged = `${secret.slice(0, -5)}${last}${secret.slice(-4)}`
      expect(codeOf(await fernet.gql(WHO, {}, forged))).toBe('UNAUTHENTICATED')
      // Of another cloud.
      expect(codeOf(await fernet.gql(WHO, {}, jwt))).toBe('UNAUTHENTICATED')
      expect(codeOf(await cloud.gql(WHO, {}, secret))).toBe('UNAUTHENTICATED')
    } finally {
      await fernet.stop()
    }
  })
})
