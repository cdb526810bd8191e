import { Args, Ctx, FieldResolver, Mutation, Query, Resolver, Root } from 'type-graphql'
import type { Endpoint as EndpointRow } from '../../prisma/generated/client.ts'
import { PageArgs } from '../../schema/core/input.ts'
import {
  Endpoint,
  EndpointConnection,
  EndpointCreateInput,
  EndpointDeleteInput,
  EndpointFilterInput,
  EndpointPayload,
  EndpointUpdateInput,
} from '../../schema/identity/endpoint.ts'
import { Service } from '../../schema/identity/service.ts'
import { allow } from '../../services/access/allow.ts'
import { isId } from '../../services/id.ts'
import { endpointCreate, endpointDelete, endpointUpdate } from '../../services/identity/endpoint.ts'
import { FilterArg, IdArg, InputArg } from '../arguments.ts'
import { fresh } from '../loaders.ts'
import { pageOf } from '../page.ts'
import type { Request } from '../request.ts'

const RULE = 'identity.endpoint.list'

@Resolver(() => Endpoint)
export class EndpointResolver {
  @Query(() => EndpointConnection, { description: 'The endpoints of the catalog. For operators.' })
  async endpoints(
    @Ctx() ctx: Request,
    @Args(() => PageArgs) page: PageArgs,
    @FilterArg(() => EndpointFilterInput) filter?: EndpointFilterInput,
  ) {
    allow(ctx, RULE, {})
    const where = {
      ...(filter?.serviceId && { serviceId: filter.serviceId }),
      ...(filter?.regionId && { regionId: filter.regionId }),
      ...(filter?.interface && { interface: filter.interface }),
      ...(filter?.enabled != null && { enabled: filter.enabled }),
    }
    return EndpointConnection.of(await pageOf<Endpoint>(ctx.db.endpoint, where, page))
  }

  @Query(() => Endpoint, {
    nullable: true,
    description: 'One endpoint of the catalog, or null. For operators.',
  })
  endpoint(@Ctx() ctx: Request, @IdArg() id: string) {
    allow(ctx, RULE, {})
    return isId(id) ? ctx.db.endpoint.findUnique({ where: { id } }) : null
  }

  @Mutation(() => EndpointPayload, { description: 'Puts an endpoint into the catalog.' })
  async endpointCreate(
    @Ctx() ctx: Request,
    @InputArg(() => EndpointCreateInput) input: EndpointCreateInput,
  ) {
    const { id } = await endpointCreate(ctx, input)
    return { row: await fresh(ctx.load.endpoint, id) }
  }

  @Mutation(() => EndpointPayload, { description: 'Changes, enables or disables an endpoint.' })
  async endpointUpdate(
    @Ctx() ctx: Request,
    @InputArg(() => EndpointUpdateInput) input: EndpointUpdateInput,
  ) {
    const { id } = await endpointUpdate(ctx, input)
    return { row: await fresh(ctx.load.endpoint, id) }
  }

  @Mutation(() => EndpointPayload, { description: 'Takes an endpoint out of the catalog.' })
  async endpointDelete(
    @Ctx() ctx: Request,
    @InputArg(() => EndpointDeleteInput) input: EndpointDeleteInput,
  ) {
    const { id } = await endpointDelete(ctx, input)
    return { row: await fresh(ctx.load.endpoint, id) }
  }

  @FieldResolver(() => Service, { description: 'The service that is reached.' })
  service(@Ctx() ctx: Request, @Root() endpoint: EndpointRow) {
    return ctx.load.service.load(endpoint.serviceId)
  }
}
