/**
 * A stored answer was for the user and the project of the token: with the token of another domain the
 * same key gave the first domain's answer and its resource as it was now. And a repeated change of the
 * password never came to the check that no lent token may change one: it gave out a token without the
 * limits of the one it was asked with.
 */
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { newId } from '../../services/id.ts'
import { mutation } from '../access/row.ts'
import { newDomain, newPlainUser, tokenOf } from '../access/world.ts'
import { type Cluster, PASSWORD, startCluster } from '../support/cluster.ts'
import { newProject, newUser } from '../support/people.ts'

const CREATE = mutation('userCreate', 'user { id name domain { id } }')
const SIGN_IN = mutation('tokenCreate', 'secret')
const CHANGE = mutation('userPasswordChange', 'secret')
const CREDENTIAL = mutation('applicationCredentialCreate', 'secret applicationCredential { id }')

let cloud: Cluster

beforeAll(async () => {
  cloud = await startCluster({ hosts: 0, config: { roles: ['api'] } })
})
afterAll(() => cloud?.stop())

it('a key that was used in one domain is refused in another', async () => {
  const [one, other] = [await newDomain(cloud.cloud, 'one'), await newDomain(cloud.cloud, 'other')]
  const self = await newPlainUser(cloud.cloud, one)
  const managerOf = (domainId: string) =>
    tokenOf(cloud.cloud, 'domainManager', { self, domainId, projectId: newId() })
  const input = { name: 'new', idempotencyKey: newId() }
  const made = await cloud.must(CREATE, { input }, managerOf(one))
  expect(await cloud.must(CREATE, { input }, managerOf(one))).toEqual(made)
  const answer = await cloud.gql(CREATE, { input }, managerOf(other))
  expect(answer.errors?.[0]?.extensions.code).toBe('CONFLICT')
})

it('a lent token repeats no change of the password', async () => {
  const projectId = await newProject(cloud.cloud, 'lent')
  await newUser(cloud.cloud, 'lender', { password: PASSWORD, projectId, role: 'member' })
  const input = {
    password: PASSWORD,
    newPassword: `${PASSWORD} ${randomUUID()}`,
    idempotencyKey: newId(),
  }
  const first = await cloud.signIn('lent', PASSWORD, 'lender')
  const { userPasswordChange } = await cloud.must(CHANGE, { input }, first)
  const limited = { name: 'limited', accessRules: ['identity.user.change-password'] }
  const made = await cloud.must(CREDENTIAL, { input: limited }, userPasswordChange.secret)
  const { secret, applicationCredential } = made.applicationCredentialCreate
  const credential = { applicationCredential: { id: applicationCredential.id, secret } }
  const { tokenCreate } = await cloud.must(SIGN_IN, { input: credential })
  const answer = await cloud.gql(CHANGE, { input }, tokenCreate.secret)
  expect(answer.errors?.[0]?.extensions.code).toBe('FORBIDDEN')
  expect(answer.data?.userPasswordChange ?? null).toBeNull()
})
