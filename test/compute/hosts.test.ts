/** What operators do with hosts: describe them, empty them as a plan that is seen, remove them. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hostReport } from '../../services/compute/host-report.ts'
import { newId } from '../../services/id.ts'
import { expectBooks } from '../support/books.ts'
import { type Cluster, startCluster } from '../support/cluster.ts'
import {
  activeServer,
  actTo,
  expectOneMachine,
  LONG_MS,
  removeServer,
  rowOf,
} from '../support/moves.ts'
import { expectCleanWorld, putImage } from '../support/stories.ts'
import { until } from '../support/until.ts'

let cloud: Cluster
let token: string
let imageId: string

beforeAll(async () => {
  cloud = await startCluster({ hosts: 3 })
  token = await cloud.signIn()
  imageId = (await putImage(cloud, token)).id
})
afterAll(() => cloud?.stop())

const hostNamed = (name: string) =>
  cloud.cloud.db.host.findUniqueOrThrow({ where: { name }, include: { inventory: true } })

const HOST =
  'host { id version enabled disabledReason maintenance forcedDown customTraits status task { id status error { code message } } inventory { resource total reserved allocationRatio } }'
const change = (name: string, input: object, fields = HOST, type?: string) => {
  const kind = type ?? `${name[0]?.toUpperCase()}${name.slice(1)}Input`
  return cloud.gql(
    `mutation ($input: ${kind}!) { ${name}(input: $input) { ${fields} } }`,
    { input },
    token,
  )
}
const update = (input: object) => change('hostUpdate', input)

describe('a host', () => {
  it('is disabled with a reason, gets traits, and keeps amounts for itself', async () => {
    const { id, version } = await hostNamed('sim-1')
    const input = {
      ...{ id, enabled: false, disabledReason: 'new disks', customTraits: ['CUSTOM_SSD'] },
      inventory: [{ resource: 'VCPU', allocationRatio: 2, reserved: 1 }],
    }
    const dry = await update({ ...input, dryRun: true })
    expect(dry.errors).toBeUndefined()
    expect(await hostNamed('sim-1')).toMatchObject({ enabled: true, customTraits: [] })
    const { data } = await update(input)
    const { host } = data.hostUpdate
    expect(host).toMatchObject({
      ...{ enabled: false, disabledReason: 'new disks', customTraits: ['CUSTOM_SSD'] },
      inventory: expect.arrayContaining([
        expect.objectContaining({ resource: 'VCPU', allocationRatio: 2, reserved: '1' }),
      ]),
    })
    const old = await update({ id, ifVersion: version, enabled: true })
    expect(old.errors?.[0]?.extensions.code).toBe('CONFLICT')
    const on = await update({ id, enabled: true })
    expect(on.data.hostUpdate.host).toMatchObject({ enabled: true, disabledReason: null })
    const entry = await cloud.cloud.db.auditEvent.findFirst({
      where: { resourceId: id, action: 'compute.host.update', outcome: 'SUCCESS' },
    })
    expect(entry).not.toBeNull()
  })

  it('is found by name and by how it is', async () => {
    const { id } = await hostNamed('sim-2')
    const found = async (filter: object) => {
      const query =
        'query ($filter: HostFilterInput) { hosts(filter: $filter) { totalCount nodes { name } } }'
      const { hosts } = await cloud.must(query, { filter }, token)
      expect(hosts.nodes).toHaveLength(hosts.totalCount)
      return hosts.nodes.map(({ name }: { name: string }) => name).sort()
    }
    await update({ id, enabled: false })
    expect(await found({ name: { contains: 'IM-2' } })).toEqual(['sim-2'])
    expect(await found({ enabled: false })).toEqual(['sim-2'])
    expect(await found({ enabled: true, status: 'UP' })).not.toContain('sim-2')
    expect(await found({ maintenance: true })).toEqual([])
    expect(await found({ status: 'DOWN', name: { eq: 'sim-2' } })).toEqual([])
    await update({ id, enabled: true })
  })

  it.each([
    [{ customTraits: ['SSD'] }, 'no CUSTOM_ trait'],
    [{ inventory: [{ resource: 'GPU', reserved: 1 }] }, 'has no GPU'],
    [{ inventory: [{ resource: 'VCPU', reserved: 1_000_000 }] }, 'it can not keep'],
    [{ inventory: [{ resource: 'VCPU', allocationRatio: 0 }] }, 'above 0'],
  ])('refuses %j', async (more, why) => {
    const { id, version } = await hostNamed('sim-1')
    const { errors } = await update({ id, ...more })
    expect(errors?.[0]?.extensions.code).toBe('BAD_INPUT')
    expect(errors?.[0]?.message).toContain(why)
    expect((await hostNamed('sim-1')).version).toBe(version)
  })

  it('that is there is not found under another id', async () => {
    const { errors } = await update({ id: newId(), enabled: false })
    expect(errors?.[0]?.extensions.code).toBe('NOT_FOUND')
  })
})

const PLAN = 'moves { way reason server { id } host { name } } task { id }'

describe('maintenance', () => {
  it(
    'moves all away: running ones live, others carried; then the host is empty',
    async () => {
      const { id: hostId } = await hostNamed('sim-1')
      await cloud.cloud.db.host.updateMany({
        where: { name: { not: 'sim-1' } },
        data: { enabled: false, generation: { increment: 1 } },
      })
      const up = (await activeServer(cloud, token, imageId, 'up')).id
      const off = (await activeServer(cloud, token, imageId, 'off')).id
      await actTo(cloud, token, 'SHUTOFF', ['serverStop', { id: off }])
      await cloud.cloud.db.host.updateMany({
        data: { enabled: true, generation: { increment: 1 } },
      })
      const dry = await change('hostMaintain', { id: hostId, dryRun: true }, PLAN)
      const { moves, task } = dry.data.hostMaintain
      expect(task).toBeNull()
      const wayOf = (id: string) =>
        moves.find((m: { server: { id: string } }) => m.server.id === id)
      expect(wayOf(up)).toMatchObject({
        way: 'LIVE',
        reason: null,
        host: { name: expect.stringMatching(/^sim-[23]$/) },
      })
      expect(wayOf(off)).toMatchObject({ way: 'COLD', reason: null })
      expect(await hostNamed('sim-1')).toMatchObject({ maintenance: false, enabled: true })

      const failure = await cloud.must(
        'query ($id: ID!) { hostFailurePlan(id: $id) { fit lost moves { way } } }',
        { id: hostId },
        token,
      )
      expect(failure.hostFailurePlan).toEqual({
        ...{ fit: 2, lost: 0, moves: [{ way: 'EVACUATION' }, { way: 'EVACUATION' }] },
      })

      const input = { id: hostId, reason: 'new memory' }
      const begun = await change('hostMaintain', input, `${HOST} ${PLAN}`)
      expect(begun.data.hostMaintain.host).toMatchObject({
        ...{ enabled: false, maintenance: true, disabledReason: 'new memory' },
      })
      const { id: taskId } = begun.data.hostMaintain.task
      const ended = await until(
        'the host is empty',
        async () => {
          const one = await cloud.cloud.db.task.findUniqueOrThrow({ where: { id: taskId } })
          return one.finishedAt ? one : null
        },
        2 * LONG_MS,
      )
      expect(ended).toMatchObject({ status: 'SUCCEEDED' })
      for (const [id, power] of [
        [up, 'RUNNING'],
        [off, 'SHUTDOWN'],
      ] as const) {
        const { host } = await rowOf(cloud, token, id)
        expect(host.name).not.toBe('sim-1')
        await expectOneMachine(cloud, id, host.name, power)
      }
      const refused = await update({ id: hostId, enabled: true })
      expect(refused.errors?.[0]?.extensions.code).toBe('INVALID_STATE')
      const over = await change('hostMaintainEnd', { id: hostId }, HOST, 'HostActionInput')
      expect(over.data.hostMaintainEnd.host).toMatchObject({ enabled: true, maintenance: false })
      await removeServer(cloud, token, up)
      await removeServer(cloud, token, off)
      await expectBooks(cloud)
      await expectCleanWorld(cloud)
    },
    4 * LONG_MS,
  )

  it('leaves disabled what was disabled before', async () => {
    const { id } = await hostNamed('sim-1')
    await update({ id, enabled: false, disabledReason: 'bad memory' })
    // Begun twice: the second one finds it disabled by the first.
    for (const reason of ['new memory', 'newer memory']) {
      const { data } = await change('hostMaintain', { id, reason }, HOST)
      expect(data.hostMaintain.host).toMatchObject({ disabledReason: 'bad memory' })
    }
    const over = await change('hostMaintainEnd', { id }, HOST, 'HostActionInput')
    const host = { enabled: false, maintenance: false, disabledReason: 'bad memory' }
    expect(over.data.hostMaintainEnd.host).toMatchObject(host)
    await update({ id, enabled: true })
  })

  it(
    'says what can not leave, and why',
    async () => {
      const { id, host } = await activeServer(cloud, token, imageId, 'paused')
      await actTo(cloud, token, 'PAUSED', ['serverPause', { id }])
      const { id: hostId } = await hostNamed(host)
      const { data } = await change('hostMaintain', { id: hostId }, PLAN)
      expect(data.hostMaintain.moves).toMatchObject([
        { way: 'NONE', reason: 'it is PAUSED; moving needs ACTIVE or SHUTOFF', host: null },
      ])
      const ended = await until(
        'it gave up',
        async () => {
          const one = await cloud.cloud.db.task.findUniqueOrThrow({
            where: { id: data.hostMaintain.task.id },
          })
          return one.finishedAt ? one : null
        },
        LONG_MS,
      )
      expect(ended).toMatchObject({ status: 'FAILED', error: { code: 'IN_USE' } })
      expect((ended.error as { message: string }).message).toContain('it is PAUSED')
      expect(await hostNamed(host)).toMatchObject({ maintenance: true, enabled: false })
      await change('hostMaintainEnd', { id: hostId }, HOST, 'HostActionInput')
      await removeServer(cloud, token, id)
    },
    2 * LONG_MS,
  )
})

describe('removal', () => {
  const remove = (id: string) => change('hostDelete', { id }, 'host { id }', 'HostActionInput')
  const report = (name: string, sequence: number) => ({
    ...{ host: name, driver: 'simulated', bootId: 'b', sequence, traits: [], capabilities: [] },
    ...{ agentStartedAt: new Date().toISOString(), machines: null },
    inventory: { vcpus: 1, memoryMiB: 1024, diskGiB: 1 },
  })

  it('only of one that is down and empty; it does not come in again by itself', async () => {
    const { db, now } = cloud.cloud
    const id = (await hostReport({ db, now }, report('gone', 1))) ?? ''
    const up = await remove(id)
    expect(up.errors?.[0]?.extensions.code).toBe('INVALID_STATE')
    await db.host.update({ where: { id }, data: { status: 'DOWN' } })
    const { projectId, flavorId } = { ...(await anyProject()), ...(await anyFlavor()) }
    const at = new Date()
    const size = { vcpus: 1, memoryMiB: 1, diskGiB: 1, powerState: 'NOSTATE', status: 'SHUTOFF' }
    const server = await db.server.create({
      data: {
        ...{ id: newId(), projectId, flavorId, userId: newId(), name: 'left', hostId: id, ...size },
        ...{ createdAt: at, updatedAt: at },
      },
    })
    const used = await remove(id)
    expect(used.errors?.[0]?.extensions).toMatchObject({
      code: 'IN_USE',
      details: { resources: [{ type: 'server', id: server.id, name: 'left' }] },
    })
    await db.server.delete({ where: { id: server.id } })
    const gone = await remove(id)
    expect(gone.data.hostDelete).toEqual({ host: null })
    expect(await hostReport({ db, now }, report('gone', 2))).toBeNull()
    expect(await db.host.count({ where: { name: 'gone' } })).toBe(0)
  })

  const anyProject = async () => ({
    projectId: (await cloud.cloud.db.project.findFirstOrThrow()).id,
  })
  const anyFlavor = async () => ({ flavorId: (await cloud.cloud.db.flavor.findFirstOrThrow()).id })
})

it('processes are listed with the agents of hosts, in pages', async () => {
  const query = `query ($after: String) { processes(first: 2, after: $after) {
    nodes { id hostName roles state version } pageInfo { hasNextPage endCursor } totalCount } }`
  interface Shown {
    id: string
    hostName: string
    roles: string[]
    state: string
  }
  const shown: Shown[] = []
  let after: string | null = null
  for (let pages = 0; pages < 5; pages++) {
    const { processes } = await cloud.must(query, { after }, token)
    shown.push(...processes.nodes)
    expect(processes.totalCount).toBe(4)
    if (!processes.pageInfo.hasNextPage) break
    after = processes.pageInfo.endCursor
  }
  expect(shown.map(({ id }) => id)).toEqual([...new Set(shown.map(({ id }) => id))].toSorted())
  expect(shown.filter(({ roles }) => roles.includes('agent') && roles.length === 1)).toHaveLength(3)
  expect(shown.find(({ roles }) => roles.includes('conductor'))).toMatchObject({ state: 'UP' })
  const silent = { heartbeatAt: new Date(0) }
  await cloud.cloud.db.process.updateMany({ data: silent })
  const { processes } = await cloud.must(query.replace('first: 2', 'first: 10'), {}, token)
  const control = processes.nodes.find(({ roles }: Shown) => roles.includes('conductor'))
  expect(control).toMatchObject({ state: 'DOWN' })
})
