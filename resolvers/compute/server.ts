import {
  Arg,
  Args,
  Ctx,
  FieldResolver,
  Int,
  Mutation,
  Query,
  Resolver,
  Root,
  Subscription,
} from 'type-graphql'
import type { Server as ServerRow } from '../../prisma/generated/client.ts'
import { Flavor } from '../../schema/compute/flavor.ts'
import { Host } from '../../schema/compute/host.ts'
import {
  Server,
  ServerActionInput,
  ServerChange,
  ServerConnection,
  ServerCreateInput,
  ServerFilterInput,
  ServerOrderInput,
  ServerPayload,
  ServerRebootInput,
} from '../../schema/compute/server.ts'
import { Action } from '../../schema/core/action.ts'
import { Fault } from '../../schema/core/error.ts'
import { PageArgs } from '../../schema/core/input.ts'
import { Task, TaskConnection } from '../../schema/core/task.ts'
import { Project } from '../../schema/identity/project.ts'
import { Image } from '../../schema/image/image.ts'
import { allow, allowInProject, may } from '../../services/access/allow.ts'
import { offeredServerActions, serverActions } from '../../services/compute/server.states.ts'
import {
  serverCreate,
  serverDelete,
  serverReboot,
  serverStart,
  serverStop,
} from '../../services/compute/server.ts'
import { CloudError } from '../../services/errors.ts'
import { isId } from '../../services/id.ts'
import { FilterArg, IdArg, InputArg, OnlyArg, ResumeArg } from '../arguments.ts'
import { actionsOf } from '../core/action.ts'
import { faultOf } from '../core/fault.ts'
import { tasksOf } from '../core/task.ts'
import { pageOf, textFilter, textMatches } from '../page.ts'
import type { Request } from '../request.ts'
import { type ChangeOf, pagesOf, watch } from '../watch.ts'

const MAX_CONSOLE_LINES = 5000

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

  @Mutation(() => ServerPayload, { description: 'Makes a server and boots it.' })
  serverCreate(@Ctx() ctx: Request, @InputArg(() => ServerCreateInput) input: ServerCreateInput) {
    return serverCreate(ctx, input)
  }

  @Mutation(() => ServerPayload, { description: 'Boots a server that is SHUTOFF.' })
  serverStart(@Ctx() ctx: Request, @InputArg(() => ServerActionInput) input: ServerActionInput) {
    return serverStart(ctx, input)
  }

  @Mutation(() => ServerPayload, {
    description: 'Asks the guest to shut down, and turns the machine off when it does not.',
  })
  serverStop(@Ctx() ctx: Request, @InputArg(() => ServerActionInput) input: ServerActionInput) {
    return serverStop(ctx, input)
  }

  @Mutation(() => ServerPayload, { description: 'Boots a running server anew.' })
  serverReboot(@Ctx() ctx: Request, @InputArg(() => ServerRebootInput) input: ServerRebootInput) {
    return serverReboot(ctx, input)
  }

  @Mutation(() => ServerPayload, {
    description:
      'Removes a server and its disks, whatever its status; what runs on it is cancelled.',
  })
  serverDelete(@Ctx() ctx: Request, @InputArg(() => ServerActionInput) input: ServerActionInput) {
    return serverDelete(ctx, input)
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
          (!filter?.status || (filter.status as string[]).includes(server.status)),
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

  @FieldResolver(() => Project, { description: 'Whose it is.' })
  project(@Ctx() ctx: Request, @Root() server: ServerRow) {
    return ctx.load.project.load(server.projectId)
  }

  @FieldResolver(() => Flavor, { description: 'Its size.' })
  flavor(@Ctx() ctx: Request, @Root() server: ServerRow) {
    return ctx.load.flavor.load(server.flavorId)
  }

  @FieldResolver(() => Image, {
    nullable: true,
    description: 'What it started from; null once that is deleted.',
  })
  image(@Ctx() ctx: Request, @Root() server: ServerRow) {
    return server.imageId ? ctx.load.image.load(server.imageId) : null
  }

  @FieldResolver(() => Host, {
    nullable: true,
    description: 'Where it runs. Null for those who may not see hosts.',
  })
  host(@Ctx() ctx: Request, @Root() server: ServerRow) {
    return !may(ctx, 'compute.host.list', {}) || !server.hostId
      ? null
      : ctx.load.host.load(server.hostId)
  }

  @FieldResolver(() => String, {
    nullable: true,
    description: 'The last lines of the serial console; null while its host can not be reached.',
  })
  async consoleLog(
    @Ctx() ctx: Request,
    @Root() server: ServerRow,
    @Arg('lines', () => Int, { defaultValue: 100, description: `1 to ${MAX_CONSOLE_LINES}.` })
    lines: number,
  ) {
    allow(ctx, 'compute.server.console-log')
    if (lines < 1 || lines > MAX_CONSOLE_LINES) throw badLines()
    const host = server.hostId ? await ctx.load.host.load(server.hostId) : null
    return host ? ctx.consoleLog(host.name, server.id, lines) : null
  }

  @FieldResolver(() => [Action], { description: 'What can be done with it, and why not.' })
  actions(@Ctx() ctx: Request, @Root() server: ServerRow) {
    return actionsOf(ctx, server, serverActions, offeredServerActions)
  }

  @FieldResolver(() => Fault, {
    nullable: true,
    description: 'Why it is in ERROR, or was stopped.',
  })
  fault(@Root() server: ServerRow) {
    return faultOf(server.fault)
  }

  @FieldResolver(() => Task, {
    nullable: true,
    description: 'The task that runs, otherwise the latest.',
  })
  task(@Ctx() ctx: Request, @Root() server: ServerRow) {
    return server.taskId ? ctx.load.task.load(server.taskId) : null
  }

  @FieldResolver(() => TaskConnection, { description: 'Its tasks, newest first.' })
  tasks(@Ctx() ctx: Request, @Root() server: ServerRow, @Args(() => PageArgs) page: PageArgs) {
    return tasksOf(ctx, server.id, page)
  }
}

interface WatchArgs {
  id?: string | null
  after?: string | null
  filter?: ServerFilterInput | null
}

const badLines = (): CloudError =>
  new CloudError('BAD_INPUT', `The console gives 1 to ${MAX_CONSOLE_LINES} lines`, {
    fields: [{ path: 'lines', message: `must be 1 to ${MAX_CONSOLE_LINES}` }],
  })

const filterOf = (filter: ServerFilterInput | null | undefined) => ({
  ...(filter?.name && { name: textFilter(filter.name) }),
  ...(filter?.status && { status: { in: [...new Set(filter.status)] } }),
})

@Resolver(() => ServerPayload)
export class ServerPayloadResolver {
  @FieldResolver(() => Server, {
    nullable: true,
    description: 'The server as it is now; null once it is gone.',
  })
  server(@Ctx() ctx: Request, @Root() payload: ServerPayload) {
    return payload.serverId ? ctx.load.server.clear(payload.serverId).load(payload.serverId) : null
  }

  @FieldResolver(() => Task, { nullable: true, description: 'The work that goes on.' })
  task(@Ctx() ctx: Request, @Root() payload: ServerPayload) {
    return payload.taskId ? ctx.load.task.load(payload.taskId) : null
  }
}
