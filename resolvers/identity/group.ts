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
import type { Group as GroupRow } from '../../prisma/generated/client.ts'
import { PageArgs } from '../../schema/core/input.ts'
import { Domain } from '../../schema/identity/domain.ts'
import {
  Group,
  GroupChange,
  GroupConnection,
  GroupCreateInput,
  GroupDeleteInput,
  GroupFilterInput,
  GroupPayload,
  GroupUpdateInput,
  GroupUserAddInput,
  GroupUserRemoveInput,
} from '../../schema/identity/group.ts'
import { RoleAssignment, RoleAssignmentConnection } from '../../schema/identity/role-assignment.ts'
import { User, UserConnection } from '../../schema/identity/user.ts'
import { may, reach } from '../../services/access/allow.ts'
import { isId } from '../../services/id.ts'
import {
  groupCreate,
  groupDelete,
  groupsWithin,
  groupUpdate,
  groupUserAdd,
  groupUserRemove,
} from '../../services/identity/group.ts'
import { assignmentsWithin } from '../../services/identity/role-assignment.ts'
import { FilterArg, IdArg, InputArg, OnlyArg, ResumeArg } from '../arguments.ts'
import { fresh } from '../loaders.ts'
import { pageOf, textFilter } from '../page.ts'
import type { Request } from '../request.ts'
import type { ChangeOf } from '../watch.ts'
import { nestedPage } from './nested-list.ts'
import { watchWithin } from './watch-within.ts'

const RULE = 'identity.group.list'

@Resolver(() => Group)
export class GroupResolver {
  @Query(() => GroupConnection, {
    description: 'The groups that you may see: at least those that you are in.',
  })
  async groups(
    @Ctx() ctx: Request,
    @Args(() => PageArgs) page: PageArgs,
    @FilterArg(() => GroupFilterInput) filter?: GroupFilterInput,
  ) {
    const { name, domainId, userId } = filter ?? {}
    const within = reach(ctx, RULE)
    // Who sees the own groups only is not told who else is in them.
    const asked = [userId, within.userId].filter((id) => id != null).map((id) => ({ userId: id }))
    const where = {
      AND: [groupsWithin(within), userId ? { members: { some: { AND: asked } } } : {}],
      ...(name && { name: textFilter(name) }),
      ...(domainId && { domainId }),
    }
    return GroupConnection.of(await pageOf<Group>(ctx.db.group, where, page))
  }

  @Query(() => Group, { nullable: true, description: 'One group that you may see, or null.' })
  group(@Ctx() ctx: Request, @IdArg() id: string) {
    const within = groupsWithin(reach(ctx, RULE))
    return isId(id) ? ctx.db.group.findFirst({ where: { AND: [{ id }, within] } }) : null
  }

  @Mutation(() => GroupPayload, { description: 'Makes a group.' })
  async groupCreate(
    @Ctx() ctx: Request,
    @InputArg(() => GroupCreateInput) input: GroupCreateInput,
  ) {
    const { id } = await groupCreate(ctx, input)
    return { row: await fresh(ctx.load.group, id) }
  }

  @Mutation(() => GroupPayload, { description: 'Changes a group.' })
  async groupUpdate(
    @Ctx() ctx: Request,
    @InputArg(() => GroupUpdateInput) input: GroupUpdateInput,
  ) {
    const { id } = await groupUpdate(ctx, input)
    return { row: await fresh(ctx.load.group, id) }
  }

  @Mutation(() => GroupPayload, {
    description: 'Deletes a group with the roles that it gives; the tokens of its users end then.',
  })
  async groupDelete(
    @Ctx() ctx: Request,
    @InputArg(() => GroupDeleteInput) input: GroupDeleteInput,
  ) {
    const { id } = await groupDelete(ctx, input)
    return { row: await fresh(ctx.load.group, id) }
  }

  @Mutation(() => GroupPayload, {
    description: 'Puts a user into a group of the same domain. Doing it twice is fine.',
  })
  async groupUserAdd(
    @Ctx() ctx: Request,
    @InputArg(() => GroupUserAddInput) input: GroupUserAddInput,
  ) {
    const { id } = await groupUserAdd(ctx, input)
    return { row: await fresh(ctx.load.group, id) }
  }

  @Mutation(() => GroupPayload, {
    description: 'Takes a user out of a group; the tokens of the user end when it gives roles.',
  })
  async groupUserRemove(
    @Ctx() ctx: Request,
    @InputArg(() => GroupUserRemoveInput) input: GroupUserRemoveInput,
  ) {
    const { id } = await groupUserRemove(ctx, input)
    return { row: await fresh(ctx.load.group, id) }
  }

  @Subscription(() => GroupChange, {
    description:
      'The groups of the domain (or of all), then every change, also of their users; one with `id`.',
    subscribe: watchWithin<GroupRow>({
      resource: 'group',
      rule: RULE,
      rows: (ctx) => ctx.db.group,
      within: groupsWithin,
      domainOf: (group) => group.domainId,
      load: (load, id) => load.group.load(id),
    }),
  })
  groupChanged(
    @Root() change: ChangeOf<GroupRow>,
    @OnlyArg() _id?: string,
    @ResumeArg() _after?: string,
  ): ChangeOf<GroupRow> {
    return change
  }

  @FieldResolver(() => Domain, { description: 'The domain that it is in.' })
  domain(@Ctx() ctx: Request, @Root() group: GroupRow) {
    return ctx.load.domain.load(group.domainId)
  }

  @FieldResolver(() => UserConnection, {
    nullable: true,
    description: 'Who is in it; null for who may not see the users of the domain.',
  })
  async users(@Ctx() ctx: Request, @Root() group: GroupRow, @Args(() => PageArgs) page: PageArgs) {
    if (!may(ctx, 'identity.user.list', { domain_id: group.domainId })) return null
    const found = await nestedPage<User, { id: string }>(ctx.load.usersOfGroup, group.id, page, {
      source: ctx.db.user,
      where: { groups: { some: { groupId: group.id } } },
      load: async (rows) => {
        const users = await Promise.all(rows.map(({ id }) => ctx.load.user.load(id)))
        return users.filter((user) => user !== null)
      },
    })
    return UserConnection.of(found)
  }

  @FieldResolver(() => RoleAssignmentConnection, {
    nullable: true,
    description: 'The roles that it gives, as far as you may see them.',
  })
  async roleAssignments(
    @Ctx() ctx: Request,
    @Root() group: GroupRow,
    @Args(() => PageArgs) page: PageArgs,
  ) {
    const within = reach(ctx, 'identity.role-assignment.list')
    const list = ctx.load.assignmentsOf({ holder: 'group', reach: within })
    const found = await nestedPage<RoleAssignment, { id: string }>(list, group.id, page, {
      source: ctx.db.roleAssignment,
      where: { AND: [{ groupId: group.id }, assignmentsWithin(within)] },
      load: async (rows) => rows as RoleAssignment[],
    })
    return RoleAssignmentConnection.of(found)
  }
}
