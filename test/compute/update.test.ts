/** Renaming and describing servers. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../../services/id.ts'
import { newPlainUser, newWorld, type Owned, tokenOf } from '../access/world.ts'
import { type Cluster, startCluster } from '../support/cluster.ts'

let cloud: Cluster
let world: Owned
let self: string

beforeAll(async () => {
  cloud = await startCluster({ hosts: 0, config: { roles: ['api'] } })
  const domain = await cloud.cloud.db.domain.findFirstOrThrow({ where: { name: 'Default' } })
  world = await newWorld(cloud.cloud, domain.id)
  self = await newPlainUser(cloud.cloud, domain.id)
})
afterAll(() => cloud?.stop())

const as = (persona: 'reader' | 'member' | 'manager') =>
  tokenOf(cloud.cloud, persona, { ...world, self })
const codeOf = ({ errors }: { errors?: { extensions: { code: string } }[] }) =>
  errors?.[0]?.extensions.code
const update = (input: object, token = as('member'), id = world.serverId) =>
  cloud.gql(
    `mutation ($input: ServerUpdateInput!) { serverUpdate(input: $input) {
      server { name description metadata tags status version } task { id } plan { allowed } } }`,
    { input: { id, ...input } },
    token,
  )

describe('a server', () => {
  it('is renamed and described, whatever runs on it, and is seen so by who watches', async () => {
    const watch = cloud.watch<{ kind: string; server: { tags: string[] } | null }>(
      'subscription { serverChanged(filter: { tags: ["a"] }) { kind server { tags } } }',
      {},
      as('reader'),
    )
    const { db } = cloud.cloud
    const { id } = await db.server.update({
      where: { id: world.serverId },
      data: { taskState: 'stop' },
    })
    try {
      const set = { name: 'other', description: 'text', metadata: { a: 'b' }, tags: ['b', 'a'] }
      const { data, errors } = await update(set)
      expect(errors).toBeUndefined()
      expect(data.serverUpdate).toMatchObject({
        task: null,
        server: { ...set, tags: ['a', 'b'], status: 'ACTIVE' },
      })
      await watch.next((e) => e.kind === 'UPDATED' && e.server?.tags[0] === 'a')
      await update({ tags: [] })
      await watch.next((e) => e.kind === 'DELETED')
      const audit = await db.auditEvent.findFirstOrThrow({
        where: { action: 'compute.server.update', resourceId: id },
        orderBy: { id: 'asc' },
      })
      expect(audit.after).toEqual({ ...set, tags: ['a', 'b'] })
      expect(audit.before).toEqual({ name: 'up', description: null, metadata: {}, tags: [] })
    } finally {
      watch.close()
      await db.server.update({ where: { id: world.serverId }, data: { taskState: null } })
    }
    const { data } = await update({ description: '' })
    expect(data.serverUpdate.server.description).toBeNull()
  })

  it('is changed as it was seen, and not at all in a dry run', async () => {
    const { version } = (await update({})).data.serverUpdate.server
    expect(codeOf(await update({ name: 'x', ifVersion: version - 1 }))).toBe('CONFLICT')
    const dry = await update({ name: 'dry', ifVersion: version, dryRun: true })
    expect(dry.data.serverUpdate).toMatchObject({ plan: { allowed: true }, server: { version } })
    expect((await update({ name: 'x', ifVersion: version })).errors).toBeUndefined()
    for (const wrong of [{ name: ' ' }, { tags: ['a/b'] }, { metadata: { ü: 'x' } }]) {
      expect(codeOf(await update(wrong))).toBe('BAD_INPUT')
    }
  })

  it('is not changed when it is locked, but by those whom no lock stops', async () => {
    const { db } = cloud.cloud
    const lock = (locked: boolean) =>
      db.server.update({ where: { id: world.serverId }, data: { locked, lockedReason: 'payroll' } })
    await lock(true)
    const refused = await update({ name: 'y' })
    expect(codeOf(refused)).toBe('INVALID_STATE')
    expect(refused.errors?.[0]?.message).toContain('payroll')
    expect((await update({ name: 'y' }, as('manager'))).errors).toBeUndefined()
    await lock(false)
  })

  it('is changed by members of its project only', async () => {
    expect(codeOf(await update({ name: 'z' }, as('reader')))).toBe('FORBIDDEN')
    expect(codeOf(await update({ name: 'z' }, as('member'), newId()))).toBe('NOT_FOUND')
  })
})
