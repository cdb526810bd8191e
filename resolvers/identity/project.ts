import { Args, Ctx, FieldResolver, Query, Resolver, Root } from 'type-graphql'
import type { Project as ProjectRow } from '../../prisma/generated/client.ts'
import { PageArgs } from '../../schema/core/input.ts'
import { Domain, Project, ProjectConnection, Quota } from '../../schema/identity/project.ts'
import { allow, allowInProject } from '../../services/access.ts'
import { pageOf } from '../page.ts'
import type { Request } from '../request.ts'

@Resolver(() => Project)
export class ProjectResolver {
  @Query(() => ProjectConnection, { description: 'The projects in which you have a role.' })
  async projects(@Ctx() ctx: Request, @Args(() => PageArgs) page: PageArgs) {
    const { userId } = allow(ctx, 'identity.project.list')
    const where = { enabled: true, roleAssignments: { some: { userId } } }
    return ProjectConnection.of(await pageOf<Project>(ctx.db.project, where, page))
  }

  @Query(() => [Quota], { description: 'What the project may have, and has.' })
  quotas(@Ctx() ctx: Request) {
    const { projectId } = allowInProject(ctx, 'identity.quota.list')
    return ctx.db.quota.findMany({ where: { projectId }, orderBy: { resource: 'asc' } })
  }

  @FieldResolver(() => Domain, { description: 'The domain that it is in.' })
  domain(@Ctx() ctx: Request, @Root() project: ProjectRow) {
    return ctx.load.domain.load(project.domainId)
  }
}
