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
import type { Role as RoleRow } from '../../prisma/generated/client.ts'
import { PageArgs } from '../../schema/core/input.ts'
import { Domain } from '../../schema/identity/domain.ts'
import {
  Role,
  RoleChange,
  RoleConnection,
  RoleCreateInput,
  RoleDeleteInput,
  RoleFilterInput,
  RoleImplicationCreateInput,
  RoleImplicationDeleteInput,
  RolePayload,
  RoleUpdateInput,
} from '../../schema/identity/role.ts'
import { allow } from '../../services/access/allow.ts'
import { isId } from '../../services/id.ts'
import {
  roleCreate,
  roleDelete,
  roleDomains,
  rolesWithin,
  roleUpdate,
} from '../../services/identity/role.ts'
import {
  roleImplicationCreate,
  roleImplicationDelete,
} from '../../services/identity/role-implication.ts'
import { FilterArg, IdArg, InputArg, OnlyArg, ResumeArg } from '../arguments.ts'
import { fresh } from '../loaders.ts'
import { pageOf, textFilter } from '../page.ts'
import type { Request } from '../request.ts'
import { type ChangeOf, pagesOf, watch } from '../watch.ts'

const RULE = 'identity.role.list'

@Resolver(() => Role)
export class RoleResolver {
  @Query(() => RoleConnection, {
    description: 'The roles of the whole cloud, and the domain roles of your own domains.',
  })
  async roles(
    @Ctx() ctx: Request,
    @Args(() => PageArgs) page: PageArgs,
    @FilterArg(() => RoleFilterInput) filter?: RoleFilterInput,
  ) {
    allow(ctx, RULE)
    const where = {
      AND: [rolesWithin(ctx)],
      ...(filter?.name && { name: textFilter(filter.name) }),
      ...(filter?.domainId && { domainId: filter.domainId }),
    }
    return RoleConnection.of(await pageOf<Role>(ctx.db.role, where, page))
  }

  @Query(() => Role, { nullable: true, description: 'One role that you may see, or null.' })
  role(@Ctx() ctx: Request, @IdArg() id: string) {
    allow(ctx, RULE)
    return isId(id) ? ctx.db.role.findFirst({ where: { AND: [{ id }, rolesWithin(ctx)] } }) : null
  }

  @Mutation(() => RolePayload, { description: 'Makes a role. For operators.' })
  async roleCreate(@Ctx() ctx: Request, @InputArg(() => RoleCreateInput) input: RoleCreateInput) {
    const { id } = await roleCreate(ctx, input)
    return { row: await fresh(ctx.load.role, id) }
  }

  @Mutation(() => RolePayload, { description: 'Changes a role. For operators.' })
  async roleUpdate(@Ctx() ctx: Request, @InputArg(() => RoleUpdateInput) input: RoleUpdateInput) {
    const { id } = await roleUpdate(ctx, input)
    return { row: await fresh(ctx.load.role, id) }
  }

  @Mutation(() => RolePayload, {
    description: 'Deletes a role that was given to nobody; otherwise IN_USE. For operators.',
  })
  async roleDelete(@Ctx() ctx: Request, @InputArg(() => RoleDeleteInput) input: RoleDeleteInput) {
    const { id } = await roleDelete(ctx, input)
    return { row: await fresh(ctx.load.role, id) }
  }

  @Mutation(() => RolePayload, {
    description:
      'Lets a role imply another: who has it has the other one too. Answers the prior role. For operators.',
  })
  async roleImplicationCreate(
    @Ctx() ctx: Request,
    @InputArg(() => RoleImplicationCreateInput) input: RoleImplicationCreateInput,
  ) {
    const { id } = await roleImplicationCreate(ctx, input)
    ctx.load.impliedRoles.clear(id)
    return { row: await fresh(ctx.load.role, id) }
  }

  @Mutation(() => RolePayload, {
    description:
      'Lets a role no longer imply another, and ends the tokens of all who have it. Answers the prior role. For operators.',
  })
  async roleImplicationDelete(
    @Ctx() ctx: Request,
    @InputArg(() => RoleImplicationDeleteInput) input: RoleImplicationDeleteInput,
  ) {
    const { id } = await roleImplicationDelete(ctx, input)
    ctx.load.impliedRoles.clear(id)
    return { row: await fresh(ctx.load.role, id) }
  }

  @Subscription(() => RoleChange, {
    description: 'The roles that you may see, then every change; one with `id`.',
    subscribe: ({ context, args }: { context: Request; args: { id?: string; after?: string } }) => {
      allow(context, RULE)
      const { id, after } = args
      const domains = roleDomains(context)
      const ours = (domainId: string | null) =>
        domains === null || domainId === null || domains.includes(domainId)
      return watch<RoleRow>(context, {
        resource: 'role',
        id,
        after,
        visible: (event) => ours(event.projectId),
        maySee: (role) => ours(role.domainId),
        snapshot: () =>
          pagesOf((behind, take) =>
            context.db.role.findMany({
              where: { AND: [rolesWithin(context), behind, id ? { id } : {}] },
              orderBy: { id: 'asc' },
              take,
            }),
          ),
        load: (load, roleId) => load.role.load(roleId),
      })
    },
  })
  roleChanged(
    @Root() change: ChangeOf<RoleRow>,
    @OnlyArg() _id?: string,
    @ResumeArg() _after?: string,
  ): ChangeOf<RoleRow> {
    return change
  }

  @FieldResolver(() => Domain, {
    nullable: true,
    description: 'The domain of a domain role; null for a role of the whole cloud.',
  })
  domain(@Ctx() ctx: Request, @Root() role: RoleRow) {
    return role.domainId ? ctx.load.domain.load(role.domainId) : null
  }

  @FieldResolver(() => [Role], {
    description: 'What it implies itself; those imply others in turn.',
  })
  implies(@Ctx() ctx: Request, @Root() role: RoleRow) {
    return ctx.load.impliedRoles.load(role.id)
  }
}
