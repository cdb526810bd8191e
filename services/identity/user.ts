/** Users: who can sign in. Their passwords: password-change.ts, user-password.ts. */
import type { Prisma, User } from '../../prisma/generated/client.ts'
import { allow, type Reach } from '../access/allow.ts'
import { type Command, type CommandInput, command } from '../command.ts'
import type { Context } from '../context.ts'
import { changed } from '../core/audit.ts'
import { type Telling, tell, telling } from '../core/tell.ts'
import { CloudError, notFound } from '../errors.ts'
import { newId } from '../id.ts'
import { checkVersion, given, givenOrNone, orTaken, updateRow } from '../versioned.ts'
import { isPrivileged, keepAnAdministrator } from './administrators.ts'
import { findDomain } from './domain.ts'
import { grantsGone } from './grants.ts'
import { named } from './name.ts'
import { hashPassword } from './password.ts'
import { checkNewPassword, keepPassword } from './password-change.ts'
import { revoke } from './revocation.ts'

/** The users that somebody of this reach sees. */
export const usersWithin = ({ domainId, projectId, userId }: Reach): Prisma.UserWhereInput => ({
  ...(domainId && { domainId }),
  ...(projectId && { roleAssignments: { some: { projectId } } }),
  ...(userId && { id: userId }),
})

/** A user that the caller sees and that the rule of the command allows of. */
export async function findUser(c: Command, id: string): Promise<User> {
  const user = await c.tx.user.findFirst({ where: { AND: [{ id }, usersWithin(c.reach)] } })
  if (!user) throw notFound('user', id)
  const privileged = await isPrivileged(c.tx, { userId: id })
  allow(c, c.rule, { domain_id: user.domainId, user_id: id, privileged })
  return user
}

/** No hash: the audit log and the events are no place for it. */
const viewOf = (user: User) => ({
  name: user.name,
  description: user.description,
  email: user.email,
  enabled: user.enabled,
  defaultProjectId: user.defaultProjectId,
  mustChangePassword: user.mustChangePassword,
  passwordChangedAt: user.passwordChangedAt,
  lockedUntil: user.lockedUntil,
})

/** Without a before it is new, without an after gone. */
export function userTelling(before: User | null, after: User | null): Telling {
  const { id, name, domainId } = (after ?? before) as User
  return telling(domainId, {
    resourceType: 'user',
    resourceId: id,
    resourceName: name,
    domainId,
    ...changed(before && viewOf(before), after && viewOf(after)),
  })
}

interface UserFields {
  name?: string | null
  password?: string | null
  /** Empty: none. */
  email?: string | null
  description?: string | null
  enabled?: boolean | null
  defaultProjectId?: string | null
  mustChangePassword?: boolean | null
}

export interface UserCreate extends CommandInput, UserFields {
  name: string
  domainId?: string | null
}

/** In the given domain, else in that of the caller's token, else in the caller's own. */
export const userCreate: (ctx: Context, input: UserCreate) => Promise<{ id: string }> = command(
  'identity.user.create',
  async (c, { name, password, ...fields }) => {
    const domainId = fields.domainId ?? c.actor.domainId ?? c.actor.userDomainId
    await findDomain(c, domainId)
    allow(c, c.rule, { domain_id: domainId })
    // An empty one is a bad one, not none.
    if (password != null) await checkNewPassword(c, { name }, password, 'input.password')
    const user = await orTaken(
      c.tx.user.create({
        data: {
          id: newId(),
          domainId,
          ...named(name),
          ...(await dataOf(c, fields)),
          ...given({ mustChangePassword: fields.mustChangePassword }),
          ...(password && { passwordHash: await hashPassword(password), passwordChangedAt: c.at }),
          createdAt: c.at,
          updatedAt: c.at,
        },
      }),
      'user',
      name,
    )
    await tell(c, userTelling(null, user))
    return { id: user.id }
  },
)

/** What goes to the row as it was given. */
async function dataOf(c: Command, { description, email, enabled, defaultProjectId }: UserFields) {
  if (defaultProjectId) await checkProject(c, defaultProjectId)
  return {
    ...given({ description, enabled }),
    ...givenOrNone({ email, defaultProjectId }),
  }
}

/** It need not be one in which the user has a role: that may come later. */
async function checkProject(c: Command, id: string): Promise<void> {
  const { domainId } = c.reach
  const project = await c.tx.project.findFirst({ where: { id, ...(domainId && { domainId }) } })
  if (!project) throw notFound('project', id)
}

export interface UserUpdate extends CommandInput, UserFields {
  id: string
  ifVersion?: number | null
  /** Ends a lock-out after too many wrong passwords. */
  unlock?: boolean | null
}

/** A new password and disabling end every token of the user, and the watches that hang on them. */
export const userUpdate: (ctx: Context, input: UserUpdate) => Promise<{ id: string }> = command(
  'identity.user.update',
  async (c, { id, ifVersion, name, password, unlock, ...fields }) => {
    const before = await findUser(c, id)
    checkVersion(before, ifVersion)
    const { mustChangePassword } = fields
    const disables = fields.enabled === false && before.enabled
    if (disables) refuseOneself(c, id, 'disable')
    if (password != null) await checkReset(c, before, name ?? before.name, password)
    const data = {
      ...(name && named(name)),
      ...(await dataOf(c, fields)),
      ...given({ mustChangePassword }),
      ...(unlock && { failedLogins: 0, lockedUntil: null }),
    }
    await orTaken(updateRow(c.tx.user, before, data, c.at), 'user', name ?? before.name)
    if (password) {
      const passwordHash = await hashPassword(password)
      await keepPassword(c.tx, before, passwordHash, c.at, mustChangePassword ?? false)
    }
    if (password || disables) await revoke(c, 'user', [id])
    if (disables) await keepAnAdministrator(c)
    await tell(c, userTelling(before, await c.tx.user.findUniqueOrThrow({ where: { id } })))
    return { id }
  },
)

/** Who resets a password need not wait until the last one is old enough. */
const checkReset = (c: Command, user: User, name: string, password: string): Promise<void> =>
  checkNewPassword(c, { ...user, name, passwordChangedAt: null }, password, 'input.password')

function refuseOneself(c: Command, id: string, what: string): void {
  if (id !== c.actor.userId) return
  throw new CloudError(
    'CONFLICT',
    `You are signed in as this user: let another administrator ${what} it`,
  )
}

/** What the user made stays where it is: it belongs to projects. */
export const userDelete: (
  ctx: Context,
  input: CommandInput & { id: string; ifVersion?: number | null },
) => Promise<{ id: string }> = command('identity.user.delete', async (c, { id, ifVersion }) => {
  const user = await findUser(c, id)
  checkVersion(user, ifVersion)
  refuseOneself(c, id, 'delete')
  await revoke(c, 'user', [id])
  const gone = await grantsGone(c.tx, { userIds: [id] })
  await c.tx.user.delete({ where: { id } })
  await keepAnAdministrator(c)
  await tell(c, ...gone, userTelling(user, null))
  return { id }
})
