/**
 * What the caller may do, and why: the policy asked as commands ask it, and explained.
 *
 * Of a target that is named by its project or user alone, the rest is looked up as the commands would
 * find it: its domain, and whether it holds rights beyond the domain. Only of what the caller sees: the
 * answer about anything else is the one about something that does not exist.
 */
import { allow, credentialsOf, ownScope, type Reach, reach, refusal } from '../access/allow.ts'
import type { Target } from '../access/language.ts'
import { type RuleName, ruleNames } from '../access/rules.ts'
import type { Actor, Context } from '../context.ts'
import { CloudError } from '../errors.ts'
import { privilegedUsers } from './administrators.ts'
import { projectsWithin } from './project.ts'

export interface PolicyTarget {
  projectId?: string | null
  domainId?: string | null
  userId?: string | null
  roleName?: string | null
  privileged?: boolean | null
}

export interface PolicyQuestion {
  action: string
  /** Null: the caller's own scope. */
  target?: PolicyTarget | null
}

export interface PolicyAnswer {
  action: string
  allowed: boolean
  rule: string
  reason: string
}

/** Two statements at most for each kind of thing that is named, however many questions there are. */
export async function policyAnswers(
  ctx: Context,
  questions: readonly PolicyQuestion[],
): Promise<PolicyAnswer[]> {
  const actor = allow(ctx, 'identity.policy.explain')
  const names = questions.map(({ action }) => knownRule(ctx, action))
  const targets = await targetsOf(
    ctx,
    actor,
    questions.map(({ target }) => target ?? null),
  )
  return names.map((name, i) => {
    const target = targets[i] ?? ownScope(actor)
    const refused = refusal(ctx, actor, name, target)
    const { rule, reason } = ctx.policy.explain(name, credentialsOf(actor), target)
    return { action: name, allowed: refused === null, rule, reason: refused ?? reason }
  })
}

/** BAD_INPUT with what was probably meant. */
export function knownRule({ policy }: Pick<Context, 'policy'>, action: string): RuleName {
  const found = ruleNames.find((name) => name === action)
  if (found) return found
  const meant = policy.nearestTo(action)
  const message = `is no rule${meant ? `; did you mean ${meant}?` : ''}`
  throw new CloudError('BAD_INPUT', `The action ${JSON.stringify(action)} ${message}`, {
    fields: [{ path: 'action', message }],
  })
}

interface Known {
  domainId: string | null
  privileged: boolean
}

async function targetsOf(
  ctx: Context,
  actor: Actor,
  targets: readonly (PolicyTarget | null)[],
): Promise<(Target | null)[]> {
  const partly = targets.filter((target) => target !== null && !target.domainId)
  const projects = await knownProjects(
    ctx,
    actor,
    partly.map((target) => target?.projectId?.toLowerCase()),
  )
  const users = await knownUsers(
    ctx,
    actor,
    partly.map((target) => target?.userId?.toLowerCase()),
  )
  return targets.map((target) => {
    if (!target) return null
    const projectId = target.projectId?.toLowerCase()
    const userId = target.userId?.toLowerCase()
    const project = projects.get(projectId ?? '')
    const user = users.get(userId ?? '')
    const domainId = target.domainId?.toLowerCase() ?? project?.domainId ?? user?.domainId
    const known = project || user
    const privileged =
      target.privileged ?? (known && Boolean(project?.privileged || user?.privileged))
    return {
      ...(projectId && { project_id: projectId }),
      ...(domainId && { domain_id: domainId }),
      ...(userId && { user_id: userId }),
      ...(target.roleName && { role_name: target.roleName }),
      ...(privileged !== undefined && { privileged }),
    }
  })
}

const given = (ids: readonly (string | undefined)[], except: string | null): string[] =>
  [...new Set(ids)].filter((id): id is string => id !== undefined && id !== except)

/** How far the caller sees, or null for nowhere. */
function seen(ctx: Context, rule: RuleName): Reach | null {
  try {
    return reach(ctx, rule)
  } catch (error) {
    if (error instanceof CloudError) return null
    throw error
  }
}

async function knownProjects(
  ctx: Context,
  actor: Actor,
  ids: readonly (string | undefined)[],
): Promise<Map<string, Known>> {
  const known = new Map<string, Known>()
  if (actor.projectId) {
    known.set(actor.projectId, { domainId: actor.projectDomainId, privileged: actor.operator })
  }
  const others = given(ids, actor.projectId)
  const within = others.length > 0 ? seen(ctx, 'identity.project.list') : null
  if (!within) return known
  const rows = await ctx.db.project.findMany({
    where: { AND: [{ id: { in: others } }, await projectsWithin(ctx.db, within)] },
    select: { id: true, domainId: true, operator: true },
  })
  for (const { id, domainId, operator } of rows) known.set(id, { domainId, privileged: operator })
  return known
}

async function knownUsers(
  ctx: Context,
  actor: Actor,
  ids: readonly (string | undefined)[],
): Promise<Map<string, Known>> {
  const named = given(ids, null)
  const within = named.length > 0 ? seen(ctx, 'identity.user.list') : null
  if (!within) return new Map()
  const rows = await ctx.db.user.findMany({
    where: {
      id: { in: named },
      ...(within.domainId && { domainId: within.domainId }),
      ...((within.userId || within.projectId) && { AND: { id: actor.userId } }),
    },
    select: { id: true, domainId: true },
  })
  const privileged = await privilegedUsers(
    ctx.db,
    rows.map(({ id }) => id),
  )
  return new Map(rows.map(({ id, domainId }) => [id, { domainId, privileged: privileged.has(id) }]))
}
