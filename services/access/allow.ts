/**
 * The one place where access is decided. A rule is asked about a target: whose resource it is. How far
 * a rule lets a caller go is its reach; lists and look-ups are limited to it, so that what lies outside
 * does not exist for the caller.
 */
import type { Actor, Context, ProjectActor } from '../context.ts'
import { CloudError } from '../errors.ts'
import type { Credentials, Target } from './language.ts'
import type { RuleName } from './rules.ts'

type Asking = Pick<Context, 'actor' | 'policy'>

/** How far a rule goes; null is no limit. All that are set hold together. */
export interface Reach {
  domainId: string | null
  projectId: string | null
  userId: string | null
}

const everything: Reach = { domainId: null, projectId: null, userId: null }

const known = new WeakMap<Actor, Credentials>()

/** The caller in the words of the rule language. */
export function credentialsOf(actor: Actor): Credentials {
  let credentials = known.get(actor)
  if (!credentials) {
    credentials = {
      user_id: actor.userId,
      user_domain_id: actor.userDomainId,
      project_id: actor.projectId,
      project_domain_id: actor.projectDomainId,
      domain_id: actor.domainId,
      system_scope: actor.system ? 'all' : null,
      is_admin_project: actor.operator,
      roles: actor.roles,
      trust_id: actor.trustId,
    }
    known.set(actor, credentials)
  }
  return credentials
}

/** What the caller's own scope is, as a target: whatever is not said to belong to somebody else. */
export const ownScope = (actor: Actor): Target => ({
  project_id: actor.projectId,
  domain_id: actor.domainId,
  user_id: actor.userId,
})

/** Why the actor may not, or null when it may. Without a target: in the actor's own scope. */
export function refusal(
  { policy }: Pick<Context, 'policy'>,
  actor: Actor,
  name: RuleName,
  target: Target = ownScope(actor),
): string | null {
  if (!withinAccessRules(actor, name)) {
    return `the application credential is not good for ${name}`
  }
  const credentials = credentialsOf(actor)
  if (policy.allows(name, credentials, target)) return null
  return policy.explain(name, credentials, target).reason
}

/** As `refusal`, for the caller of a request; what is asked for often is not explained. */
export const may = (ctx: Asking, name: RuleName, target?: Target): boolean =>
  ctx.actor !== null &&
  withinAccessRules(ctx.actor, name) &&
  ctx.policy.allows(name, credentialsOf(ctx.actor), target ?? ownScope(ctx.actor))

/** Whatever a credential is good for, its bearer may sign in and ask what that is. */
const ABOUT_ONESELF: readonly RuleName[] = [
  'identity.token.create',
  'identity.session.get',
  'identity.policy.explain',
]

function withinAccessRules(actor: Actor, name: RuleName): boolean {
  if (actor.accessRules === null || ABOUT_ONESELF.includes(name)) return true
  return actor.accessRules.some((rule) =>
    rule.endsWith('*') ? name.startsWith(rule.slice(0, -1)) : rule === name,
  )
}

const signedIn = ({ actor }: Asking): Actor => {
  if (actor) return actor
  throw new CloudError('UNAUTHENTICATED', 'This needs a token: sign in with tokenCreate')
}

/** The actor when the rule allows it; otherwise UNAUTHENTICATED or FORBIDDEN. */
export function allow(ctx: Asking, name: RuleName, target?: Target): Actor {
  const actor = signedIn(ctx)
  if (may(ctx, name, target)) return actor
  throw forbidden(name, refusal(ctx, actor, name, target) ?? 'the rule refuses')
}

const forbidden = (rule: RuleName, reason: string): CloudError =>
  new CloudError('FORBIDDEN', `You may not (${rule}): ${reason}`, { rule })

/** As `allow`, for rules of project scope: what is read or written belongs to that project. */
export function allowInProject(ctx: Asking, name: RuleName): ProjectActor {
  // Not of the own scope: nobody owns what others have in the project.
  const actor = allow(ctx, name, { project_id: signedIn(ctx).projectId })
  if (!actor.projectId) throw forbidden(name, 'it needs a token for a project')
  return { ...actor, projectId: actor.projectId }
}

/**
 * For a command, whose rule was asked already and is asked again about the row that it finds: what it
 * makes or changes is in the project of the token.
 */
export function inProject({ actor, rule }: { actor: Actor; rule: RuleName }): ProjectActor {
  if (!actor.projectId) throw forbidden(rule, 'it needs a token for a project')
  return { ...actor, projectId: actor.projectId }
}

/** Who may give any role in a domain may give this one: how far a rule goes is asked with it. */
const LEAST_ROLE = 'reader'

/** How far the rule lets the caller go; FORBIDDEN when it does nowhere. */
export function reach(ctx: Asking, name: RuleName): Reach {
  const { domainId, projectId, userId } = signedIn(ctx)
  if (may(ctx, name, {})) return everything
  const inDomain = { domain_id: domainId, role_name: LEAST_ROLE }
  if (domainId && may(ctx, name, inDomain)) return { ...everything, domainId }
  if (projectId && may(ctx, name, { project_id: projectId })) return { ...everything, projectId }
  if (may(ctx, name, { user_id: userId })) return { ...everything, userId }
  allow(ctx, name)
  return { domainId, projectId, userId }
}

/**
 * Callers with the same audience are told the same of an event: no rule tells them apart. If an answer
 * comes to depend on more of its caller, that belongs in here. Null: on nobody else's.
 */
export function audienceOf({ actor, policy }: Asking): string | null {
  if (!actor || actor.accessRules) return null
  const { projectId, domainId, system, operator, roles, userId } = actor
  // Who watches a domain, or all, may meet oneself there: identity's rules show more of that.
  // Tasks are checked when a watch begins, for each watcher; no field of an answer asks.
  // Key pairs are nobody's watch.
  const others = ['identity.', 'core.task.list', 'compute.keypair.'] as const
  const alone = projectId === null || policy.mentions(USER_KEYS, ...others)
  const user = alone ? userId : null
  return JSON.stringify([projectId, domainId, system, operator, [...roles].sort(), user])
}

const USER_KEYS = ['user_id', 'user_domain_id', 'project_domain_id', 'trust_id']
