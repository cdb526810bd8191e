/**
 * Groups: users who are given roles together. A group's users are of its own domain: whoever manages
 * the domain decides alone who gets the group's roles. (Keystone lets users of other domains in.)
 */
import type { Group, Prisma, User } from '../../prisma/generated/client.ts'
import { allow, type Reach } from '../access/allow.ts'
import { type Command, type CommandInput, command } from '../command.ts'
import type { Context } from '../context.ts'
import { type AuditEntry, changed } from '../core/audit.ts'
import { type Telling, tell, telling } from '../core/tell.ts'
import { badInput, CloudError, notFound } from '../errors.ts'
import { newId } from '../id.ts'
import { checkVersion, given, orTaken, updateRow } from '../versioned.ts'
import { isPrivileged, keepAnAdministrator } from './administrators.ts'
import { findDomain } from './domain.ts'
import { grantsGone } from './grants.ts'
import { named } from './name.ts'
import { revoke } from './revocation.ts'
import { usersWithin } from './user.ts'

/** The groups that somebody of this reach sees; of one's own: those that one is in. */
export const groupsWithin = ({ domainId, projectId, userId }: Reach): Prisma.GroupWhereInput => ({
  ...(domainId && { domainId }),
  ...(projectId && { roleAssignments: { some: { projectId } } }),
  ...(userId && { members: { some: { userId } } }),
})

/** A group that the caller sees and that the rule of the command allows of. */
export async function findGroup(c: Command, id: string): Promise<Group> {
  const group = await c.tx.group.findFirst({ where: { AND: [{ id }, groupsWithin(c.reach)] } })
  if (!group) throw notFound('group', id)
  const privileged = await isPrivileged(c.tx, { groupId: id })
  allow(c, c.rule, { domain_id: group.domainId, privileged })
  return group
}

/** Nobody joins it and it is given no role until the end: otherwise some who have its roles are missed. */
export async function lockGroup({ tx }: Command, id: string): Promise<void> {
  await tx.$executeRaw`select from identity."group" where id = ${id}::uuid for update`
}

const viewOf = ({ name, description }: Group) => ({ name, description })

const groupTelling = (
  { id, name, domainId }: Group,
  change: Pick<AuditEntry, 'before' | 'after'>,
): Telling =>
  telling(domainId, {
    resourceType: 'group',
    resourceId: id,
    resourceName: name,
    domainId,
    ...change,
  })

export const groupGone = (group: Group): Telling =>
  groupTelling(group, { before: viewOf(group), after: null })

export interface GroupCreate extends CommandInput {
  name: string
  domainId?: string | null
  description?: string | null
}

/** In the given domain, else in that of the caller's token, else in the caller's own. */
export const groupCreate: (ctx: Context, input: GroupCreate) => Promise<{ id: string }> = command(
  'identity.group.create',
  async (c, { name, description, ...input }) => {
    const domainId = input.domainId ?? c.actor.domainId ?? c.actor.userDomainId
    await findDomain(c, domainId)
    allow(c, c.rule, { domain_id: domainId })
    const group = await orTaken(
      c.tx.group.create({
        data: {
          id: newId(),
          domainId,
          ...named(name),
          ...given({ description }),
          createdAt: c.at,
          updatedAt: c.at,
        },
      }),
      'group',
      name,
    )
    await tell(c, groupTelling(group, { before: null, after: viewOf(group) }))
    return { id: group.id }
  },
)

export interface GroupUpdate extends CommandInput {
  id: string
  ifVersion?: number | null
  name?: string | null
  description?: string | null
}

export const groupUpdate: (ctx: Context, input: GroupUpdate) => Promise<{ id: string }> = command(
  'identity.group.update',
  async (c, { id, ifVersion, name, description }) => {
    const before = await findGroup(c, id)
    checkVersion(before, ifVersion)
    const data = { ...(name && named(name)), ...given({ description }) }
    await orTaken(updateRow(c.tx.group, before, data, c.at), 'group', name ?? before.name)
    const after = await c.tx.group.findUniqueOrThrow({ where: { id } })
    await tell(c, groupTelling(after, changed(viewOf(before), viewOf(after))))
    return { id }
  },
)

/** The roles that it gives go with it, and with them the tokens of its users. */
export const groupDelete: (
  ctx: Context,
  input: CommandInput & { id: string; ifVersion?: number | null },
) => Promise<{ id: string }> = command('identity.group.delete', async (c, { id, ifVersion }) => {
  const group = await findGroup(c, id)
  checkVersion(group, ifVersion)
  await lockGroup(c, id)
  const members = await c.tx.groupMember.findMany({ where: { groupId: id } })
  const gives = await givesRoles(c, id)
  const gone = await grantsGone(c.tx, { groupIds: [id] })
  await c.tx.group.delete({ where: { id } })
  if (gives) {
    await revoke(
      c,
      'user',
      members.map(({ userId }) => userId),
    )
    await keepAnAdministrator(c)
  }
  await tell(c, ...gone, groupGone(group))
  return { id }
})

const givesRoles = async (c: Command, groupId: string): Promise<boolean> =>
  (await c.tx.roleAssignment.findFirst({ where: { groupId } })) !== null

export interface GroupMembership extends CommandInput {
  groupId: string
  userId: string
}

/** Who manages a domain neither puts anybody into a group that is mightier, nor touches a mightier user. */
async function findBoth(
  c: Command,
  { groupId, userId }: GroupMembership,
): Promise<{ group: Group; user: User }> {
  const group = await findGroup(c, groupId)
  const user = await c.tx.user.findFirst({ where: { AND: [{ id: userId }, usersWithin(c.reach)] } })
  if (!user) throw notFound('user', userId)
  const privileged = await isPrivileged(c.tx, { userId })
  allow(c, c.rule, { domain_id: group.domainId, privileged })
  return { group, user }
}

/** Adding twice is fine. */
export const groupUserAdd: (ctx: Context, input: GroupMembership) => Promise<{ id: string }> =
  command('identity.group.add-user', async (c, input) => {
    const { group, user } = await findBoth(c, input)
    if (user.domainId !== group.domainId) throw otherDomain()
    // One that an identity provider gave stays from now on, whatever that says.
    const added = await c.tx.$executeRaw`
      insert into identity.group_member as m (group_id, user_id, created_at)
      values (${group.id}::uuid, ${user.id}::uuid, ${c.at})
      on conflict (group_id, user_id) do update set federated = false where m.federated`
    if (added) {
      const after = { userId: user.id, userName: user.name }
      await tell(c, groupTelling(group, { before: {}, after }))
    }
    return { id: group.id }
  })

function otherDomain(): CloudError {
  const message = 'is of another domain than the group: a group has users of its own domain only'
  return badInput('userId', message, `The user ${message}`)
}

/** Ends the user's tokens when the group gives roles. */
export const groupUserRemove: (ctx: Context, input: GroupMembership) => Promise<{ id: string }> =
  command('identity.group.remove-user', async (c, input) => {
    const { group, user } = await findBoth(c, input)
    await lockGroup(c, group.id)
    const { count } = await c.tx.groupMember.deleteMany({
      where: { groupId: group.id, userId: user.id },
    })
    if (count === 0) {
      throw new CloudError('NOT_FOUND', `The user ${user.name} is not in the group ${group.name}`)
    }
    if (await givesRoles(c, group.id)) {
      await revoke(c, 'user', [user.id])
      await keepAnAdministrator(c)
    }
    const before = { userId: user.id, userName: user.name }
    await tell(c, groupTelling(group, { before, after: {} }))
    return { id: group.id }
  })
