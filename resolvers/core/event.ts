import { Resolver, Root, Subscription } from 'type-graphql'
import { Event } from '../../schema/core/change.ts'
import { allowInProject } from '../../services/access/allow.ts'
import type { EventRow } from '../../services/core/event.ts'
import { ResumeArg } from '../arguments.ts'
import type { Request } from '../request.ts'

async function* events(ctx: Request, after: string | null | undefined, projectId: string) {
  if (after != null) await ctx.events.check(after)
  const start = after ?? (await ctx.events.head())
  yield* ctx.events.after(start, (event) => event.projectId === projectId, ctx.signal)
}

@Resolver()
export class EventResolver {
  @Subscription(() => Event, {
    description: 'All that happens in the project from now on, or behind `after`.',
    subscribe: ({ context, args }: { context: Request; args: { after?: string } }) =>
      events(context, args.after, allowInProject(context, 'core.event.list').projectId),
  })
  events(@Root() event: EventRow, @ResumeArg() _after?: string): EventRow {
    return event
  }
}
