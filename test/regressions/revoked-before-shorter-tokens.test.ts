/**
 * A revocation was kept for as long as a new token lives. Once that was set to less, the older and longer
 * tokens that it was about were good again when it was forgotten.
 */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { mutation } from '../access/row.ts'
import { type Cluster, startCluster } from '../support/cluster.ts'
import { newUser, tokenFor } from '../support/people.ts'

const DAY_SECONDS = 24 * 3600

let cloud: Cluster

beforeAll(async () => {
  cloud = await startCluster({ hosts: 0, config: { roles: ['api'], tokenTtlSeconds: 60 } })
})
afterAll(() => cloud?.stop())

it.each(['tokensRevoke', 'tokenRevoke'])('%s holds for tokens from before', async (name) => {
  const { revocations, now, db } = cloud.cloud
  const userId = await newUser(cloud.cloud, name)
  const token = tokenFor(cloud.cloud, { userId, ttlSeconds: DAY_SECONDS })
  const input = name === 'tokenRevoke' ? { secret: token } : { userId }
  await cloud.must(mutation(name, 'revoked'), { input }, token)
  const soon = new Date(now().getTime() + 3_600_000)
  revocations.prune(soon)
  await db.revocation.deleteMany({ where: { expiresAt: { lte: soon } } })
  const { errors } = await cloud.gql('{ session { user { name } } }', {}, token)
  expect(errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED')
  expect(await db.revocation.count({ where: { expiresAt: { gt: soon } } })).toBeGreaterThan(0)
})
