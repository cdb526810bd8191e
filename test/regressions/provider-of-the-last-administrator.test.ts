/**
 * Disabling an identity provider did not ask whether an administrator is left who can sign in, and a
 * user of a disabled provider counted as one: nobody could administer the cloud any more.
 */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { newId } from '../../services/id.ts'
import { mutation } from '../access/row.ts'
import { newDomain, newPlainUser, tokenOf } from '../access/world.ts'
import { type Cluster, startCluster } from '../support/cluster.ts'

const GIVE = mutation('roleAssignmentCreate', 'roleAssignment { id }')
const PROVIDER = mutation('identityProviderUpdate', 'identityProvider { id enabled }')
const USER = mutation('userUpdate', 'user { id enabled }')

let cloud: Cluster

beforeAll(async () => {
  cloud = await startCluster({ hosts: 0, config: { roles: ['api'] } })
})
afterAll(() => cloud?.stop())

it('keeps a way in for the last administrator', async () => {
  const { db, now } = cloud.cloud
  const times = { createdAt: now(), updatedAt: now() }
  const domainId = await newDomain(cloud.cloud, 'staff')
  const provider = await db.identityProvider.create({
    data: {
      id: newId(),
      name: 'idp',
      issuer: 'https://idp.example',
      clientId: 'cloud',
      sealedClientSecret: '',
      domainId,
      mapping: [],
      ...times,
    },
  })
  const { id } = provider
  const self = await newPlainUser(cloud.cloud, domainId)
  await db.federatedIdentity.create({
    data: { identityProviderId: id, subject: 's', userId: self, createdAt: now() },
  })
  const input = { role: 'admin', userId: self, system: true }
  await cloud.must(GIVE, { input }, await cloud.signIn())
  const token = tokenOf(cloud.cloud, 'systemAdmin', { self, domainId, projectId: newId() })
  const codeOf = async (document: string, input: object) =>
    (await cloud.gql(document, { input }, token)).errors?.[0]?.extensions.code ?? 'OK'

  const first = await db.user.findFirstOrThrow({ where: { name: 'admin' } })
  await db.identityProvider.update({ where: { id }, data: { enabled: false } })
  expect(await codeOf(USER, { id: first.id, enabled: false })).toBe('LAST_ADMINISTRATOR')
  await db.identityProvider.update({ where: { id }, data: { enabled: true } })
  expect(await codeOf(USER, { id: first.id, enabled: false })).toBe('OK')
  expect(await codeOf(PROVIDER, { id, enabled: false })).toBe('LAST_ADMINISTRATOR')
})
