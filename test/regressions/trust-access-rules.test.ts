/**
 * An application credential with access rules that was unrestricted could give a trust, and a trust
 * carries no access rules: its trustee had all that the credential was kept from.
 */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { mutation } from '../access/row.ts'
import { type Cluster, PASSWORD, startCluster } from '../support/cluster.ts'
import { newProject, newUser } from '../support/people.ts'

const SIGN_IN = mutation('tokenCreate', 'secret')
const CREDENTIAL = mutation('applicationCredentialCreate', 'secret applicationCredential { id }')
const TRUST = mutation('trustCreate', 'trust { id }')

let cloud: Cluster

beforeAll(async () => {
  cloud = await startCluster({ hosts: 0, config: { roles: ['api'] } })
})
afterAll(() => cloud?.stop())

it('gives no trust with a token that is good for some rules only', async () => {
  const projectId = await newProject(cloud.cloud, 'web')
  await newUser(cloud.cloud, 'owner', { password: PASSWORD, projectId, role: 'member' })
  const trusteeUserId = await newUser(cloud.cloud, 'friend')
  const token = await cloud.signIn('web', PASSWORD, 'owner')
  const lent = async (name: string, accessRules?: string[]): Promise<string> => {
    const input = { name, accessRules, unrestricted: true }
    const made = await cloud.must(CREDENTIAL, { input }, token)
    const { secret, applicationCredential } = made.applicationCredentialCreate
    const credential = { applicationCredential: { id: applicationCredential.id, secret } }
    return (await cloud.must(SIGN_IN, { input: credential })).tokenCreate.secret
  }
  const input = { trusteeUserId, roles: ['member'] }
  const limited = await cloud.gql(TRUST, { input }, await lent('some', ['identity.trust.*']))
  expect(limited.errors?.[0]?.extensions.code).toBe('FORBIDDEN')
  await cloud.must(TRUST, { input }, await lent('all'))
})
