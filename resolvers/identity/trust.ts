import { Args, Ctx, FieldResolver, Mutation, Query, Resolver, Root } from 'type-graphql'
import type { Trust as Row } from '../../prisma/generated/client.ts'
import { PageArgs } from '../../schema/core/input.ts'
import { Role } from '../../schema/identity/role.ts'
import {
  Trust,
  TrustConnection,
  TrustCreateInput,
  TrustDeleteInput,
  TrustFilterInput,
  TrustPayload,
} from '../../schema/identity/trust.ts'
import { reach } from '../../services/access/allow.ts'
import { isId } from '../../services/id.ts'
import { trustCreate, trustDelete, trustsWithin } from '../../services/identity/trust.ts'
import { FilterArg, IdArg, InputArg } from '../arguments.ts'
import { fresh } from '../loaders.ts'
import { pageOf } from '../page.ts'
import type { Request } from '../request.ts'

const RULE = 'identity.trust.list'
const sides = { TRUSTOR: 'trustorUserId', TRUSTEE: 'trusteeUserId' } as const

@Resolver(() => Trust)
export class TrustResolver {
  @Query(() => TrustConnection, {
    description: 'The trusts that you gave and that you may use; for operators all.',
  })
  async trusts(
    @Ctx() ctx: Request,
    @Args(() => PageArgs) page: PageArgs,
    @FilterArg(() => TrustFilterInput) filter?: TrustFilterInput,
  ) {
    const { role, projectId } = filter ?? {}
    const where = {
      AND: [trustsWithin(reach(ctx, RULE))],
      ...(role && { [sides[role]]: ctx.actor?.userId }),
      ...(projectId && { projectId }),
    }
    return TrustConnection.of(await pageOf<Trust>(ctx.db.trust, where, page))
  }

  @Query(() => Trust, { nullable: true, description: 'One trust that you may see, or null.' })
  trust(@Ctx() ctx: Request, @IdArg() id: string) {
    const within = trustsWithin(reach(ctx, RULE))
    return isId(id) ? ctx.db.trust.findFirst({ where: { AND: [{ id }, within] } }) : null
  }

  @Mutation(() => TrustPayload, {
    description:
      'Lets another user act in a project with some of your roles. Not with a token from a trust, and with one from an application credential only when that is unrestricted.',
  })
  async trustCreate(
    @Ctx() ctx: Request,
    @InputArg(() => TrustCreateInput) input: TrustCreateInput,
  ) {
    const { id } = await trustCreate(ctx, input)
    return { row: await fresh(ctx.load.trust, id) }
  }

  @Mutation(() => TrustPayload, {
    description: 'Ends a trust that you gave, and its tokens at once. The trustee may not.',
  })
  async trustDelete(
    @Ctx() ctx: Request,
    @InputArg(() => TrustDeleteInput) input: TrustDeleteInput,
  ) {
    const { id } = await trustDelete(ctx, input)
    return { row: await fresh(ctx.load.trust, id) }
  }

  @FieldResolver(() => [Role], {
    description: 'Its roles; they count while the trustor has them.',
  })
  async roles(@Ctx() ctx: Request, @Root() { id }: Row) {
    const rows = await ctx.load.trustRoles.load(id)
    return rows.map(({ role }) => role)
  }
}
