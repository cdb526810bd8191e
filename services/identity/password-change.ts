/** New passwords: what they must be like, and what is kept of the old ones. */
import type { Context, Tx } from '../context.ts'
import { CloudError } from '../errors.ts'
import { newId } from '../id.ts'
import { passwordFits } from './password.ts'
import { type PasswordRules, passwordProblem } from './password-rules.ts'

const DAY_MS = 24 * 3_600_000

interface Holder {
  id: string
  name: string
  passwordHash: string | null
  passwordChangedAt: Date | null
}

/** When the password is over; null: never. */
export const expiryOf = (
  { passwordChangedAt }: Pick<Holder, 'passwordChangedAt'>,
  { expiresDays }: PasswordRules,
): Date | null =>
  expiresDays && passwordChangedAt
    ? new Date(passwordChangedAt.getTime() + expiresDays * DAY_MS)
    : null

/** Whether the password has to be changed before anything else. */
export function isExpired(
  user: Pick<Holder, 'passwordChangedAt'>,
  rules: PasswordRules,
  now: Date,
): boolean {
  const end = expiryOf(user, rules)
  return end !== null && end <= now
}

/** BAD_INPUT with the reason when the password may not be this user's next. */
export async function checkNewPassword(
  { db, passwordRules: rules, now }: Pick<Context, 'db' | 'passwordRules' | 'now'>,
  user: Pick<Holder, 'name'> & Partial<Holder>,
  password: string,
  path: string,
): Promise<void> {
  const problem = passwordProblem(password, { userName: user.name, rules })
  if (problem) throw badPassword(problem, path, problem)
  if (!user.id) return
  const since = user.passwordChangedAt?.getTime() ?? 0
  if (rules.minimumAgeDays && now().getTime() - since < rules.minimumAgeDays * DAY_MS) {
    throw badPassword(
      `may be changed again ${rules.minimumAgeDays} days after the last change`,
      path,
    )
  }
  if (user.passwordHash && (await passwordFits(user.passwordHash, password))) {
    throw badPassword('must not be the present one', path)
  }
  if (rules.uniqueLastCount > 0) {
    const old = await db.passwordHistory.findMany({
      where: { userId: user.id },
      orderBy: { id: 'desc' },
      take: rules.uniqueLastCount,
    })
    for (const { passwordHash } of old) {
      if (await passwordFits(passwordHash, password)) {
        throw badPassword(`must not be one of your last ${rules.uniqueLastCount}`, path)
      }
    }
  }
}

const badPassword = (
  message: string,
  path: string,
  sentence = `The password ${message}`,
): CloudError => new CloudError('BAD_INPUT', sentence, { fields: [{ path, message }] })

/** More than any rule looks back. */
const MAX_HISTORY = 24

/** Puts the new hash in place of the old one, which goes to the history. */
export async function keepPassword(
  tx: Tx,
  user: Pick<Holder, 'id' | 'passwordHash'>,
  passwordHash: string,
  at: Date,
  mustChangePassword = false,
): Promise<void> {
  if (user.passwordHash) {
    await tx.passwordHistory.create({
      data: { id: newId(), userId: user.id, passwordHash: user.passwordHash, createdAt: at },
    })
    await tx.$executeRaw`
      delete from identity.password_history where user_id = ${user.id}::uuid and id not in (
        select id from identity.password_history where user_id = ${user.id}::uuid
        order by id desc limit ${MAX_HISTORY}::int)`
  }
  await tx.user.update({
    where: { id: user.id },
    data: {
      passwordHash,
      passwordChangedAt: at,
      mustChangePassword,
      failedLogins: 0,
      lockedUntil: null,
    },
  })
}
