/** Random clouds of projects, groups, roles and assignments, and who has what there, found naively. */
import fc from 'fast-check'
import type { Cloud } from '../../services/context.ts'
import { newId } from '../../services/id.ts'
import { named } from '../../services/identity/name.ts'

const DOMAINS = 2
const PROJECTS = 6
const USERS = 3
const GROUPS = 3
const ROLES = 6

interface Given {
  role: number
  holder: { user: number } | { group: number }
  place: { project: number } | { domain: number } | 'system'
  inherited: boolean
}

export interface Forest {
  /** The parent is an earlier project, if that is of the same domain. */
  projects: { domain: number; parent: number | null }[]
  members: [group: number, user: number][]
  /** The domain of a domain role. */
  roles: (number | null)[]
  /** From a role to a later one: no circle. */
  implications: [prior: number, implied: number][]
  given: Given[]
}

const below = (count: number) => fc.nat(count - 1)

export const forests: fc.Arbitrary<Forest> = fc.record({
  projects: fc
    .array(fc.record({ domain: below(DOMAINS), parent: fc.option(below(PROJECTS)) }), {
      minLength: PROJECTS,
      maxLength: PROJECTS,
    })
    .map((drawn) =>
      drawn.map(({ domain, parent }, i) => ({
        domain,
        parent: parent !== null && parent < i && drawn[parent]?.domain === domain ? parent : null,
      })),
    ),
  members: fc.array(fc.tuple(below(GROUPS), below(USERS)), { maxLength: 6 }),
  roles: fc.array(fc.option(below(DOMAINS), { freq: 3 }), { minLength: ROLES, maxLength: ROLES }),
  implications: fc
    .array(fc.tuple(below(ROLES), below(ROLES)), { maxLength: 6 })
    .map((pairs) => pairs.filter(([prior, implied]) => prior < implied)),
  given: fc.array(
    fc
      .record({
        role: below(ROLES),
        holder: fc.oneof(fc.record({ user: below(USERS) }), fc.record({ group: below(GROUPS) })),
        place: fc.oneof(
          fc.record({ project: below(PROJECTS) }),
          fc.record({ domain: below(DOMAINS) }),
          fc.constant('system' as const),
        ),
        inherited: fc.boolean(),
      })
      .map((one) => ({ ...one, inherited: one.place !== 'system' && one.inherited })),
    { maxLength: 12 },
  ),
})

export interface ForestIds {
  domains: string[]
  projects: string[]
  users: string[]
  groups: string[]
  roles: string[]
}

const newIds = (count: number): string[] => Array.from({ length: count }, () => newId())
const at = (ids: string[], i: number): string => ids[i] as string

/** Rows of a new forest, beside all others. */
export async function writeForest({ db, now }: Cloud, forest: Forest): Promise<ForestIds> {
  const times = { createdAt: now(), updatedAt: now() }
  const ids: ForestIds = {
    domains: newIds(DOMAINS),
    projects: newIds(PROJECTS),
    users: newIds(USERS),
    groups: newIds(GROUPS),
    roles: newIds(ROLES),
  }
  const things = (list: string[]) => list.map((id) => ({ id, ...named(id), ...times }))
  const inDomain = (list: string[]) =>
    things(list).map((thing) => ({ ...thing, domainId: at(ids.domains, 0) }))
  await db.domain.createMany({ data: things(ids.domains) })
  await db.project.createMany({
    data: things(ids.projects).map((thing, i) => {
      const { domain = 0, parent = null } = forest.projects[i] ?? {}
      const parentId = parent === null ? null : at(ids.projects, parent)
      return { ...thing, domainId: at(ids.domains, domain), parentId }
    }),
  })
  await db.user.createMany({ data: inDomain(ids.users) })
  await db.group.createMany({ data: inDomain(ids.groups) })
  await db.groupMember.createMany({
    data: forest.members.map(([group, user]) => ({
      groupId: at(ids.groups, group),
      userId: at(ids.users, user),
      createdAt: now(),
    })),
    skipDuplicates: true,
  })
  await db.role.createMany({
    data: ids.roles.map((id, i) => {
      const domain = forest.roles[i] ?? null
      return { id, ...named(id), domainId: domain === null ? null : at(ids.domains, domain) }
    }),
  })
  await db.roleImplication.createMany({
    data: forest.implications.map(([prior, implied]) => ({
      priorRoleId: at(ids.roles, prior),
      impliedRoleId: at(ids.roles, implied),
    })),
    skipDuplicates: true,
  })
  await db.roleAssignment.createMany({
    data: forest.given.map(({ role, holder, place, inherited }) => ({
      id: newId(),
      roleId: at(ids.roles, role),
      userId: 'user' in holder ? at(ids.users, holder.user) : null,
      groupId: 'group' in holder ? at(ids.groups, holder.group) : null,
      projectId: place !== 'system' && 'project' in place ? at(ids.projects, place.project) : null,
      domainId: place !== 'system' && 'domain' in place ? at(ids.domains, place.domain) : null,
      system: place === 'system',
      inherited,
      createdAt: now(),
    })),
    skipDuplicates: true,
  })
  return ids
}

/** `user role place`, for all that a user has: each rule written as one would say it. */
export function naiveAssignments(forest: Forest, ids: ForestIds): Set<string> {
  const found = new Set<string>()
  for (const { role, holder, place, inherited } of forest.given) {
    for (const user of usersOf(forest, holder)) {
      for (const where of placesOf(forest, ids, place, inherited)) {
        for (const held of impliedBy(forest, role)) {
          if (forest.roles[held] !== null) continue
          found.add(`${at(ids.users, user)} ${at(ids.roles, held)} ${where}`)
        }
      }
    }
  }
  return found
}

const usersOf = ({ members }: Forest, holder: Given['holder']): number[] =>
  'user' in holder
    ? [holder.user]
    : members.filter(([group]) => group === holder.group).map(([, user]) => user)

function placesOf(
  forest: Forest,
  ids: ForestIds,
  place: Given['place'],
  inherited: boolean,
): string[] {
  if (place === 'system') return ['system']
  if (!inherited) {
    return ['project' in place ? at(ids.projects, place.project) : at(ids.domains, place.domain)]
  }
  return ids.projects.filter((_, i) =>
    'project' in place
      ? isBelow(forest, i, place.project)
      : forest.projects[i]?.domain === place.domain,
  )
}

function isBelow({ projects }: Forest, project: number, above: number): boolean {
  for (let at = projects[project]?.parent ?? null; at !== null; ) {
    if (at === above) return true
    at = projects[at]?.parent ?? null
  }
  return false
}

function impliedBy(forest: Forest, role: number): number[] {
  const next = forest.implications.filter(([prior]) => prior === role).map(([, implied]) => implied)
  return [...new Set([role, ...next.flatMap((one) => impliedBy(forest, one))])]
}
