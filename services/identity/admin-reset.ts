/**
 * The way back in for who administers the machine: a new password for a user, without a token. It is no
 * command: nobody has signed in, so that there is no one to check. Whoever may reach the database may do
 * this anyway; here it is done whole, and recorded.
 */
import type { Cloud } from '../context.ts'
import { auditSuccess } from '../core/audit.ts'
import { CloudError } from '../errors.ts'
import { newId } from '../id.ts'
import { nameKey } from './name.ts'
import { hashPassword } from './password.ts'
import { keepPassword } from './password-change.ts'
import { Revocations, revoke } from './revocation.ts'

export interface AdminReset {
  user: string
  domain: string
  /** Already found good by the password rules. */
  password: string
  /** Also take the second factor away, for who has lost it. */
  removeTotp: boolean
}

export interface AdminResetResult {
  userId: string
  /** Enabled and unlocked by this; false when it was so already. */
  wasDisabled: boolean
  wasLocked: boolean
  /** A second factor is still asked for. */
  hasTotp: boolean
  /** Its domain is disabled, so that nobody of it can sign in. */
  domainIsDisabled: boolean
}

const ACTION = 'identity.user.update'

/** Sets the password, enables and unlocks the user, and ends the user's tokens. NOT_FOUND without such a user. */
export async function adminReset(
  cloud: Pick<Cloud, 'db' | 'now'>,
  { user: userName, domain: domainName, password, removeTotp }: AdminReset,
): Promise<AdminResetResult> {
  const { db, now } = cloud
  // Before the transaction: hashing takes its time on purpose.
  const passwordHash = await hashPassword(password)
  return db.$transaction(async (tx) => {
    const user = await tx.user.findFirst({
      where: { nameKey: nameKey(userName), domain: { nameKey: nameKey(domainName) } },
      include: { totp: true, domain: true },
    })
    if (!user) {
      throw new CloudError('NOT_FOUND', `There is no user ${userName} in domain ${domainName}`)
    }
    const at = now()
    const requestId = newId()
    const revoking = { ...cloud, tx, requestId, revocations: new Revocations(), onCommit: () => {} }
    // First: it locks the user, so that no sign-in with the old password slips through.
    await revoke(revoking, 'user', [user.id])
    await keepPassword(tx, user, passwordHash, at)
    await tx.user.update({
      where: { id: user.id },
      data: { enabled: true, updatedAt: at, version: { increment: 1 } },
    })
    if (removeTotp) await tx.totp.deleteMany({ where: { userId: user.id } })
    const doing = { action: ACTION, actor: null, requestId, address: null }
    const before = { enabled: user.enabled }
    const after = { enabled: true, password: 'reset by the operator of the machine' }
    const about = { resourceType: 'user' as const, resourceId: user.id, resourceName: user.name }
    await auditSuccess(tx, doing, [{ ...about, domainId: user.domainId, before, after }])
    return {
      userId: user.id,
      wasDisabled: !user.enabled,
      wasLocked: user.lockedUntil !== null && user.lockedUntil > at,
      hasTotp: user.totp !== null && user.totp.confirmedAt !== null && !removeTotp,
      domainIsDisabled: !user.domain.enabled,
    }
  })
}
