/** Domains and projects: containers, trees, switching off, deleting with and without what is in them. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { nameKey } from '../../services/identity/name.ts'
import { type Cluster, startCluster } from '../support/cluster.ts'
import { newUser, tokenFor } from '../support/people.ts'
import { expectCleanWorld, newServer, putImage } from '../support/stories.ts'
import { until } from '../support/until.ts'

let cloud: Cluster
let admin: string
/** A manager with a token for the domain of the test. */
let manager: string
let domainId: string

beforeAll(async () => {
  cloud = await startCluster()
  admin = await cloud.signIn()
  domainId = (await make('domain', { name: 'acme' })).id
  manager = await domainToken(domainId, ['manager', 'member', 'reader'])
})
afterAll(() => cloud?.stop())

const upper = (text: string) => `${text[0]?.toUpperCase()}${text.slice(1)}`
const run = (name: string, fields: string, input: object, token = admin) =>
  cloud.gql(
    `mutation ($input: ${upper(name)}Input!) { ${name}(input: $input) { ${fields} } }`,
    { input },
    token,
  )
const FIELDS = {
  domain: 'id name enabled version',
  project: 'id name enabled version parentId tags',
}

async function make(type: 'domain' | 'project', input: object, token = admin) {
  const { data, errors } = await run(`${type}Create`, `${type} { ${FIELDS[type]} }`, input, token)
  if (errors) throw new Error(JSON.stringify(errors))
  return data[`${type}Create`][type]
}

const codeOf = ({ errors }: { errors?: { extensions: { code: string } }[] }) =>
  errors?.[0]?.extensions.code ?? 'OK'

async function domainToken(id: string, roles: string[]): Promise<string> {
  const userId = await newUser(cloud.cloud, `of ${id}`)
  const actor = {
    userId,
    userName: 'manager',
    userDomainId: id,
    projectId: null,
    projectName: null,
    projectDomainId: null,
    domainId: id,
    system: false,
    roles,
    operator: false,
    methods: ['password' as const],
    applicationCredentialId: null,
    accessRules: null,
    trustId: null,
    trustorUserId: null,
  }
  return cloud.cloud.tokens.issue(actor, new Date(), 3600).secret
}

const EVENTS = `query ($id: ID!) { project(id: $id) { id } }`

describe('names', () => {
  it('are unique whatever their case, form and invisible characters', async () => {
    await make('project', { name: 'Größe', domainId })
    for (const name of ['GRÖSSE', 'größe', 'Gro\u0308ße', 'Grö\u200Dße', ' größe ']) {
      const answer = await run('projectCreate', 'project { id }', { name, domainId })
      const same = nameKey(name) === nameKey('Größe')
      expect([name, codeOf(answer)]).toEqual([name, same ? 'CONFLICT' : 'OK'])
    }
    expect(codeOf(await run('domainCreate', 'domain { id }', { name: 'ACME' }))).toBe('CONFLICT')
    // Another domain is another space.
    const other = await make('domain', { name: 'names' })
    expect((await make('project', { name: 'Größe', domainId: other.id })).name).toBe('Größe')
  })

  it('are refused when they are blank, too long or hold control characters', async () => {
    for (const name of ['', '   ', 'a\nb', 'x'.repeat(256)]) {
      expect(codeOf(await run('domainCreate', 'domain { id }', { name }))).toBe('BAD_INPUT')
      expect(codeOf(await run('projectCreate', 'project { id }', { name }))).toBe('BAD_INPUT')
    }
  })
})

describe('a change', () => {
  it('goes up in version, and only from the version that was seen', async () => {
    const { id, version } = await make('project', { name: 'versions', domainId, tags: ['a', 'a'] })
    const update = (input: object) => run('projectUpdate', 'project { name tags version }', input)
    const renamed = await update({ id, ifVersion: version, name: 'versioned', tags: ['b'] })
    expect(renamed.data.projectUpdate.project).toEqual({
      name: 'versioned',
      tags: ['b'],
      version: version + 1,
    })
    expect(codeOf(await update({ id, ifVersion: version, name: 'again' }))).toBe('CONFLICT')
  })

  it('is made once under one key, and not at all in a dry run', async () => {
    const input = { name: 'once', domainId, idempotencyKey: 'k1' }
    const first = await make('project', input)
    expect((await make('project', input)).id).toBe(first.id)
    expect(await make('project', { name: 'never', domainId, dryRun: true })).toBeNull()
    expect(await cloud.cloud.db.project.count({ where: { name: 'never' } })).toBe(0)
    expect(codeOf(await run('projectCreate', 'project { id }', { ...input, name: 'other' }))).toBe(
      'CONFLICT',
    )
  })

  it('is told to who watches, and is in the audit log with before and after', async () => {
    const watch = cloud.watch<{ kind: string; project: { name: string } | null }>(
      'subscription { projectChanged { kind id project { name } } }',
      {},
      manager,
    )
    try {
      await watch.next((e) => e.kind === 'SNAPSHOT')
      const { id } = await make('project', { name: 'watched', domainId }, manager)
      await watch.next((e) => e.kind === 'CREATED' && e.project?.name === 'watched')
      await run('projectUpdate', 'project { id }', { id, description: 'seen' }, manager)
      await watch.next((e) => e.kind === 'UPDATED')
      await run('projectDelete', 'contents { id }', { id }, manager)
      await watch.next((e) => e.kind === 'DELETED')
      const rows = await cloud.cloud.db.auditEvent.findMany({
        where: { resourceId: id },
        orderBy: { id: 'asc' },
      })
      expect(rows.map((row) => [row.action, row.outcome])).toEqual([
        ['identity.project.create', 'SUCCESS'],
        ['identity.project.update', 'SUCCESS'],
        ['identity.project.delete', 'SUCCESS'],
      ])
      expect(rows[1]).toMatchObject({ before: { description: '' }, after: { description: 'seen' } })
    } finally {
      watch.close()
    }
  })
})

describe('a manager of a domain', () => {
  it('sees and changes what is in it, and nothing else', async () => {
    const { data } = await cloud.gql(
      '{ projects(first: 200) { nodes { domain { id } } } }',
      {},
      manager,
    )
    const domains = data.projects.nodes.map((node: { domain: { id: string } }) => node.domain.id)
    expect(new Set(domains)).toEqual(new Set([domainId]))
    const demo = await cloud.cloud.db.project.findFirstOrThrow({ where: { name: 'demo' } })
    const change = await run('projectUpdate', 'project { id }', { id: demo.id, name: 'x' }, manager)
    const nowhere = await run(
      'projectUpdate',
      'project { id }',
      { id: domainId, name: 'x' },
      manager,
    )
    expect([codeOf(change), codeOf(nowhere)]).toEqual(['NOT_FOUND', 'NOT_FOUND'])
    expect(codeOf(await run('domainCreate', 'domain { id }', { name: 'more' }, manager))).toBe(
      'FORBIDDEN',
    )
  })
})

describe('a tree', () => {
  it('is five levels deep at most, in one domain, and never moves', async () => {
    let parentId: string | null = null
    for (let level = 1; level <= 5; level++) {
      const project: { id: string } = await make('project', {
        name: `level ${level}`,
        domainId,
        parentId,
      })
      parentId = project.id
    }
    const sixth = await run('projectCreate', 'project { id }', { name: 'level 6', parentId })
    expect(sixth.errors?.[0]?.extensions).toMatchObject({
      code: 'BAD_INPUT',
      details: { fields: [{ path: 'input.parentId' }] },
    })
    const other = await make('domain', { name: 'elsewhere' })
    const across = { name: 'across', domainId: other.id, parentId }
    expect(codeOf(await run('projectCreate', 'project { id }', across))).toBe('BAD_INPUT')
    const moved = { id: parentId, parentId }
    expect(codeOf(await run('projectUpdate', 'project { id }', moved))).toBe('BAD_INPUT')
  })

  it('is switched off from below', async () => {
    const top = await make('project', { name: 'top', domainId })
    const leaf = await make('project', { name: 'leaf', domainId, parentId: top.id })
    const off = (id: string) => run('projectUpdate', 'project { enabled }', { id, enabled: false })
    const refused = await off(top.id)
    expect(refused.errors?.[0]?.extensions).toMatchObject({
      code: 'IN_USE',
      details: { resources: [{ type: 'project', id: leaf.id, name: 'leaf' }] },
    })
    expect(codeOf(await off(leaf.id))).toBe('OK')
    expect(codeOf(await off(top.id))).toBe('OK')
  })
})

describe('switching off', () => {
  it('ends the tokens for a project, and the watches that hang on them', async () => {
    const { id } = await make('project', { name: 'off', domainId })
    const token = tokenFor(cloud.cloud, { projectId: id, role: 'member' })
    const watch = cloud.watch('subscription { serverChanged { id } }', {}, token)
    try {
      expect(codeOf(await cloud.gql('{ session { user { name } } }', {}, token))).toBe('OK')
      await run('projectUpdate', 'project { id }', { id, enabled: false })
      expect(codeOf(await cloud.gql('{ session { user { name } } }', {}, token))).toBe(
        'UNAUTHENTICATED',
      )
      await until('the watch has ended', () => watch.errors.length > 0)
    } finally {
      watch.close()
    }
  })

  it('of a domain ends the tokens of its users and for its projects', async () => {
    const domain = await make('domain', { name: 'shut' })
    const token = await domainToken(domain.id, ['reader'])
    expect(codeOf(await cloud.gql('{ session { user { id } } }', {}, token))).toBe('OK')
    await run('domainUpdate', 'domain { id }', { id: domain.id, enabled: false })
    expect(codeOf(await cloud.gql('{ session { user { id } } }', {}, token))).toBe(
      'UNAUTHENTICATED',
    )
  })

  it('never leaves nobody who may administer', async () => {
    const { db } = cloud.cloud
    const operators = await db.project.findFirstOrThrow({ where: { operator: true } })
    const home = operators.domainId
    const domain = await run('domainUpdate', 'domain { id }', { id: home, enabled: false })
    expect(codeOf(domain)).toBe('LAST_ADMINISTRATOR')
    expect((await db.domain.findUniqueOrThrow({ where: { id: home } })).enabled).toBe(true)
    expect(codeOf(await cloud.gql('{ session { user { id } } }', {}, admin))).toBe('OK')
  })
})

/** What the audit log tells last of a resource, or of several. */
async function lastOf(...ids: string[]) {
  const entries = await cloud.cloud.db.auditEvent.findMany({
    where: { resourceId: { in: ids } },
    orderBy: { id: 'asc' },
  })
  const last = new Map(entries.map((entry) => [entry.resourceId, entry]))
  return ids.map((id) => {
    const { action, after, before, resourceName } = last.get(id) ?? {}
    return { action, isGone: Boolean(before) && !after, resourceName }
  })
}

describe('deleting', () => {
  it("the operator's project, or disabling it, is refused", async () => {
    const { db } = cloud.cloud
    const { id } = await db.project.findFirstOrThrow({ where: { operator: true } })
    for (const more of [{}, { cascade: true }]) {
      expect(codeOf(await run('projectDelete', 'project { id }', { id, ...more }))).toBe(
        'INVALID_STATE',
      )
    }
    expect(codeOf(await run('projectUpdate', 'project { id }', { id, enabled: false }))).toBe(
      'INVALID_STATE',
    )
    expect((await db.project.findUniqueOrThrow({ where: { id } })).enabled).toBe(true)
  })

  it('a domain tells of all that goes with it, and records it', async () => {
    const domain = await make('domain', { name: 'peopled' })
    const inside = { domainId: domain.id }
    const one = async (type: string, input: object) => {
      const { data } = await run(`${type}Create`, `${type} { id }`, { ...inside, ...input })
      return data[`${type}Create`][type].id as string
    }
    const user = await one('user', { name: 'uma' })
    const group = await one('group', { name: 'gang' })
    const role = await one('role', { name: 'scribe' })
    const assignment = await one('roleAssignment', { role: 'reader', groupId: group })
    const kinds = ['user', 'group', 'role', 'roleAssignment', 'domain']
    const watches = await Promise.all(
      kinds.map(async (type) => {
        const watch = cloud.watch<{ kind: string; id: string }>(
          `subscription { ${type}Changed { kind id } }`,
          {},
          admin,
        )
        await watch.next(({ kind }) => kind === 'SNAPSHOT')
        return watch
      }),
    )
    await run('domainUpdate', 'domain { id }', { id: domain.id, enabled: false })
    expect(codeOf(await run('domainDelete', 'domain { id }', { id: domain.id }))).toBe('OK')
    const ids = [user, group, role, assignment, domain.id]
    for (const [at, watch] of watches.entries()) {
      await watch.next(({ kind, id }) => kind === 'DELETED' && id === ids[at])
      watch.close()
    }
    const action = 'identity.domain.delete'
    expect(await lastOf(...ids)).toMatchObject([
      { action, isGone: true, resourceName: 'uma' },
      { action, isGone: true, resourceName: 'gang' },
      { action, isGone: true, resourceName: 'scribe' },
      { action, isGone: true, resourceName: 'reader of gang on peopled' },
      { action, isGone: true, resourceName: 'peopled' },
    ])
  })

  it('a domain needs it to be disabled, and without projects', async () => {
    const domain = await make('domain', { name: 'going' })
    const project = await make('project', { name: 'in it', domainId: domain.id })
    const end = () => run('domainDelete', 'domain { id }', { id: domain.id })
    expect(codeOf(await end())).toBe('INVALID_STATE')
    await run('domainUpdate', 'domain { id }', { id: domain.id, enabled: false })
    expect((await end()).errors?.[0]?.extensions).toMatchObject({
      code: 'IN_USE',
      details: { resources: [{ type: 'project', id: project.id }] },
    })
    await run('projectDelete', 'contents { id }', { id: project.id })
    const gone = await end()
    expect(gone.data.domainDelete.domain).toBeNull()
    expect(codeOf(await end())).toBe('NOT_FOUND')
  })

  it('a project with something in it is refused with the list, and cascades when asked', async () => {
    const { id } = await make('project', { name: 'full', domainId })
    const child = await make('project', { name: 'child', domainId, parentId: id })
    const token = tokenFor(cloud.cloud, { projectId: id, role: 'admin' })
    const inChild = tokenFor(cloud.cloud, { projectId: child.id, role: 'admin' })
    const image = await putImage(cloud, token, 'an image')
    const server = await newServer(cloud, token, 'a server', image.id)
    const below = await putImage(cloud, inChild, 'below')
    const user = await newUser(cloud.cloud, 'of the child')
    const given = { role: 'reader', userId: user, projectId: child.id }
    const { data } = await run('roleAssignmentCreate', 'roleAssignment { id }', given)
    const assignment = data.roleAssignmentCreate.roleAssignment.id
    const end = (more = {}) =>
      run('projectDelete', 'project { enabled } task { id } contents { type id name }', {
        id,
        ...more,
      })
    const refused = await end()
    const { code, details } = refused.errors?.[0]?.extensions ?? {}
    expect(code).toBe('IN_USE')
    const listed = [
      { type: 'server', id: server, name: 'a server' },
      { type: 'image', id: image.id, name: 'an image' },
      { type: 'image', id: below.id, name: 'below' },
      { type: 'project', id: child.id, name: 'child' },
    ]
    expect(details?.resources).toEqual(listed)
    const plan = await end({ cascade: true, dryRun: true })
    expect(plan.data.projectDelete.contents).toEqual(listed)
    expect(codeOf(await cloud.gql('{ session { user { id } } }', {}, token))).toBe('OK')

    const done = await end({ cascade: true })
    expect(done.data.projectDelete.project).toEqual({ enabled: false })
    expect(['INVALID_STATE', 'NOT_FOUND']).toContain(codeOf(await end({ cascade: true })))
    const taskId = done.data.projectDelete.task.id
    const task = 'query ($id: ID!) { task(id: $id) { kind steps { name } } }'
    expect((await cloud.must(task, { id: taskId }, admin)).task.kind).toBe('project.delete')
    expect((await cloud.must(task, { id: taskId }, manager)).task).toBeNull()
    expect(codeOf(await cloud.gql('{ session { user { id } } }', {}, token))).toBe(
      'UNAUTHENTICATED',
    )
    await until(
      'the projects are gone',
      async () =>
        (await cloud.cloud.db.project.count({ where: { id: { in: [id, child.id] } } })) === 0,
    )
    expect((await cloud.must(EVENTS, { id }, admin)).project).toBeNull()
    expect(await cloud.cloud.db.image.count({ where: { projectId: id } })).toBe(0)
    await until('the task ends', async () => {
      const task = await cloud.cloud.db.task.findUniqueOrThrow({
        where: { id: done.data.projectDelete.task.id },
      })
      return task.status === 'SUCCEEDED'
    })
    const action = 'identity.project.delete'
    expect(await lastOf(server, image.id, below.id, assignment, child.id, id)).toMatchObject([
      { action, isGone: true, resourceName: 'a server' },
      { action, isGone: true, resourceName: 'an image' },
      { action, isGone: true, resourceName: 'below' },
      { action, isGone: true, resourceName: 'reader of of the child on child' },
      { action, isGone: true, resourceName: 'child' },
      { action, isGone: true, resourceName: 'full' },
    ])
    const [entry] = await cloud.cloud.db.auditEvent.findMany({ where: { resourceId: child.id } })
    expect(entry).toMatchObject({ userName: 'admin' })
    await expectCleanWorld(cloud)
  })
})
