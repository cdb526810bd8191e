import { Ctx, Mutation, Resolver } from 'type-graphql'
import {
  HostJoinTokenCreateInput,
  HostJoinTokenCreatePayload,
} from '../../schema/compute/host-join.ts'
import { hostJoinTokenCreate } from '../../services/compute/host-join.ts'
import { InputArg } from '../arguments.ts'
import type { Request } from '../request.ts'

@Resolver()
export class HostJoinResolver {
  @Mutation(() => HostJoinTokenCreatePayload, {
    description: 'Gives a word with which one host may join, once.',
  })
  async hostJoinTokenCreate(
    @Ctx() ctx: Request,
    @InputArg(() => HostJoinTokenCreateInput) input: HostJoinTokenCreateInput,
  ) {
    const { secret, expiresAt } = await hostJoinTokenCreate(ctx, input)
    return { secret, expiresAt: new Date(expiresAt) }
  }
}
