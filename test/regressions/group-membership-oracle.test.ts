/**
 * Who may not see the users of a group could still ask whether somebody is in it: the filter `userId`
 * of the groups that one is in oneself looked at anybody's memberships.
 */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { newId } from '../../services/id.ts'
import { mutation } from '../access/row.ts'
import { newDomain, newPlainUser, tokenOf } from '../access/world.ts'
import { type Cluster, startCluster } from '../support/cluster.ts'

const GROUPS = `query ($userId: ID!) { groups(filter: { userId: $userId }) { totalCount
  nodes { users { totalCount } } } }`

let cloud: Cluster

beforeAll(async () => {
  cloud = await startCluster({ hosts: 0, config: { roles: ['api'] } })
})
afterAll(() => cloud?.stop())

it('tells of one’s own memberships only', async () => {
  const admin = await cloud.signIn()
  const domainId = await newDomain(cloud.cloud, 'acme')
  const [self, other] = [
    await newPlainUser(cloud.cloud, domainId),
    await newPlainUser(cloud.cloud, domainId),
  ]
  const input = { name: 'ops', domainId }
  const { groupCreate } = await cloud.must(
    mutation('groupCreate', 'group { id }'),
    { input },
    admin,
  )
  for (const userId of [self, other]) {
    const member = { groupId: groupCreate.group.id, userId }
    await cloud.must(mutation('groupUserAdd', 'group { id }'), { input: member }, admin)
  }
  const token = tokenOf(cloud.cloud, 'unscoped', { self, domainId, projectId: newId() })
  const groupsOf = async (userId: string) => (await cloud.must(GROUPS, { userId }, token)).groups
  expect(await groupsOf(self)).toEqual({ totalCount: 1, nodes: [{ users: null }] })
  expect(await groupsOf(other)).toEqual({ totalCount: 0, nodes: [] })
})
