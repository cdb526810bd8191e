/** Servers: reading and watching. Their own fields are in server-fields.ts, mutations in server-<verb>.ts. */
import { Arg, Args, Ctx, Query, Resolver, Root, Subscription } from 'type-graphql'
import type { Server as ServerRow } from '../../prisma/generated/client.ts'
import {
  Server,
  ServerChange,
  ServerConnection,
  ServerFilterInput,
  ServerOrderInput,
} from '../../schema/compute/server.ts'
import { PageArgs } from '../../schema/core/input.ts'
import { allow, allowInProject, may } from '../../services/access/allow.ts'
import { isId } from '../../services/id.ts'
import { FilterArg, IdArg, OnlyArg, ResumeArg } from '../arguments.ts'
import { pageOf } from '../page.ts'
import type { Request } from '../request.ts'
import { type ChangeOf, pagesOf, watch } from '../watch.ts'
import { checkHostAsked, filterOf, fits } from './server-filter.ts'

@Resolver(() => Server)
export class ServerResolver {
  @Query(() => ServerConnection, { description: "The project's servers, newest first by default." })
  async servers(
    @Ctx() ctx: Request,
    @Args(() => PageArgs) page: PageArgs,
    @FilterArg(() => ServerFilterInput) filter?: ServerFilterInput,
    @Arg('orderBy', () => ServerOrderInput, {
      nullable: true,
      description: 'In which order; newest first when left out.',
    })
    orderBy?: ServerOrderInput,
    @Arg('allProjects', () => Boolean, {
      nullable: true,
      description: 'Of all projects. For operators.',
    })
    allProjects?: boolean,
  ) {
    checkHostAsked(ctx, filter)
    const scope = allProjects
      ? allow(ctx, 'compute.server.list-all') && {}
      : { projectId: allowInProject(ctx, 'compute.server.list').projectId }
    return ServerConnection.of(
      await pageOf<Server>(ctx.db.server, { ...scope, ...filterOf(filter) }, page, {
        by: orderBy?.field === 'NAME' ? 'name' : 'id',
        direction: (orderBy?.direction ?? 'DESC') === 'ASC' ? 'asc' : 'desc',
      }),
    )
  }

  @Query(() => Server, {
    nullable: true,
    description: 'One server of the project, or null. Operators see those of all projects.',
  })
  server(@Ctx() ctx: Request, @IdArg() id: string) {
    const within = oneWithin(ctx)
    return isId(id) ? ctx.db.server.findFirst({ where: { id, ...within } }) : null
  }

  @Subscription(() => ServerChange, {
    description:
      "The project's servers as they are, then every change; one with `id`, for operators of any project.",
    subscribe: ({ context, args }: { context: Request; args: WatchArgs }) => {
      const { id, after, filter } = args
      checkHostAsked(context, filter)
      const { projectId } = id ? oneWithin(context) : allowInProject(context, 'compute.server.list')
      const where = { ...(projectId && { projectId }), ...(id && { id }), ...filterOf(filter) }
      return watch<ServerRow>(context, {
        resource: 'server',
        id,
        after,
        visible: (event) => !projectId || event.projectId === projectId,
        snapshot: () =>
          pagesOf((behind, take) =>
            context.db.server.findMany({
              where: { AND: [where, behind] },
              orderBy: { id: 'asc' },
              take,
            }),
          ),
        load: (load, serverId) => load.server.load(serverId),
        fits: (server) => fits(server, filter),
      })
    },
  })
  serverChanged(
    @Root() change: ChangeOf<ServerRow>,
    @OnlyArg() _id?: string,
    @FilterArg(() => ServerFilterInput) _filter?: ServerFilterInput,
    @ResumeArg() _after?: string,
  ): ChangeOf<ServerRow> {
    return change
  }
}

interface WatchArgs {
  id?: string | null
  after?: string | null
  filter?: ServerFilterInput | null
}

/** Where one server may be: for operators in any project. A token for a project is needed all the same. */
function oneWithin(ctx: Request): { projectId?: string } {
  const { projectId } = allowInProject(ctx, 'compute.server.list')
  return may(ctx, 'compute.server.list-all', {}) ? {} : { projectId }
}
