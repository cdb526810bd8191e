/** The mutation that renames and describes servers. */
import { Ctx, Mutation, Resolver } from 'type-graphql'
import { ServerPayload } from '../../schema/compute/server.ts'
import { ServerUpdateInput } from '../../schema/compute/server-update.ts'
import { serverUpdate } from '../../services/compute/server-update.ts'
import { InputArg } from '../arguments.ts'
import type { Request } from '../request.ts'

@Resolver()
export class ServerUpdateResolver {
  @Mutation(() => ServerPayload, {
    description: 'Renames and describes a server, whatever runs on it; not one that is locked.',
  })
  serverUpdate(@Ctx() ctx: Request, @InputArg(() => ServerUpdateInput) input: ServerUpdateInput) {
    return serverUpdate(ctx, input)
  }
}
