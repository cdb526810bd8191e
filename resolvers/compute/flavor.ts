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
import type { Flavor as FlavorRow } from '../../prisma/generated/client.ts'
import {
  Flavor,
  FlavorAccessAddInput,
  FlavorAccessRemoveInput,
  FlavorChange,
  FlavorConnection,
  FlavorCreateInput,
  FlavorDeleteInput,
  FlavorFilterInput,
  FlavorPayload,
  FlavorUpdateInput,
} from '../../schema/compute/flavor.ts'
import { PageArgs } from '../../schema/core/input.ts'
import { Project } from '../../schema/identity/project.ts'
import { may, reach } from '../../services/access/allow.ts'
import {
  flavorCreate,
  flavorDelete,
  flavorsWithin,
  flavorUpdate,
  isFlavorWithin,
} from '../../services/compute/flavor.ts'
import { flavorAccessAdd, flavorAccessRemove } from '../../services/compute/flavor-access.ts'
import { isId } from '../../services/id.ts'
import { FilterArg, IdArg, InputArg, OnlyArg, ResumeArg } from '../arguments.ts'
import { fresh } from '../loaders.ts'
import { pageOf, textFilter } from '../page.ts'
import type { Request } from '../request.ts'
import { type ChangeOf, pagesOf, watch } from '../watch.ts'

const RULE = 'compute.flavor.list'
const changed = async (ctx: Request, made: Promise<{ id: string }>) => ({
  row: await fresh(ctx.load.flavor, (await made).id),
})

@Resolver(() => Flavor)
export class FlavorResolver {
  @Query(() => FlavorConnection, {
    description: 'The sizes that servers of the project can have; for operators all.',
  })
  async flavors(
    @Ctx() ctx: Request,
    @Args(() => PageArgs) page: PageArgs,
    @FilterArg(() => FlavorFilterInput) filter?: FlavorFilterInput,
  ) {
    const where = {
      AND: [flavorsWithin(reach(ctx, RULE))],
      ...(filter?.name && { name: textFilter(filter.name) }),
      ...(filter?.enabled != null && { enabled: filter.enabled }),
      ...(filter?.public != null && { public: filter.public }),
    }
    return FlavorConnection.of(await pageOf<Flavor>(ctx.db.flavor, where, page))
  }

  @Query(() => Flavor, { nullable: true, description: 'One size that you may see, or null.' })
  flavor(@Ctx() ctx: Request, @IdArg() id: string) {
    const within = flavorsWithin(reach(ctx, RULE))
    return isId(id) ? ctx.db.flavor.findFirst({ where: { AND: [{ id }, within] } }) : null
  }

  @FieldResolver(() => [Project], {
    nullable: true,
    description: 'The projects of its list, when it is not public. Null for those who may not see.',
  })
  async projects(@Ctx() ctx: Request, @Root() flavor: FlavorRow) {
    if (!may(ctx, RULE, {})) return null
    const listed = (await ctx.load.flavorWithAccess.load(flavor.id))?.access ?? []
    return ctx.load.project.loadMany(listed.map(({ projectId }) => projectId))
  }

  @Mutation(() => FlavorPayload, { description: 'Makes a size of servers. For operators.' })
  flavorCreate(@Ctx() ctx: Request, @InputArg(() => FlavorCreateInput) input: FlavorCreateInput) {
    return changed(ctx, flavorCreate(ctx, input))
  }

  @Mutation(() => FlavorPayload, {
    description: 'Describes, enables, disables or hides a size of servers. For operators.',
  })
  flavorUpdate(@Ctx() ctx: Request, @InputArg(() => FlavorUpdateInput) input: FlavorUpdateInput) {
    return changed(ctx, flavorUpdate(ctx, input))
  }

  @Mutation(() => FlavorPayload, {
    description: 'Deletes a size that no server has. For operators.',
  })
  flavorDelete(@Ctx() ctx: Request, @InputArg(() => FlavorDeleteInput) input: FlavorDeleteInput) {
    return changed(ctx, flavorDelete(ctx, input))
  }

  @Mutation(() => FlavorPayload, {
    description: 'Lets a project use a flavor that is not public. For operators.',
  })
  flavorAccessAdd(
    @Ctx() ctx: Request,
    @InputArg(() => FlavorAccessAddInput) input: FlavorAccessAddInput,
  ) {
    return changed(ctx, flavorAccessAdd(ctx, input))
  }

  @Mutation(() => FlavorPayload, {
    description: 'Takes a flavor that is not public away from a project. For operators.',
  })
  flavorAccessRemove(
    @Ctx() ctx: Request,
    @InputArg(() => FlavorAccessRemoveInput) input: FlavorAccessRemoveInput,
  ) {
    return changed(ctx, flavorAccessRemove(ctx, input))
  }

  @Subscription(() => FlavorChange, {
    description: 'The sizes that you may see, then every change; one with `id`.',
    subscribe: ({ context, args }: { context: Request; args: WatchArgs }) => {
      const seen = reach(context, RULE)
      const { id, after } = args
      return watch<FlavorRow & { access: { projectId: string }[] }>(context, {
        resource: 'flavor',
        id,
        after,
        visible: ({ projectId }) =>
          !seen.projectId || projectId === null || projectId === seen.projectId,
        snapshot: () =>
          pagesOf((behind, take) =>
            context.db.flavor.findMany({
              where: { AND: [flavorsWithin(seen), behind, ...(id ? [{ id }] : [])] },
              orderBy: { id: 'asc' },
              include: { access: true },
              take,
            }),
          ),
        load: (load, flavorId) => load.flavorWithAccess.load(flavorId),
        fits: (flavor) => isFlavorWithin(seen, flavor),
      })
    },
  })
  flavorChanged(
    @Root() change: ChangeOf<FlavorRow>,
    @OnlyArg() _id?: string,
    @ResumeArg() _after?: string,
  ): ChangeOf<FlavorRow> {
    return change
  }
}

interface WatchArgs {
  id?: string | null
  after?: string | null
}
