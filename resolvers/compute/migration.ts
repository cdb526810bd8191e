/** Migrations: reading and watching, for operators. */
import { Args, Ctx, FieldResolver, Query, Resolver, Root, Subscription } from 'type-graphql'
import type { Migration as Row, Server as ServerRow } from '../../prisma/generated/client.ts'
import { Flavor } from '../../schema/compute/flavor.ts'
import { Host } from '../../schema/compute/host.ts'
import {
  Migration,
  MigrationChange,
  MigrationConnection,
  MigrationFilterInput,
} from '../../schema/compute/migration.ts'
import { Server } from '../../schema/compute/server.ts'
import { PageArgs } from '../../schema/core/input.ts'
import { Task } from '../../schema/core/task.ts'
import { allow, may } from '../../services/access/allow.ts'
import { FilterArg, IdArg, OnlyArg, ResumeArg } from '../arguments.ts'
import { pageOf } from '../page.ts'
import type { Request } from '../request.ts'
import { type ChangeOf, pagesOf, watch } from '../watch.ts'

const RULE = 'compute.migration.list'

@Resolver(() => Migration)
export class MigrationResolver {
  @Query(() => MigrationConnection, {
    description: 'How servers moved between hosts and sizes, newest first. For operators.',
  })
  async migrations(
    @Ctx() ctx: Request,
    @Args(() => PageArgs) page: PageArgs,
    @FilterArg(() => MigrationFilterInput) filter?: MigrationFilterInput,
  ) {
    allow(ctx, RULE, {})
    const where = {
      ...(filter?.serverId && { serverId: filter.serverId }),
      ...(filter?.status && { status: { in: [...new Set(filter.status)] } }),
      ...(filter?.kind && { kind: { in: [...new Set(filter.kind)] } }),
      ...(filter?.hostId && {
        OR: [{ sourceHostId: filter.hostId }, { destinationHostId: filter.hostId }],
      }),
    }
    const order = { by: 'id', direction: 'desc' } as const
    return MigrationConnection.of(await pageOf<Migration>(ctx.db.migration, where, page, order))
  }

  @Query(() => Migration, { nullable: true, description: 'One migration, or null. For operators.' })
  migration(@Ctx() ctx: Request, @IdArg() id: string) {
    allow(ctx, RULE, {})
    return ctx.load.migration.load(id)
  }

  @FieldResolver(() => Server, { nullable: true, description: 'The server that moves.' })
  server(@Ctx() ctx: Request, @Root() { serverId }: Row) {
    return ctx.load.server.load(serverId)
  }

  @FieldResolver(() => Host, {
    nullable: true,
    description: 'Where it comes from; null once that host is removed.',
  })
  sourceHost(@Ctx() ctx: Request, @Root() { sourceHostId }: Row) {
    return sourceHostId ? ctx.load.host.load(sourceHostId) : null
  }

  @FieldResolver(() => Host, {
    nullable: true,
    description: 'Where it goes; null before that is known, and once that host is removed.',
  })
  destinationHost(@Ctx() ctx: Request, @Root() { destinationHostId }: Row) {
    return destinationHostId ? ctx.load.host.load(destinationHostId) : null
  }

  @FieldResolver(() => Flavor, { nullable: true, description: 'The size before.' })
  oldFlavor(@Ctx() ctx: Request, @Root() { oldFlavorId }: Row) {
    return oldFlavorId ? ctx.load.flavor.load(oldFlavorId) : null
  }

  @FieldResolver(() => Flavor, { nullable: true, description: 'The size after.' })
  newFlavor(@Ctx() ctx: Request, @Root() { newFlavorId }: Row) {
    return newFlavorId ? ctx.load.flavor.load(newFlavorId) : null
  }

  @FieldResolver(() => Task, { nullable: true, description: 'The task that moves it.' })
  task(@Ctx() ctx: Request, @Root() { taskId }: Row) {
    return taskId ? ctx.load.task.load(taskId) : null
  }

  @Subscription(() => MigrationChange, {
    description: 'The migrations as they are, then every change; one with `id`. For operators.',
    subscribe: ({ context, args }: { context: Request; args: { id?: string; after?: string } }) => {
      allow(context, RULE, {})
      const { id, after } = args
      return watch<Row>(context, {
        resource: 'migration',
        id,
        after,
        visible: () => true,
        snapshot: () =>
          pagesOf((behind, take) =>
            context.db.migration.findMany({
              where: { AND: [behind, ...(id ? [{ id }] : [])] },
              orderBy: { id: 'asc' },
              take,
            }),
          ),
        load: (load, migrationId) => load.migration.load(migrationId),
      })
    },
  })
  migrationChanged(
    @Root() change: ChangeOf<Row>,
    @OnlyArg() _id?: string,
    @ResumeArg() _after?: string,
  ): ChangeOf<Row> {
    return change
  }
}

@Resolver(() => Server)
export class ServerMigrationsResolver {
  @FieldResolver(() => [Migration], {
    nullable: true,
    description:
      'How it moved, the newest first, at most 20. Null for those who may not see how servers move.',
  })
  migrations(@Ctx() ctx: Request, @Root() { id }: ServerRow) {
    return may(ctx, RULE, {}) ? ctx.load.migrationsOf.load(id) : null
  }
}
