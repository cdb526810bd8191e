/**
 * The second factor of a user: begun with a new secret, in force once a code was shown, taken away with
 * a code, or by those who manage the user. It is asked for with the password (authenticate.ts).
 *
 * Only the person may: a token that was lent out could lock its owner out.
 */
import type { User } from '../../prisma/generated/client.ts'
import { allow } from '../access/allow.ts'
import { type Command, type CommandInput, command } from '../command.ts'
import type { Context } from '../context.ts'
import { tell, telling } from '../core/tell.ts'
import { badInput, CloudError, notFound } from '../errors.ts'
import { isPrivileged } from './administrators.ts'
import { countFailure, useCode } from './authenticate.ts'
import { refuseLent, shownOnce } from './delegation.ts'
import { seal, unseal } from './sealed.ts'
import { newTotpSecret, totpStepOf, totpUri } from './totp.ts'

const ISSUER = 'Nephograph'

/** `before` and `after` say whether a code is asked for; null: there is no second factor. */
const told = (
  c: Command,
  { id, name, domainId }: Pick<User, 'id' | 'name' | 'domainId'>,
  confirmed: { before: boolean | null; after: boolean | null },
): Promise<void> => {
  const view = (value: boolean | null) => (value === null ? null : { confirmed: value })
  const change = { before: view(confirmed.before), after: view(confirmed.after) }
  const resource = { resourceType: 'totp', resourceId: id, resourceName: name, domainId } as const
  return tell(c, telling(domainId, { ...resource, ...change }))
}

export interface TotpSecret {
  /** In base32, to type into an app. */
  secret: string
  /** The same as an address, for a QR code. */
  uri: string
}

/** One that was begun and not confirmed is replaced; one that is in force must be taken away first. */
export const totpCreate = (
  ctx: Context,
  input: CommandInput,
): Promise<{ id: string; secret: TotpSecret | null }> =>
  shownOnce(ctx, input, 'identity.totp.create', async (c) => {
    refuseLent(c)
    const { userId } = c.actor
    const user = await c.tx.user.findUnique({ where: { id: userId }, include: { domain: true } })
    if (!user) throw notFound('user', userId)
    const secret = newTotpSecret()
    const begun = await c.tx.$executeRaw`
      insert into identity.totp (user_id, sealed_secret, created_at)
      values (${userId}::uuid, ${seal(c.sealKeys, secret)}, ${c.at})
      on conflict (user_id) do update
        set sealed_secret = excluded.sealed_secret, created_at = excluded.created_at
        where totp.confirmed_at is null`
    if (begun !== 1) {
      throw new CloudError('CONFLICT', 'You have a second factor already: take it away first')
    }
    await told(c, user, { before: null, after: false })
    const account = `${user.name}@${user.domain.name}`
    return { id: userId, secret: { secret, uri: totpUri({ issuer: ISSUER, account, secret }) } }
  })

/** From now on the password alone is not enough. The code that was shown is used up. */
export const totpConfirm: (
  ctx: Context,
  input: CommandInput & { code: string },
) => Promise<{ confirmed: boolean }> = command('identity.totp.create', async (c, { code }) => {
  refuseLent(c)
  const { userId } = c.actor
  const totp = await c.tx.totp.findUnique({ where: { userId }, include: { user: true } })
  if (!totp) throw new CloudError('NOT_FOUND', 'You have begun no second factor: see totpCreate')
  if (totp.confirmedAt) throw new CloudError('INVALID_STATE', 'Your second factor is in force')
  const step = totpStepOf(unseal(c.sealKeys, totp.sealedSecret), code, c.at)
  if (step === null) throw badCode('is not the one that the app shows now')
  const { count } = await c.tx.totp.updateMany({
    where: { userId, confirmedAt: null, sealedSecret: totp.sealedSecret },
    data: { confirmedAt: c.at, lastStep: step },
  })
  if (count === 0) throw new CloudError('CONFLICT', 'It changed meanwhile: look again')
  await told(c, totp.user, { before: false, after: true })
  return { confirmed: true }
})

const badCode = (message: string): CloudError => badInput('code', message, `The code ${message}`)

export interface TotpDelete extends CommandInput {
  userId?: string | null
  code?: string | null
}

/** One's own with a code of it; somebody else's by who manages the user. */
export const totpDelete: (ctx: Context, input: TotpDelete) => Promise<{ deleted: boolean }> =
  command('identity.totp.delete', async (c, { userId, code }) => {
    refuseLent(c)
    const user = await userSeen(c, userId ?? c.actor.userId)
    const isOwn = user.id === c.actor.userId
    const { id, domainId } = user
    const privileged = isOwn ? false : await isPrivileged(c.tx, { userId: id })
    allow(c, c.rule, { user_id: id, domain_id: domainId, privileged })
    const totp = await c.tx.totp.findUnique({ where: { userId: id } })
    if (!totp) throw new CloudError('NOT_FOUND', 'There is no second factor')
    if (isOwn && totp.confirmedAt) await checkOwnCode(c, user, totp.sealedSecret, code)
    await c.tx.totp.deleteMany({ where: { userId: id } })
    await told(c, user, { before: totp.confirmedAt !== null, after: null })
    return { deleted: true }
  })

/** Oneself, and whom the reach of the rule has. */
async function userSeen(c: Command, id: string): Promise<User> {
  const { reach, actor } = c
  const user = await c.tx.user.findUnique({ where: { id } })
  const isWithin =
    reach.projectId === null &&
    (reach.userId === null || reach.userId === id) &&
    (reach.domainId === null || reach.domainId === user?.domainId)
  if (user && (isWithin || id === actor.userId)) return user
  throw notFound('user', id)
}

/** A stolen token is not enough: guessing counts like guessing at sign-in, and ends in the lock-out. */
async function checkOwnCode(
  c: Command,
  user: User,
  sealedSecret: string,
  code: string | null | undefined,
): Promise<void> {
  if (!code) throw badCode('is needed to take your own second factor away')
  const locked = user.lockedUntil !== null && user.lockedUntil > c.at
  const step = locked ? null : totpStepOf(unseal(c.sealKeys, sealedSecret), code, c.at)
  if (step !== null) return useCode(c.tx, user.id, step).catch(() => refuseCode(c))
  // On a connection of its own: the refusal rolls this one back. Dry runs guess just as well.
  if (!locked) await countFailure(c.db, user.id, c.at)
  refuseCode(c)
}

const refuseCode = ({ rule }: Command): never => {
  throw new CloudError(
    'FORBIDDEN',
    'The code is wrong, or was used before, or you are locked out for a while',
    { rule },
  )
}
