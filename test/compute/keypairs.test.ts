/** Key pairs: made or imported, a user's own, shown once, limited; and the copy that servers keep. */
import { generateKeyPairSync } from 'node:crypto'
import sshpk from 'sshpk'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../../services/id.ts'
import { type Cluster, startCluster } from '../support/cluster.ts'
import { newProject, newUser, tokenFor } from '../support/people.ts'

let cloud: Cluster
let mia: string
let ole: string
let operator: string

beforeAll(async () => {
  cloud = await startCluster({ hosts: 0, config: { roles: ['api'] } })
  operator = await cloud.signIn()
  const projectId = await newProject(cloud.cloud, 'people')
  const tokenOf = async (name: string) => {
    const userId = await newUser(cloud.cloud, name, { projectId, role: 'member' })
    return tokenFor(cloud.cloud, { userId, projectId, role: 'member' })
  }
  mia = await tokenOf('mia')
  ole = await tokenOf('ole')
})
afterAll(() => cloud?.stop())

const codeOf = ({ errors }: { errors?: { extensions: { code: string } }[] }) =>
  errors?.[0]?.extensions.code
const KEYPAIR = 'keypair { id name type publicKey fingerprint userId }'
const create = (input: object, token = mia) =>
  cloud.gql(
    `mutation ($input: KeypairCreateInput!) { keypairCreate(input: $input) { privateKey ${KEYPAIR} } }`,
    { input },
    token,
  )
const take = (publicKey: string, name = `k-${newId()}`, token = mia) =>
  cloud.gql(
    `mutation ($input: KeypairImportInput!) { keypairImport(input: $input) { ${KEYPAIR} } }`,
    { input: { name, publicKey } },
    token,
  )
const remove = (id: string, token = mia) =>
  cloud.gql(
    `mutation ($input: KeypairDeleteInput!) { keypairDelete(input: $input) { keypair { id } } }`,
    { input: { id } },
    token,
  )

function publicHalf(type: 'rsa' | 'ec' | 'ed25519', size: number | string = 2048): string {
  const { publicKey } =
    type === 'rsa'
      ? generateKeyPairSync('rsa', { modulusLength: size as number })
      : type === 'ec'
        ? generateKeyPairSync('ec', { namedCurve: size as string })
        : generateKeyPairSync('ed25519')
  const pem = publicKey.export({ type: 'spki', format: 'pem' })
  return sshpk.parseKey(pem, 'pem').toString('ssh').split(' ').slice(0, 2).join(' ')
}

describe('a key pair that is made', () => {
  it('shows its private half once, and the two halves belong together', async () => {
    const { data } = await create({ name: 'laptop' })
    const { keypair, privateKey } = data.keypairCreate
    expect(keypair).toMatchObject({ name: 'laptop', type: 'SSH' })
    expect(keypair.publicKey).toMatch(/^ssh-ed25519 [A-Za-z0-9+/=]+ laptop$/)
    expect(keypair.fingerprint).toMatch(/^SHA256:[A-Za-z0-9+/]{43}$/)
    expect(privateKey).toMatch(/^-----BEGIN OPENSSH PRIVATE KEY-----\n/)
    const half = sshpk.parsePrivateKey(privateKey, 'openssh')
    expect(half.fingerprint('sha256').toString()).toBe(keypair.fingerprint)
    const signer = half.createSign('sha512')
    signer.update('text')
    const verifier = sshpk.parseKey(keypair.publicKey, 'ssh').createVerify('sha512')
    verifier.update('text')
    expect(verifier.verify(signer.sign())).toBe(true)
    const kept = JSON.stringify([
      await cloud.cloud.db.keypair.findMany(),
      await cloud.cloud.db.auditEvent.findMany({ where: { resourceType: 'keypair' } }),
      await cloud.cloud.db.idempotencyKey.findMany(),
    ])
    expect(kept).not.toContain('PRIVATE KEY')
    expect(kept).not.toContain(privateKey.split('\n')[2])
  })

  it('is shown no second time, and not in a dry run', async () => {
    const keyed = { name: 'keyed', idempotencyKey: newId() }
    expect((await create(keyed)).data.keypairCreate.privateKey).toContain('OPENSSH')
    expect(codeOf(await create(keyed))).toBe('CONFLICT')
    const dry = await create({ name: 'dry', dryRun: true })
    expect(dry.data.keypairCreate).toEqual({ keypair: null, privateKey: null })
  })
})

describe('a public key that is imported', () => {
  it('may be ed25519, ECDSA, or RSA that is long enough', async () => {
    for (const key of [
      publicHalf('ed25519'),
      publicHalf('ec', 'prime256v1'),
      publicHalf('ec', 'secp384r1'),
      publicHalf('ec', 'secp521r1'),
      publicHalf('rsa', 2048),
    ]) {
      const { data, errors } = await take(`${key} mia@laptop`)
      expect(errors).toBeUndefined()
      expect(data.keypairImport.keypair.publicKey).toBe(`${key} mia@laptop`)
    }
  })

  it('is refused with the reason when it is none', async () => {
    const good = publicHalf('ed25519')
    const [type, body = ''] = good.split(' ')
    for (const [key, reason] of [
      [publicHalf('rsa', 1024), /1024 bits/],
      ['hello', /one line/],
      [`${type} ${body.slice(0, 40)}`, /whole public key/],
      [`ssh-rsa ${body}`, /ssh-ed25519/],
      [`${good}\nssh-rsa AAAA`, /one line|control/],
      [`from="*" ${good}`, /one line/],
      ['-----BEGIN OPENSSH PRIVATE KEY-----\nabc', /private key/],
      ['x'.repeat(9000), /8192/],
    ] as const) {
      const answer = await take(key)
      expect(codeOf(answer), key.slice(0, 30)).toBe('BAD_INPUT')
      expect(answer.errors?.[0]?.message, key.slice(0, 30)).toMatch(reason)
    }
  })
})

describe('key pairs', () => {
  it('are one’s own: others neither see, use nor delete them', async () => {
    const { data } = await take(publicHalf('ed25519'), 'private')
    const { id } = data.keypairImport.keypair
    const look = (token: string) =>
      cloud.must('query ($id: ID!) { keypair(id: $id) { name } }', { id }, token)
    expect((await look(mia)).keypair).toEqual({ name: 'private' })
    expect((await look(ole)).keypair).toBeNull()
    expect((await look(operator)).keypair).toEqual({ name: 'private' })
    expect(codeOf(await remove(id, ole))).toBe('NOT_FOUND')
    expect(codeOf(await take(publicHalf('ed25519'), 'private'))).toBe('CONFLICT')
    expect((await take(publicHalf('ed25519'), 'private', ole)).errors).toBeUndefined()
    expect((await remove(id)).errors).toBeUndefined()
    expect((await look(mia)).keypair).toBeNull()
    expect(codeOf(await remove(id))).toBe('NOT_FOUND')
  })

  it('are as many as the registered limit says, also when they come at once', async () => {
    const { db } = cloud.cloud
    const used = await db.keypair.count({ where: { user: { name: 'ole' } } })
    await db.registeredLimit.updateMany({
      where: { resource: 'compute.keypairs' },
      data: { defaultLimit: used + 1 },
    })
    const answers = await Promise.all([1, 2, 3].map((n) => create({ name: `limit-${n}` }, ole)))
    expect(answers.filter(({ errors }) => !errors)).toHaveLength(1)
    const refused = answers.find(({ errors }) => errors)
    expect(codeOf(refused ?? {})).toBe('QUOTA_EXCEEDED')
    expect(refused?.errors?.[0]?.extensions.details).toMatchObject({
      resource: 'compute.keypairs',
      limit: used + 1,
    })
  })
})
