/**
 * HEAD of an image's bytes looked the image up before it looked at the token: without a token, or
 * with an unscoped one, it compared a UUID column with the empty text, and answered 500.
 */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Cluster, startCluster } from '../support/cluster.ts'
import { tokenFor } from '../support/people.ts'

let cloud: Cluster
beforeAll(async () => {
  cloud = await startCluster({ hosts: 0, config: { roles: ['api'] } })
})
afterAll(() => cloud?.stop())

const PATH = '/v1/images/0192e4a0-0000-7000-8000-000000000000/file'
const head = async (token: string | null) => {
  const headers: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {}
  return (await fetch(cloud.url + PATH, { method: 'HEAD', headers })).status
}

it('is 401 without a token and 403 with an unscoped one', async () => {
  expect(await head(null)).toBe(401)
  expect(await head(tokenFor(cloud.cloud))).toBe(403)
  expect(await head(await cloud.signIn())).toBe(404)
})
