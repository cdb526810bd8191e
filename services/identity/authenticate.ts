/** The first half of signing in with a password: who is it? Guessing is counted and ends in a lock-out. */
import type { User } from '../../prisma/generated/client.ts'
import type { Context, Db, Tx } from '../context.ts'
import { CloudError } from '../errors.ts'
import { nameKey } from './name.ts'
import { hashPassword, passwordFits } from './password.ts'
import { checkNewPassword, isExpired, keepPassword } from './password-change.ts'
import { refused, type SignedIn } from './scope.ts'
import { unseal } from './sealed.ts'
import { totpStepOf } from './totp.ts'

/** Failures in a row after which a user is locked out, and for how long (PCI DSS v4, 8.3.4). */
const MAX_FAILED_LOGINS = 10
const LOCK_OUT_MS = 30 * 60_000

export interface PasswordSignIn {
  user: string
  domain: string
  password: string
  /** For a password that must be changed: the next one. */
  newPassword?: string | null
}

/**
 * Whose name, domain and password these are, and the code of the second factor where one is
 * enrolled. UNAUTHENTICATED, after a failure is counted; with `missing` when a code or a new
 * password is all it lacks.
 */
export async function byPassword(
  ctx: Context,
  given: PasswordSignIn,
  code: string | null | undefined,
): Promise<SignedIn> {
  const now = ctx.now()
  const user = await ctx.db.user.findFirst({
    where: { nameKey: nameKey(given.user), domain: { nameKey: nameKey(given.domain) } },
    include: { domain: true, totp: true },
  })
  const fits = await passwordFits(user?.passwordHash ?? null, given.password)
  if (!user) throw refused()
  if (user.lockedUntil && user.lockedUntil > now) throw refused()
  if (!fits) {
    await countFailure(ctx.db, user.id, now)
    throw refused()
  }
  if (!user.enabled || !user.domain.enabled) throw refused()
  const step = user.totp?.confirmedAt ? await checkCode(ctx, user.id, user.totp, code) : null
  const change = await demandedChange(ctx, user, given)
  return {
    userId: user.id,
    methods: step === null ? ['password'] : ['password', 'totp'],
    notAfter: null,
    ...((user.failedLogins > 0 || change) && { writesUser: user.id }),
    use: async (tx) => {
      await endFailures(tx, user, now)
      if (step !== null) await useCode(tx, user.id, step)
      await change?.(tx)
    },
  }
}

/** The time step of the code. A wrong one counts as a wrong password does. */
async function checkCode(
  ctx: Context,
  userId: string,
  totp: { sealedSecret: string },
  code: string | null | undefined,
): Promise<number> {
  if (!code) {
    throw new CloudError('UNAUTHENTICATED', 'The code of your second factor is needed', {
      missing: ['totp'],
    })
  }
  const step = totpStepOf(unseal(ctx.sealKeys, totp.sealedSecret), code, ctx.now())
  if (step !== null) return step
  await countFailure(ctx.db, userId, ctx.now())
  throw wrongCode()
}

/** A code is good once: whoever overheard it is too late. */
export async function useCode(tx: Tx, userId: string, step: number): Promise<void> {
  const used = await tx.$executeRaw`
    update identity.totp set last_step = ${step}::bigint
    where user_id = ${userId}::uuid and last_step < ${step}::bigint`
  if (used !== 1) throw wrongCode()
}

export const wrongCode = (): CloudError =>
  new CloudError(
    'UNAUTHENTICATED',
    'The code of the second factor is wrong, or was used before: wait for the next one',
    { missing: ['totp'] },
  )

interface WithPassword {
  id: string
  name: string
  passwordHash: string | null
  passwordChangedAt: Date | null
  mustChangePassword: boolean
}

/** A password that is over, or was only lent, is good for one thing: to choose the next one. */
async function demandedChange(
  ctx: Context,
  user: WithPassword,
  { newPassword }: PasswordSignIn,
): Promise<((tx: Tx) => Promise<void>) | null> {
  const demanded = user.mustChangePassword || isExpired(user, ctx.passwordRules, ctx.now())
  if (!demanded && !newPassword) return null
  if (!newPassword) {
    throw new CloudError('UNAUTHENTICATED', 'The password must be changed: give a new one', {
      missing: ['newPassword'],
    })
  }
  await checkNewPassword(ctx, user, newPassword, 'input.password.newPassword')
  const passwordHash = await hashPassword(newPassword)
  return (tx) => keepPassword(tx, user, passwordHash, ctx.now())
}

/** Guesses that arrive together were all read before the first of them counted: look again. */
async function endFailures(
  tx: Tx,
  { id, failedLogins, passwordHash }: Pick<User, 'id' | 'failedLogins' | 'passwordHash'>,
  now: Date,
): Promise<void> {
  const user = await tx.user.findUniqueOrThrow({ where: { id } })
  if (user.lockedUntil && user.lockedUntil > now) throw refused()
  // A password that was right when it was checked, and has been changed since.
  if (user.passwordHash !== passwordHash) throw refused()
  // Those that came since we looked stay: the row is only shared with other sign-ins.
  if (failedLogins === 0) return
  await tx.user.update({ where: { id }, data: { failedLogins: 0, lockedUntil: null } })
}

/** One statement, so that failures that arrive together are all counted. */
export async function countFailure(db: Db, userId: string, now: Date): Promise<void> {
  const lockedUntil = new Date(now.getTime() + LOCK_OUT_MS)
  await db.$executeRaw`
    update identity."user" set failed_logins = (failed_logins + 1) % ${MAX_FAILED_LOGINS}::int,
      locked_until = case when failed_logins + 1 >= ${MAX_FAILED_LOGINS}::int then ${lockedUntil}
                          else locked_until end
    where id = ${userId}::uuid`
}
