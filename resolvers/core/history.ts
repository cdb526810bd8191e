/** `history` of every resource: what the audit log says about it, for those who may read that. */
import { Arg, type ClassType, Ctx, FieldResolver, Int, Resolver, Root } from 'type-graphql'
import { AuditEvent } from '../../schema/core/audit.ts'
import { MAX_FIRST } from '../../schema/core/input.ts'
import { reach } from '../../services/access/allow.ts'
import { CloudError } from '../../services/errors.ts'
import { isId } from '../../services/id.ts'
import type { Request } from '../request.ts'
import { AUDIT_RULE } from './audit.ts'

const DEFAULT_HISTORY = 20

/** The newest entries about a resource; FORBIDDEN for who may read the audit log nowhere. */
export async function historyOf(ctx: Request, resourceId: string, first: number) {
  if (first < 1 || first > MAX_FIRST) throw badFirst()
  const within = reach(ctx, AUDIT_RULE)
  // What was worked out, such as an inherited role, has no row and no history.
  if (!isId(resourceId)) return []
  return ctx.load.history.load({ resourceId, take: first, reach: within })
}

const badFirst = (): CloudError =>
  new CloudError('BAD_INPUT', `A history gives 1 to ${MAX_FIRST} entries`, {
    fields: [{ path: 'first', message: `must be 1 to ${MAX_FIRST}` }],
  })

/** The field for a type; `auditIdOf` where the log knows its rows by another id. */
export function historyFor<Row extends { id: string }>(
  type: () => ClassType,
  auditIdOf: (row: Row) => string = ({ id }) => id,
) {
  @Resolver(type)
  class HistoryResolver {
    @FieldResolver(() => [AuditEvent], {
      nullable: true,
      description:
        'What was done to it and by whom, newest first; FORBIDDEN for those who may not read the audit log.',
    })
    history(
      @Ctx() ctx: Request,
      @Root() row: Row,
      @Arg('first', () => Int, {
        defaultValue: DEFAULT_HISTORY,
        description: `Entries, 1 to ${MAX_FIRST}.`,
      })
      first: number,
    ) {
      return historyOf(ctx, auditIdOf(row), first)
    }
  }
  return HistoryResolver
}
