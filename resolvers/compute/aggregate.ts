import {
  Args,
  Ctx,
  FieldResolver,
  Mutation,
  Query,
  Resolver,
  Root,
  Subscription,
} from 'type-graphql'
import type { Aggregate as AggregateRow } from '../../prisma/generated/client.ts'
import {
  Aggregate,
  AggregateChange,
  AggregateConnection,
  AggregateCreateInput,
  AggregateDeleteInput,
  AggregateFilterInput,
  AggregateHostAddInput,
  AggregateHostRemoveInput,
  AggregatePayload,
  AggregateUpdateInput,
} from '../../schema/compute/aggregate.ts'
import { Host, HostConnection } from '../../schema/compute/host.ts'
import { PageArgs } from '../../schema/core/input.ts'
import { allow } from '../../services/access/allow.ts'
import {
  aggregateCreate,
  aggregateDelete,
  aggregateHostAdd,
  aggregateHostRemove,
  aggregateUpdate,
} from '../../services/compute/aggregate.ts'
import { FilterArg, IdArg, InputArg, OnlyArg, ResumeArg } from '../arguments.ts'
import { nestedPage } from '../identity/nested-list.ts'
import { watchWithin } from '../identity/watch-within.ts'
import { fresh } from '../loaders.ts'
import { pageOf, textFilter } from '../page.ts'
import type { Request } from '../request.ts'
import type { ChangeOf } from '../watch.ts'

const RULE = 'compute.aggregate.list'

@Resolver(() => Aggregate)
export class AggregateResolver {
  @Query(() => AggregateConnection, { description: 'The host aggregates. For operators.' })
  async aggregates(
    @Ctx() ctx: Request,
    @Args(() => PageArgs) page: PageArgs,
    @FilterArg(() => AggregateFilterInput) filter?: AggregateFilterInput,
  ) {
    allow(ctx, RULE)
    const where = {
      ...(filter?.name && { name: textFilter(filter.name) }),
      ...(filter?.availabilityZone && { availabilityZone: textFilter(filter.availabilityZone) }),
    }
    return AggregateConnection.of(await pageOf<Aggregate>(ctx.db.aggregate, where, page))
  }

  @Query(() => Aggregate, { nullable: true, description: 'One aggregate, or null. For operators.' })
  aggregate(@Ctx() ctx: Request, @IdArg() id: string) {
    allow(ctx, RULE)
    return ctx.load.aggregate.load(id)
  }

  @FieldResolver(() => HostConnection, { description: 'Its hosts.' })
  async hosts(
    @Ctx() ctx: Request,
    @Root() aggregate: AggregateRow,
    @Args(() => PageArgs) page: PageArgs,
  ) {
    const where = { aggregates: { some: { aggregateId: aggregate.id } } }
    const rows = {
      source: ctx.db.host,
      where,
      load: async (found: { id: string }[]) => {
        const hosts = await Promise.all(found.map(({ id }) => ctx.load.host.load(id)))
        return hosts.filter((host) => host !== null) as unknown as Host[]
      },
    }
    const { hostsOfAggregate } = ctx.load
    return HostConnection.of(
      await nestedPage<Host, { id: string }>(hostsOfAggregate, aggregate.id, page, rows),
    )
  }

  @Mutation(() => AggregatePayload, { description: 'Makes a host aggregate. For operators.' })
  async aggregateCreate(
    @Ctx() ctx: Request,
    @InputArg(() => AggregateCreateInput) input: AggregateCreateInput,
  ) {
    const { id } = await aggregateCreate(ctx, input)
    return { row: await fresh(ctx.load.aggregate, id) }
  }

  @Mutation(() => AggregatePayload, {
    description: 'Changes an aggregate: its name, zone and metadata. For operators.',
  })
  async aggregateUpdate(
    @Ctx() ctx: Request,
    @InputArg(() => AggregateUpdateInput) input: AggregateUpdateInput,
  ) {
    const { id } = await aggregateUpdate(ctx, input)
    return { row: await fresh(ctx.load.aggregate, id) }
  }

  @Mutation(() => AggregatePayload, {
    description: 'Deletes an aggregate without hosts. For operators.',
  })
  async aggregateDelete(
    @Ctx() ctx: Request,
    @InputArg(() => AggregateDeleteInput) input: AggregateDeleteInput,
  ) {
    const { id } = await aggregateDelete(ctx, input)
    return { row: await fresh(ctx.load.aggregate, id) }
  }

  @Mutation(() => AggregatePayload, {
    description: 'Puts a host into an aggregate. For operators.',
  })
  async aggregateHostAdd(
    @Ctx() ctx: Request,
    @InputArg(() => AggregateHostAddInput) input: AggregateHostAddInput,
  ) {
    const { id } = await aggregateHostAdd(ctx, input)
    return { row: await fresh(ctx.load.aggregate, id) }
  }

  @Mutation(() => AggregatePayload, {
    description: 'Takes a host out of an aggregate. For operators.',
  })
  async aggregateHostRemove(
    @Ctx() ctx: Request,
    @InputArg(() => AggregateHostRemoveInput) input: AggregateHostRemoveInput,
  ) {
    const { id } = await aggregateHostRemove(ctx, input)
    return { row: await fresh(ctx.load.aggregate, id) }
  }

  @Subscription(() => AggregateChange, {
    description: 'The aggregates as they are, then every change; one with `id`. For operators.',
    subscribe: watchWithin<AggregateRow>({
      resource: 'aggregate',
      rule: RULE,
      rows: (ctx) => ctx.db.aggregate,
      within: () => ({}),
      domainOf: () => null,
      load: (load, id) => load.aggregate.load(id),
    }),
  })
  aggregateChanged(
    @Root() change: ChangeOf<AggregateRow>,
    @OnlyArg() _id?: string,
    @ResumeArg() _after?: string,
  ): ChangeOf<AggregateRow> {
    return change
  }
}

@Resolver(() => Host)
export class HostAggregatesResolver {
  @FieldResolver(() => [Aggregate], { description: 'The aggregates that it is in.' })
  aggregates(@Ctx() ctx: Request, @Root() host: Host) {
    return ctx.load.aggregatesOfHost.load(host.id)
  }

  @FieldResolver(() => String, { description: 'The zone that its servers are in.' })
  async availabilityZone(@Ctx() ctx: Request, @Root() host: Host): Promise<string> {
    const rows = await ctx.load.aggregatesOfHost.load(host.id)
    const zoned = rows.find(({ availabilityZone }) => availabilityZone)
    return zoned?.availabilityZone ?? ctx.placement.settings.defaultZone
  }
}
