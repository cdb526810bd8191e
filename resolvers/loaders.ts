/**
 * Loaders: rows by id, all that one tick asks for in one statement. They do no access control: what
 * is reached through a row that the caller may see is looked up here; roots are scoped queries.
 */
import DataLoader from 'dataloader'
import type { AuditEvent, Migration } from '../prisma/generated/client.ts'
import { everywhere } from '../services/cells/cells.ts'
import type { Db } from '../services/context.ts'
import { type HistoryRequest, histories } from '../services/core/audit-log.ts'
import { isId } from '../services/id.ts'
import { placementLoaders } from './compute/placement-loaders.ts'
import { peopleLoaders } from './identity/people-loaders.ts'

export type Loaders = ReturnType<typeof makeLoaders>

/** An assignment comes with the domain of its project. */
export const placed = { project: { select: { domainId: true } } } as const

export function makeLoaders(db: Db) {
  return {
    server: byId((ids) => db.server.findMany({ where: { id: { in: ids } } })),
    flavor: byId((ids) => db.flavor.findMany({ where: { id: { in: ids } } })),
    flavorWithAccess: byId((ids) =>
      db.flavor.findMany({ where: { id: { in: ids } }, include: { access: true } }),
    ),
    keypair: byId((ids) => db.keypair.findMany({ where: { id: { in: ids } } })),
    image: byId((ids) => db.image.findMany({ where: { id: { in: ids } } })),
    host: byId((ids) => db.host.findMany({ where: { id: { in: ids } } })),
    migration: byId((ids) => db.migration.findMany({ where: { id: { in: ids } } })),
    migrationsOf: migrationsOf(db),
    project: byId((ids) => db.project.findMany({ where: { id: { in: ids } } })),
    domain: byId((ids) => db.domain.findMany({ where: { id: { in: ids } } })),
    user: byId((ids) => db.user.findMany({ where: { id: { in: ids } } })),
    group: byId((ids) => db.group.findMany({ where: { id: { in: ids } } })),
    role: byId((ids) => db.role.findMany({ where: { id: { in: ids } } })),
    roleAssignment: byId((ids) =>
      db.roleAssignment.findMany({ where: { id: { in: ids } }, include: placed }),
    ),
    service: byId((ids) => db.service.findMany({ where: { id: { in: ids } } })),
    endpoint: byId((ids) => db.endpoint.findMany({ where: { id: { in: ids } } })),
    registeredLimit: byId((ids) => db.registeredLimit.findMany({ where: { id: { in: ids } } })),
    applicationCredential: byId((ids) =>
      db.applicationCredential.findMany({ where: { id: { in: ids } } }),
    ),
    applicationCredentialRoles: grouped(
      (ids) =>
        db.applicationCredentialRole.findMany({
          where: { applicationCredentialId: { in: ids } },
          include: { role: true },
          orderBy: { role: { name: 'asc' } },
        }),
      (row) => row.applicationCredentialId,
    ),
    trustRoles: grouped(
      (ids) =>
        db.trustRole.findMany({
          where: { trustId: { in: ids } },
          include: { role: true },
          orderBy: { role: { name: 'asc' } },
        }),
      (row) => row.trustId,
    ),
    trust: byId((ids) => db.trust.findMany({ where: { id: { in: ids } } })),
    ec2Credential: byId((ids) => db.ec2Credential.findMany({ where: { id: { in: ids } } })),
    identityProvider: byId((ids) => db.identityProvider.findMany({ where: { id: { in: ids } } })),
    task: byId((ids) => db.task.findMany({ where: { id: { in: ids } } })),
    inventory: grouped(
      (hostIds) =>
        db.inventory.findMany({
          where: { hostId: { in: hostIds } },
          orderBy: { resource: 'asc' },
        }),
      (row) => row.hostId,
    ),
    newestTasks: newestTasks(db),
    taskCount: taskCount(db),
    history: historyLoader(db),
    ...peopleLoaders(db),
    ...placementLoaders(db),
  }
}

/** The row as it is now: what an earlier mutation of the same request loaded is old. */
export const fresh = <Row>(
  loader: DataLoader<string, Row | null>,
  id: string,
): Promise<Row | null> => loader.clear(id).load(id)

function byId<Row extends { id: string }>(find: (ids: string[]) => Promise<Row[]>) {
  return new DataLoader<string, Row | null>(async (ids) => {
    const wanted = ids.filter(isId)
    const rows = wanted.length ? await find(wanted) : []
    const found = new Map(rows.map((row) => [row.id, row]))
    return ids.map((id) => found.get(id) ?? null)
  })
}

function grouped<Row>(find: (keys: string[]) => Promise<Row[]>, keyOf: (row: Row) => string) {
  return new DataLoader<string, Row[]>(async (keys) => {
    const rows = await find([...keys])
    return keys.map((key) => rows.filter((row) => keyOf(row) === key))
  })
}

/** Migrations of a server that are shown with it. */
const MAX_MIGRATIONS = 20

/** The newest migrations of servers, all servers in one statement. */
function migrationsOf(db: Db) {
  return new DataLoader<string, Migration[]>(async (serverIds) => {
    const newest = await everywhere(
      db,
      (one) => one.$queryRaw<{ id: string }[]>`
      select m.id from unnest(${[...serverIds]}::uuid[]) wanted (id)
      cross join lateral (
        select id from compute.migration where server_id = wanted.id
        order by id desc limit ${MAX_MIGRATIONS}::int) m`,
    )
    const where = { id: { in: newest.map(({ id }) => id) } }
    const rows = await db.migration.findMany({ where, orderBy: { id: 'desc' } })
    return serverIds.map((id) => rows.filter(({ serverId }) => serverId === id))
  })
}

/** How many tasks a resource has had. */
function taskCount(db: Db) {
  return new DataLoader<string, number>(async (resourceIds) => {
    const where = { resourceId: { in: [...resourceIds] } }
    const groups = await db.task.groupBy({ by: ['resourceId'], where, _count: true })
    const counts = new Map(groups.map((group) => [group.resourceId, group._count]))
    return resourceIds.map((id) => counts.get(id) ?? 0)
  })
}

/** The ids of the newest tasks of resources, one more than asked for, all resources in one statement. */
function newestTasks(db: Db) {
  return new DataLoader<{ resourceId: string; take: number }, string[], string>(
    async (keys) => {
      const take = Math.max(...keys.map((key) => key.take))
      const ids = keys.map((key) => key.resourceId)
      const rows = await everywhere(
        db,
        (one) => one.$queryRaw<{ id: string; resourceId: string }[]>`
        select t.id, t.resource_id as "resourceId" from unnest(${ids}::uuid[]) wanted (id)
        cross join lateral (
          select id, resource_id from core.task where resource_id = wanted.id
          order by id desc limit ${take}::int) t`,
      )
      return keys.map((key) =>
        rows
          .filter((row) => row.resourceId === key.resourceId)
          .map((row) => row.id)
          .slice(0, key.take),
      )
    },
    { cacheKeyFn: (key) => `${key.resourceId} ${key.take}` },
  )
}

/** What the audit log says about resources, in one statement. */
function historyLoader(db: Db) {
  return new DataLoader<HistoryRequest, AuditEvent[], string>((asked) => histories(db, asked), {
    cacheKeyFn: ({ resourceId, take, reach }) =>
      [resourceId, take, reach.domainId, reach.projectId, reach.userId].join(' '),
  })
}
