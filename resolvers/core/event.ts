import { Arg, Resolver, Root, Subscription } from 'type-graphql'
import { Event } from '../../schema/core/change.ts'
import { allowInProject } from '../../services/access.ts'
import { checkCursor, type EventRow, eventHead } from '../../services/core/event.ts'
import type { Request } from '../request.ts'

async function* events(ctx: Request, after: string | undefined, projectId: string) {
  if (after) await checkCursor(ctx.db, after)
  const start = after ?? (await eventHead(ctx.db))
  yield* ctx.events.after(start, (event) => event.projectId === projectId, ctx.signal)
}

@Resolver()
export class EventResolver {
  @Subscription(() => Event, {
    description: 'All that happens in the project from now on, or behind `after`.',
    subscribe: ({ context, args }: { context: Request; args: { after?: string } }) =>
      events(context, args.after, allowInProject(context, 'core.event.list').projectId),
  })
  events(
    @Root() event: EventRow,
    @Arg('after', () => String, { nullable: true, description: 'Resume behind this cursor.' })
    _after?: string,
  ): EventRow {
    return event
  }
}
