/** Mutations that make servers. */
import { Ctx, Mutation, Resolver } from 'type-graphql'
import { ServerPayload } from '../../schema/compute/server.ts'
import { ServerCreateInput } from '../../schema/compute/server-create.ts'
import { serverCreate } from '../../services/compute/server-create.ts'
import { InputArg } from '../arguments.ts'
import type { Request } from '../request.ts'

@Resolver()
export class ServerCreateResolver {
  @Mutation(() => ServerPayload, { description: 'Makes a server and boots it.' })
  serverCreate(@Ctx() ctx: Request, @InputArg(() => ServerCreateInput) input: ServerCreateInput) {
    return serverCreate(ctx, input)
  }
}
