import { Args, Ctx, Mutation, Query, Resolver } from 'type-graphql'
import { PageArgs } from '../../schema/core/input.ts'
import {
  RegisteredLimit,
  RegisteredLimitConnection,
  RegisteredLimitCreateInput,
  RegisteredLimitDeleteInput,
  RegisteredLimitFilterInput,
  RegisteredLimitPayload,
  RegisteredLimitUpdateInput,
} from '../../schema/identity/registered-limit.ts'
import { allow } from '../../services/access/allow.ts'
import {
  registeredLimitCreate,
  registeredLimitDelete,
  registeredLimitUpdate,
} from '../../services/identity/registered-limit.ts'
import { FilterArg, IdArg, InputArg } from '../arguments.ts'
import { fresh } from '../loaders.ts'
import { pageOf } from '../page.ts'
import type { Request } from '../request.ts'

const RULE = 'identity.registered-limit.list'

@Resolver(() => RegisteredLimit)
export class RegisteredLimitResolver {
  @Query(() => RegisteredLimitConnection, {
    description: 'The limits that projects have when they have none of their own.',
  })
  async registeredLimits(
    @Ctx() ctx: Request,
    @Args(() => PageArgs) page: PageArgs,
    @FilterArg(() => RegisteredLimitFilterInput) filter?: RegisteredLimitFilterInput,
  ) {
    allow(ctx, RULE, {})
    const { service, resource } = filter ?? {}
    const where = { ...(service && { service: { type: service } }), ...(resource && { resource }) }
    return RegisteredLimitConnection.of(
      await pageOf<RegisteredLimit>(ctx.db.registeredLimit, where, page),
    )
  }

  @Query(() => RegisteredLimit, { nullable: true, description: 'One registered limit, or null.' })
  registeredLimit(@Ctx() ctx: Request, @IdArg() id: string) {
    allow(ctx, RULE, {})
    return ctx.load.registeredLimit.load(id)
  }

  @Mutation(() => RegisteredLimitPayload, {
    description: 'Registers a limit: the resource can be limited from now on. For operators.',
  })
  async registeredLimitCreate(
    @Ctx() ctx: Request,
    @InputArg(() => RegisteredLimitCreateInput) input: RegisteredLimitCreateInput,
  ) {
    const { id } = await registeredLimitCreate(ctx, input)
    return { row: await fresh(ctx.load.registeredLimit, id) }
  }

  @Mutation(() => RegisteredLimitPayload, {
    description: 'Changes a registered limit, for every project without its own. For operators.',
  })
  async registeredLimitUpdate(
    @Ctx() ctx: Request,
    @InputArg(() => RegisteredLimitUpdateInput) input: RegisteredLimitUpdateInput,
  ) {
    const { id } = await registeredLimitUpdate(ctx, input)
    return { row: await fresh(ctx.load.registeredLimit, id) }
  }

  @Mutation(() => RegisteredLimitPayload, {
    description: 'Deletes a registered limit that nothing hangs on. For operators.',
  })
  async registeredLimitDelete(
    @Ctx() ctx: Request,
    @InputArg(() => RegisteredLimitDeleteInput) input: RegisteredLimitDeleteInput,
  ) {
    const { id } = await registeredLimitDelete(ctx, input)
    return { row: await fresh(ctx.load.registeredLimit, id) }
  }
}
