/**
 * Who may do what: a row per rule, named as the command or query it guards. A rule asks for a role,
 * in a scope:
 *   project   the token is for a project; what the rule guards is then limited to that project
 *   operator  the token is for the operator's project: the whole cloud
 *   user      any valid token, scoped or not
 * Roles imply each other (admin > member > reader), tokens carry them already expanded.
 */
import type { Actor, Context, ProjectActor } from './context.ts'
import { CloudError } from './errors.ts'

interface Rule {
  role: 'reader' | 'member' | 'admin' | null
  scope: 'project' | 'operator' | 'user'
}

const user: Rule = { role: null, scope: 'user' }
const reader: Rule = { role: 'reader', scope: 'project' }
const member: Rule = { role: 'member', scope: 'project' }
const operator: Rule = { role: 'admin', scope: 'operator' }

export const rules = {
  'identity.session.get': user,
  'identity.token.revoke': user,
  'identity.project.list': user,
  'identity.quota.list': reader,
  'image.image.list': reader,
  'image.image.create': member,
  'image.image.delete': member,
  'image.image.upload': member,
  'image.image.download': reader,
  'image.image.publish': operator,
  'compute.flavor.list': reader,
  'compute.host.list': operator,
  'compute.server.list': reader,
  'compute.server.list-all': operator,
  'compute.server.console-log': member,
  'compute.server.create': member,
  'compute.server.delete': member,
  'compute.server.start': member,
  'compute.server.stop': member,
  'compute.server.reboot': member,
  'core.task.list': reader,
  'core.event.list': reader,
} satisfies Record<string, Rule>

export type RuleName = keyof typeof rules

export const ruleNames = Object.keys(rules) as RuleName[]

/** Why the actor may not, or null when it may. */
export function refusal(actor: Actor, name: RuleName): string | null {
  const rule: Rule = rules[name]
  if (rule.role && !actor.roles.includes(rule.role)) {
    return `${name} needs the role ${rule.role}`
  }
  if (rule.scope === 'operator' && !actor.operator) {
    return `${name} needs a token for the operator's project`
  }
  if (rule.scope === 'project' && !actor.projectId) {
    return `${name} needs a token for a project`
  }
  return null
}

/** The actor when the rule allows it; otherwise UNAUTHENTICATED or FORBIDDEN. */
export function allow(ctx: Pick<Context, 'actor'>, name: RuleName): Actor {
  if (!ctx.actor) {
    throw new CloudError('UNAUTHENTICATED', 'This needs a token: sign in with tokenCreate')
  }
  const reason = refusal(ctx.actor, name)
  if (reason) throw new CloudError('FORBIDDEN', `You may not: ${reason}`, { rule: name })
  return ctx.actor
}

/** As `allow`, for rules of project scope: what is read or written belongs to that project. */
export function allowInProject(ctx: Pick<Context, 'actor'>, name: RuleName): ProjectActor {
  const actor = allow(ctx, name)
  if (!actor.projectId) {
    throw new CloudError('FORBIDDEN', `You may not: ${name} needs a token for a project`, {
      rule: name,
    })
  }
  return { ...actor, projectId: actor.projectId }
}

/**
 * Callers with the same audience are told the same of an event: no rule above tells them apart. If
 * an answer comes to depend on more of its caller, that belongs in here. Null: on nobody else's.
 */
export const audienceOf = (actor: Actor | null): string | null =>
  actor && JSON.stringify([actor.projectId, actor.operator, [...actor.roles].sort()])
