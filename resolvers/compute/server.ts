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
import { allow, allowInProject } from '../../services/access/allow.ts'
import { checkedTags } from '../../services/compute/server-words.ts'
import { isId } from '../../services/id.ts'
import { FilterArg, IdArg, OnlyArg, ResumeArg } from '../arguments.ts'
import { pageOf, textFilter, textMatches } from '../page.ts'
import type { Request } from '../request.ts'
import { type ChangeOf, pagesOf, watch } from '../watch.ts'

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

  @Query(() => Server, { nullable: true, description: 'One server of the project, or null.' })
  server(@Ctx() ctx: Request, @IdArg() id: string) {
    const { projectId } = allowInProject(ctx, 'compute.server.list')
    return isId(id) ? ctx.db.server.findFirst({ where: { id, projectId } }) : null
  }

  @Subscription(() => ServerChange, {
    description: "The project's servers as they are, then every change; one with `id`.",
    subscribe: ({ context, args }: { context: Request; args: WatchArgs }) => {
      const { projectId } = allowInProject(context, 'compute.server.list')
      const { id, after, filter } = args
      const where = { projectId, ...(id && { id }), ...filterOf(filter) }
      return watch<ServerRow>(context, {
        resource: 'server',
        id,
        after,
        visible: (event) => event.projectId === projectId,
        snapshot: () =>
          pagesOf((behind, take) =>
            context.db.server.findMany({
              where: { AND: [where, behind] },
              orderBy: { id: 'asc' },
              take,
            }),
          ),
        load: (load, serverId) => load.server.load(serverId),
        fits: (server) =>
          textMatches(server.name, filter?.name) &&
          (!filter?.status || (filter.status as string[]).includes(server.status)) &&
          (filter?.tags ?? []).every((tag) => server.tags.includes(tag)) &&
          (!filter?.tagsAny || filter.tagsAny.some((tag) => server.tags.includes(tag))),
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

const filterOf = (filter: ServerFilterInput | null | undefined) => ({
  ...(filter?.name && { name: textFilter(filter.name) }),
  ...(filter?.status && { status: { in: [...new Set(filter.status)] } }),
  AND: [
    ...(filter?.tags ? [{ tags: { hasEvery: checkedTags(filter.tags) } }] : []),
    ...(filter?.tagsAny ? [{ tags: { hasSome: checkedTags(filter.tagsAny) } }] : []),
  ],
})
