/**
 * The second half of signing in: the wanted scope, the roles in it, the token. In one transaction that
 * holds the rows it relies on (R2 of revocation.ts) and takes the token's time from the database.
 */
import { lostRace } from '../command.ts'
import type { Actor, Context, SignInMethod, Tx } from '../context.ts'
import { badInput, CloudError } from '../errors.ts'
import { effectiveRoles, type HeldRole } from './effective-roles.ts'
import { nameKey } from './name.ts'

export interface WantedScope {
  project?: string | null
  domain?: string | null
  projectId?: string | null
  domainId?: string | null
  system?: boolean | null
  unscoped?: boolean | null
}

/** Who signed in, and what that way of signing in allows at most. */
export interface SignedIn {
  userId: string
  methods: SignInMethod[]
  /** The token ends no later. */
  notAfter: Date | null
  /** The only scope there is; the wanted one must be it. */
  projectId?: string
  /** The only roles there are, of those that are held in the scope. */
  roleIds?: string[]
  applicationCredentialId?: string
  accessRules?: string[] | null
  trust?: { id: string; trustorUserId: string; trusteeUserId: string }
  /** The user whose row is written, too: two that share a lock on it could not both. */
  writesUser?: string
  /** What else must hold in the transaction: a code that was not used, a trust that has uses left. */
  use?: (tx: Tx) => Promise<void>
}

/** Tries of a sign-in that lost a race inside the database, to somebody who takes rights away. */
const MAX_TRIES = 4

/** Issues the token, or UNAUTHENTICATED. */
export async function issueScoped(
  ctx: Context,
  signedIn: SignedIn,
  wanted: WantedScope | null | undefined,
): Promise<{ secret: string; actor: Actor }> {
  for (let tries = 1; ; tries++) {
    try {
      return await issueOnce(ctx, signedIn, wanted)
    } catch (error) {
      if (tries >= MAX_TRIES || !lostRace(error)) throw error
    }
  }
}

async function issueOnce(
  ctx: Context,
  signedIn: SignedIn,
  wanted: WantedScope | null | undefined,
): Promise<{ secret: string; actor: Actor }> {
  return ctx.db.$transaction(async (tx) => {
    const user = await lockUser(tx, signedIn)
    const scope = await wantedScope(tx, signedIn, wanted ?? {}, user)
    const roles = await rolesIn(tx, signedIn, scope)
    await signedIn.use?.(tx)
    const [row] = await tx.$queryRaw<{ at: Date }[]>`select clock_timestamp() as at`
    const at = row?.at ?? ctx.now()
    const { accessRules = null, applicationCredentialId = null, trust } = signedIn
    return ctx.tokens.issue(
      {
        userId: user.id,
        userName: user.name,
        userDomainId: user.domainId,
        ...scope,
        roles,
        methods: signedIn.methods,
        applicationCredentialId,
        accessRules,
        trustId: trust?.id ?? null,
        trustorUserId: trust?.trustorUserId ?? null,
      },
      at,
      ttlSeconds(ctx.tokenTtlSeconds, at, signedIn.notAfter),
    )
  }, TRANSACTION)
}

const TRANSACTION = { timeout: 10_000, maxWait: 10_000 }

function ttlSeconds(longest: number, at: Date, notAfter: Date | null): number {
  if (!notAfter) return longest
  const left = (notAfter.getTime() - at.getTime()) / 1000
  if (left <= 0) throw refused()
  return Math.min(longest, left)
}

interface UserRow {
  id: string
  name: string
  domainId: string
  defaultProjectId: string | null
}

/** The users of the sign-in, enabled and in enabled domains, held until the token is issued. */
async function lockUser(tx: Tx, { userId, trust, writesUser }: SignedIn): Promise<UserRow> {
  if (writesUser) {
    await tx.$executeRaw`
      select from identity."user" where id = ${writesUser}::uuid for no key update`
  }
  const needed = [
    ...new Set([userId, ...(trust ? [trust.trustorUserId, trust.trusteeUserId] : [])]),
  ]
  const users = await tx.$queryRaw<UserRow[]>`
    select u.id, u.name, u.domain_id as "domainId", u.default_project_id as "defaultProjectId"
    from identity."user" u join identity.domain d on d.id = u.domain_id
    where u.id = any (${needed}::uuid[]) and u.enabled and d.enabled
    order by u.id for share`
  const user = users.find(({ id }) => id === userId)
  if (!user || users.length < needed.length) throw refused()
  return user
}

type TokenScope = Pick<
  Actor,
  'projectId' | 'projectName' | 'projectDomainId' | 'domainId' | 'system' | 'operator'
>

const unscoped: TokenScope = {
  projectId: null,
  projectName: null,
  projectDomainId: null,
  domainId: null,
  system: false,
  operator: false,
}

async function wantedScope(
  tx: Tx,
  signedIn: SignedIn,
  wanted: WantedScope,
  user: UserRow,
): Promise<TokenScope> {
  const { project, domain, projectId, domainId, system } = wanted
  if (project && projectId) throw twice('project')
  if (domain && domainId) throw twice('domain')
  const kinds = [(project ?? projectId) ? 1 : 0, system ? 1 : 0, wanted.unscoped ? 1 : 0]
  const ofDomain = !project && !projectId && Boolean(domain ?? domainId)
  if (kinds.reduce((a, b) => a + b, ofDomain ? 1 : 0) > 1 || (projectId && domain)) {
    throw badScope('A token has one scope: a project, a domain, the system or none')
  }
  if (signedIn.projectId) return fixedScope(tx, signedIn.projectId, wanted)
  if (system) return { ...unscoped, system: true }
  if (project ?? projectId) return projectScope(tx, wanted)
  if (ofDomain) return domainScope(tx, wanted)
  if (wanted.unscoped || !user.defaultProjectId) return unscoped
  return (await defaultScope(tx, signedIn, user.defaultProjectId)) ?? unscoped
}

const twice = (what: string): CloudError =>
  badScope(`Give the ${what} of the scope by its name or by its id`)

const badScope = (message: string): CloudError => badInput('scope', message, message)

/** Application credentials and trusts are for one project; asking for it by name or id is fine. */
async function fixedScope(tx: Tx, projectId: string, wanted: WantedScope): Promise<TokenScope> {
  const other = async (): Promise<boolean> => {
    const { project, domain, domainId } = wanted
    if (wanted.system || wanted.unscoped) return true
    if (wanted.projectId) return wanted.projectId !== projectId
    if (!project) return Boolean(domain ?? domainId)
    const named = await projectScope(tx, wanted).catch(() => null)
    return named?.projectId !== projectId
  }
  const scope = await projectScope(tx, { projectId })
  if (await other()) {
    throw badScope('This sign-in is good for one project only: leave the scope out')
  }
  return scope
}

async function projectScope(tx: Tx, wanted: WantedScope): Promise<TokenScope> {
  const { projectId, project, domain, domainId } = wanted
  const rows = await tx.$queryRaw<
    { id: string; name: string; domainId: string; operator: boolean }[]
  >`
    select p.id, p.name, p.domain_id as "domainId", p.operator
    from identity.project p join identity.domain d on d.id = p.domain_id
    where p.enabled and d.enabled
      and case when ${projectId ?? null}::uuid is not null then p.id = ${projectId ?? null}::uuid
          else p.name_key = ${nameKey(project ?? '')} and
            case when ${domainId ?? null}::uuid is not null then d.id = ${domainId ?? null}::uuid
                 else d.name_key = ${nameKey(domain ?? 'Default')} end end
    for share`
  const found = rows[0]
  if (!found) throw noRole('project')
  const { id, name, operator } = found
  return {
    ...unscoped,
    projectId: id,
    projectName: name,
    projectDomainId: found.domainId,
    operator,
  }
}

async function domainScope(tx: Tx, { domain, domainId }: WantedScope): Promise<TokenScope> {
  const rows = await tx.$queryRaw<{ id: string }[]>`
    select id from identity.domain
    where enabled and case when ${domainId ?? null}::uuid is not null then id = ${domainId ?? null}::uuid
                           else name_key = ${nameKey(domain ?? '')} end
    for share`
  if (!rows[0]) throw noRole('domain')
  return { ...unscoped, domainId: rows[0].id }
}

/** The default project, while the user may use it: it is a wish, no condition. */
async function defaultScope(
  tx: Tx,
  signedIn: SignedIn,
  projectId: string,
): Promise<TokenScope | null> {
  try {
    const scope = await projectScope(tx, { projectId })
    await rolesIn(tx, signedIn, scope)
    return scope
  } catch (error) {
    if (error instanceof CloudError) return null
    throw error
  }
}

async function rolesIn(tx: Tx, signedIn: SignedIn, scope: TokenScope): Promise<string[]> {
  if (!scope.projectId && !scope.domainId && !scope.system) return []
  const holder = signedIn.trust?.trustorUserId ?? signedIn.userId
  const held = await effectiveRoles(tx, holder, scope)
  const roles = signedIn.roleIds ? held.filter(({ id }) => signedIn.roleIds?.includes(id)) : held
  if (roles.length === 0) throw noRole(scopeWord(scope))
  return roles.map((role: HeldRole) => role.name)
}

const scopeWord = (scope: TokenScope): string =>
  scope.projectId ? 'project' : scope.domainId ? 'domain' : 'system'

/** The same whether it is not there, disabled, or without a role of the user. */
const noRole = (what: string): CloudError =>
  new CloudError(
    'UNAUTHENTICATED',
    what === 'system'
      ? 'You have no role on the system'
      : `There is no such ${what} in which you have a role`,
  )

/** Says the same whatever was wrong: it must not tell which users exist. */
export const refused = (): CloudError =>
  new CloudError(
    'UNAUTHENTICATED',
    'The user, domain or password is wrong, or the user is disabled or locked out for a while',
  )
