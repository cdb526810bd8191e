/**
 * The manager of the domain that the operator's project is in had ways to it and to its people: a role
 * inherited from the domain counts in that project too, all tokens of an operator and of the project
 * could be taken back, and whoever held a trust for the project was a user like any other, whose
 * password the manager could set to use the trust.
 */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { newId } from '../../services/id.ts'
import { effectiveRoles } from '../../services/identity/effective-roles.ts'
import { mutation } from '../access/row.ts'
import { newPlainUser, tokenOf } from '../access/world.ts'
import { type Cluster, startCluster } from '../support/cluster.ts'

const GIVE = mutation('roleAssignmentCreate', 'roleAssignment { id }')
const REVOKE = mutation('tokensRevoke', 'revoked')
const UPDATE = mutation('userUpdate', 'user { id }')
const TRUST = mutation('trustCreate', 'trust { id }')

let cloud: Cluster
let admin: string
let manager: string
let domainId: string
let operatorProjectId: string

beforeAll(async () => {
  cloud = await startCluster({ hosts: 0, config: { roles: ['api'] } })
  admin = await cloud.signIn()
  const project = await cloud.cloud.db.project.findFirstOrThrow({ where: { operator: true } })
  domainId = project.domainId
  operatorProjectId = project.id
  const self = await newPlainUser(cloud.cloud, domainId, 'boss')
  manager = tokenOf(cloud.cloud, 'domainManager', { self, domainId, projectId: newId() })
})
afterAll(() => cloud?.stop())

async function codeOf(document: string, input: object, token = manager): Promise<string> {
  const { errors } = await cloud.gql(document, { input }, token)
  return errors?.[0]?.extensions.code ?? 'OK'
}

it('gives no role that is inherited into the operator’s project', async () => {
  const userId = await newPlainUser(cloud.cloud, domainId)
  const input = { role: 'manager', userId, domainId, inherited: true }
  expect(await codeOf(GIVE, input)).toBe('FORBIDDEN')
  const there = { projectId: operatorProjectId, domainId: null, system: false }
  expect(await effectiveRoles(cloud.cloud.db, userId, there)).toEqual([])
  expect(await codeOf(GIVE, { ...input, inherited: false })).toBe('OK')
  expect(await codeOf(UPDATE, { id: userId, description: 'plain' })).toBe('OK')
  expect(await codeOf(GIVE, input, admin)).toBe('OK')
  expect(await codeOf(UPDATE, { id: userId, description: 'mightier' })).toBe('FORBIDDEN')
})

it('touches nobody who may use a trust for the operator’s project', async () => {
  const trusteeUserId = await newPlainUser(cloud.cloud, domainId)
  const update = { id: trusteeUserId, password: 'correct horse battery staple 2' }
  expect(await codeOf(UPDATE, update)).toBe('OK')
  const trust = { trusteeUserId, roles: ['admin'], impersonation: true }
  expect(await codeOf(TRUST, trust, admin)).toBe('OK')
  const again = { id: trusteeUserId, password: 'correct horse battery staple 3' }
  expect(await codeOf(UPDATE, again)).toBe('FORBIDDEN')
})

it('takes tokens back of plain users and projects only', async () => {
  const userId = await newPlainUser(cloud.cloud, domainId)
  expect(await codeOf(REVOKE, { userId })).toBe('OK')
  const operator = await cloud.cloud.db.user.findFirstOrThrow({ where: { name: 'admin' } })
  expect(await codeOf(REVOKE, { userId: operator.id })).toBe('FORBIDDEN')
  expect(await codeOf(REVOKE, { projectId: operatorProjectId })).toBe('FORBIDDEN')
  expect((await cloud.gql('{ session { user { name } } }', {}, admin)).errors).toBeUndefined()
  expect(await codeOf(REVOKE, { userId: operator.id }, admin)).toBe('OK')
})
