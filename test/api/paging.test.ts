/** Every connection of the API, page by page: complete, without repetition, whatever happens meanwhile. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../../services/id.ts'
import { type Cluster, startCluster } from '../support/cluster.ts'
import { assignRole, newProject, newUser, tokenFor } from '../support/people.ts'

let cloud: Cluster
let token: string
let projectId: string
let otherId: string
let userId: string
let serverId: string
let flavorId: string

beforeAll(async () => {
  cloud = await startCluster({ hosts: 0, config: { roles: ['api'] } })
  const { db } = cloud.cloud
  projectId = await newProject(cloud.cloud, 'work')
  otherId = await newProject(cloud.cloud, 'other')
  userId = await newUser(cloud.cloud, 'ann')
  const role = 'admin'
  token = tokenFor(cloud.cloud, { userId, projectId, role, operator: true })
  flavorId = (await db.flavor.findFirstOrThrow()).id
  serverId = await make.servers('a server with tasks')
  // The lists begin empty, but for what every cloud has.
  await make.tasks('of another project', otherId)
})
afterAll(() => cloud?.stop())

const times = () => ({ createdAt: new Date(), updatedAt: new Date() })

/** Rows of each list, made and removed behind the API's back. */
const make = {
  async servers(name: string, project = projectId, status = 'ACTIVE') {
    const size = { vcpus: 1, memoryMiB: 64, diskGiB: 1, flavorId }
    const state = { status, powerState: 'RUNNING', userId: newId() }
    const data = { id: newId(), projectId: project, name, ...size, ...state, ...times() }
    return (await cloud.cloud.db.server.create({ data })).id
  },
  async images(name: string, project = projectId, status = 'QUEUED', visibility = 'PRIVATE') {
    const kind = { status, visibility, diskFormat: 'RAW' }
    const data = { id: newId(), projectId: project, name, ...kind, ...times() }
    return (await cloud.cloud.db.image.create({ data })).id
  },
  async tasks(kind: string, project = projectId) {
    const what = { kind, status: 'SUCCEEDED', steps: [], input: {}, resourceType: 'server' }
    const at = { deadlineAt: new Date(), createdAt: new Date(), finishedAt: new Date() }
    const data = { id: newId(), projectId: project, resourceId: serverId, ...what, ...at }
    return (await cloud.cloud.db.task.create({ data })).id
  },
  async flavors(name: string) {
    const size = { vcpus: 1, memoryMiB: 64, diskGiB: 1 }
    const data = { id: newId(), name: `${name} ${newId()}`, ...size, ...times() }
    return (await cloud.cloud.db.flavor.create({ data })).id
  },
  async hosts(name: string) {
    const data = {
      id: newId(),
      name: `${name} ${newId()}`,
      driver: 'none',
      status: 'UP',
      ...times(),
    }
    return (await cloud.cloud.db.host.create({ data })).id
  },
  async projects(name: string) {
    const id = await newProject(cloud.cloud, `${name} ${newId()}`)
    await assignRole(cloud.cloud, userId, id, 'reader')
    return id
  },
}
type List = keyof typeof make
const lists = Object.keys(make) as List[]
const remove = (list: List, id: string) => {
  const { db } = cloud.cloud
  const where = { id }
  if (list === 'servers') return db.server.delete({ where })
  if (list === 'images') return db.image.delete({ where })
  if (list === 'tasks') return db.task.delete({ where })
  if (list === 'flavors') return db.flavor.delete({ where })
  if (list === 'hosts') return db.host.delete({ where })
  return db.roleAssignment.deleteMany({ where: { userId, projectId: id } })
}

interface Page {
  nodes: { id: string; name: string }[]
  edges: { cursor: string; node: { id: string } }[]
  pageInfo: {
    hasNextPage: boolean
    hasPreviousPage: boolean
    startCursor: string | null
    endCursor: string | null
  }
  totalCount: number
}

const PAGE = `{ nodes { id } edges { cursor node { id } } totalCount
  pageInfo { hasNextPage hasPreviousPage startCursor endCursor } }`

/** One page; `more` are arguments as they are written in a document. */
async function pageOf(list: string, first: number, after: string | null, more = ''): Promise<Page> {
  const document = `query ($first: Int!, $after: String) {
    page: ${list}(first: $first, after: $after ${more}) ${PAGE} }`
  return (await cloud.must(document, { first, after }, token)).page
}

/** The ids of the whole list, page by page. */
async function all(
  list: string,
  first: number,
  more = '',
  between = async () => {},
): Promise<string[]> {
  const ids: string[] = []
  for (let after: string | null = null; ; ) {
    const page = await pageOf(list, first, after, more)
    ids.push(...page.nodes.map((n) => n.id))
    if (!page.pageInfo.hasNextPage) return ids
    after = page.pageInfo.endCursor
    await between()
  }
}

const named = async (names: string[]) => {
  const ids: string[] = []
  for (const name of names) ids.push(await make.servers(name))
  return ids
}

describe.each(lists)('the pages of %s', (list) => {
  it('hold every row once while rows come and go', async () => {
    const there: string[] = []
    for (let i = 0; i < 9; i++) there.push(await make[list](`row ${i}`))
    const doomed = [there[1], there[4], there[7]] as string[]
    const seen = await all(list, 2, '', async () => {
      await make[list]('row that came meanwhile')
      const id = doomed.shift()
      if (id) await remove(list, id)
    })
    expect(new Set(seen).size).toBe(seen.length)
    const lasting = there.filter((_, i) => ![1, 4, 7].includes(i))
    expect(lasting.filter((id) => !seen.includes(id))).toEqual([])
  })

  it('tell where they lie', async () => {
    for (let i = 0; i < 3; i++) await make[list](`row ${i}`)
    const ids = await all(list, 200)
    let after: string | null = null
    for (let at = 0; at < ids.length; at += 2) {
      const page = await pageOf(list, 2, after)
      const rows = ids.slice(at, at + 2)
      expect(page.nodes.map((n) => n.id)).toEqual(rows)
      expect(page.edges.map((e) => e.node.id)).toEqual(rows)
      expect(page.totalCount).toBe(ids.length)
      expect(page.pageInfo).toEqual({
        hasNextPage: at + 2 < ids.length,
        hasPreviousPage: at > 0,
        startCursor: page.edges[0]?.cursor,
        endCursor: page.edges.at(-1)?.cursor,
      })
      after = page.pageInfo.endCursor
    }
    const behindAll = await pageOf(list, 2, after)
    expect(behindAll.nodes).toEqual([])
    expect(behindAll.pageInfo).toMatchObject({ hasNextPage: false, endCursor: null })
  })

  it('come in the order of creation, or newest first where that is promised', async () => {
    const made = [await make[list]('first'), await make[list]('second')]
    const ids = (await all(list, 200)).filter((id) => made.includes(id))
    expect(ids).toEqual(['servers', 'tasks'].includes(list) ? made.reverse() : made)
  })
})

describe('the tasks of a server', () => {
  it('come page by page, newest first, the same as the list of tasks', async () => {
    for (let i = 0; i < 5; i++) await make.tasks(`task ${i}`)
    const whole = await all('tasks', 200)
    const ids: string[] = []
    for (let after: string | null = null; ; ) {
      const document = `query ($id: ID!, $after: String) {
        server(id: $id) { tasks(first: 2, after: $after) ${PAGE} } }`
      const { server } = await cloud.must(document, { id: serverId, after }, token)
      const page: Page = server.tasks
      expect(page.totalCount).toBe(whole.length + 1)
      ids.push(...page.nodes.map((n) => n.id))
      if (!page.pageInfo.hasNextPage) break
      after = page.pageInfo.endCursor
    }
    expect(ids.filter((id) => whole.includes(id))).toEqual(whole)
  })
})

describe('the order of servers', () => {
  const order = (field: string, direction: string) =>
    `orderBy: { field: ${field}, direction: ${direction} } filter: { name: { contains: "~" } }`

  it('is by name with ties by age, or by age, both ways', async () => {
    const names = ['~b', '~a', '~b', '~c', '~b', '~a', '~b', '~d', '~b']
    const ids = await named(names)
    const byName = [1, 5, 0, 2, 4, 6, 8, 3, 7].map((i) => ids[i])
    for (const size of [1, 2, 4, 200]) {
      expect(await all('servers', size, order('NAME', 'ASC'))).toEqual(byName)
      expect(await all('servers', size, order('NAME', 'DESC'))).toEqual([...byName].reverse())
      expect(await all('servers', size, order('CREATED_AT', 'ASC'))).toEqual(ids)
      expect(await all('servers', size, order('CREATED_AT', 'DESC'))).toEqual([...ids].reverse())
    }
  })

  it('survives names of any kind', async () => {
    const names = ['Z', 'a', '云'.repeat(255), '🦆'.repeat(120), '"\\\'%_', ' x', 'É', 'e', '-']
    const ids = await named(names.map((name) => `|${name}`.slice(0, 255)))
    for (const direction of ['ASC', 'DESC']) {
      const more = `orderBy: { field: NAME, direction: ${direction} } filter: { name: { contains: "|" } }`
      const whole = await all('servers', 200, more)
      expect([...whole].sort()).toEqual([...ids].sort())
      expect(await all('servers', 1, more)).toEqual(whole)
    }
  })
})

describe('filters', () => {
  const find = async (list: string, filter: object) => {
    const type = list === 'servers' ? 'ServerFilterInput' : 'ImageFilterInput'
    const document = `query ($filter: ${type}) { ${list}(filter: $filter) { nodes { name } totalCount } }`
    const page: Page = (await cloud.must(document, { filter }, token))[list]
    expect(page.totalCount).toBe(page.nodes.length)
    return page.nodes.map((n) => n.name).sort()
  }

  it.each(['servers', 'images'] as const)('of %s hold all that is asked', async (list) => {
    const names = ['f-Web', 'f-web%', 'f-web_1', 'f-webx1', 'f-w\\eb', 'f-db']
    for (const name of names)
      await make[list](name, projectId, name === 'f-db' ? 'ERROR' : 'ACTIVE')
    await make[list]('f-Web', otherId, 'ACTIVE')
    expect(await find(list, { name: { eq: 'f-Web' } })).toEqual(['f-Web'])
    expect(await find(list, { name: { eq: 'f-web' } })).toEqual([])
    expect(await find(list, { name: { in: ['f-Web', 'f-db', 'no'] } })).toEqual(['f-Web', 'f-db'])
    expect(await find(list, { name: { in: [] } })).toEqual([])
    expect(await find(list, { name: { contains: 'F-WEB' } })).toHaveLength(4)
    expect(await find(list, { name: { contains: 'web_1' } })).toEqual(['f-web_1'])
    expect(await find(list, { name: { contains: 'web%' } })).toEqual(['f-web%'])
    expect(await find(list, { name: { contains: 'w\\e' } })).toEqual(['f-w\\eb'])
    expect(await find(list, { name: { contains: 'f-web', in: ['f-Web', 'f-db'] } })).toEqual([
      'f-Web',
    ])
    expect(await find(list, { name: { contains: 'f-' }, status: ['ACTIVE'] })).toHaveLength(5)
    expect(await find(list, { status: [] })).toEqual([])
    expect(await find(list, {})).toHaveLength((await all(list, 200)).length)
  })

  it('and pages go together', async () => {
    const ids = await named(['p-1', 'q-2', 'p-3', 'q-4', 'p-5'])
    const more = 'filter: { name: { contains: "p-" } }, orderBy: { field: CREATED_AT }'
    expect(await all('servers', 1, more)).toEqual([ids[0], ids[2], ids[4]])
    expect((await pageOf('servers', 1, null, more)).totalCount).toBe(3)
  })

  it('reach all projects for an operator who asks', async () => {
    const foreign = await make.servers('elsewhere', otherId)
    expect(await all('servers', 200)).not.toContain(foreign)
    expect(await all('servers', 3, 'allProjects: true')).toContain(foreign)
  })

  it('show public images of others', async () => {
    const shown = await make.images('public', otherId, 'ACTIVE', 'PUBLIC')
    const hidden = await make.images('private', otherId, 'ACTIVE')
    const ids = await all('images', 3)
    expect([ids.includes(shown), ids.includes(hidden)]).toEqual([true, false])
  })
})
