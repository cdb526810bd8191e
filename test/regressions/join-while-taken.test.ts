/**
 * Who joined a group in the moment in which its role was taken away, or it was deleted, was not among
 * those whose tokens ended, nor was who was taken out when the group was just given its first role: a
 * sign-in between the two kept the role as long as its token lived.
 */
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Tx } from '../../services/context.ts'
import { newId } from '../../services/id.ts'
import { mutation } from '../access/row.ts'
import { newDomain, newPlainUser, tokenOf } from '../access/world.ts'
import { type Cluster, startCluster } from '../support/cluster.ts'
import { until } from '../support/until.ts'

const GIVE = mutation('roleAssignmentCreate', 'roleAssignment { id }')

let cloud: Cluster
let admin: string
let domainId: string

beforeAll(async () => {
  cloud = await startCluster({ hosts: 0, config: { roles: ['api'] } })
  admin = await cloud.signIn()
  domainId = await newDomain(cloud.cloud, 'acme')
})
afterAll(() => cloud?.stop())

async function newGroup(name: string) {
  const create = mutation('groupCreate', 'group { id }')
  const made = await cloud.must(create, { input: { name, domainId } }, admin)
  const groupId: string = made.groupCreate.group.id
  const input = { role: 'member', groupId, domainId }
  const given = await cloud.must(GIVE, { input }, admin)
  return { groupId, assignmentId: given.roleAssignmentCreate.roleAssignment.id as string }
}

const blocked = async (): Promise<boolean> =>
  (await cloud.cloud.db.$queryRaw<unknown[]>`select from pg_locks where not granted`).length > 0

/** Runs `take` while `meanwhile` is not committed; a token of the user from between the two. */
async function during(
  userId: string,
  meanwhile: (tx: Tx) => Promise<unknown>,
  take: () => Promise<unknown>,
): Promise<string> {
  let done = false
  let taking: Promise<unknown> = Promise.resolve()
  await cloud.cloud.db.$transaction(async (tx) => {
    await meanwhile(tx)
    taking = take().finally(() => (done = true))
    await until('the other waits or is done', async () => done || (await blocked()))
  })
  const at = new Date(Date.now() - 1000)
  const scope = { self: userId, domainId, projectId: newId(), at }
  const token = tokenOf(cloud.cloud, 'domainReader', scope)
  await taking
  return token
}

async function joinDuring(groupId: string, take: () => Promise<unknown>): Promise<string> {
  const userId = await newPlainUser(cloud.cloud, domainId)
  const data = { groupId, userId, createdAt: cloud.cloud.now() }
  return during(userId, (tx) => tx.groupMember.create({ data }), take)
}

const works = async (token: string): Promise<boolean> =>
  !(await cloud.gql('{ session { user { name } } }', {}, token)).errors

it('ends the tokens of who joins while the role is taken away', async () => {
  const { groupId, assignmentId } = await newGroup('one')
  const take = mutation('roleAssignmentDelete', 'roleAssignment { id }')
  const run = () => cloud.must(take, { input: { id: assignmentId } }, admin)
  expect(await works(await joinDuring(groupId, run))).toBe(false)
})

it('ends the tokens of who joins while the group is deleted', async () => {
  const { groupId } = await newGroup('two')
  const remove = mutation('groupDelete', 'group { id }')
  const run = () => cloud.must(remove, { input: { id: groupId } }, admin)
  expect(await works(await joinDuring(groupId, run))).toBe(false)
})

it('ends the tokens of who is taken out while the group is given a role', async () => {
  const create = mutation('groupCreate', 'group { id }')
  const made = await cloud.must(create, { input: { name: 'three', domainId } }, admin)
  const groupId: string = made.groupCreate.group.id
  const { db, now } = cloud.cloud
  const userId = await newPlainUser(cloud.cloud, domainId)
  await db.groupMember.create({ data: { groupId, userId, createdAt: now() } })
  const role = await db.role.findFirstOrThrow({ where: { name: 'member', domainId: null } })
  const remove = mutation('groupUserRemove', 'group { id }')
  const token = await during(
    userId,
    (tx) =>
      tx.roleAssignment.create({
        data: { id: newId(), roleId: role.id, groupId, domainId, createdAt: now() },
      }),
    () => cloud.must(remove, { input: { groupId, userId } }, admin),
  )
  expect(await works(token)).toBe(false)
})
