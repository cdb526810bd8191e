import { Args, Ctx, FieldResolver, Mutation, Query, Resolver, Root } from 'type-graphql'
import type { ApplicationCredential as Row } from '../../prisma/generated/client.ts'
import { PageArgs } from '../../schema/core/input.ts'
import {
  ApplicationCredential,
  ApplicationCredentialConnection,
  ApplicationCredentialCreateInput,
  ApplicationCredentialCreatePayload,
  ApplicationCredentialDeleteInput,
  ApplicationCredentialFilterInput,
  ApplicationCredentialPayload,
} from '../../schema/identity/application-credential.ts'
import { Project } from '../../schema/identity/project.ts'
import { Role } from '../../schema/identity/role.ts'
import { reach } from '../../services/access/allow.ts'
import { isId } from '../../services/id.ts'
import {
  applicationCredentialCreate,
  applicationCredentialDelete,
  applicationCredentialsWithin,
} from '../../services/identity/application-credential.ts'
import { FilterArg, IdArg, InputArg } from '../arguments.ts'
import { fresh } from '../loaders.ts'
import { pageOf } from '../page.ts'
import type { Request } from '../request.ts'

const RULE = 'identity.application-credential.list'

@Resolver(() => ApplicationCredential)
export class ApplicationCredentialResolver {
  @Query(() => ApplicationCredentialConnection, {
    description: 'Your application credentials; for operators those of everybody.',
  })
  async applicationCredentials(
    @Ctx() ctx: Request,
    @Args(() => PageArgs) page: PageArgs,
    @FilterArg(() => ApplicationCredentialFilterInput) filter?: ApplicationCredentialFilterInput,
  ) {
    const where = {
      AND: [applicationCredentialsWithin(reach(ctx, RULE))],
      ...(filter?.userId && { userId: filter.userId }),
    }
    const rows = await pageOf<ApplicationCredential>(ctx.db.applicationCredential, where, page)
    return ApplicationCredentialConnection.of(rows)
  }

  @Query(() => ApplicationCredential, {
    nullable: true,
    description: 'One application credential that you may see, or null.',
  })
  applicationCredential(@Ctx() ctx: Request, @IdArg() id: string) {
    const within = applicationCredentialsWithin(reach(ctx, RULE))
    const where = { AND: [{ id }, within] }
    return isId(id) ? ctx.db.applicationCredential.findFirst({ where }) : null
  }

  @Mutation(() => ApplicationCredentialCreatePayload, {
    description:
      'Makes an application credential for yourself, in the project of your token and with roles of it. Not with a token from a trust, and with one from an application credential only when that is unrestricted.',
  })
  async applicationCredentialCreate(
    @Ctx() ctx: Request,
    @InputArg(() => ApplicationCredentialCreateInput) input: ApplicationCredentialCreateInput,
  ) {
    const { id, secret } = await applicationCredentialCreate(ctx, input)
    return { applicationCredential: await fresh(ctx.load.applicationCredential, id), secret }
  }

  @Mutation(() => ApplicationCredentialPayload, {
    description: 'Deletes an application credential of yours; its tokens end at once.',
  })
  async applicationCredentialDelete(
    @Ctx() ctx: Request,
    @InputArg(() => ApplicationCredentialDeleteInput) input: ApplicationCredentialDeleteInput,
  ) {
    const { id } = await applicationCredentialDelete(ctx, input)
    return { row: await fresh(ctx.load.applicationCredential, id) }
  }

  @FieldResolver(() => [Role], {
    description: 'Its roles; they count while the user has them.',
  })
  async roles(@Ctx() ctx: Request, @Root() { id }: Row) {
    const rows = await ctx.load.applicationCredentialRoles.load(id)
    return rows.map(({ role }) => role)
  }

  @FieldResolver(() => Project, { nullable: true, description: 'The project of its tokens.' })
  project(@Ctx() ctx: Request, @Root() { projectId }: Row) {
    return ctx.load.project.load(projectId)
  }
}
