import { Args, Ctx, Mutation, Query, Resolver } from 'type-graphql'
import { PageArgs } from '../../schema/core/input.ts'
import {
  Service,
  ServiceConnection,
  ServiceCreateInput,
  ServiceDeleteInput,
  ServiceFilterInput,
  ServicePayload,
  ServiceUpdateInput,
} from '../../schema/identity/service.ts'
import { allow } from '../../services/access/allow.ts'
import { isId } from '../../services/id.ts'
import { serviceCreate, serviceDelete, serviceUpdate } from '../../services/identity/service.ts'
import { FilterArg, IdArg, InputArg } from '../arguments.ts'
import { fresh } from '../loaders.ts'
import { pageOf } from '../page.ts'
import type { Request } from '../request.ts'

const RULE = 'identity.service.list'

@Resolver(() => Service)
export class ServiceResolver {
  @Query(() => ServiceConnection, { description: 'The services of the catalog. For operators.' })
  async services(
    @Ctx() ctx: Request,
    @Args(() => PageArgs) page: PageArgs,
    @FilterArg(() => ServiceFilterInput) filter?: ServiceFilterInput,
  ) {
    allow(ctx, RULE, {})
    const where = {
      ...(filter?.type && { type: filter.type }),
      ...(filter?.name && { name: filter.name }),
      ...(filter?.enabled != null && { enabled: filter.enabled }),
    }
    return ServiceConnection.of(await pageOf<Service>(ctx.db.service, where, page))
  }

  @Query(() => Service, {
    nullable: true,
    description: 'One service of the catalog, or null. For operators.',
  })
  service(@Ctx() ctx: Request, @IdArg() id: string) {
    allow(ctx, RULE, {})
    return isId(id) ? ctx.db.service.findUnique({ where: { id } }) : null
  }

  @Mutation(() => ServicePayload, { description: 'Puts a service into the catalog.' })
  async serviceCreate(
    @Ctx() ctx: Request,
    @InputArg(() => ServiceCreateInput) input: ServiceCreateInput,
  ) {
    const { id } = await serviceCreate(ctx, input)
    return { row: await fresh(ctx.load.service, id) }
  }

  @Mutation(() => ServicePayload, {
    description: 'Changes, enables or disables a service of the catalog.',
  })
  async serviceUpdate(
    @Ctx() ctx: Request,
    @InputArg(() => ServiceUpdateInput) input: ServiceUpdateInput,
  ) {
    const { id } = await serviceUpdate(ctx, input)
    return { row: await fresh(ctx.load.service, id) }
  }

  @Mutation(() => ServicePayload, {
    description: 'Takes a service and its endpoints out of the catalog.',
  })
  async serviceDelete(
    @Ctx() ctx: Request,
    @InputArg(() => ServiceDeleteInput) input: ServiceDeleteInput,
  ) {
    const { id } = await serviceDelete(ctx, input)
    return { row: await fresh(ctx.load.service, id) }
  }
}
