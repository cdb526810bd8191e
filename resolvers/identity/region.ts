import { Args, Ctx, Mutation, Query, Resolver } from 'type-graphql'
import { PageArgs } from '../../schema/core/input.ts'
import {
  Region,
  RegionConnection,
  RegionCreateInput,
  RegionDeleteInput,
  RegionFilterInput,
  RegionPayload,
  RegionUpdateInput,
} from '../../schema/identity/region.ts'
import { allow } from '../../services/access/allow.ts'
import { regionCreate, regionDelete, regionUpdate } from '../../services/identity/region.ts'
import { isStorable } from '../../services/storable.ts'
import { FilterArg, IdArg, InputArg } from '../arguments.ts'
import { pageOf } from '../page.ts'
import type { Request } from '../request.ts'

const RULE = 'identity.region.list'

@Resolver(() => Region)
export class RegionResolver {
  @Query(() => RegionConnection, { description: 'The regions of the cloud. For operators.' })
  async regions(
    @Ctx() ctx: Request,
    @Args(() => PageArgs) page: PageArgs,
    @FilterArg(() => RegionFilterInput) filter?: RegionFilterInput,
  ) {
    allow(ctx, RULE, {})
    const where = {
      ...(filter?.parentRegionId && { parentRegionId: filter.parentRegionId }),
    }
    return RegionConnection.of(await pageOf<Region>(sourceOf(ctx), where, page))
  }

  @Query(() => Region, { nullable: true, description: 'One region, or null. For operators.' })
  region(@Ctx() ctx: Request, @IdArg() id: string) {
    allow(ctx, RULE, {})
    return isStorable(id) ? ctx.db.region.findUnique({ where: { id } }) : null
  }

  @Mutation(() => RegionPayload, { description: 'Makes a region.' })
  async regionCreate(
    @Ctx() ctx: Request,
    @InputArg(() => RegionCreateInput) input: RegionCreateInput,
  ) {
    const { id } = await regionCreate(ctx, input)
    return { row: await ctx.db.region.findUnique({ where: { id } }) }
  }

  @Mutation(() => RegionPayload, { description: 'Changes a region, or moves it.' })
  async regionUpdate(
    @Ctx() ctx: Request,
    @InputArg(() => RegionUpdateInput) input: RegionUpdateInput,
  ) {
    const { id } = await regionUpdate(ctx, input)
    return { row: await ctx.db.region.findUnique({ where: { id } }) }
  }

  @Mutation(() => RegionPayload, { description: 'Deletes a region with nothing in it.' })
  async regionDelete(
    @Ctx() ctx: Request,
    @InputArg(() => RegionDeleteInput) input: RegionDeleteInput,
  ) {
    const { id } = await regionDelete(ctx, input)
    return { row: await ctx.db.region.findUnique({ where: { id } }) }
  }
}

/** Cursors of other lists hold UUIDs only. */
const sourceOf = ({ db }: Request) => ({
  $name: 'Region',
  namedIds: true,
  findMany: (args: object) => db.region.findMany(args),
  count: (args: object) => db.region.count(args),
})
