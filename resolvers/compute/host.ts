import { Args, Ctx, FieldResolver, Query, Resolver, Root, Subscription } from 'type-graphql'
import type { Host as HostRow } from '../../prisma/generated/client.ts'
import {
  Host,
  HostChange,
  HostConnection,
  HostFilterInput,
  HostInventory,
} from '../../schema/compute/host.ts'
import { PageArgs } from '../../schema/core/input.ts'
import { Task } from '../../schema/core/task.ts'
import { allow } from '../../services/access/allow.ts'
import { given } from '../../services/versioned.ts'
import { FilterArg, IdArg, OnlyArg, ResumeArg } from '../arguments.ts'
import { pageOf, textFilter } from '../page.ts'
import type { Request } from '../request.ts'
import { type ChangeOf, pagesOf, watch } from '../watch.ts'

@Resolver(() => Host)
export class HostResolver {
  @Query(() => HostConnection, { description: 'The machines that run servers. For operators.' })
  async hosts(
    @Ctx() ctx: Request,
    @Args(() => PageArgs) page: PageArgs,
    @FilterArg(() => HostFilterInput) filter?: HostFilterInput,
  ) {
    allow(ctx, 'compute.host.list')
    const { name, status, enabled, maintenance } = filter ?? {}
    const where = { ...given({ status, enabled, maintenance }), name: textFilter(name) }
    return HostConnection.of(await pageOf<Host>(ctx.db.host, where, page))
  }

  @Query(() => Host, { nullable: true, description: 'One host, or null. For operators.' })
  host(@Ctx() ctx: Request, @IdArg() id: string) {
    allow(ctx, 'compute.host.list')
    return ctx.load.host.load(id)
  }

  @FieldResolver(() => [HostInventory], {
    description: 'What it has, and what servers hold of it.',
  })
  inventory(@Ctx() ctx: Request, @Root() host: Host) {
    return ctx.load.inventory.load(host.id)
  }

  @FieldResolver(() => Task, {
    nullable: true,
    description: 'The task that empties it, otherwise the latest one that did.',
  })
  task(@Ctx() ctx: Request, @Root() { taskId }: HostRow) {
    return taskId ? ctx.load.task.load(taskId) : null
  }

  @Subscription(() => HostChange, {
    description: 'The hosts as they are, then every change; one with `id`. For operators.',
    subscribe: ({ context, args }: { context: Request; args: { id?: string; after?: string } }) => {
      allow(context, 'compute.host.list')
      const { id, after } = args
      const where = id ? { id } : {}
      return watch(context, {
        resource: 'host',
        id,
        after,
        visible: () => true,
        snapshot: () =>
          pagesOf((behind, take) =>
            context.db.host.findMany({
              where: { AND: [where, behind] },
              orderBy: { id: 'asc' },
              take,
            }),
          ),
        load: (load, hostId) => load.host.load(hostId),
      })
    },
  })
  hostChanged(
    @Root() change: ChangeOf<Host>,
    @OnlyArg() _id?: string,
    @ResumeArg() _after?: string,
  ): ChangeOf<Host> {
    return change
  }
}
