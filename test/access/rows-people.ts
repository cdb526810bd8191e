/** Rows of users, groups, roles and role assignments. */
import { newId } from '../../services/id.ts'
import { named } from '../../services/identity/name.ts'
import { hashPassword } from '../../services/identity/password.ts'
import {
  byId,
  domainManagers,
  domainReaders,
  list,
  mutation,
  operatorReaders,
  operators,
  type Persona,
  personas,
  projectManagers,
  type Row,
  type World,
} from './row.ts'
import { newPlainUser } from './world.ts'

const follow = (name: string) =>
  `subscription ($after: String) { ${name}(after: $after) { id kind } }`
const unique = () => `n${newId()}`
const times = ({ cloud: c }: World) => ({ createdAt: c.now(), updatedAt: c.now() })

const forOperators = { may: operators, sibling: 'FORBIDDEN', stranger: 'FORBIDDEN' } as const
/** What managers of the domain and operators do to things of the domain. */
const inDomain = {
  may: [...domainManagers, ...operators],
  sibling: 'FORBIDDEN',
  stranger: 'NOT_FOUND',
} as const
const watched = {
  may: [...domainReaders, ...operatorReaders],
  sibling: 'FORBIDDEN',
  stranger: 'nothing',
} as const
const seesDomain: readonly Persona[] = [...domainReaders, ...operatorReaders]
/** To everybody, but of the domain's things only to those who see the domain. */
const oneOfDomain = {
  may: personas,
  blind: personas.filter((persona) => !seesDomain.includes(persona)),
  sibling: 'null',
  stranger: 'null',
} as const
const ofDomain = { may: personas, sibling: 'nothing', stranger: 'nothing' } as const

async function newGroup(w: World): Promise<string> {
  const data = { id: newId(), domainId: w.domainId, ...named(unique()), ...times(w) }
  return (await w.cloud.db.group.create({ data })).id
}

async function newMember(w: World): Promise<object> {
  const userId = await newPlainUser(w.cloud, w.domainId)
  const data = { groupId: w.groupId, userId, createdAt: w.cloud.now() }
  await w.cloud.db.groupMember.create({ data })
  return { groupId: w.groupId, userId }
}

const newRole = async ({ cloud }: World): Promise<string> =>
  (await cloud.db.role.create({ data: { id: newId(), ...named(unique()) } })).id

async function newImplication(w: World): Promise<object> {
  const data = { priorRoleId: w.roleId, impliedRoleId: await newRole(w) }
  return w.cloud.db.roleImplication.create({ data })
}

async function newAssignment({ cloud, domainId, projectId }: World): Promise<string> {
  const role = await cloud.db.role.findFirstOrThrow({ where: { name: 'reader', domainId: null } })
  const userId = await newPlainUser(cloud, domainId)
  const data = { id: newId(), roleId: role.id, userId, projectId, createdAt: cloud.now() }
  return (await cloud.db.roleAssignment.create({ data })).id
}

const OLD = 'the old one of mine'

/** The answer ends the caller's token: it is only tried. */
async function withPassword({ cloud, self }: World): Promise<object> {
  const passwordHash = await hashPassword(OLD)
  await cloud.db.user.update({ where: { id: self }, data: { passwordHash } })
  return { password: OLD, newPassword: 'another one, and longer', dryRun: true }
}

const input = (of: (w: World) => object | Promise<object>) => async (w: World) => ({
  input: await of(w),
})

export const peopleRows: Record<string, Row> = {
  'Query.users': { ...ofDomain, document: list('users') },
  'Query.user': {
    ...oneOfDomain,
    document: byId('user', 'id email lockedUntil'),
    variables: (w) => ({ id: w.userId }),
  },
  'Mutation.userCreate': {
    ...inDomain,
    document: mutation('userCreate', 'user { id }'),
    variables: input((w) => ({ name: unique(), domainId: w.domainId })),
  },
  'Mutation.userUpdate': {
    ...inDomain,
    document: mutation('userUpdate', 'user { id }'),
    variables: input((w) => ({ id: w.userId, description: unique() })),
  },
  'Mutation.userDelete': {
    ...inDomain,
    document: mutation('userDelete', 'user { id }'),
    variables: input(async (w) => ({ id: await newPlainUser(w.cloud, w.domainId) })),
  },
  'Mutation.userPasswordChange': {
    may: personas,
    // Everybody, for oneself; these two have no password.
    sibling: 'INVALID_STATE',
    stranger: 'INVALID_STATE',
    document: mutation('userPasswordChange', 'secret user { id }'),
    variables: input(withPassword),
  },
  'Subscription.userChanged': { ...watched, document: follow('userChanged') },
  'Query.groups': { ...ofDomain, document: list('groups') },
  'Query.group': { ...oneOfDomain, document: byId('group'), variables: (w) => ({ id: w.groupId }) },
  'Mutation.groupCreate': {
    ...inDomain,
    document: mutation('groupCreate', 'group { id }'),
    variables: input((w) => ({ name: unique(), domainId: w.domainId })),
  },
  'Mutation.groupUpdate': {
    ...inDomain,
    document: mutation('groupUpdate', 'group { id }'),
    variables: input((w) => ({ id: w.groupId, description: unique() })),
  },
  'Mutation.groupDelete': {
    ...inDomain,
    document: mutation('groupDelete', 'group { id }'),
    variables: input(async (w) => ({ id: await newGroup(w) })),
  },
  'Mutation.groupUserAdd': {
    ...inDomain,
    document: mutation('groupUserAdd', 'group { id }'),
    variables: input((w) => ({ groupId: w.groupId, userId: w.userId })),
  },
  'Mutation.groupUserRemove': {
    ...inDomain,
    document: mutation('groupUserRemove', 'group { id }'),
    variables: input(newMember),
  },
  'Subscription.groupChanged': { ...watched, document: follow('groupChanged') },
  // Roles of no domain are everybody's to see.
  'Query.roles': { may: personas, sibling: 'OK', stranger: 'OK', document: list('roles') },
  'Query.role': {
    may: personas,
    sibling: 'OK',
    stranger: 'OK',
    document: byId('role'),
    variables: (w) => ({ id: w.roleId }),
  },
  'Mutation.roleCreate': {
    ...forOperators,
    document: mutation('roleCreate', 'role { id }'),
    variables: input(() => ({ name: unique() })),
  },
  'Mutation.roleUpdate': {
    ...forOperators,
    document: mutation('roleUpdate', 'role { id }'),
    variables: input((w) => ({ id: w.roleId, description: unique() })),
  },
  'Mutation.roleDelete': {
    ...forOperators,
    document: mutation('roleDelete', 'role { id }'),
    variables: input(async (w) => ({ id: await newRole(w) })),
  },
  'Mutation.roleImplicationCreate': {
    ...forOperators,
    document: mutation('roleImplicationCreate', 'role { id }'),
    variables: input(async (w) => ({ priorRoleId: w.roleId, impliedRoleId: await newRole(w) })),
  },
  'Mutation.roleImplicationDelete': {
    ...forOperators,
    document: mutation('roleImplicationDelete', 'role { id }'),
    variables: input(newImplication),
  },
  'Subscription.roleChanged': {
    may: personas,
    sibling: 'OK',
    stranger: 'OK',
    document: follow('roleChanged'),
  },
  'Query.roleAssignments': {
    may: personas,
    sibling: 'nothing',
    stranger: 'nothing',
    document:
      '{ roleAssignments(effective: true) { nodes { id user { id } project { id } domain { id } } totalCount } }',
  },
  'Query.roleAssignment': {
    may: personas,
    // Managers of the project see who is in it.
    blind: personas.filter(
      (p) => !seesDomain.includes(p) && !(projectManagers as readonly Persona[]).includes(p),
    ),
    sibling: 'null',
    stranger: 'null',
    document: byId('roleAssignment'),
    variables: (w) => ({ id: w.roleAssignmentId }),
  },
  'Subscription.roleAssignmentChanged': { ...watched, document: follow('roleAssignmentChanged') },
  'Mutation.roleAssignmentCreate': {
    ...inDomain,
    document: mutation('roleAssignmentCreate', 'roleAssignment { id }'),
    variables: input((w) => ({
      role: 'member',
      userId: w.userId,
      projectId: w.projectId,
      dryRun: true,
    })),
  },
  'Mutation.roleAssignmentDelete': {
    ...inDomain,
    document: mutation('roleAssignmentDelete', 'roleAssignment { id }'),
    variables: input(async (w) => ({ id: await newAssignment(w) })),
  },
}
