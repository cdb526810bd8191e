/** Mutations that make servers. */
import { Ctx, FieldResolver, Mutation, Resolver, Root } from 'type-graphql'
import { Server, ServerPayload } from '../../schema/compute/server.ts'
import {
  ServerCreateInput,
  ServersCreateInput,
  ServersCreatePayload,
} from '../../schema/compute/server-create.ts'
import { Task } from '../../schema/core/task.ts'
import { serverCreate } from '../../services/compute/server-create.ts'
import { serversCreate } from '../../services/compute/servers-create.ts'
import { InputArg } from '../arguments.ts'
import type { Request } from '../request.ts'

@Resolver()
export class ServerCreateResolver {
  @Mutation(() => ServerPayload, { description: 'Makes a server and boots it.' })
  serverCreate(@Ctx() ctx: Request, @InputArg(() => ServerCreateInput) input: ServerCreateInput) {
    return serverCreate(ctx, input)
  }

  @Mutation(() => ServersCreatePayload, {
    description:
      'Makes several servers at once: all of them, or as many as the quota has room for.',
  })
  serversCreate(
    @Ctx() ctx: Request,
    @InputArg(() => ServersCreateInput) input: ServersCreateInput,
  ) {
    return serversCreate(ctx, input)
  }
}

@Resolver(() => ServersCreatePayload)
export class ServersCreatePayloadResolver {
  @FieldResolver(() => [Server], {
    description: 'The servers, in order of their numbers, less those that are gone by now.',
  })
  async servers(@Ctx() ctx: Request, @Root() { serverIds }: ServersCreatePayload) {
    const servers = await Promise.all(serverIds.map((id) => ctx.load.server.clear(id).load(id)))
    return servers.filter((server) => server !== null)
  }

  @FieldResolver(() => [Task], { description: 'The work that goes on, one for each server.' })
  async tasks(@Ctx() ctx: Request, @Root() { taskIds }: ServersCreatePayload) {
    const tasks = await Promise.all(taskIds.map((id) => ctx.load.task.load(id)))
    return tasks.filter((task) => task !== null)
  }
}
