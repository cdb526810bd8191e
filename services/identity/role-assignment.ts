/**
 * Role assignments: who was given which role where. Who has what in the end, by groups, inheritance and
 * implied roles: effective-assignments.ts.
 *
 * A1 A role is given to a user or a group, on a project, a domain or the system: exactly one of each.
 * A2 Who manages a domain gives manager, member and reader in it, to whoever has nothing beyond.
 * A3 Taking away ends all tokens of the users concerned, those of other scopes too: they sign in again.
 */
import type { Prisma, Role } from '../../prisma/generated/client.ts'
import { allow, type Reach } from '../access/allow.ts'
import type { Target } from '../access/language.ts'
import { type Command, type CommandInput, command } from '../command.ts'
import type { Context } from '../context.ts'
import { tell } from '../core/tell.ts'
import { badInput, CloudError, notFound } from '../errors.ts'
import { newId } from '../id.ts'
import { isPrivileged, keepAnAdministrator } from './administrators.ts'
import { domainsWithin } from './domain.ts'
import { assignmentTelling, placeName } from './grants.ts'
import { groupsWithin, lockGroup } from './group.ts'
import { nameKey } from './name.ts'
import { projectsWithin } from './project.ts'
import { revoke } from './revocation.ts'
import { usersWithin } from './user.ts'

/** What was given, as far as somebody of this reach sees it. */
export const assignmentsWithin = ({
  domainId,
  projectId,
  userId,
}: Reach): Prisma.RoleAssignmentWhereInput => ({
  AND: [
    domainId ? { OR: [{ domainId }, { project: { domainId } }] } : {},
    projectId ? { projectId } : {},
    userId ? { OR: [{ userId }, { group: { members: { some: { userId } } } }] } : {},
  ],
})

export interface RoleAssignmentCreate extends CommandInput {
  /** The name of a role of no domain, or of the target's. */
  role?: string | null
  roleId?: string | null
  userId?: string | null
  groupId?: string | null
  projectId?: string | null
  domainId?: string | null
  system?: boolean | null
  inherited?: boolean | null
}

interface Place {
  name: string
  projectId: string | null
  /** Of the target: the domain itself, or the project's. */
  domainId: string | null
  operator: boolean
}

interface Holder {
  name: string
  privileged: boolean
}

const bad = (field: string, message: string): CloudError => badInput(field, message, message)

function checkShape(input: RoleAssignmentCreate): void {
  const { role, roleId, userId, groupId, projectId, domainId, system, inherited } = input
  if (Boolean(role) === Boolean(roleId)) throw bad('role', 'Give exactly one of role and roleId')
  if (Boolean(userId) === Boolean(groupId)) {
    throw bad('userId', 'Give exactly one of userId and groupId')
  }
  if ([projectId, domainId, system].filter(Boolean).length !== 1) {
    throw bad('projectId', 'Give exactly one of projectId, domainId and system')
  }
  if (system && inherited) {
    throw bad('inherited', 'A role on the system is not inherited: it is for the whole cloud')
  }
}

async function findPlace(c: Command, input: RoleAssignmentCreate): Promise<Place> {
  const { projectId, domainId } = input
  if (projectId) {
    const within = await projectsWithin(c.tx, c.reach)
    const project = await c.tx.project.findFirst({ where: { AND: [{ id: projectId }, within] } })
    if (!project) throw notFound('project', projectId)
    return { ...project, projectId }
  }
  if (domainId) {
    const domain = await c.tx.domain.findFirst({
      where: { AND: [{ id: domainId }, domainsWithin(c.reach)] },
    })
    if (!domain) throw notFound('domain', domainId)
    const operator = await isInheritedByOperator(c, input)
    return { name: domain.name, projectId: null, domainId, operator }
  }
  return { name: placeName(null), projectId: null, domainId: null, operator: true }
}

/** What is inherited from a domain counts in every project of it, the operator's too. */
async function isInheritedByOperator(
  { tx }: Command,
  { domainId, inherited }: Pick<RoleAssignmentCreate, 'domainId' | 'inherited'>,
): Promise<boolean> {
  if (!domainId || !inherited) return false
  return (await tx.project.findFirst({ where: { domainId, operator: true } })) !== null
}

async function findHolder(c: Command, input: RoleAssignmentCreate): Promise<Holder> {
  const { userId, groupId } = input
  if (userId) {
    const where = { AND: [{ id: userId }, usersWithin(c.reach)] }
    const user = await c.tx.user.findFirst({ where })
    if (!user) throw notFound('user', userId)
    return { name: user.name, privileged: await isPrivileged(c.tx, { userId }) }
  }
  const id = groupId ?? ''
  const group = await c.tx.group.findFirst({ where: { AND: [{ id }, groupsWithin(c.reach)] } })
  if (!group) throw notFound('group', id)
  return { name: group.name, privileged: await isPrivileged(c.tx, { groupId: id }) }
}

/** A domain role is given in its domain only; by name, those of no domain come first. */
async function findRoleFor(c: Command, input: RoleAssignmentCreate, place: Place): Promise<Role> {
  const { role: name, roleId } = input
  const where = roleId ? { id: roleId } : { nameKey: nameKey(name ?? '') }
  const here = [{ domainId: null }, ...(place.domainId ? [{ domainId: place.domainId }] : [])]
  const roles = await c.tx.role.findMany({ where: { ...where, OR: here } })
  const role = roles.find(({ domainId }) => domainId === null) ?? roles[0]
  if (role) return role
  throw new CloudError('NOT_FOUND', `There is no role ${name ?? roleId} for ${place.name}`, {
    fields: [{ path: roleId ? 'input.roleId' : 'input.role', message: 'is not a role there' }],
  })
}

/** Domain roles may imply anything: no rule takes one for a role of the same name. */
const targetOf = (role: Role, place: Place, holder: Holder): Target => ({
  ...(place.domainId && { domain_id: place.domainId }),
  ...(place.projectId && { project_id: place.projectId }),
  ...(role.domainId === null && { role_name: role.nameKey }),
  privileged: holder.privileged || place.operator,
})

const namesOf = (role: Role, holder: Holder, place: Place) => ({
  role: role.name,
  holder: holder.name,
  place: place.name,
})

/** Giving the same again gives the same row again. */
export const roleAssignmentCreate: (
  ctx: Context,
  input: RoleAssignmentCreate,
) => Promise<{ id: string }> = command('identity.role-assignment.create', async (c, input) => {
  checkShape(input)
  const place = await findPlace(c, input)
  const holder = await findHolder(c, input)
  const role = await findRoleFor(c, input, place)
  allow(c, c.rule, targetOf(role, place, holder))
  const row = {
    id: newId(),
    roleId: role.id,
    userId: input.userId || null,
    groupId: input.groupId || null,
    projectId: input.projectId || null,
    domainId: input.domainId || null,
    system: input.system === true,
    inherited: input.inherited === true,
  }
  const { id: _, ...same } = row
  const data = [{ ...row, createdAt: c.at }]
  const { count } = await c.tx.roleAssignment.createMany({ data, skipDuplicates: true })
  if (count === 0) return { id: (await c.tx.roleAssignment.findFirstOrThrow({ where: same })).id }
  await tell(c, assignmentTelling('created', row, namesOf(role, holder, place), place.domainId))
  return { id: row.id }
})

/** Also of oneself, while another administrator is left. */
export const roleAssignmentDelete: (
  ctx: Context,
  input: CommandInput & { id: string },
) => Promise<{ id: string }> = command('identity.role-assignment.delete', async (c, { id }) => {
  const row = await c.tx.roleAssignment.findFirst({
    where: { AND: [{ id }, assignmentsWithin(c.reach)] },
    include: { role: true, user: true, group: true, project: true, domain: true },
  })
  if (!row) throw notFound('role assignment', id)
  const { role, user, group, project, domain, userId, groupId } = row
  const place = {
    name: placeName(project ?? domain),
    projectId: row.projectId,
    domainId: row.domainId ?? project?.domainId ?? null,
    operator: row.system || project?.operator === true || (await isInheritedByOperator(c, row)),
  }
  const privileged = await isPrivileged(c.tx, userId ? { userId } : { groupId: groupId ?? '' })
  const holder = { name: (user ?? group)?.name ?? '', privileged }
  allow(c, c.rule, targetOf(role, place, holder))
  if (groupId) await lockGroup(c, groupId)
  await c.tx.roleAssignment.delete({ where: { id } })
  await revoke(c, 'user', userId ? [userId] : await membersOf(c, groupId ?? ''))
  await keepAnAdministrator(c)
  await tell(c, assignmentTelling('deleted', row, namesOf(role, holder, place), place.domainId))
  return { id }
})

const membersOf = async (c: Command, groupId: string): Promise<string[]> =>
  (await c.tx.groupMember.findMany({ where: { groupId } })).map(({ userId }) => userId)
