/**
 * What somebody hands on of the own rights: to a program (application credentials, EC2 credentials), to
 * another user (trusts).
 *
 * D1 Nobody hands on what the token does not hold: no other role, and from an application credential no
 *    other project and no wider access rules.
 * D2 What was handed on is not handed on again: a token from a trust may not, one from an application
 *    credential only when that is unrestricted.
 */
import type { RuleName } from '../access/rules.ts'
import { type Command, type CommandInput, command } from '../command.ts'
import type { Context } from '../context.ts'
import { badInput, CloudError, notFound } from '../errors.ts'
import { newId } from '../id.ts'
import { effectiveRoles } from './effective-roles.ts'
import { nameKey } from './name.ts'

/** Of each kind, for one user: they are rows that anybody may make. */
export const MAX_CREDENTIALS_PER_USER = 200

const forbidden = (rule: RuleName, reason: string): CloudError =>
  new CloudError('FORBIDDEN', `You may not (${rule}): ${reason}`, { rule })

/** D2, for what a program may be trusted with when its credential says so. */
export async function refuseRestricted(c: Command): Promise<void> {
  refuseTrust(c)
  const id = c.actor.applicationCredentialId
  if (!id) return
  const credential = await c.tx.applicationCredential.findUnique({ where: { id } })
  if (credential?.unrestricted) return
  throw forbidden(c.rule, 'the token is from an application credential that is not unrestricted')
}

/** D1, for what carries no access rules of its own. */
export function refuseLimited({ actor, rule }: Command): void {
  if (actor.accessRules === null) return
  throw forbidden(rule, 'the token is from an application credential with access rules')
}

/** D2, for what only the person does: tokens that were lent out never may. */
export function refuseLent(c: Command): void {
  refuseTrust(c)
  if (!c.actor.applicationCredentialId) return
  throw forbidden(c.rule, 'the token is from an application credential')
}

function refuseTrust({ actor, rule }: Command): void {
  if (actor.trustId) throw forbidden(rule, 'the token is from a trust')
}

/** The project of the token; FORBIDDEN when it is for something else. */
export function ownProject({ actor, rule }: Command): string {
  if (actor.projectId) return actor.projectId
  throw forbidden(rule, 'it needs a token for a project')
}

/**
 * The names of the roles that the caller may hand on in the project (D1). Without any, the project is
 * not there: what one has no role in can't be told from what does not exist.
 */
export async function heldRoles(c: Command, projectId: string): Promise<readonly string[]> {
  const { actor } = c
  const isOwn = projectId === actor.projectId
  const elsewhere = () => effectiveRoles(c.tx, actor.userId, { ...nowhere, projectId })
  const isLent = actor.applicationCredentialId !== null
  const held = isOwn ? actor.roles : isLent ? [] : (await elsewhere()).map(({ name }) => name)
  if (held.length === 0) throw notFound('project', projectId)
  return held
}

const nowhere = { projectId: null, domainId: null, system: false }

/** The ids of the wanted roles; FORBIDDEN when one of them is not held, or not there. */
export async function rolesToGive(
  c: Command,
  wanted: readonly string[],
  held: readonly string[],
): Promise<string[]> {
  const keys = new Set(held.map(nameKey))
  const beyond = wanted.find((name) => !keys.has(nameKey(name)))
  if (beyond !== undefined) throw forbidden(c.rule, `you do not have the role ${beyond} there`)
  const rows = await c.tx.role.findMany({
    where: { domainId: null, nameKey: { in: [...new Set(wanted.map(nameKey))] } },
  })
  if (rows.length > 0) return rows.map(({ id }) => id)
  throw forbidden(c.rule, 'none of the roles is there')
}

/** QUOTA_EXCEEDED when the user has as many as one may have. */
export function refuseTooMany(count: number, resource: string): void {
  if (count < MAX_CREDENTIALS_PER_USER) return
  throw new CloudError('QUOTA_EXCEEDED', 'You have as many as one user may have: delete some', {
    resource,
    limit: MAX_CREDENTIALS_PER_USER,
    used: count,
    requested: 1,
  })
}

/** BAD_INPUT when the end is not ahead. */
export function checkEnd(c: Command, expiresAt: Date | null | undefined): void {
  if (!expiresAt || expiresAt > c.at) return
  const message = 'must be in the future'
  throw badInput('expiresAt', message, `The end ${message}`)
}

/**
 * Runs a command that makes a secret. The secret is in the first answer and nowhere else: a repetition
 * with the same key is CONFLICT, because what is stored with a key must not be a secret. Null in a
 * dry run.
 */
export async function shownOnce<I extends CommandInput, S>(
  ctx: Context,
  input: I,
  rule: RuleName,
  body: (c: Command, input: I) => Promise<{ id: string; secret: S }>,
): Promise<{ id: string; secret: S | null }> {
  const made = new Map<string, S>()
  const run = command<I, { id: string; attempt: string }>(rule, async (c, given) => {
    const { id, secret } = await body(c, given)
    const attempt = newId()
    made.set(attempt, secret)
    return { id, attempt }
  })
  const { id, attempt } = await run(ctx, input)
  if (input.dryRun) return { id, secret: null }
  // An attempt that came too late has the answer of the first one, not its secret.
  const secret = made.get(attempt)
  if (secret !== undefined) return { id, secret }
  throw new CloudError(
    'CONFLICT',
    `It was made before with this idempotency key, and its secret was shown then: delete ${id} and make another`,
  )
}
