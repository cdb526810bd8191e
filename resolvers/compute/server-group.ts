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
import type { ServerGroup as GroupRow, Server as ServerRow } from '../../prisma/generated/client.ts'
import { Server } from '../../schema/compute/server.ts'
import {
  ServerGroup,
  ServerGroupChange,
  ServerGroupConnection,
  ServerGroupCreateInput,
  ServerGroupDeleteInput,
  ServerGroupFilterInput,
  ServerGroupPayload,
} from '../../schema/compute/server-group.ts'
import { PageArgs } from '../../schema/core/input.ts'
import { allowInProject, reach } from '../../services/access/allow.ts'
import {
  serverGroupCreate,
  serverGroupDelete,
  serverGroupsWithin,
} from '../../services/compute/server-group.ts'
import { isId } from '../../services/id.ts'
import { FilterArg, IdArg, InputArg, OnlyArg, ResumeArg } from '../arguments.ts'
import { fresh } from '../loaders.ts'
import { pageOf, textFilter } from '../page.ts'
import type { Request } from '../request.ts'
import { type ChangeOf, pagesOf, watch } from '../watch.ts'

const RULE = 'compute.server-group.list'

@Resolver(() => ServerGroup)
export class ServerGroupResolver {
  @Query(() => ServerGroupConnection, { description: 'The server groups of the project.' })
  async serverGroups(
    @Ctx() ctx: Request,
    @Args(() => PageArgs) page: PageArgs,
    @FilterArg(() => ServerGroupFilterInput) filter?: ServerGroupFilterInput,
  ) {
    const { projectId } = allowInProject(ctx, RULE)
    const where = { projectId, ...(filter?.name && { name: textFilter(filter.name) }) }
    return ServerGroupConnection.of(await pageOf<ServerGroup>(ctx.db.serverGroup, where, page))
  }

  @Query(() => ServerGroup, {
    nullable: true,
    description: 'One server group of the project, or null.',
  })
  serverGroup(@Ctx() ctx: Request, @IdArg() id: string) {
    const within = serverGroupsWithin(reach(ctx, RULE))
    return isId(id) ? ctx.db.serverGroup.findFirst({ where: { AND: [{ id }, within] } }) : null
  }

  @FieldResolver(() => [Server], { description: 'Its servers, the oldest first.' })
  members(@Ctx() ctx: Request, @Root() group: GroupRow) {
    return ctx.load.serversOfGroup.load(group.id)
  }

  @Mutation(() => ServerGroupPayload, { description: 'Makes a server group in the project.' })
  async serverGroupCreate(
    @Ctx() ctx: Request,
    @InputArg(() => ServerGroupCreateInput) input: ServerGroupCreateInput,
  ) {
    const { id } = await serverGroupCreate(ctx, input)
    return { row: await fresh(ctx.load.serverGroup, id) }
  }

  @Mutation(() => ServerGroupPayload, {
    description: 'Deletes a server group. Its servers stay where they are, in no group.',
  })
  async serverGroupDelete(
    @Ctx() ctx: Request,
    @InputArg(() => ServerGroupDeleteInput) input: ServerGroupDeleteInput,
  ) {
    const { id } = await serverGroupDelete(ctx, input)
    return { row: await fresh(ctx.load.serverGroup, id) }
  }

  @Subscription(() => ServerGroupChange, {
    description: 'The server groups of the project as they are, then every change; one with `id`.',
    subscribe: ({ context, args }: { context: Request; args: { id?: string; after?: string } }) => {
      const { projectId } = allowInProject(context, RULE)
      const { id, after } = args
      const where = { projectId, ...(id && { id }) }
      return watch<GroupRow>(context, {
        resource: 'server_group',
        id,
        after,
        visible: (event) => event.projectId === projectId,
        snapshot: () =>
          pagesOf((behind, take) =>
            context.db.serverGroup.findMany({
              where: { AND: [where, behind] },
              orderBy: { id: 'asc' },
              take,
            }),
          ),
        load: (load, groupId) => load.serverGroup.load(groupId),
      })
    },
  })
  serverGroupChanged(
    @Root() change: ChangeOf<GroupRow>,
    @OnlyArg() _id?: string,
    @ResumeArg() _after?: string,
  ): ChangeOf<GroupRow> {
    return change
  }
}

@Resolver(() => Server)
export class ServerGroupOfServerResolver {
  @FieldResolver(() => ServerGroup, { nullable: true, description: 'The group that it is in.' })
  group(@Ctx() ctx: Request, @Root() server: ServerRow) {
    return server.groupId ? ctx.load.serverGroup.load(server.groupId) : null
  }
}
