import { TOTP } from 'otpauth'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../../services/id.ts'
import { named } from '../../services/identity/name.ts'
import { startApi } from '../support/api.ts'
import type { GraphqlAnswer } from '../support/client.ts'
import { type Cluster, startCluster } from '../support/cluster.ts'
import { makeTestLog } from '../support/log.ts'
import { newProject, newUser, tokenFor } from '../support/people.ts'
import { writtenDown } from '../support/secrets.ts'

const CREATE = 'mutation ($input: TotpCreateInput!) { totpCreate(input: $input) { secret uri } }'
const CONFIRM = 'mutation ($input: TotpConfirmInput!) { totpConfirm(input: $input) { confirmed } }'
const DELETE = 'mutation ($input: TotpDeleteInput!) { totpDelete(input: $input) { deleted } }'
const ENTER = `mutation ($input: TokenCreateInput!) { tokenCreate(input: $input) {
  token { methods } } }`
const PASSWORD = 'open sesame, open'
const STEP_MS = 30_000
const LOCK_OUT_MS = 30 * 60_000
const MAX_FAILED_LOGINS = 10

let cloud: Cluster
let projectId: string
/** The time of the cloud, in the middle of a step, so that a code does not end while we use it. */
let now: number

beforeAll(async () => {
  cloud = await startCluster({ hosts: 0, config: { roles: ['api'] } })
  projectId = await newProject(cloud.cloud, 'work')
  now = Math.floor(Date.now() / STEP_MS) * STEP_MS + STEP_MS / 2
  cloud.cloud.now = () => new Date(now)
})
afterAll(() => cloud?.stop())

const codeOf = ({ errors }: GraphqlAnswer) => errors?.[0]?.extensions.code ?? 'OK'
const digits = (secret: string, at = now) => new TOTP({ secret }).generate({ timestamp: at })
/** Six digits that are good in none of the steps around. */
function wrongDigits(secret: string): string {
  const good = [-2, -1, 0, 1, 2].map((steps) => digits(secret, now + steps * STEP_MS))
  return ['000000', '111111', '222222', '333333', '444444', '555555'].find(
    (code) => !good.includes(code),
  ) as string
}

interface Person {
  name: string
  userId: string
  token: string
  secret: string
}

let counter = 0
async function person(): Promise<Person> {
  const name = `user-${++counter}`
  const role = { projectId, role: 'member' as const }
  const userId = await newUser(cloud.cloud, name, { password: PASSWORD, ...role })
  const at = new Date()
  return { name, userId, token: tokenFor(cloud.cloud, { userId, ...role, at }), secret: '' }
}
const begin = async ({ token }: Person): Promise<{ secret: string; uri: string }> =>
  (await cloud.must(CREATE, { input: {} }, token)).totpCreate
const confirm = ({ token }: Person, code: string) => cloud.gql(CONFIRM, { input: { code } }, token)
/** With a second factor in force, one step ago. */
async function enrolled(): Promise<Person> {
  const who = await person()
  const { secret } = await begin(who)
  expect(codeOf(await confirm(who, digits(secret)))).toBe('OK')
  now += STEP_MS
  return { ...who, secret }
}
const enter = ({ name: user }: Person, totp?: string, password = PASSWORD) =>
  cloud.gql(ENTER, { input: { password: { user, password }, totp } })
const take = (input: object, token: string) => cloud.gql(DELETE, { input }, token)

describe('enrolling', () => {
  it('shows the secret, and asks for codes once one was shown', async () => {
    const ann = await person()
    const { secret, uri } = await begin(ann)
    const address = new URL(uri)
    expect([address.protocol, address.host]).toEqual(['otpauth:', 'totp'])
    expect(decodeURIComponent(address.pathname)).toBe(`/Nephograph:${ann.name}@Default`)
    expect(address.searchParams.get('issuer')).toBe('Nephograph')
    expect(address.searchParams.get('secret')).toBe(secret)
    expect(codeOf(await enter(ann))).toBe('OK')
    expect(codeOf(await confirm(ann, wrongDigits(secret)))).toBe('BAD_INPUT')
    expect(codeOf(await confirm(ann, 'abcdef'))).toBe('BAD_INPUT')
    expect(codeOf(await enter(ann))).toBe('OK')
    expect((await confirm(ann, digits(secret))).data).toEqual({ totpConfirm: { confirmed: true } })
    expect(codeOf(await enter(ann))).toBe('UNAUTHENTICATED')
    expect(codeOf(await confirm(ann, digits(secret)))).toBe('INVALID_STATE')
    const again = await cloud.gql(CREATE, { input: {} }, ann.token)
    expect(codeOf(again)).toBe('CONFLICT')
    const { session } = await cloud.must('{ session { user { hasTotp } } }', {}, ann.token)
    expect(session.user.hasTotp).toBe(true)
  })

  it('begins anew when the first secret was lost', async () => {
    const ann = await person()
    const first = await begin(ann)
    const second = await begin(ann)
    expect(second.secret).not.toBe(first.secret)
    expect(codeOf(await confirm(ann, digits(second.secret)))).toBe('OK')
  })

  it('needs a beginning', async () => {
    expect(codeOf(await confirm(await person(), '123456'))).toBe('NOT_FOUND')
  })

  it('shows the secret once for a key, and begins nothing in a dry run', async () => {
    const ann = await person()
    const asked = (input: object) => cloud.gql(CREATE, { input }, ann.token)
    expect((await asked({ dryRun: true })).data.totpCreate).toEqual({ secret: null, uri: null })
    expect(await cloud.cloud.db.totp.count({ where: { userId: ann.userId } })).toBe(0)
    const answers = await Promise.all([
      asked({ idempotencyKey: 'k1' }),
      asked({ idempotencyKey: 'k1' }),
    ])
    expect(answers.map(codeOf).sort()).toEqual(['CONFLICT', 'OK'])
    const first = answers.find((a) => codeOf(a) === 'OK') as GraphqlAnswer
    const { secret } = first.data.totpCreate
    expect(codeOf(await confirm(ann, digits(secret)))).toBe('OK')
  })
})

describe('signing in', () => {
  it('takes password and code', async () => {
    const ann = await enrolled()
    const { token } = (await enter(ann, digits(ann.secret))).data.tokenCreate
    expect(token.methods).toEqual(['PASSWORD', 'TOTP'])
  })

  it('says that a code is needed only to whom has the password', async () => {
    const ann = await enrolled()
    const missing = await enter(ann)
    expect(missing.errors?.[0]?.extensions).toMatchObject({
      code: 'UNAUTHENTICATED',
      details: { missing: ['totp'] },
    })
    const plain = await person()
    const [wrong, withCode, other] = await Promise.all([
      enter(ann, undefined, 'wrong'),
      enter(ann, digits(ann.secret), 'wrong'),
      enter(plain, undefined, 'wrong'),
    ])
    for (const { errors } of [wrong, withCode, other]) {
      expect(errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED')
      expect(errors?.[0]?.extensions.details).toBeUndefined()
    }
    expect(wrong.errors?.[0]?.message).toBe(other.errors?.[0]?.message)
    // The code of the wrong password was not used up.
    expect(codeOf(await enter(ann, digits(ann.secret)))).toBe('OK')
  })

  it('takes a code once, whoever comes together', async () => {
    const ann = await enrolled()
    const code = digits(ann.secret)
    const answers = await Promise.all([enter(ann, code), enter(ann, code), enter(ann, code)])
    expect(answers.map(codeOf).sort()).toEqual(['OK', 'UNAUTHENTICATED', 'UNAUTHENTICATED'])
    expect(codeOf(await enter(ann, code))).toBe('UNAUTHENTICATED')
    now += STEP_MS
    // It would still be good by the clock.
    expect(codeOf(await enter(ann, code))).toBe('UNAUTHENTICATED')
    expect(codeOf(await enter(ann, digits(ann.secret)))).toBe('OK')
  })

  it('takes not the code that confirmed it', async () => {
    const ann = await person()
    const { secret } = await begin(ann)
    await confirm(ann, digits(secret))
    expect(codeOf(await enter(ann, digits(secret)))).toBe('UNAUTHENTICATED')
  })

  it('takes a clock that is one step off, and no more', async () => {
    for (const [steps, outcome] of [
      [-1, 'OK'],
      [1, 'OK'],
      [-2, 'UNAUTHENTICATED'],
      [2, 'UNAUTHENTICATED'],
    ] as const) {
      const ann = await enrolled()
      // Beyond the step that confirmed it.
      now += 2 * STEP_MS
      const code = digits(ann.secret, now + steps * STEP_MS)
      expect([steps, codeOf(await enter(ann, code))]).toEqual([steps, outcome])
    }
  })

  it('counts wrong codes, and locks out', async () => {
    const ann = await enrolled()
    const bad = wrongDigits(ann.secret)
    for (let i = 0; i < MAX_FAILED_LOGINS - 1; i++) await enter(ann, bad)
    expect(codeOf(await enter(ann, digits(ann.secret)))).toBe('OK')
    now += STEP_MS
    for (let i = 0; i < MAX_FAILED_LOGINS; i++) await enter(ann, bad)
    const locked = await enter(ann, digits(ann.secret))
    expect(codeOf(locked)).toBe('UNAUTHENTICATED')
    expect(locked.errors?.[0]?.extensions.details).toBeUndefined()
    now += LOCK_OUT_MS + STEP_MS
    expect(codeOf(await enter(ann, digits(ann.secret)))).toBe('OK')
  })
})

describe('taking it away', () => {
  it('needs a code for one’s own', async () => {
    const ann = await enrolled()
    expect(codeOf(await take({}, ann.token))).toBe('BAD_INPUT')
    expect(codeOf(await take({ code: wrongDigits(ann.secret) }, ann.token))).toBe('FORBIDDEN')
    const code = digits(ann.secret)
    expect(codeOf(await enter(ann, code))).toBe('OK')
    expect(codeOf(await take({ code }, ann.token))).toBe('FORBIDDEN')
    now += STEP_MS
    expect(codeOf(await take({ code: digits(ann.secret), dryRun: true }, ann.token))).toBe('OK')
    expect(codeOf(await enter(ann))).toBe('UNAUTHENTICATED')
    const answer = await take({ code: digits(ann.secret) }, ann.token)
    expect(answer.data).toEqual({ totpDelete: { deleted: true } })
    expect(codeOf(await enter(ann))).toBe('OK')
    expect(codeOf(await take({}, ann.token))).toBe('NOT_FOUND')
  })

  it('can not be guessed, in dry runs neither', async () => {
    const ann = await enrolled()
    const bad = { code: wrongDigits(ann.secret), dryRun: true }
    for (let i = 0; i < MAX_FAILED_LOGINS; i++) await take(bad, ann.token)
    expect(codeOf(await take({ code: digits(ann.secret) }, ann.token))).toBe('FORBIDDEN')
    expect(codeOf(await enter(ann, digits(ann.secret)))).toBe('UNAUTHENTICATED')
  })

  it('needs none while it is not in force', async () => {
    const ann = await person()
    await begin(ann)
    expect(codeOf(await take({}, ann.token))).toBe('OK')
  })

  it('is for operators and the managers of the domain, of plain users', async () => {
    const { db } = cloud.cloud
    const { domainId } = await db.user.findFirstOrThrow({ where: { name: 'admin' } })
    const manager = (domain: string) =>
      cloud.cloud.tokens.issue(
        {
          userId: newId(),
          userName: 'm',
          userDomainId: domain,
          projectId: null,
          projectName: null,
          projectDomainId: null,
          domainId: domain,
          system: false,
          operator: false,
          roles: ['manager', 'member', 'reader'],
          methods: ['password'],
          applicationCredentialId: null,
          accessRules: null,
          trustId: null,
          trustorUserId: null,
        },
        new Date(now),
        3600,
      ).secret
    const times = { createdAt: new Date(now), updatedAt: new Date(now) }
    const elsewhere = await db.domain.create({
      data: { id: newId(), ...named('elsewhere'), ...times },
    })
    const [ann, bob, eve] = [await enrolled(), await enrolled(), await person()]
    const ofAnn = { userId: ann.userId }
    expect(codeOf(await take(ofAnn, eve.token))).toBe('NOT_FOUND')
    expect(codeOf(await take(ofAnn, manager(elsewhere.id)))).toBe('NOT_FOUND')
    expect(codeOf(await take({ userId: newId() }, manager(domainId)))).toBe('NOT_FOUND')
    expect(codeOf(await take(ofAnn, manager(domainId)))).toBe('OK')
    expect(codeOf(await enter(ann))).toBe('OK')
    const admin = await db.role.findFirstOrThrow({ where: { name: 'admin', domainId: null } })
    await db.roleAssignment.create({
      data: {
        id: newId(),
        roleId: admin.id,
        userId: bob.userId,
        projectId,
        ...{ createdAt: new Date(now) },
      },
    })
    const ofBob = { userId: bob.userId }
    expect(codeOf(await take(ofBob, manager(domainId)))).toBe('FORBIDDEN')
    expect(codeOf(await take(ofBob, await cloud.signIn()))).toBe('OK')
  })

  it('is told and recorded, as the beginning is', async () => {
    const ann = await enrolled()
    await take({ code: digits(ann.secret) }, ann.token)
    const events = await cloud.cloud.db.$queryRaw`
      select type from core.event where resource_type = 'totp' and resource_id = ${ann.userId}::uuid
      order by xid, seq`
    expect(events).toEqual([
      { type: 'totp.created' },
      { type: 'totp.updated' },
      { type: 'totp.deleted' },
    ])
    const entries = await cloud.cloud.db.auditEvent.findMany({
      where: { resourceId: ann.userId, resourceType: 'totp' },
      orderBy: { id: 'asc' },
    })
    expect(entries.map(({ after }) => after)).toEqual([
      { confirmed: false },
      { confirmed: true },
      null,
    ])
  })
})

it('neither secret nor code is written down anywhere', async () => {
  const { log, lines } = makeTestLog()
  const { databaseUrl, dataDir } = cloud
  const api = await startApi({ databaseUrl, dataDir, log })
  try {
    const ann = await person()
    const { totpCreate } = (await api.gql(CREATE, { input: { idempotencyKey: 'm' } }, ann.token))
      .data
    const { secret } = totpCreate
    const code = new TOTP({ secret }).generate()
    const confirmed = await api.gql(CONFIRM, { input: { code, idempotencyKey: 'c' } }, ann.token)
    expect(codeOf(confirmed)).toBe('OK')
    const input = { password: { user: ann.name, password: PASSWORD }, totp: code }
    const refused = await api.gql(ENTER, { input })
    expect(codeOf(refused)).toBe('UNAUTHENTICATED')
    const said = [...lines, JSON.stringify(refused), await writtenDown(cloud.cloud)].join('\n')
    expect(said).toContain(ann.userId)
    expect(said).not.toContain(secret)
    expect(said).not.toContain(`"${code}"`)
    expect(said).not.toContain(PASSWORD)
    const row = await cloud.cloud.db.totp.findUniqueOrThrow({ where: { userId: ann.userId } })
    expect(row.sealedSecret).not.toContain(secret)
  } finally {
    await api.stop()
  }
})
