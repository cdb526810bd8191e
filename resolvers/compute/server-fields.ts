/** What a server shows beyond its own columns. */
import { Args, Ctx, FieldResolver, GraphQLISODateTime, Resolver, Root } from 'type-graphql'
import type { Server as ServerRow } from '../../prisma/generated/client.ts'
import { Flavor } from '../../schema/compute/flavor.ts'
import { Host } from '../../schema/compute/host.ts'
import { Server, ServerPayload } from '../../schema/compute/server.ts'
import { Action } from '../../schema/core/action.ts'
import { Fault } from '../../schema/core/error.ts'
import { PageArgs } from '../../schema/core/input.ts'
import { Task, TaskConnection } from '../../schema/core/task.ts'
import { Project } from '../../schema/identity/project.ts'
import { Image } from '../../schema/image/image.ts'
import { may } from '../../services/access/allow.ts'
import { offeredServerActions, serverActions } from '../../services/compute/server.states.ts'
import { LOCK_OVERRIDE } from '../../services/compute/server-action.ts'
import { actionsOf } from '../core/action.ts'
import { faultOf } from '../core/fault.ts'
import { tasksOf } from '../core/task.ts'
import { fresh } from '../loaders.ts'
import type { Request } from '../request.ts'

@Resolver(() => Server)
export class ServerFieldsResolver {
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

  @FieldResolver(() => [Action], { description: 'What can be done with it, and why not.' })
  actions(@Ctx() ctx: Request, @Root() server: ServerRow) {
    return actionsOf(ctx, server, serverActions, offeredServerActions, LOCK_OVERRIDE)
  }

  @FieldResolver(() => Fault, {
    nullable: true,
    description: 'Why it is in ERROR, or was stopped.',
  })
  fault(@Root() server: ServerRow) {
    return faultOf(server.fault)
  }

  @FieldResolver(() => GraphQLISODateTime, {
    nullable: true,
    description:
      'In VERIFY_RESIZE: when its new size or host is confirmed by itself; null when it is not.',
  })
  async confirmAt(@Ctx() ctx: Request, @Root() server: ServerRow): Promise<Date | null> {
    if (server.status !== 'VERIFY_RESIZE') return null
    const migrations = await ctx.load.migrationsOf.load(server.id)
    return migrations.find(({ status }) => status === 'FINISHED')?.confirmAt ?? null
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

@Resolver(() => ServerPayload)
export class ServerPayloadResolver {
  @FieldResolver(() => Server, {
    nullable: true,
    description: 'The server as it is now; null once it is gone.',
  })
  server(@Ctx() ctx: Request, @Root() payload: ServerPayload) {
    return payload.serverId ? fresh(ctx.load.server, payload.serverId) : null
  }

  @FieldResolver(() => Task, { nullable: true, description: 'The work that goes on.' })
  task(@Ctx() ctx: Request, @Root() payload: ServerPayload) {
    return payload.taskId ? ctx.load.task.load(payload.taskId) : null
  }
}
