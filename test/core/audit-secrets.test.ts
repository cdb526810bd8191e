/**
 * No secret is ever in the audit log. Every mutation of the schema is called with marked secrets in
 * every place that takes one, and what answers show as secret is looked for as well.
 */
import { readFileSync } from 'node:fs'
import {
  buildSchema,
  type GraphQLInputType,
  type GraphQLNamedType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isObjectType,
} from 'graphql'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../../services/id.ts'
import { mutation } from '../access/row.ts'
import { newPlainUser, newWorld, type Owned, tokenOf } from '../access/world.ts'
import { type Cluster, PASSWORD, startCluster } from '../support/cluster.ts'

const schema = buildSchema(
  readFileSync(new URL('../../schema/schema.graphql', import.meta.url), 'utf8'),
)
const MARKER = 'Marked-S3cret-Horse-Battery'
const SECRET = /password|secret|^token$|^code$|^totp$|ticket/i

let cloud: Cluster
let world: Owned
let self: string

beforeAll(async () => {
  cloud = await startCluster({ hosts: 0, config: { roles: ['api'] } })
  const c = cloud.cloud
  const project = await c.db.project.findFirstOrThrow({ where: { operator: true } })
  world = await newWorld(c, project.domainId)
  self = await newPlainUser(c, project.domainId)
})
afterAll(() => cloud?.stop())

const operator = () =>
  tokenOf(cloud.cloud, 'operator', { self, domainId: world.domainId, projectId: world.projectId })

/** A value for an input; null leaves it out. */
function valueOf(name: string, type: GraphQLInputType): unknown {
  if (isNonNullType(type)) return valueOf(name, type.ofType)
  if (isListType(type)) return [valueOf(name, type.ofType)]
  if (isInputObjectType(type)) {
    const fields = Object.values(type.getFields())
    const wanted = fields.filter(
      (f) => isNonNullType(f.type) || SECRET.test(f.name) || holdsSecret(f.type),
    )
    return Object.fromEntries(wanted.map((f) => [f.name, valueOf(f.name, f.type)]))
  }
  if (isEnumType(type)) return type.getValues()[0]?.name
  if (type.name === 'Boolean') return false
  if (type.name === 'Int' || type.name === 'Float') return 1
  if (SECRET.test(name)) return MARKER
  const known = (world as unknown as Record<string, string>)[name]
  if (known && type.name === 'ID') return known
  if (type.name === 'ID') return newId()
  return /url|issuer/i.test(name) ? 'https://example.org' : `n${newId()}`
}

const holdsSecret = (type: GraphQLInputType): boolean => {
  const inner = isNonNullType(type) ? type.ofType : type
  if (!isInputObjectType(inner)) return false
  return Object.values(inner.getFields()).some((f) => SECRET.test(f.name) || holdsSecret(f.type))
}

/** What can be shown of an answer without arguments, secrets included. */
const scalarsOf = (type: GraphQLNamedType | undefined): string => {
  if (!isObjectType(type)) return '__typename'
  const leaves = Object.values(type.getFields()).filter(
    (f) => !isObjectType(nameless(f.type)) && f.args.length === 0,
  )
  return ['__typename', ...leaves.map((f) => f.name)].join(' ')
}
const nameless = (type: unknown): GraphQLNamedType =>
  (type as { ofType?: unknown }).ofType
    ? nameless((type as { ofType: unknown }).ofType)
    : (type as GraphQLNamedType)

/** Texts of an answer that its fields call secret. */
function secretsIn(answer: unknown): string[] {
  if (typeof answer !== 'object' || answer === null) return []
  return Object.entries(answer).flatMap(([name, value]) =>
    typeof value === 'string' && /secret|^uri$/i.test(name) ? [value] : secretsIn(value),
  )
}

const expectNowhere = async (secrets: string[]) => {
  for (const secret of secrets) {
    const rows = await cloud.cloud.db.$queryRaw<{ row: string }[]>`
      select to_jsonb(e)::text as row from core.audit_event e
      where strpos(to_jsonb(e)::text, ${secret}) > 0`
    expect(rows).toEqual([])
  }
}

const all = Object.values(schema.getMutationType()?.getFields() ?? {})

describe('the audit log', () => {
  it.each(all.map((field) => [field.name, field] as const))(
    'holds no secret of %s',
    async (name, field) => {
      const type = field.args[0]?.type as GraphQLInputType
      const payload = nameless(field.type)
      const input = valueOf('input', type)
      const answer = await cloud.gql(
        mutation(name, scalarsOf(payload), nameless(type).name),
        { input },
        operator(),
      )
      const wrong = answer.errors?.filter((e) => /^(Unknown|Cannot query|Variable)/.test(e.message))
      expect(wrong ?? []).toEqual([])
      await expectNowhere([MARKER, ...secretsIn(answer.data)])
    },
  )

  it('has something in it by then', async () => {
    const { db } = cloud.cloud
    expect(await db.auditEvent.count({ where: { outcome: 'SUCCESS' } })).toBeGreaterThan(5)
    expect(await db.auditEvent.count({ where: { outcome: 'FAILURE' } })).toBeGreaterThan(5)
    await expectNowhere([MARKER])
  })

  it('holds none of what does succeed with a secret', async () => {
    const run = async (name: string, fields: string, input: object, token: string | null) =>
      cloud.must(mutation(name, fields), { input }, token)
    const name = `u${newId()}`
    const { domainId, projectId } = world
    const made = { name, domainId, password: MARKER }
    const { userCreate } = await run('userCreate', 'user { id }', made, operator())
    const { id } = userCreate.user
    const given = { role: 'member', userId: id, projectId }
    await run('roleAssignmentCreate', 'roleAssignment { id }', given, operator())
    const password = { user: name, domain: 'Default', password: MARKER }
    const entered = await run('tokenCreate', 'secret', { password, scope: { projectId } }, null)
    const token = entered.tokenCreate.secret
    const secrets = [MARKER, token, token.split('.').at(-1)]
    const credential = await run(
      'applicationCredentialCreate',
      'applicationCredential { id } secret',
      { name: 'ci', roles: ['reader'] },
      token,
    )
    const ec2 = await run('ec2CredentialCreate', 'secret', {}, token)
    const totp = await run('totpCreate', 'secret uri', {}, token)
    secrets.push(...secretsIn(credential), ...secretsIn(ec2), ...secretsIn(totp))
    const next = `${MARKER}-2`
    await run('userPasswordChange', 'secret', { password: MARKER, newPassword: next }, token)
    await run('userUpdate', 'user { id }', { id, password: `${MARKER}-3` }, operator())
    expect(secrets.length).toBeGreaterThan(5)
    expect(await cloud.cloud.db.auditEvent.count({ where: { userId: id } })).toBeGreaterThan(3)
    const hash = (await cloud.cloud.db.user.findUniqueOrThrow({ where: { id } })).passwordHash
    await expectNowhere([...secrets, hash ?? '', PASSWORD, 'argon2'])
  })
})
