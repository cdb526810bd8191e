import { Args, Ctx, Query, Resolver } from 'type-graphql'
import { Flavor, FlavorConnection } from '../../schema/compute/flavor.ts'
import { PageArgs } from '../../schema/core/input.ts'
import { allow } from '../../services/access/allow.ts'
import { IdArg } from '../arguments.ts'
import { pageOf } from '../page.ts'
import type { Request } from '../request.ts'

@Resolver(() => Flavor)
export class FlavorResolver {
  @Query(() => FlavorConnection, { description: 'The sizes that servers can have.' })
  async flavors(@Ctx() ctx: Request, @Args(() => PageArgs) page: PageArgs) {
    allow(ctx, 'compute.flavor.list')
    return FlavorConnection.of(await pageOf<Flavor>(ctx.db.flavor, {}, page))
  }

  @Query(() => Flavor, { nullable: true, description: 'One size, or null.' })
  flavor(@Ctx() ctx: Request, @IdArg() id: string) {
    allow(ctx, 'compute.flavor.list')
    return ctx.load.flavor.load(id)
  }
}
