import { Args, Ctx, FieldResolver, Mutation, Query, Resolver, Root } from 'type-graphql'
import type { Ec2Credential as Row } from '../../prisma/generated/client.ts'
import { PageArgs } from '../../schema/core/input.ts'
import {
  Ec2Credential,
  Ec2CredentialConnection,
  Ec2CredentialCreateInput,
  Ec2CredentialCreatePayload,
  Ec2CredentialDeleteInput,
  Ec2CredentialFilterInput,
  Ec2CredentialPayload,
} from '../../schema/identity/ec2-credential.ts'
import { Project } from '../../schema/identity/project.ts'
import { reach } from '../../services/access/allow.ts'
import { isId } from '../../services/id.ts'
import {
  ec2CredentialCreate,
  ec2CredentialDelete,
  ec2CredentialsWithin,
} from '../../services/identity/ec2-credential.ts'
import { FilterArg, IdArg, InputArg } from '../arguments.ts'
import { fresh } from '../loaders.ts'
import { pageOf } from '../page.ts'
import type { Request } from '../request.ts'

const RULE = 'identity.ec2-credential.list'

@Resolver(() => Ec2Credential)
export class Ec2CredentialResolver {
  @Query(() => Ec2CredentialConnection, {
    description: 'Your EC2 credentials; for operators those of everybody.',
  })
  async ec2Credentials(
    @Ctx() ctx: Request,
    @Args(() => PageArgs) page: PageArgs,
    @FilterArg(() => Ec2CredentialFilterInput) filter?: Ec2CredentialFilterInput,
  ) {
    const where = {
      AND: [ec2CredentialsWithin(reach(ctx, RULE))],
      ...(filter?.userId && { userId: filter.userId }),
    }
    return Ec2CredentialConnection.of(
      await pageOf<Ec2Credential>(ctx.db.ec2Credential, where, page),
    )
  }

  @Query(() => Ec2Credential, {
    nullable: true,
    description: 'One EC2 credential that you may see, or null.',
  })
  ec2Credential(@Ctx() ctx: Request, @IdArg() id: string) {
    const within = ec2CredentialsWithin(reach(ctx, RULE))
    return isId(id) ? ctx.db.ec2Credential.findFirst({ where: { AND: [{ id }, within] } }) : null
  }

  @Mutation(() => Ec2CredentialCreatePayload, {
    description:
      'Makes an EC2 credential for yourself. Not with a token from a trust or an application credential.',
  })
  async ec2CredentialCreate(
    @Ctx() ctx: Request,
    @InputArg(() => Ec2CredentialCreateInput) input: Ec2CredentialCreateInput,
  ) {
    const { id, secret } = await ec2CredentialCreate(ctx, input)
    return { ec2Credential: await fresh(ctx.load.ec2Credential, id), secret }
  }

  @Mutation(() => Ec2CredentialPayload, { description: 'Deletes an EC2 credential of yours.' })
  async ec2CredentialDelete(
    @Ctx() ctx: Request,
    @InputArg(() => Ec2CredentialDeleteInput) input: Ec2CredentialDeleteInput,
  ) {
    const { id } = await ec2CredentialDelete(ctx, input)
    return { row: await fresh(ctx.load.ec2Credential, id) }
  }

  @FieldResolver(() => Project, { nullable: true, description: 'The project that it is for.' })
  project(@Ctx() ctx: Request, @Root() { projectId }: Row) {
    return ctx.load.project.load(projectId)
  }
}
