/**
 * Watchers with the same rights shared one answer, and what a rule lets everybody see of themselves was
 * in it: who watched the assignments of a domain got the e-mail address of a user of another domain who
 * watched them too.
 */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { newId } from '../../services/id.ts'
import { mutation } from '../access/row.ts'
import { newDomain, newPlainUser, tokenOf } from '../access/world.ts'
import { type Cluster, startCluster } from '../support/cluster.ts'

const WATCH = 'subscription { roleAssignmentChanged { kind roleAssignment { user { id email } } } }'
const GIVE = mutation('roleAssignmentCreate', 'roleAssignment { id }')

interface Change {
  kind: string
  roleAssignment: { user: { id: string; email: string | null } } | null
}

let cloud: Cluster

beforeAll(async () => {
  cloud = await startCluster({ hosts: 0, config: { roles: ['api'] } })
})
afterAll(() => cloud?.stop())

it('shows the own address to nobody else', async () => {
  const admin = await cloud.signIn()
  const [here, elsewhere] = [
    await newDomain(cloud.cloud, 'here'),
    await newDomain(cloud.cloud, 'elsewhere'),
  ]
  const guest = await newPlainUser(cloud.cloud, elsewhere)
  const local = await newPlainUser(cloud.cloud, here)
  const email = 'guest@elsewhere.example'
  await cloud.cloud.db.user.update({ where: { id: guest }, data: { email } })
  const watchAs = (self: string) => {
    const scope = { self, domainId: here, projectId: newId() }
    return cloud.watch<Change>(WATCH, {}, tokenOf(cloud.cloud, 'domainReader', scope))
  }
  const watches = [watchAs(guest), watchAs(local)] as const
  try {
    const first = await newPlainUser(cloud.cloud, here)
    const give = (userId: string) =>
      cloud.must(GIVE, { input: { role: 'reader', userId, domainId: here } }, admin)
    // Both watch when both have been told of somebody.
    await give(first)
    const about = (id: string) => (change: Change) => change.roleAssignment?.user.id === id
    for (const watch of watches) await watch.next(about(first))
    await give(guest)
    const seen = await Promise.all(watches.map((watch) => watch.next(about(guest))))
    expect(seen.map((change) => change.roleAssignment?.user.email)).toEqual([email, null])
  } finally {
    for (const watch of watches) watch.close()
  }
})
