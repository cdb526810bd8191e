/**
 * A name with a null byte passed the checks of its length and was refused by PostgreSQL, whose text
 * has none: the caller was told INTERNAL. Half a surrogate pair did the same in `jsonb`. So did
 * filters, which were not checked at all, and cursors, which hold a name.
 */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { newId } from '../../services/id.ts'
import { type Cluster, startCluster } from '../support/cluster.ts'
import { newProject, tokenFor } from '../support/people.ts'
import { until } from '../support/until.ts'

let cloud: Cluster
let token: string
beforeAll(async () => {
  cloud = await startCluster({ hosts: 0, config: { roles: ['api'] } })
  const projectId = await newProject(cloud.cloud, 'work')
  token = tokenFor(cloud.cloud, { projectId, role: 'member' })
  const { db } = cloud.cloud
  const { id: flavorId } = await db.flavor.findFirstOrThrow()
  const size = { vcpus: 1, memoryMiB: 64, diskGiB: 1, flavorId }
  const state = { status: 'ACTIVE', powerState: 'RUNNING', userId: newId() }
  const times = { createdAt: new Date(), updatedAt: new Date() }
  await db.server.create({
    data: { id: newId(), projectId, name: 'a', ...size, ...state, ...times },
  })
})
afterAll(() => cloud?.stop())

const unstorable = ['a\0b', '\0', 'a\ud83e', '\udd86a']
const codesOf = async (document: string, variables: object) =>
  (await cloud.gql(document, variables, token)).errors?.map((e) => e.extensions.code)

it.each(unstorable)('%j is no name', async (name) => {
  const create = 'mutation ($input: ImageCreateInput!) { imageCreate(input: $input) { uploadUrl } }'
  expect(await codesOf(create, { input: { name, diskFormat: 'RAW' } })).toEqual(['BAD_INPUT'])
  const idempotencyKey = name
  const keyed = { input: { name: 'a', diskFormat: 'RAW', idempotencyKey } }
  expect(await codesOf(create, keyed)).toEqual(['BAD_INPUT'])
  expect(await cloud.cloud.db.image.count()).toBe(0)
})

it.each(unstorable)('%j is nothing to filter by', async (text) => {
  const list =
    'query ($name: StringFilterInput) { servers(filter: { name: $name }) { totalCount } }'
  for (const name of [{ eq: text }, { contains: text }, { in: [text] }]) {
    expect(await codesOf(list, { name })).toEqual(['BAD_INPUT'])
  }
})

it.each(unstorable)('%j is no place in a list', async (name) => {
  const list = `query ($after: String) { servers(after: $after, orderBy: { field: NAME }) {
    pageInfo { endCursor } } }`
  const { servers } = await cloud.must(list, {}, token)
  const parts = JSON.parse(Buffer.from(servers.pageInfo.endCursor, 'base64url').toString())
  const changed = JSON.stringify([...parts.slice(0, -1), name])
  const after = Buffer.from(changed).toString('base64url')
  expect(await codesOf(list, { after })).toEqual(['BAD_INPUT'])
})

it('is refused by a watch too, whose arguments nobody checked', async () => {
  const document =
    'subscription ($f: ServerFilterInput, $id: ID) { serverChanged(filter: $f, id: $id) { id } }'
  for (const variables of [{ f: { name: { eq: '\0' } } }, { id: '\0' }, { id: 'x' }]) {
    const watch = cloud.watch(document, variables, token)
    await until('the watch is refused', () => watch.errors.length > 0)
    expect(watch.errors.flat()).toMatchObject([{ extensions: { code: 'BAD_INPUT' } }])
    watch.close()
  }
})
