/** The catalog: seeded at the start, kept by operators, told to everybody who signs in. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../../services/id.ts'
import { catalogBootstrap } from '../../services/identity/catalog.ts'
import { urlProblem } from '../../services/identity/endpoint.ts'
import { regionAuditId } from '../../services/identity/region.ts'
import { mutation } from '../access/row.ts'
import { tokenOf } from '../access/world.ts'
import { type Cluster, startCluster } from '../support/cluster.ts'
import { newProject, tokenFor } from '../support/people.ts'
import { statementsOf } from '../support/statements.ts'

let cloud: Cluster
let admin: string
let member: string
let projectId: string

beforeAll(async () => {
  cloud = await startCluster({ hosts: 0, config: { roles: ['api'] } })
  admin = tokenOf(cloud.cloud, 'systemAdmin', { self: newId(), domainId: newId(), projectId: '' })
  projectId = await newProject(cloud.cloud, 'web')
  member = tokenFor(cloud.cloud, { projectId, role: 'member' })
})
const asked = () => statementsOf(cloud)

afterAll(() => cloud?.stop())

const CATALOG = '{ session { catalog { id type name endpoints { id interface region url } } } }'
const run = (name: string, fields: string, input: object, token = admin) =>
  cloud.gql(mutation(name, fields), { input }, token)
const ok = async (name: string, fields: string, input: object) => {
  const { data, errors } = await run(name, fields, input)
  expect(errors).toBeUndefined()
  return Object.values(data[name] as object)[0]
}
const codeOf = async (...given: Parameters<typeof run>) =>
  (await run(...given)).errors?.[0]?.extensions.code
const catalogOf = async (token: string) => (await cloud.must(CATALOG, {}, token)).session.catalog
const auditOf = async (resourceId: string) =>
  cloud.cloud.db.auditEvent.findMany({ where: { resourceId }, orderBy: { id: 'asc' } })

describe('the first rows', () => {
  it('are the services of this cloud, each with its three endpoints', async () => {
    const catalog = await catalogOf(member)
    expect(catalog.map((s: { type: string }) => s.type)).toEqual(['compute', 'identity', 'image'])
    for (const { endpoints } of catalog) {
      expect(endpoints.map((e: { interface: string }) => e.interface).sort()).toEqual([
        'ADMIN',
        'INTERNAL',
        'PUBLIC',
      ])
      for (const endpoint of endpoints) {
        expect(endpoint).toMatchObject({ region: 'RegionOne', url: `${cloud.url}/graphql` })
      }
    }
  })

  it('are the same when several processes start at once, and again', async () => {
    const { db, now } = cloud.cloud
    const counts = async () => [
      await db.region.count(),
      await db.service.count(),
      await db.endpoint.count(),
    ]
    const before = await counts()
    await db.endpoint.deleteMany()
    await db.service.deleteMany({ where: { type: 'image' } })
    const source = { region: 'RegionOne', url: cloud.url }
    await Promise.all(Array.from({ length: 5 }, () => catalogBootstrap({ db, now }, source)))
    expect(await counts()).toEqual(before)
    cloud.statements.texts.length = 0
    await catalogBootstrap({ db, now }, source)
    expect(asked()).toHaveLength(1)
  })

  it('follow the address until somebody edits them', async () => {
    const { db, now } = cloud.cloud
    const [edited, gone] = await db.endpoint.findMany({ where: { service: { type: 'compute' } } })
    const url = 'https://compute.example.org/graphql'
    const changed = await ok('endpointUpdate', 'endpoint { url managed }', { id: edited?.id, url })
    expect(changed).toEqual({ url, managed: false })
    await ok('endpointDelete', 'endpoint { id }', { id: gone?.id })
    await catalogBootstrap({ db, now }, { region: 'RegionOne', url: 'https://cloud.example.org/' })
    const urls = (await db.endpoint.findMany({ where: { managed: true } })).map((e) => e.url)
    expect([urls.length, new Set(urls)]).toEqual([
      7,
      new Set(['https://cloud.example.org/graphql']),
    ])
    expect(await db.endpoint.findUnique({ where: { id: edited?.id ?? '' } })).toMatchObject({ url })
    expect(await db.endpoint.count({ where: { service: { type: 'compute' } } })).toBe(2)
  })
})

describe('what a token is told', () => {
  let serviceId: string
  beforeAll(async () => {
    const service = await ok('serviceCreate', 'service { id }', {
      type: 'object-store',
      name: 'swift',
    })
    serviceId = service.id
    const url = 'https://objects.example.org/v1/AUTH_$(project_id)s/%(tenant_id)s'
    await ok('endpointCreate', 'endpoint { id }', { serviceId, interface: 'PUBLIC', url })
  })

  const swift = async (token: string) =>
    (await catalogOf(token)).find((s: { id: string }) => s.id === serviceId)

  it('has its project filled in, and nothing that needs one when there is none', async () => {
    const [endpoint] = (await swift(member)).endpoints
    expect(endpoint.url).toBe(`https://objects.example.org/v1/AUTH_${projectId}/${projectId}`)
    expect((await swift(tokenFor(cloud.cloud))).endpoints).toEqual([])
  })

  it('holds nothing disabled', async () => {
    const [endpoint] = (await swift(member)).endpoints
    await ok('endpointUpdate', 'endpoint { id }', { id: endpoint.id, enabled: false })
    expect((await swift(member)).endpoints).toEqual([])
    await ok('serviceUpdate', 'service { id }', { id: serviceId, enabled: false })
    expect(await swift(member)).toBeUndefined()
  })

  it('takes at most two statements, whatever the number of endpoints', async () => {
    await catalogOf(member)
    cloud.statements.texts.length = 0
    await catalogOf(member)
    expect(asked().length).toBeLessThanOrEqual(2)
  })

  it('comes with a new token too', async () => {
    const input = {
      password: { user: 'admin', domain: 'Default', password: 'correct horse battery staple' },
      scope: { project: 'admin', domain: 'Default' },
    }
    const { tokenCreate } = await cloud.must(
      mutation('tokenCreate', 'token { catalog { type endpoints { url } } }'),
      { input },
    )
    expect(tokenCreate.token.catalog.map((s: { type: string }) => s.type)).toContain('compute')
  })
})

describe('regions', () => {
  it('form trees, told and recorded', async () => {
    const north = await ok('regionCreate', 'region { id version }', {
      id: 'north',
      description: 'N',
    })
    expect(north).toEqual({ id: 'north', version: 1 })
    await ok('regionCreate', 'region { id }', { id: 'north.1', parentRegionId: 'north' })
    expect(await codeOf('regionCreate', 'region { id }', { id: 'north' })).toBe('CONFLICT')
    expect(await codeOf('regionCreate', 'region { id }', { id: 'a b' })).toBe('BAD_INPUT')
    expect(await codeOf('regionCreate', 'region { id }', { id: 'x', parentRegionId: 'no' })).toBe(
      'NOT_FOUND',
    )
    await ok('regionUpdate', 'region { id }', {
      id: 'north',
      description: 'The north',
      ifVersion: 1,
    })
    expect(
      await codeOf('regionUpdate', 'region { id }', {
        id: 'north',
        description: 'x',
        ifVersion: 1,
      }),
    ).toBe('CONFLICT')
    const entries = await auditOf(regionAuditId('north'))
    expect(entries.map(({ outcome, before, after }) => ({ outcome, before, after }))).toMatchObject(
      [
        { outcome: 'SUCCESS', before: null, after: { description: 'N' } },
        { outcome: 'SUCCESS', before: { description: 'N' }, after: { description: 'The north' } },
      ],
    )
    const { region } = await cloud.must(
      '{ region(id: "north") { history { action resourceName after } } }',
      {},
      admin,
    )
    expect(region.history).toHaveLength(2)
  })

  it('never form a circle, also when two are moved at once', async () => {
    expect(
      await codeOf('regionUpdate', 'region { id }', { id: 'north', parentRegionId: 'north' }),
    ).toBe('BAD_INPUT')
    expect(
      await codeOf('regionUpdate', 'region { id }', { id: 'north', parentRegionId: 'north.1' }),
    ).toBe('BAD_INPUT')
    await ok('regionCreate', 'region { id }', { id: 'east' })
    await ok('regionCreate', 'region { id }', { id: 'west' })
    const both = await Promise.all([
      codeOf('regionUpdate', 'region { id }', { id: 'east', parentRegionId: 'west' }),
      codeOf('regionUpdate', 'region { id }', { id: 'west', parentRegionId: 'east' }),
    ])
    expect(both.sort()).toEqual(['BAD_INPUT', undefined])
  })

  it('keep their parent until it is taken away', async () => {
    const fields = 'region { parentRegionId }'
    const region = { id: 'north.1' }
    for (const left of [{}, { parentRegionId: null }]) {
      const { parentRegionId } = await ok('regionUpdate', fields, { ...region, ...left })
      expect(parentRegionId).toBe('north')
    }
    const { parentRegionId } = await ok('regionUpdate', fields, { ...region, parentRegionId: '' })
    expect(parentRegionId).toBeNull()
    await ok('regionUpdate', fields, { ...region, parentRegionId: 'north' })
  })

  it('are listed by pages, and deleted when nothing is in them', async () => {
    const ids: string[] = []
    for (let after: string | null = null; ; ) {
      const {
        regions,
      }: {
        regions: { nodes: { id: string }[]; pageInfo: { hasNextPage: boolean; endCursor: string } }
      } = await cloud.must(
        'query ($after: String) { regions(first: 2, after: $after) { nodes { id } pageInfo { hasNextPage endCursor } } }',
        { after },
        admin,
      )
      ids.push(...regions.nodes.map(({ id }) => id))
      if (!regions.pageInfo.hasNextPage) break
      after = regions.pageInfo.endCursor
    }
    expect([...ids].sort()).toEqual(['RegionOne', 'east', 'north', 'north.1', 'west'])
    const refused = await run('regionDelete', 'region { id }', { id: 'north' })
    expect(refused.errors?.[0]?.extensions).toMatchObject({
      code: 'IN_USE',
      details: { resources: [{ type: 'region', id: 'north.1', name: 'north.1' }] },
    })
    expect(await codeOf('regionDelete', 'region { id }', { id: 'RegionOne' })).toBe('IN_USE')
    await ok('regionDelete', 'region { id }', { id: 'north.1' })
    await ok('regionDelete', 'region { id }', { id: 'north' })
    expect(await codeOf('regionDelete', 'region { id }', { id: 'north' })).toBe('NOT_FOUND')
  })
})

describe('services and endpoints', () => {
  it('are made once by key, not at all by a dry run, and never twice by name', async () => {
    const input = { type: 'volume', name: 'cinder', idempotencyKey: 'k1' }
    const first = await ok('serviceCreate', 'service { id }', input)
    expect(await ok('serviceCreate', 'service { id }', input)).toEqual(first)
    expect(
      await codeOf('serviceCreate', 'service { id }', { type: 'volume', name: 'cinder' }),
    ).toBe('CONFLICT')
    expect(
      await ok('serviceCreate', 'service { id }', { type: 'volume', name: 'b', dryRun: true }),
    ).toBeNull()
    expect(await cloud.cloud.db.service.count({ where: { type: 'volume' } })).toBe(1)
    const entries = await auditOf(first.id)
    expect(entries).toMatchObject([{ after: { type: 'volume', name: 'cinder', enabled: true } }])
    expect(
      await cloud.cloud.db.event.count({
        where: { type: 'service.created', resourceId: first.id },
      }),
    ).toBe(1)
  })

  it('go together', async () => {
    const service = await ok('serviceCreate', 'service { id }', { type: 'dns', name: 'designate' })
    const url = 'https://dns.example.org'
    const face = { serviceId: service.id, interface: 'PUBLIC', url, regionId: 'RegionOne' }
    const endpoint = await ok('endpointCreate', 'endpoint { id service { name } }', face)
    expect(endpoint.service.name).toBe('designate')
    await ok('serviceDelete', 'service { id }', { id: service.id })
    const { endpoint: gone } = await cloud.must(
      'query ($id: ID!) { endpoint(id: $id) { id } }',
      { id: endpoint.id },
      admin,
    )
    expect(gone).toBeNull()
    expect(await auditOf(endpoint.id)).toMatchObject([{ before: null }, { before: { url } }])
    const another = await ok('serviceCreate', 'service { id }', { type: 'dns', name: 'bind' })
    const input = { ...face, serviceId: another.id }
    const { id } = await ok('endpointCreate', 'endpoint { id }', input)
    const moved = await ok('endpointUpdate', 'endpoint { regionId }', { id, regionId: '' })
    expect(moved.regionId).toBeNull()
    await ok('serviceDelete', 'service { id }', { id: another.id })
    expect(await codeOf('endpointCreate', 'endpoint { id }', face)).toBe('NOT_FOUND')
  })

  it('keep a service that limits are registered for', async () => {
    const { db, now } = cloud.cloud
    const service = await ok('serviceCreate', 'service { id }', { type: 'limited', name: 'l' })
    const times = { createdAt: now(), updatedAt: now() }
    const limit = {
      id: service.id,
      serviceId: service.id,
      resource: 'limited.things',
      defaultLimit: 1,
    }
    await db.registeredLimit.create({ data: { ...limit, ...times } })
    expect(await codeOf('serviceDelete', 'service { id }', { id: service.id })).toBe('IN_USE')
    await db.registeredLimit.delete({ where: { id: limit.id } })
  })

  it('take addresses of http only, without secrets', async () => {
    const url = (text: string) => urlProblem(text) === null
    expect(url('http://192.0.2.1:8080/v1/$(project_id)s')).toBe(true)
    expect(url('https://[2001:db8::1]/%(tenant_id)s?x=1')).toBe(true)
    for (const bad of [
      'ftp://example.org',
      'javascript:alert(1)',
      'https://user:secret@example.org',
      'https://token@example.org',
      'http://',
      'example.org',
      'http://example.org/a b',
      'http://example.org/\u0007',
      'http://example.org/$(admin_password)s',
      `http://example.org/${'x'.repeat(2048)}`,
    ]) {
      expect([bad, url(bad)]).toEqual([bad, false])
    }
    const [service] = await cloud.cloud.db.service.findMany()
    const face = { serviceId: service?.id, interface: 'PUBLIC', url: 'ftp://example.org' }
    const refused = await run('endpointCreate', 'endpoint { id }', face)
    expect(refused.errors?.[0]?.extensions).toMatchObject({
      code: 'BAD_INPUT',
      details: { fields: [{ path: 'input.url' }] },
    })
  })

  it('are for operators only', async () => {
    const input = { type: 'evil', name: 'evil' }
    const refused = await run('serviceCreate', 'service { id }', input, member)
    expect(refused.errors?.[0]?.extensions).toMatchObject({
      code: 'FORBIDDEN',
      details: { rule: 'identity.service.update' },
    })
  })
})
