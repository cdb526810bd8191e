/** Changing one's own password: all tokens of the user end, the caller goes on with a new one. */
import { type Command, type CommandInput, command } from '../command.ts'
import type { Actor, Context } from '../context.ts'
import { tell } from '../core/tell.ts'
import { CloudError } from '../errors.ts'
import { countFailure } from './authenticate.ts'
import { hashPassword, passwordFits } from './password.ts'
import { checkNewPassword, keepPassword } from './password-change.ts'
import { revoke } from './revocation.ts'
import { issueScoped } from './scope.ts'
import { userTelling } from './user.ts'

export interface UserPasswordChange extends CommandInput {
  password: string
  newPassword: string
}

const change: (ctx: Context, input: UserPasswordChange) => Promise<{ id: string }> = command(
  'identity.user.change-password',
  async (c, { password, newPassword }) => {
    const { userId: id } = c.actor
    refuseDelegated(c.actor)
    // Held, so that of two changes at once the second finds the first one's password.
    await c.tx.$executeRaw`select from identity."user" where id = ${id}::uuid for no key update`
    const user = await c.tx.user.findUnique({ where: { id } })
    if (!user?.passwordHash) {
      throw new CloudError('INVALID_STATE', 'You have no password here: you sign in elsewhere')
    }
    if (user.lockedUntil && user.lockedUntil > c.at) throw lockedOut()
    if (!(await passwordFits(user.passwordHash, password))) throw new WrongPassword()
    await checkNewPassword(c, user, newPassword, 'input.newPassword')
    await keepPassword(c.tx, user, await hashPassword(newPassword), c.at)
    await c.tx.user.update({
      where: { id },
      data: { updatedAt: c.at, version: { increment: 1 } },
    })
    await revoke(c, 'user', [id])
    const after = await c.tx.user.findUniqueOrThrow({ where: { id } })
    await tell(c, userTelling(user, after))
    return { id }
  },
)

/** Whoever was lent some of one's rights is not to take over the user. */
function refuseDelegated({ applicationCredentialId, trustId }: Actor): void {
  if (!applicationCredentialId && !trustId) return
  throw new CloudError(
    'FORBIDDEN',
    'A token from an application credential or a trust is not good for changing the password',
    { rule: 'identity.user.change-password' satisfies Command['rule'] },
  )
}

class WrongPassword extends CloudError {
  constructor() {
    const message = 'is not your present one'
    super('BAD_INPUT', `The password ${message}`, { fields: [{ path: 'input.password', message }] })
  }
}

const lockedOut = (): CloudError =>
  new CloudError('INVALID_STATE', 'Too many wrong passwords: you are locked out for a while')

/** The secret is of the same scope and end as the caller's token; null in a dry run. */
export async function userPasswordChange(
  ctx: Context,
  input: UserPasswordChange,
): Promise<{ id: string; secret: string | null }> {
  try {
    const { id } = await change(ctx, input)
    const secret = input.dryRun ? null : await issuedAnew(ctx, ctx.actor as Actor)
    return { id, secret }
  } catch (error) {
    // Outside of the transaction, which is gone: guessing here counts as it does when signing in.
    if (error instanceof WrongPassword && ctx.actor) {
      await countFailure(ctx.db, ctx.actor.userId, ctx.now())
    }
    throw error
  }
}

/** Null when the scope went meanwhile: the password is changed all the same. */
async function issuedAnew(ctx: Context, actor: Actor): Promise<string | null> {
  // Once more: a repetition has its answer before the command looks.
  refuseDelegated(actor)
  const { userId, projectId, domainId, system, methods, expiresAt } = actor
  const scope = projectId ? { projectId } : domainId ? { domainId } : { system, unscoped: !system }
  const signedIn = { userId, methods: [...methods], notAfter: expiresAt }
  try {
    return (await issueScoped(ctx, signedIn, scope)).secret
  } catch (error) {
    if (error instanceof CloudError) return null
    throw error
  }
}
