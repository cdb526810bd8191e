import { Arg, Ctx, ID, Mutation, Query, Resolver } from 'type-graphql'
import { Quota, QuotaFinding, QuotaPayload, QuotaSetInput } from '../../schema/identity/quota.ts'
import { allow, reach } from '../../services/access/allow.ts'
import { CloudError, notFound } from '../../services/errors.ts'
import { isId } from '../../services/id.ts'
import { projectsWithin } from '../../services/identity/project.ts'
import { quotasOf } from '../../services/identity/quota.ts'
import { quotaFindings } from '../../services/identity/quota-audit.ts'
import { quotaSet } from '../../services/identity/quota-set.ts'
import { InputArg } from '../arguments.ts'
import type { Request } from '../request.ts'

@Resolver(() => Quota)
export class QuotaResolver {
  @Query(() => [Quota], { description: 'What a project may have, and has; by default your own.' })
  async quotas(
    @Ctx() ctx: Request,
    @Arg('projectId', () => ID, {
      nullable: true,
      description: "The project; by default your token's.",
    })
    projectId?: string | null,
  ) {
    const within = await projectsWithin(ctx.db, reach(ctx, 'identity.quota.list'))
    const id = projectId ?? ctx.actor?.projectId
    if (id == null) throw needsProject()
    const where = { AND: [{ id }, within] }
    const project = isId(id) && (await ctx.db.project.findFirst({ where, select: { id: true } }))
    if (!project) throw notFound('project', id)
    return quotasOf(ctx.db, ctx.region, [project.id])
  }

  @Query(() => [QuotaFinding], {
    description:
      'What is wrong with the books of quotas, the first 200; empty is well. For operators.',
  })
  quotaFindings(@Ctx() ctx: Request) {
    allow(ctx, 'identity.quota.audit', {})
    return quotaFindings(ctx.db)
  }

  @Mutation(() => QuotaPayload, { description: 'Sets a limit of a project. For operators.' })
  async quotaSet(@Ctx() ctx: Request, @InputArg(() => QuotaSetInput) input: QuotaSetInput) {
    return { row: await quotaSet(ctx, input) }
  }
}

const needsProject = (): CloudError =>
  new CloudError('BAD_INPUT', 'Say which project: your token is for none', {
    fields: [{ path: 'projectId', message: 'is needed with a token that is for no project' }],
  })
