/** Cold migration: turned off, carried over a stream, confirmed or taken back; and who may say where to. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { expectBooks } from '../support/books.ts'
import { type Cluster, startCluster } from '../support/cluster.ts'
import {
  activeServer,
  actTo,
  ask,
  expectOneMachine,
  LONG_MS,
  machinesOf,
  refusal,
  removeServer,
  rowOf,
} from '../support/moves.ts'
import { tokenFor } from '../support/people.ts'
import { expectCleanWorld, getServer, putImage } from '../support/stories.ts'

let cloud: Cluster
let token: string
let imageId: string
let id: string
let from: string

beforeAll(async () => {
  cloud = await startCluster({ hosts: 3 })
  token = await cloud.signIn()
  imageId = (await putImage(cloud, token)).id
  ;({ id, host: from } = await activeServer(cloud, token, imageId))
}, LONG_MS)
afterAll(() => cloud?.stop())

const hostId = async (name: string) =>
  (await cloud.cloud.db.host.findUniqueOrThrow({ where: { name } })).id

it(
  'moves a server to another host, which awaits a confirmation',
  async () => {
    await actTo(cloud, token, 'VERIFY_RESIZE', ['serverMigrate', { id }])
    const row = await rowOf(cloud, token, id)
    expect(row.host.name).not.toBe(from)
    expect(row.migrations).toMatchObject([
      {
        ...{ kind: 'MIGRATION', status: 'FINISHED' },
        ...{ sourceHost: { name: from }, destinationHost: { name: row.host.name } },
      },
    ])
    expect(await machinesOf(cloud, id)).toHaveLength(2)
    const list = await cloud.must(
      'query ($id: ID!) { migrations(filter: { serverId: $id }) { nodes { id server { id } task { kind } } totalCount } }',
      { id },
      token,
    )
    expect(list.migrations).toMatchObject({
      nodes: [{ server: { id }, task: { kind: 'server.migrate' } }],
      totalCount: 1,
    })
    await actTo(cloud, token, 'ACTIVE', ['serverResizeConfirm', { id }])
    await expectOneMachine(cloud, id, row.host.name)
    await expectBooks(cloud)
  },
  LONG_MS,
)

it(
  'to a host that was named, by an operator',
  async () => {
    const { host } = await rowOf(cloud, token, id)
    const to = ['sim-1', 'sim-2', 'sim-3'].find((name) => name !== host.name) ?? ''
    const toHere = { id, hostId: host.id }
    expect(await refusal(cloud, token, 'serverMigrateTo', toHere, 'ServerMigrateToInput')).toEqual({
      code: 'BAD_INPUT',
      message: 'The server is on that host',
    })
    const input = { id, hostId: await hostId(to) }
    const { projectId } = await cloud.cloud.db.server.findUniqueOrThrow({ where: { id } })
    const manager = tokenFor(cloud.cloud, { projectId, role: 'manager' })
    expect(
      await refusal(cloud, manager, 'serverMigrateTo', input, 'ServerMigrateToInput'),
    ).toMatchObject({ code: 'FORBIDDEN' })
    await actTo(cloud, token, 'VERIFY_RESIZE', ['serverMigrateTo', input, 'ServerMigrateToInput'])
    expect((await rowOf(cloud, token, id)).host.name).toBe(to)
    await actTo(cloud, token, 'ACTIVE', ['serverResizeRevert', { id }])
    await expectOneMachine(cloud, id, host.name)
  },
  LONG_MS,
)

it(
  'fails when the disk does not come over, and goes on where it was',
  async () => {
    const { host } = await rowOf(cloud, token, id)
    for (const driver of cloud.drivers) driver.failNext('importDisk', { code: 'NO_SPACE' })
    await actTo(cloud, token, 'ACTIVE', ['serverMigrate', { id }])
    const row = await rowOf(cloud, token, id)
    expect(row).toMatchObject({ host: { name: host.name } })
    expect(row.migrations[0]).toMatchObject({ status: 'FAILED' })
    expect(row.fault).not.toBeNull()
    await expectOneMachine(cloud, id, host.name)
    await expectBooks(cloud)
  },
  LONG_MS * 2,
)

it(
  'while it awaits, neither machine is taken for an orphan; deleted, both go',
  async () => {
    await actTo(cloud, token, 'VERIFY_RESIZE', ['serverMigrate', { id }])
    const sequence = async () =>
      (await cloud.cloud.db.host.findMany()).reduce((sum, host) => sum + Number(host.sequence), 0)
    const before = await sequence()
    while ((await sequence()) < before + 9) await machinesOf(cloud, id)
    expect(await machinesOf(cloud, id)).toHaveLength(2)
    await removeServer(cloud, token, id)
    await expectCleanWorld(cloud)
  },
  LONG_MS,
)

it(
  'a dry run says where it would go',
  async () => {
    const { id } = await activeServer(cloud, token, imageId)
    const plan = await cloud.must(
      'mutation ($input: ServerActionInput!) { serverMigrate(input: $input) { plan { allowed placement { hostsTotal hostsPassed } } } }',
      { input: { id, dryRun: true } },
      token,
    )
    expect(plan.serverMigrate.plan).toEqual({
      allowed: true,
      placement: { hostsTotal: 3, hostsPassed: 2 },
    })
    expect(await getServer(cloud, token, id)).toMatchObject({ status: 'ACTIVE', taskState: null })
    expect(await cloud.cloud.db.migration.count({ where: { serverId: id } })).toBe(0)
    await ask(cloud, token, 'serverDelete', { id })
  },
  LONG_MS,
)
