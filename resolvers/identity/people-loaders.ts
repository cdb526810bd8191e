/** Loaders of what hangs on users, groups and roles: a statement each, however many ask. */
import DataLoader from 'dataloader'
import type { Role } from '../../prisma/generated/client.ts'
import type { Reach } from '../../services/access/allow.ts'
import type { Db } from '../../services/context.ts'
import {
  assignmentsOf,
  countOf,
  firstOf,
  groupsOfUser,
  type ListedAssignment,
  type ListedGroup,
  type PeopleList,
  usersOfGroup,
} from '../../services/identity/people-lists.ts'

export interface AssignmentsAsked {
  holder: 'user' | 'group'
  /** Who asks sees so much: watchers share loaders. */
  reach: Reach
}

export const peopleLoaders = (db: Db) => ({
  groupsOfUser: nested<ListedGroup>(db, groupsOfUser),
  usersOfGroup: nested<{ id: string }>(db, usersOfGroup),
  assignmentsOf: assignmentLoaders(db),
  impliedRoles: impliedRoles(db),
  hasTotp: hasTotp(db),
})

export interface Nested<Row> {
  first: DataLoader<{ id: string; take: number }, Row[], string>
  count: DataLoader<string, number>
}

function nested<Row>(db: Db, list: PeopleList): Nested<Row> {
  return {
    first: new DataLoader(
      async (keys) => {
        const owners = [...new Set(keys.map(({ id }) => id))]
        const found = await firstOf<Row>(db, list, owners, Math.max(...keys.map((k) => k.take)))
        return keys.map(({ id, take }) => (found.get(id) ?? []).slice(0, take))
      },
      { cacheKeyFn: ({ id, take }) => `${id} ${take}` },
    ),
    count: new DataLoader(async (owners) => {
      const counts = await countOf(db, list, owners)
      return owners.map((id) => counts.get(id) ?? 0)
    }),
  }
}

/** Loaders for each kind of holder and each reach; a request has one reach. */
function assignmentLoaders(db: Db) {
  const known = new Map<string, Nested<ListedAssignment>>()
  return ({ holder, reach }: AssignmentsAsked): Nested<ListedAssignment> => {
    const key = [holder, reach.domainId, reach.projectId, reach.userId].join(' ')
    let loaders = known.get(key)
    if (!loaders) known.set(key, (loaders = nested(db, assignmentsOf(holder, reach))))
    return loaders
  }
}

/** What a role implies itself, by name. */
function impliedRoles(db: Db) {
  return new DataLoader<string, Role[]>(async (ids) => {
    const rows = await db.roleImplication.findMany({
      where: { priorRoleId: { in: [...ids] } },
      include: { implied: true },
      orderBy: { implied: { nameKey: 'asc' } },
    })
    return ids.map((id) =>
      rows.filter(({ priorRoleId }) => priorRoleId === id).map(({ implied }) => implied),
    )
  })
}

/** Whether a user has a second factor that is asked for. */
function hasTotp(db: Db) {
  return new DataLoader<string, boolean>(async (userIds) => {
    const rows = await db.totp.findMany({
      where: { userId: { in: [...userIds] }, confirmedAt: { not: null } },
      select: { userId: true },
    })
    const having = new Set(rows.map(({ userId }) => userId))
    return userIds.map((id) => having.has(id))
  })
}
