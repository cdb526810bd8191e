import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../../services/id.ts'
import { ec2SecretOf } from '../../services/identity/ec2-credential.ts'
import { startApi } from '../support/api.ts'
import type { GraphqlAnswer } from '../support/client.ts'
import { type Cluster, startCluster } from '../support/cluster.ts'
import { makeTestLog } from '../support/log.ts'
import { assignRole, newProject, newUser, tokenFor } from '../support/people.ts'
import { writtenDown } from '../support/secrets.ts'

const CREATE = `mutation ($input: Ec2CredentialCreateInput!) { ec2CredentialCreate(input: $input) {
  ec2Credential { id access userId project { id } } secret } }`
const DELETE = `mutation ($input: Ec2CredentialDeleteInput!) { ec2CredentialDelete(input: $input) {
  ec2Credential { id } } }`
const LIST = `query ($filter: Ec2CredentialFilterInput) {
  ec2Credentials(first: 200, filter: $filter) { nodes { id } } }`

let cloud: Cluster
let projectId: string
let annId: string
let ann: string
let bob: string

beforeAll(async () => {
  cloud = await startCluster({ hosts: 0, config: { roles: ['api'] } })
  projectId = await newProject(cloud.cloud, 'work')
  annId = await newUser(cloud.cloud, 'ann', { projectId, role: 'member' })
  ann = tokenFor(cloud.cloud, { userId: annId, projectId, role: 'member' })
  const bobId = await newUser(cloud.cloud, 'bob', { projectId, role: 'admin' })
  bob = tokenFor(cloud.cloud, { userId: bobId, projectId, role: 'admin' })
})
afterAll(() => cloud?.stop())

const codeOf = ({ errors }: GraphqlAnswer) => errors?.[0]?.extensions.code ?? 'OK'
const make = (input: object = {}, token = ann) => cloud.gql(CREATE, { input }, token)
async function made(input: object = {}) {
  const answer = await make(input)
  if (answer.errors) throw new Error(JSON.stringify(answer.errors))
  const { ec2Credential, secret } = answer.data.ec2CredentialCreate
  return { ...ec2Credential, secret } as { id: string; access: string; secret: string }
}

describe('making one', () => {
  it('gives an access key and a secret that the S3 service finds again', async () => {
    const credential = await made()
    expect(credential).toMatchObject({ userId: annId, project: { id: projectId } })
    expect(credential.access).toMatch(/^[0-9A-F]{20}$/)
    expect(credential.secret).toMatch(/^[\w-]{40}$/)
    const { access, secret } = credential
    const found = await ec2SecretOf(cloud.cloud, access)
    expect(found).toEqual({ userId: annId, projectId, secret })
    const row = await cloud.cloud.db.ec2Credential.findUniqueOrThrow({ where: { access } })
    expect(row.sealedSecret).not.toContain(secret)
    expect(await ec2SecretOf(cloud.cloud, 'nobody')).toBeNull()
  })

  it('is for a project in which one has a role', async () => {
    const other = await newProject(cloud.cloud, 'other')
    const unscoped = tokenFor(cloud.cloud, { userId: annId })
    expect(codeOf(await make({}, unscoped))).toBe('FORBIDDEN')
    expect(codeOf(await make({ projectId }, unscoped))).toBe('OK')
    expect(codeOf(await make({ projectId: other }))).toBe('NOT_FOUND')
    expect(codeOf(await make({ projectId: newId() }))).toBe('NOT_FOUND')
    await assignRole(cloud.cloud, annId, other, 'reader')
    expect(codeOf(await make({ projectId: other }))).toBe('OK')
    expect(codeOf(await make({ projectId: 'x' }))).toBe('BAD_INPUT')
  })

  it('shows the secret once for a key, and makes none in a dry run', async () => {
    const count = () => cloud.cloud.db.ec2Credential.count()
    const before = await count()
    const dry = await make({ dryRun: true })
    expect(dry.data.ec2CredentialCreate).toEqual({ ec2Credential: null, secret: null })
    expect(await count()).toBe(before)
    await made({ idempotencyKey: 'k1' })
    expect(codeOf(await make({ idempotencyKey: 'k1' }))).toBe('CONFLICT')
    expect(await count()).toBe(before + 1)
  })
})

describe('what there is', () => {
  it('is one’s own', async () => {
    const { id } = await made()
    const seen = async (token: string, filter?: object) =>
      (await cloud.must(LIST, { filter }, token)).ec2Credentials.nodes.some(
        (node: { id: string }) => node.id === id,
      )
    expect(await seen(ann)).toBe(true)
    expect(await seen(bob)).toBe(false)
    expect(await seen(bob, { userId: annId })).toBe(false)
    expect(await seen(await cloud.signIn(), { userId: annId })).toBe(true)
    const one = 'query ($id: ID!) { ec2Credential(id: $id) { id } }'
    expect((await cloud.must(one, { id }, ann)).ec2Credential).toEqual({ id })
    expect((await cloud.must(one, { id }, bob)).ec2Credential).toBeNull()
  })
})

describe('its end', () => {
  it('comes with its deletion, by its owner or an operator', async () => {
    const { id, access } = await made()
    expect(codeOf(await cloud.gql(DELETE, { input: { id } }, bob))).toBe('NOT_FOUND')
    expect(await ec2SecretOf(cloud.cloud, access)).not.toBeNull()
    expect((await cloud.gql(DELETE, { input: { id } }, ann)).data).toEqual({
      ec2CredentialDelete: { ec2Credential: null },
    })
    expect(await ec2SecretOf(cloud.cloud, access)).toBeNull()
    expect(codeOf(await cloud.gql(DELETE, { input: { id } }, ann))).toBe('NOT_FOUND')
    const second = await made()
    const operator = await cloud.signIn()
    expect(codeOf(await cloud.gql(DELETE, { input: { id: second.id } }, operator))).toBe('OK')
  })

  it('comes with its user or project disabled', async () => {
    const { db } = cloud.cloud
    const { access } = await made()
    const found = async () => (await ec2SecretOf(cloud.cloud, access)) !== null
    await db.user.update({ where: { id: annId }, data: { enabled: false } })
    expect(await found()).toBe(false)
    await db.user.update({ where: { id: annId }, data: { enabled: true } })
    await db.project.update({ where: { id: projectId }, data: { enabled: false } })
    expect(await found()).toBe(false)
    await db.project.update({ where: { id: projectId }, data: { enabled: true } })
    expect(await found()).toBe(true)
  })
})

it('its secret is written down nowhere', async () => {
  const { log, lines } = makeTestLog()
  const { databaseUrl, dataDir } = cloud
  const api = await startApi({ databaseUrl, dataDir, log })
  try {
    const input = { idempotencyKey: 'marked' }
    const { data } = await api.gql(CREATE, { input }, ann)
    const { secret, ec2Credential } = data.ec2CredentialCreate
    await api.gql(CREATE, { input }, ann)
    await api.gql(DELETE, { input: { id: ec2Credential.id } }, ann)
    expect(lines.length).toBeGreaterThan(0)
    expect(lines.join('\n')).not.toContain(secret)
    const written = await writtenDown(cloud.cloud)
    expect(written).toContain(ec2Credential.id)
    expect(written).not.toContain(secret)
  } finally {
    await api.stop()
  }
})
