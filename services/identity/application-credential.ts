/**
 * Application credentials: what a program signs in with instead of its user's password. Some of the
 * user's roles in one project, for as long as the user has them there. Its secret is 256 random bits,
 * so a plain hash is enough: there is nothing to guess.
 */
import { createHash, randomBytes } from 'node:crypto'
import type { Prisma } from '../../prisma/generated/client.ts'
import { allow, type Reach } from '../access/allow.ts'
import { ruleNames } from '../access/rules.ts'
import { type Command, type CommandInput, command } from '../command.ts'
import type { Context } from '../context.ts'
import { tell } from '../core/tell.ts'
import { badInput, CloudError, notFound } from '../errors.ts'
import { newId } from '../id.ts'
import { orTaken } from '../versioned.ts'
import {
  checkEnd,
  ownProject,
  refuseRestricted,
  refuseTooMany,
  rolesToGive,
  shownOnce,
} from './delegation.ts'
import { credentialTelling } from './grants.ts'
import { named } from './name.ts'
import { revoke } from './revocation.ts'

const SECRET_BYTES = 32

/** The credentials that somebody of this reach sees; nobody sees those of a whole domain or project. */
export const applicationCredentialsWithin = ({
  domainId,
  projectId,
  userId,
}: Reach): Prisma.ApplicationCredentialWhereInput => ({
  ...(domainId && { user: { domainId } }),
  ...(projectId && { projectId }),
  ...(userId && { userId }),
})

export interface ApplicationCredentialCreate extends CommandInput {
  name: string
  description?: string | null
  roles?: string[] | null
  expiresAt?: Date | null
  accessRules?: string[] | null
  unrestricted?: boolean | null
}

/** For the user and the project of the token; the secret is in this answer only. */
export const applicationCredentialCreate = (
  ctx: Context,
  input: ApplicationCredentialCreate,
): Promise<{ id: string; secret: string | null }> =>
  shownOnce(ctx, input, 'identity.application-credential.create', async (c) => {
    const projectId = ownProject(c)
    await refuseRestricted(c)
    const { actor } = c
    const { name, description, expiresAt, unrestricted } = input
    checkEnd(c, expiresAt)
    // Who computes a list and gets an empty one means nothing by it, surely not everything.
    for (const field of ['roles', 'accessRules'] as const) {
      if (input[field]?.length === 0) {
        throw badInput(field, 'must not be empty: leave it out for all that you have')
      }
    }
    const accessRules = rulesToGive(c, input.accessRules ?? [])
    const roles = input.roles ?? [...actor.roles]
    const roleIds = await rolesToGive(c, roles, actor.roles)
    const count = await c.tx.applicationCredential.count({ where: { userId: actor.userId } })
    refuseTooMany(count, 'identity.application-credentials')
    const secret = randomBytes(SECRET_BYTES).toString('base64url')
    const credential = await orTaken(
      c.tx.applicationCredential.create({
        data: {
          id: newId(),
          userId: actor.userId,
          projectId,
          ...named(name),
          description: description ?? '',
          secretHash: createHash('sha256').update(secret).digest('hex'),
          expiresAt: expiresAt ?? null,
          unrestricted: unrestricted ?? false,
          accessRules,
          createdAt: c.at,
          roles: { create: roleIds.map((roleId) => ({ roleId })) },
        },
      }),
      'application credential',
      name,
    )
    await tell(c, credentialTelling('created', credential, roles, c.actor.userDomainId))
    return { id: credential.id, secret }
  })

/** The access rules of a new credential: known ones, none beyond the caller's own (D1). */
function rulesToGive({ actor, rule: name }: Command, given: readonly string[]): string[] {
  const unknown = given.filter((rule) => !isKnown(rule))
  if (unknown.length > 0) {
    throw new CloudError('BAD_INPUT', 'There are no such access rules', {
      fields: unknown.map((rule) => ({
        path: 'input.accessRules',
        message: `${JSON.stringify(rule)} is neither an access rule nor, like compute.server.*, the beginning of some`,
      })),
    })
  }
  const own = actor.accessRules
  if (own === null) return [...new Set(given)]
  const beyond = given.find((rule) => !own.some((mine) => covers(mine, rule)))
  if (beyond === undefined) return [...new Set(given.length > 0 ? given : own)]
  throw new CloudError(
    'FORBIDDEN',
    `You may not (${name}): your application credential is not good for ${beyond}`,
    { rule: name },
  )
}

const isKnown = (rule: string): boolean =>
  rule.endsWith('.*')
    ? ruleNames.some((name) => name.startsWith(rule.slice(0, -1)))
    : (ruleNames as readonly string[]).includes(rule)

const covers = (mine: string, rule: string): boolean =>
  mine === rule || (mine.endsWith('*') && rule.startsWith(mine.slice(0, -1)))

/** Ends its tokens at once. */
export const applicationCredentialDelete: (
  ctx: Context,
  input: CommandInput & { id: string },
) => Promise<{ id: string }> = command(
  'identity.application-credential.delete',
  async (c, { id }) => {
    await refuseRestricted(c)
    const credential = await c.tx.applicationCredential.findFirst({
      where: { AND: [{ id }, applicationCredentialsWithin(c.reach)] },
      include: { roles: { include: { role: true } }, user: true },
    })
    if (!credential) throw notFound('application credential', id)
    allow(c, c.rule, { user_id: credential.userId, project_id: credential.projectId })
    await revoke(c, 'application_credential', [id])
    const { count } = await c.tx.applicationCredential.deleteMany({ where: { id } })
    if (count === 0) throw notFound('application credential', id)
    const { roles, user, ...row } = credential
    const names = roles.map(({ role }) => role.name)
    await tell(c, credentialTelling('deleted', row, names, user.domainId))
    return { id }
  },
)
