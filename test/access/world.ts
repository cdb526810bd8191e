/** The worlds of the access matrix: a domain, a project and a thing of each kind, as rows. */
import { randomUUID } from 'node:crypto'
import type { Actor, Cloud } from '../../services/context.ts'
import { newId } from '../../services/id.ts'
import { named } from '../../services/identity/name.ts'
import type { Persona, World } from './row.ts'

export type Owned = Omit<World, 'self'>

const times = (c: Cloud) => ({ createdAt: c.now(), updatedAt: c.now() })

export async function newDomain(c: Cloud, name: string): Promise<string> {
  const { id } = await c.db.domain.create({ data: { id: newId(), ...named(name), ...times(c) } })
  return id
}

export async function newPlainUser(c: Cloud, domainId: string, name: string = randomUUID()) {
  const { id } = await c.db.user.create({
    data: { id: newId(), domainId, ...named(name), passwordHash: null, ...times(c) },
  })
  return id
}

export async function newImage(c: Cloud, projectId: string, visibility = 'PRIVATE') {
  const id = newId()
  const size = { sizeBytes: 1n, virtualSizeBytes: 1024n, checksum: 'c' }
  const kind = { name: 'i', status: 'ACTIVE', diskFormat: 'RAW', visibility }
  await c.db.image.create({ data: { id, projectId, ...kind, ...size, ...times(c) } })
  return id
}

/** A server of the world's project, in this status, on its host. */
export async function newServer(
  { cloud: c, projectId, flavorId, imageId, hostId }: Owned,
  status: string,
  more: object = {},
): Promise<string> {
  const id = newId()
  const size = { vcpus: 1, memoryMiB: 64, diskGiB: 1, flavorId, imageId, hostId }
  const kind = { name: 's', status, powerState: 'NOSTATE', projectId, userId: newId() }
  await c.db.server.create({ data: { id, ...kind, ...size, ...times(c), ...more } })
  return id
}

/** The things of a project of the domain: a new one, or one that is there. */
export async function newWorld(c: Cloud, domainId: string, existing?: string): Promise<Owned> {
  const { db } = c
  const projectId = existing ?? newId()
  if (!existing) {
    await db.project.create({
      data: { id: projectId, domainId, ...named(randomUUID()), ...times(c) },
    })
  }
  const flavor = await db.flavor.findFirstOrThrow({ where: { name: 'm1.nano' } })
  const host =
    (await db.host.findFirst()) ??
    (await db.host.create({
      data: { id: newId(), name: 'h1', driver: 'none', status: 'UP', ...times(c) },
    }))
  const userId = await newPlainUser(c, domainId)
  const group = await db.group.create({
    data: { id: newId(), domainId, ...named(randomUUID()), ...times(c) },
  })
  const role = await db.role.create({ data: { id: newId(), ...named(randomUUID()) } })
  const reader = await db.role.findFirstOrThrow({ where: { name: 'reader', domainId: null } })
  const assignment = await db.roleAssignment.create({
    data: { id: newId(), roleId: reader.id, userId, projectId, createdAt: c.now() },
  })
  const imageId = await newImage(c, projectId)
  const [taskId, serverId, stoppedId] = [newId(), newId(), newId()]
  const size = { vcpus: 1, memoryMiB: 64, diskGiB: 1, flavorId: flavor.id, hostId: host.id }
  const server = { projectId, userId: newId(), imageId, ...size, ...times(c) }
  await db.server.createMany({
    data: [
      { id: serverId, name: 'up', status: 'ACTIVE', powerState: 'RUNNING', taskId, ...server },
      { id: stoppedId, name: 'down', status: 'SHUTOFF', powerState: 'SHUTDOWN', ...server },
    ],
  })
  const done = { deadlineAt: c.now(), createdAt: c.now(), finishedAt: c.now() }
  await db.task.create({
    data: {
      id: taskId,
      kind: 'server.create',
      status: 'SUCCEEDED',
      projectId,
      steps: [],
      input: {},
      resourceType: 'server',
      resourceId: serverId,
      ...done,
    },
  })
  const things = { serverId, stoppedId, imageId, taskId, hostId: host.id, flavorId: flavor.id }
  const people = { userId, groupId: group.id, roleId: role.id, roleAssignmentId: assignment.id }
  return { cloud: c, domainId, projectId, ...people, ...things }
}

const rolesUpTo = (role: string): string[] => {
  const all = ['reader', 'member', 'manager', 'admin']
  return all.slice(0, all.indexOf(role) + 1)
}

interface Given {
  self: string
  domainId: string
  projectId: string
  at?: Date
  ttlSeconds?: number
}

const scopes: Record<Persona, (g: Given) => Partial<Actor>> = {
  unscoped: () => ({}),
  reader: ({ projectId, domainId }) => ofProject(projectId, domainId, 'reader'),
  member: ({ projectId, domainId }) => ofProject(projectId, domainId, 'member'),
  manager: ({ projectId, domainId }) => ofProject(projectId, domainId, 'manager'),
  admin: ({ projectId, domainId }) => ofProject(projectId, domainId, 'admin'),
  domainReader: ({ domainId }) => ({ domainId, roles: rolesUpTo('reader') }),
  domainManager: ({ domainId }) => ({ domainId, roles: rolesUpTo('manager') }),
  domainAdmin: ({ domainId }) => ({ domainId, roles: rolesUpTo('admin') }),
  systemReader: () => ({ system: true, roles: rolesUpTo('reader') }),
  systemAdmin: () => ({ system: true, roles: rolesUpTo('admin') }),
  operator: ({ projectId, domainId }) => ({
    ...ofProject(projectId, domainId, 'admin'),
    operator: true,
  }),
}

const ofProject = (projectId: string, domainId: string, role: string): Partial<Actor> => ({
  projectId,
  projectName: 'a project',
  projectDomainId: domainId,
  roles: rolesUpTo(role),
})

/** A genuine token of the persona, without a sign-in. */
export function tokenOf(c: Cloud, persona: Persona, given: Given): string {
  const { self, domainId, at = c.now(), ttlSeconds = 3600 } = given
  const actor = {
    userId: self,
    userName: persona,
    userDomainId: domainId,
    projectId: null,
    projectName: null,
    projectDomainId: null,
    domainId: null,
    system: false,
    roles: [],
    operator: false,
    methods: ['password' as const],
    applicationCredentialId: null,
    accessRules: null,
    trustId: null,
    trustorUserId: null,
    ...scopes[persona](given),
  }
  return c.tokens.issue(actor, at, ttlSeconds).secret
}
