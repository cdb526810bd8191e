import { refusal } from '../../services/access.ts'
import type { Context } from '../../services/context.ts'
import { type ActionRow, type Lockable, stateRefusal } from '../../services/transition.ts'
import type { Action } from '../../schema/core/action.ts'

/** What the caller may do with a resource now, from its state table and the access rules. */
export function actionsOf<Name extends string, Status extends string>(
  ctx: Pick<Context, 'actor'>,
  resource: Lockable,
  table: Record<Name, ActionRow<Status>>,
  offered: readonly Name[],
): Action[] {
  return offered.map((name) => {
    const row = table[name]
    const forbidden = ctx.actor ? refusal(ctx.actor, row.rule) : 'this needs a token'
    const reason = forbidden ?? stateRefusal(name, row, resource)
    return { name, allowed: reason === null, reason }
  })
}
