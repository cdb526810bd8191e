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
import type { Project as ProjectRow } from '../../prisma/generated/client.ts'
import { PageArgs } from '../../schema/core/input.ts'
import { Domain } from '../../schema/identity/domain.ts'
import {
  Project,
  ProjectChange,
  ProjectConnection,
  ProjectCreateInput,
  ProjectDeleteInput,
  ProjectDeletePayload,
  ProjectFilterInput,
  ProjectPayload,
  ProjectUpdateInput,
} from '../../schema/identity/project.ts'
import { reach } from '../../services/access/allow.ts'
import { isId } from '../../services/id.ts'
import { projectCreate, projectsWithin, projectUpdate } from '../../services/identity/project.ts'
import { projectDelete } from '../../services/identity/project-delete.ts'
import { FilterArg, IdArg, InputArg, OnlyArg, ResumeArg } from '../arguments.ts'
import { fresh } from '../loaders.ts'
import { pageOf, textFilter } from '../page.ts'
import type { Request } from '../request.ts'
import type { ChangeOf } from '../watch.ts'
import { watchWithin } from './watch-within.ts'

const RULE = 'identity.project.list'

@Resolver(() => Project)
export class ProjectResolver {
  @Query(() => ProjectConnection, {
    description: 'The projects that you may see: at least those in which you have a role.',
  })
  async projects(
    @Ctx() ctx: Request,
    @Args(() => PageArgs) page: PageArgs,
    @FilterArg(() => ProjectFilterInput) filter?: ProjectFilterInput,
  ) {
    const { name, domainId, parentId, tag, enabled, mine } = filter ?? {}
    const within = await projectsWithin(ctx.db, reach(ctx, RULE))
    const oneself = { domainId: null, projectId: null, userId: ctx.actor?.userId ?? null }
    const own = mine ? await projectsWithin(ctx.db, oneself) : {}
    const where = {
      AND: [within, own],
      ...(name && { name: textFilter(name) }),
      ...(domainId && { domainId }),
      ...(parentId && { parentId }),
      ...(tag && { tags: { has: tag } }),
      ...(enabled != null && { enabled }),
    }
    return ProjectConnection.of(await pageOf<Project>(ctx.db.project, where, page))
  }

  @Query(() => Project, { nullable: true, description: 'One project that you may see, or null.' })
  async project(@Ctx() ctx: Request, @IdArg() id: string) {
    const within = await projectsWithin(ctx.db, reach(ctx, RULE))
    return isId(id) ? ctx.db.project.findFirst({ where: { AND: [{ id }, within] } }) : null
  }

  @Mutation(() => ProjectPayload, { description: 'Makes a project, with the default quotas.' })
  async projectCreate(
    @Ctx() ctx: Request,
    @InputArg(() => ProjectCreateInput) input: ProjectCreateInput,
  ) {
    const { id } = await projectCreate(ctx, input)
    return { row: await fresh(ctx.load.project, id) }
  }

  @Mutation(() => ProjectPayload, { description: 'Changes, enables or disables a project.' })
  async projectUpdate(
    @Ctx() ctx: Request,
    @InputArg(() => ProjectUpdateInput) input: ProjectUpdateInput,
  ) {
    const { id } = await projectUpdate(ctx, input)
    return { row: await fresh(ctx.load.project, id) }
  }

  @Mutation(() => ProjectDeletePayload, {
    description: 'Deletes a project: at once when it is empty, with what is in it when asked.',
  })
  async projectDelete(
    @Ctx() ctx: Request,
    @InputArg(() => ProjectDeleteInput) input: ProjectDeleteInput,
  ) {
    const { id, taskId, contents } = await projectDelete(ctx, input)
    return {
      contents,
      project: await fresh(ctx.load.project, id),
      task: taskId && (await ctx.load.task.load(taskId)),
    }
  }

  @Subscription(() => ProjectChange, {
    description: 'The projects of the domain (or of all), then every change; one with `id`.',
    subscribe: watchWithin<ProjectRow>({
      resource: 'project',
      rule: RULE,
      rows: (ctx) => ctx.db.project,
      within: ({ domainId }) => (domainId ? { domainId } : {}),
      domainOf: (project) => project.domainId,
      load: (load, id) => load.project.load(id),
    }),
  })
  projectChanged(
    @Root() change: ChangeOf<ProjectRow>,
    @OnlyArg() _id?: string,
    @ResumeArg() _after?: string,
  ): ChangeOf<ProjectRow> {
    return change
  }

  @FieldResolver(() => Domain, { description: 'The domain that it is in.' })
  domain(@Ctx() ctx: Request, @Root() project: ProjectRow) {
    return ctx.load.domain.load(project.domainId)
  }
}
