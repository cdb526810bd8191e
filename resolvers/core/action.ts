import type { Action } from '../../schema/core/action.ts'
import { may, refusal } from '../../services/access/allow.ts'
import type { RuleName } from '../../services/access/rules.ts'
import type { Context } from '../../services/context.ts'
import { type ActionRow, type Lockable, stateRefusal } from '../../services/transition.ts'

/** What the caller may do with a resource now, from its state table and the access rules. */
export function actionsOf<Name extends string, Status extends string>(
  { actor, policy }: Pick<Context, 'actor' | 'policy'>,
  resource: Lockable & { projectId: string; userId?: string },
  table: Record<Name, ActionRow<Status>>,
  offered: readonly Name[],
  /** Whom no lock stops. */
  overrideRule?: RuleName,
): Action[] {
  const isForeign = resource.projectId !== actor?.projectId
  const { projectId: project_id, userId } = resource
  const target = { project_id: actor?.projectId ?? project_id, user_id: userId ?? actor?.userId }
  const passesLock =
    resource.locked === true &&
    actor !== null &&
    overrideRule !== undefined &&
    refusal({ policy }, actor, overrideRule, target) === null
  return offered.map((name) => {
    const row = table[name]
    const forbidden = actor ? refusal({ policy }, actor, row.rule, target) : 'this needs a token'
    const reaches = !isForeign || (row.acrossProjects && may({ actor, policy }, row.rule, {}))
    const foreign = reaches ? null : 'it belongs to another project'
    const reason = forbidden ?? foreign ?? stateRefusal(name, row, resource, { passesLock })
    return { name, allowed: reason === null, reason }
  })
}
