/** Signing in: a password, or a token one has, for a token of the wanted scope. */
import type { Actor, Cloud, Context, Db } from '../context.ts'
import { CloudError } from '../errors.ts'
import { passwordFits } from './password.ts'
import { checkToken } from './revocation.ts'
import { issueToken, type NewActor } from './token.ts'

/** Failures in a row after which a user is locked out, and for how long (PCI DSS v4, 8.3.4). */
const MAX_FAILED_LOGINS = 10
const LOCK_OUT_MS = 30 * 60_000

export interface SignIn {
  password?: { user: string; domain: string; password: string } | null
  token?: string | null
  scope?: { project?: string | null; domain?: string | null; projectId?: string | null } | null
}

/** UNAUTHENTICATED says the same whatever was wrong: it must not tell which users exist. */
const refused = (): CloudError =>
  new CloudError(
    'UNAUTHENTICATED',
    'The user, domain or password is wrong, or the user is disabled or locked out for a while',
  )

export async function tokenCreate(
  ctx: Context,
  { password, token, scope }: SignIn,
): Promise<{ secret: string; actor: Actor }> {
  if (Boolean(password) === Boolean(token)) {
    throw new CloudError('BAD_INPUT', 'Give exactly one of password and token')
  }
  const now = ctx.now()
  const user = password ? await byPassword(ctx, password) : await byToken(ctx, token ?? '')
  const actor = await scoped(ctx.db, user, scope ?? {})
  const ttlSeconds = Math.min(ctx.tokenTtlSeconds, user.maxTtlSeconds)
  return issueToken(ctx.keys, actor, now, ttlSeconds)
}

interface SignedIn {
  id: string
  name: string
  maxTtlSeconds: number
}

async function byPassword(cloud: Cloud, given: NonNullable<SignIn['password']>): Promise<SignedIn> {
  const now = cloud.now()
  const user = await cloud.db.user.findFirst({
    where: { name: given.user, domain: { name: given.domain } },
    include: { domain: true },
  })
  const fits = await passwordFits(user?.passwordHash ?? null, given.password)
  if (!user) throw refused()
  if (user.lockedUntil && user.lockedUntil > now) throw refused()
  if (!fits) {
    await countFailure(cloud.db, user.id, now)
    throw refused()
  }
  if (!user.enabled || !user.domain.enabled) throw refused()
  await endFailures(cloud.db, user.id, now)
  return { id: user.id, name: user.name, maxTtlSeconds: Number.POSITIVE_INFINITY }
}

/** Guesses that arrive together were all read before the first of them counted: look again. */
async function endFailures(db: Db, userId: string, now: Date): Promise<void> {
  const user = await db.user.findUniqueOrThrow({ where: { id: userId } })
  if (user.lockedUntil && user.lockedUntil > now) throw refused()
  if (user.failedLogins === 0) return
  await db.user.update({ where: { id: userId }, data: { failedLogins: 0, lockedUntil: null } })
}

/** One statement, so that failures that arrive together are all counted. */
async function countFailure(db: Db, userId: string, now: Date): Promise<void> {
  const lockedUntil = new Date(now.getTime() + LOCK_OUT_MS)
  await db.$executeRaw`
    update identity."user" set failed_logins = (failed_logins + 1) % ${MAX_FAILED_LOGINS}::int,
      locked_until = case when failed_logins + 1 >= ${MAX_FAILED_LOGINS}::int then ${lockedUntil}
                          else locked_until end
    where id = ${userId}::uuid`
}

/** The new token ends no later than the one it was made from: exchanging is not renewing. */
async function byToken(cloud: Cloud, secret: string): Promise<SignedIn> {
  const actor = checkToken(cloud, secret)
  const user = await cloud.db.user.findUnique({
    where: { id: actor.userId },
    include: { domain: true },
  })
  if (!user?.enabled || !user.domain.enabled) throw refused()
  const left = Math.floor((actor.expiresAt.getTime() - cloud.now().getTime()) / 1000)
  return { id: user.id, name: user.name, maxTtlSeconds: left }
}

async function scoped(
  db: Db,
  user: SignedIn,
  scope: NonNullable<SignIn['scope']>,
): Promise<NewActor> {
  if (scope.project && scope.projectId) {
    throw new CloudError('BAD_INPUT', 'Give the project of the scope by its name or by its id')
  }
  if (!scope.project && !scope.projectId) {
    if (scope.domain) throw new CloudError('BAD_INPUT', 'The scope names a domain but no project')
    return {
      userId: user.id,
      userName: user.name,
      projectId: null,
      projectName: null,
      roles: [],
      operator: false,
    }
  }
  const project = await db.project.findFirst({
    where: {
      ...(scope.projectId
        ? { id: scope.projectId }
        : { name: scope.project ?? '', domain: { name: scope.domain ?? 'Default' } }),
      enabled: true,
      domain: scope.projectId
        ? { enabled: true }
        : { name: scope.domain ?? 'Default', enabled: true },
      roleAssignments: { some: { userId: user.id } },
    },
  })
  if (!project) {
    throw new CloudError('UNAUTHENTICATED', 'There is no such project in which you have a role')
  }
  const roles = await effectiveRoles(db, user.id, project.id)
  return {
    userId: user.id,
    userName: user.name,
    projectId: project.id,
    projectName: project.name,
    roles,
    operator: project.operator,
  }
}

/** The names of the user's roles in the project and of all that they imply; cycles are harmless. */
async function effectiveRoles(db: Db, userId: string, projectId: string): Promise<string[]> {
  const rows = await db.$queryRaw<{ name: string }[]>`
    with recursive held (id) as (
      select role_id from identity.role_assignment
      where user_id = ${userId}::uuid and project_id = ${projectId}::uuid
      union
      select i.implied_role_id from identity.role_implication i join held on held.id = i.prior_role_id)
    select r.name from identity.role r join held using (id) order by r.name`
  return rows.map((row) => row.name)
}
