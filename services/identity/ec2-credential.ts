/**
 * EC2 credentials: an access key and a secret, as S3 and EC2 clients sign requests with. To check a
 * signature the secret must be known, so it is sealed, not hashed.
 *
 * They stand for the person with all roles in the project, so a token that was lent out makes none.
 */
import { randomBytes } from 'node:crypto'
import type { Prisma } from '../../prisma/generated/client.ts'
import { allow, type Reach } from '../access/allow.ts'
import { type CommandInput, command } from '../command.ts'
import type { Context } from '../context.ts'
import { tell } from '../core/tell.ts'
import { notFound } from '../errors.ts'
import { newId } from '../id.ts'
import { heldRoles, ownProject, refuseLent, refuseTooMany, shownOnce } from './delegation.ts'
import { ec2Telling } from './grants.ts'
import { seal, unseal } from './sealed.ts'

/** As long as those of AWS, 20 and 40 characters: some clients look at the length. */
const ACCESS_BYTES = 10
const SECRET_BYTES = 30

export const ec2CredentialsWithin = ({
  domainId,
  projectId,
  userId,
}: Reach): Prisma.Ec2CredentialWhereInput => ({
  ...(domainId && { user: { domainId } }),
  ...(projectId && { projectId }),
  ...(userId && { userId }),
})

export interface Ec2CredentialCreate extends CommandInput {
  projectId?: string | null
}

/** For the user of the token; the secret is in this answer only. */
export const ec2CredentialCreate = (
  ctx: Context,
  input: Ec2CredentialCreate,
): Promise<{ id: string; secret: string | null }> =>
  shownOnce(ctx, input, 'identity.ec2-credential.create', async (c) => {
    refuseLent(c)
    const { userId } = c.actor
    const projectId = input.projectId ?? ownProject(c)
    await heldRoles(c, projectId)
    const count = await c.tx.ec2Credential.count({ where: { userId } })
    refuseTooMany(count, 'identity.ec2-credentials')
    const secret = randomBytes(SECRET_BYTES).toString('base64url')
    const credential = await c.tx.ec2Credential.create({
      data: {
        id: newId(),
        userId,
        projectId,
        access: randomBytes(ACCESS_BYTES).toString('hex').toUpperCase(),
        sealedSecret: seal(c.sealKeys, secret),
        createdAt: c.at,
      },
    })
    await tell(c, ec2Telling('created', credential, c.actor.userDomainId))
    return { id: credential.id, secret }
  })

export const ec2CredentialDelete: (
  ctx: Context,
  input: CommandInput & { id: string },
) => Promise<{ id: string }> = command('identity.ec2-credential.delete', async (c, { id }) => {
  refuseLent(c)
  const credential = await c.tx.ec2Credential.findFirst({
    where: { AND: [{ id }, ec2CredentialsWithin(c.reach)] },
    include: { user: true },
  })
  if (!credential) throw notFound('EC2 credential', id)
  allow(c, c.rule, { user_id: credential.userId, project_id: credential.projectId })
  const { count } = await c.tx.ec2Credential.deleteMany({ where: { id } })
  if (count === 0) throw notFound('EC2 credential', id)
  await tell(c, ec2Telling('deleted', credential, credential.user.domainId))
  return { id }
})

/**
 * Whose access key it is, and the secret to check a signature with; null when there is no such key, or
 * its user or project is disabled. What the user may do there is asked anew (effective-roles.ts).
 */
export async function ec2SecretOf(
  { db, sealKeys }: Pick<Context, 'db' | 'sealKeys'>,
  access: string,
): Promise<{ userId: string; projectId: string; secret: string } | null> {
  const on = { enabled: true, domain: { enabled: true } }
  const found = await db.ec2Credential.findFirst({ where: { access, user: on, project: on } })
  if (!found) return null
  const { userId, projectId, sealedSecret } = found
  return { userId, projectId, secret: unseal(sealKeys, sealedSecret) }
}
