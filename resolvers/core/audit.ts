import { Args, Ctx, FieldResolver, Query, Resolver, Root } from 'type-graphql'
import type { AuditEvent as AuditRow } from '../../prisma/generated/client.ts'
import {
  AuditEvent,
  AuditEventConnection,
  AuditEventFilterInput,
  Person,
} from '../../schema/core/audit.ts'
import { PageArgs } from '../../schema/core/input.ts'
import { Project } from '../../schema/identity/project.ts'
import { reach } from '../../services/access/allow.ts'
import { auditWithin } from '../../services/core/audit-log.ts'
import { isId } from '../../services/id.ts'
import { FilterArg, IdArg } from '../arguments.ts'
import { pageOf } from '../page.ts'
import type { Request } from '../request.ts'

export const AUDIT_RULE = 'core.audit.list'

@Resolver(() => AuditEvent)
export class AuditResolver {
  @Query(() => AuditEventConnection, {
    description:
      'The audit log, newest first: of the project or the domain that you manage, or of all.',
  })
  async auditEvents(
    @Ctx() ctx: Request,
    @Args(() => PageArgs) page: PageArgs,
    @FilterArg(() => AuditEventFilterInput) filter?: AuditEventFilterInput,
  ) {
    const within = await auditWithin(ctx.db, reach(ctx, AUDIT_RULE))
    return AuditEventConnection.of(
      await pageOf(ctx.db.auditEvent, { AND: [within, filterOf(filter)] }, page, {
        by: 'id',
        direction: 'desc',
      }),
    )
  }

  @Query(() => AuditEvent, {
    nullable: true,
    description: 'One entry of the audit log that you may read, or null.',
  })
  async auditEvent(@Ctx() ctx: Request, @IdArg() id: string) {
    const within = await auditWithin(ctx.db, reach(ctx, AUDIT_RULE))
    return isId(id) ? ctx.db.auditEvent.findFirst({ where: { AND: [{ id }, within] } }) : null
  }

  @FieldResolver(() => Person, {
    nullable: true,
    description: 'Who did it; null where nobody was signed in.',
  })
  actor(@Root() { userId, userName }: AuditRow): Person | null {
    return userId ? { id: userId, name: userName ?? '' } : null
  }

  @FieldResolver(() => Project, {
    nullable: true,
    description: 'The project that it was about; null when it is gone or not yours to see.',
  })
  async project(@Ctx() ctx: Request, @Root() { projectId }: AuditRow) {
    const seen = reach(ctx, AUDIT_RULE)
    const project = projectId ? await ctx.load.project.load(projectId) : null
    if (!project || (seen.projectId && seen.projectId !== projectId)) return null
    return seen.domainId && seen.domainId !== project.domainId ? null : project
  }
}

const filterOf = (filter: AuditEventFilterInput | null | undefined): object => {
  const { resourceId, resourceType, action, actorId, outcome, since, until } = filter ?? {}
  const { projectId, domainId, requestId } = filter ?? {}
  return {
    ...(resourceId && { resourceId }),
    ...(resourceType && { resourceType }),
    ...(action && { action: actionFilter(action) }),
    ...(actorId && { userId: actorId }),
    ...(outcome && { outcome }),
    ...((since || until) && { at: { ...(since && { gte: since }), ...(until && { lt: until }) } }),
    ...(projectId && { projectId }),
    ...(domainId && { domainId }),
    ...(requestId && { requestId }),
  }
}

/** An underscore is no wildcard to those who ask. */
const actionFilter = (action: string): object =>
  action.endsWith('*')
    ? { startsWith: action.slice(0, -1).replaceAll('_', String.raw`\_`) }
    : { equals: action }
